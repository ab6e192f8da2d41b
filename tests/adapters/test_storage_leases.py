"""One pass at a time per record: leases, fences, hints that arrive meanwhile, and crashes."""

import asyncio
from collections import Counter
from datetime import datetime, timedelta

import pytest

from shared.adapters.storage.clients import StorageClients
from shared.adapters.storage.leases import CLOCK_MARGIN
from shared.adapters.storage.records import TableRecordStore
from shared.domain.errors import RetryLater
from shared.domain.records import RecordRef
from shared.ports.storage import Lease, Verdict
from tests.adapters.support import START, HandClock, SentHints, attempt, done, ref, with_links

LEASE = timedelta(seconds=120)


class Processes:
    """Two processes of the app over one table, with one clock."""

    def __init__(self, storage: StorageClients) -> None:
        self.clock = HandClock()
        self.sent = SentHints()
        self.first = TableRecordStore(storage.records, self.sent, self.clock, "first", LEASE)
        self.second = TableRecordStore(storage.records, self.sent, self.clock, "second", LEASE)

    async def begin(
        self,
        store: TableRecordStore,
        hinted_at: datetime | None = None,
        *,
        same_clock: bool = True,
        impatient: bool = False,
    ) -> Lease | Verdict:
        return await store.begin(
            ref(), hinted_at or self.clock.now(), same_clock=same_clock, impatient=impatient
        )

    async def take(self, store: TableRecordStore) -> Lease:
        lease = await self.begin(store)
        assert isinstance(lease, Lease)
        return lease


@pytest.fixture
def two(storage: StorageClients) -> Processes:
    return Processes(storage)


async def test_a_new_record_is_leased_and_given_back(two: Processes) -> None:
    lease = await two.take(two.first)
    assert (lease.owner, lease.fence, lease.until) == ("first", 1, START + LEASE)
    assert await two.first.finish(lease, [], keep_if_hinted=True) is False
    again = await two.take(two.second)
    assert (again.owner, again.fence) == ("second", 2)


async def test_a_hint_during_a_pass_is_left_to_that_pass(two: Processes) -> None:
    lease = await two.take(two.first)
    two.clock.forward(30)
    hinted_at = two.clock.now()
    assert await two.begin(two.second) is Verdict.COLLAPSED
    [(guard, delay)] = two.sent.hints
    assert (guard.ref, guard.why, guard.when) == (ref(), "guard", hinted_at)
    assert delay == LEASE - timedelta(seconds=30) + timedelta(seconds=1)
    assert await two.first.finish(lease, [], keep_if_hinted=True) is True
    assert await two.begin(two.second) is Verdict.COLLAPSED, "the lease is kept for the second round"
    assert await two.first.finish(lease, [], keep_if_hinted=True) is True
    assert await two.first.finish(lease, [], keep_if_hinted=True) is False
    assert isinstance(await two.begin(two.second), Lease)


async def test_many_hints_during_a_pass_leave_one_guard(two: Processes) -> None:
    await two.take(two.first)
    verdicts = [await two.begin(two.second) for _ in range(5)]
    assert set(verdicts) == {Verdict.COLLAPSED}
    assert len(two.sent.hints) == 1


async def test_a_guard_stands_for_every_hint_while_the_record_is_marked(two: Processes) -> None:
    """A hint of a third process, by its clock, marks the record, and a new one finds it marked; then the holder dies."""
    early = two.clock.now()
    two.clock.forward(1)
    finished = await two.take(two.first)
    finished.record.read_at = two.clock.now()
    await two.first.finish(finished, [], keep_if_hinted=True)
    two.clock.forward(1)
    await two.take(two.first)
    two.clock.forward(1)
    assert await two.begin(two.second, early, same_clock=False) is Verdict.COLLAPSED
    assert await two.begin(two.second, impatient=True) is Verdict.COLLAPSED
    [(guard, delay)] = two.sent.hints
    two.clock.forward(delay.total_seconds())
    assert isinstance(await two.begin(two.second, guard.when), Lease)


async def test_a_step_does_not_say_that_what_was_read_is_in_step(two: Processes) -> None:
    lease = await two.take(two.first)
    lease.record.source_version, lease.record.source_digest = "2026-01-01T00:00:00Z", "abc"
    await two.first.checkpoint(lease)
    stored = await two.second.get(ref())
    assert stored is not None
    assert (stored.source_version, stored.source_digest) == ("", "")
    await two.first.finish(lease, [], keep_if_hinted=True)
    stored = await two.second.get(ref())
    assert stored is not None
    assert (stored.source_version, stored.source_digest) == ("2026-01-01T00:00:00Z", "abc")


async def test_a_hint_from_before_the_lease_of_its_own_process_needs_no_second_round(two: Processes) -> None:
    hinted_at = two.clock.now()
    two.clock.forward(1)
    lease = await two.take(two.first)
    assert await two.begin(two.first, hinted_at) is Verdict.COLLAPSED
    assert not two.sent.hints
    assert await two.first.finish(lease, [], keep_if_hinted=True) is False


async def test_the_last_round_gives_the_lease_back_though_a_hint_came(two: Processes) -> None:
    lease = await two.take(two.first)
    await two.begin(two.second)
    assert await two.first.finish(lease, [], keep_if_hinted=False) is True
    assert isinstance(await two.begin(two.second), Lease)


async def test_a_hint_between_steps_is_not_forgotten(two: Processes) -> None:
    lease = await two.take(two.first)
    await two.begin(two.second)
    await two.first.checkpoint(lease)
    await two.first.checkpoint(lease)
    assert lease.hinted
    assert await two.first.finish(lease, [], keep_if_hinted=True) is True


async def test_a_step_extends_the_lease(two: Processes) -> None:
    lease = await two.take(two.first)
    two.clock.forward(100)
    await two.first.checkpoint(lease)
    assert lease.until == two.clock.now() + LEASE
    two.clock.forward(100)
    assert await two.begin(two.second) is Verdict.COLLAPSED
    two.clock.forward(21)
    assert isinstance(await two.begin(two.second), Lease)


async def test_a_lease_that_ran_out_untouched_still_finishes(two: Processes) -> None:
    lease = await two.take(two.first)
    two.clock.forward(500)
    assert await two.first.finish(lease, [attempt(START)], keep_if_hinted=True) is False


async def test_a_lease_that_ran_out_is_left_to_a_pass_of_the_same_process(two: Processes) -> None:
    lease = await two.take(two.first)
    two.clock.forward(500)
    assert await two.begin(two.first) is Verdict.COLLAPSED
    [(guard, delay)] = two.sent.hints
    assert (guard.why, delay) == ("guard", timedelta(seconds=1))
    two.first.leave(lease)
    assert isinstance(await two.begin(two.first), Lease), "the pass ended without giving it back"


async def test_a_lease_is_extended_only_when_its_end_is_near(two: Processes) -> None:
    lease = await two.take(two.first)
    until, token = lease.until, lease.token
    two.clock.forward(20)
    await two.first.extend(lease, timedelta(seconds=100))
    assert (lease.until, lease.token) == (until, token)
    two.clock.forward(1)
    await two.first.extend(lease, timedelta(seconds=100))
    assert (lease.until, lease.token != token) == (two.clock.now() + LEASE, True)
    two.clock.forward(119)
    assert await two.begin(two.second) is Verdict.COLLAPSED
    await two.first.extend(lease, timedelta(seconds=100))
    assert lease.hinted, "the mark is no other pass"
    assert await two.first.finish(lease, [], keep_if_hinted=True) is True


async def test_a_lease_can_be_extended_for_most_of_its_time_at_most(two: Processes) -> None:
    lease = await two.take(two.first)
    await two.first.extend(lease, timedelta(hours=1))
    assert lease.until == START + LEASE
    two.clock.forward(500)
    await two.first.extend(lease, timedelta(hours=1))
    assert lease.until == two.clock.now() + LEASE


async def test_a_stale_lease_loses(two: Processes) -> None:
    stale = await two.take(two.first)
    two.clock.forward(121)
    fresh = await two.take(two.second)
    assert fresh.fence == stale.fence + 1
    with_links(stale.record, done("customer", "stale"))
    for late in (
        two.first.checkpoint(stale),
        two.first.extend(stale, timedelta(seconds=1)),
        two.first.finish(stale, [], keep_if_hinted=True),
    ):
        with pytest.raises(RetryLater) as lost:
            await late
        assert lost.value.cause == "lease_lost"
    with_links(fresh.record, done("customer", "fresh"))
    assert await two.second.finish(fresh, [], keep_if_hinted=True) is False
    stored = await two.first.get(ref())
    assert stored is not None
    assert stored.links["customer"].target_id == "fresh"
    assert await two.first.by_target("default", "company", "customer|stale") is None


async def test_a_lease_taken_back_after_finishing_loses_too(two: Processes) -> None:
    stale = await two.take(two.first)
    two.clock.forward(121)
    fresh = await two.take(two.second)
    await two.second.finish(fresh, [], keep_if_hinted=True)
    with pytest.raises(RetryLater):
        await two.first.finish(stale, [], keep_if_hinted=True)


async def test_of_many_that_begin_at_once_one_gets_the_lease(storage: StorageClients) -> None:
    sent, clock = SentHints(), HandClock()
    stores = [TableRecordStore(storage.records, sent, clock, f"p{number}", LEASE) for number in range(24)]
    begun = await asyncio.gather(
        *(store.begin(ref(), START, same_clock=False, impatient=True) for store in stores)
    )
    assert Counter(type(one) for one in begun) == {Lease: 1, Verdict: 23}
    assert {one for one in begun if isinstance(one, Verdict)} == {Verdict.COLLAPSED}
    assert {hint.why for hint, _ in sent.hints} == {"guard"}


async def test_of_many_that_find_a_lease_run_out_one_gets_it(storage: StorageClients) -> None:
    sent, clock = SentHints(), HandClock()
    stores = [TableRecordStore(storage.records, sent, clock, f"p{number}", LEASE) for number in range(12)]
    assert isinstance(await stores[0].begin(ref(), START, same_clock=True, impatient=True), Lease)
    now = clock.forward(130)
    begun = await asyncio.gather(
        *(store.begin(ref(), now, same_clock=False, impatient=True) for store in stores)
    )
    leases = [one for one in begun if isinstance(one, Lease)]
    assert [lease.fence for lease in leases] == [2]


async def read_at(two: Processes, moment: datetime | None, retry_at: datetime | None = None) -> None:
    lease = await two.take(two.first)
    lease.record.read_at, lease.record.retry_at = moment, retry_at
    await two.first.finish(lease, [], keep_if_hinted=False)


@pytest.mark.parametrize(
    ("same_clock", "read_after", "covered"),
    [
        (True, timedelta(microseconds=1), True),
        (True, timedelta(0), False),
        (True, -timedelta(seconds=1), False),
        (False, timedelta(seconds=1), False),
        (False, CLOCK_MARGIN, False),
        (False, CLOCK_MARGIN + timedelta(microseconds=1), True),
    ],
)
async def test_a_hint_is_covered_by_a_read_that_came_after_it(
    two: Processes, same_clock: bool, read_after: timedelta, covered: bool
) -> None:
    await read_at(two, START + read_after)
    begun = await two.begin(two.second, START, same_clock=same_clock, impatient=True)
    assert (begun is Verdict.COVERED) is covered


async def test_a_record_that_was_never_read_in_full_covers_nothing(two: Processes) -> None:
    await read_at(two, None)
    assert isinstance(await two.begin(two.second, START - timedelta(days=9)), Lease)


@pytest.mark.parametrize(
    ("planned", "impatient", "covered"),
    [(60, False, True), (60, True, False), (-1, False, False), (0, False, False)],
)
async def test_a_planned_retry_covers_patient_hints(
    two: Processes, planned: int, impatient: bool, covered: bool
) -> None:
    await read_at(two, None, START + timedelta(seconds=planned))
    begun = await two.begin(two.second, impatient=impatient)
    assert (begun is Verdict.COVERED) is covered


async def test_a_crash_after_a_step_resumes_there_and_leaves_no_index_behind(two: Processes) -> None:
    lease = await two.take(two.first)
    link = lease.record.link("sales_invoice")
    link.target_id, link.target_number, link.step = "id-1", "draft-1", "drafted"
    await two.first.checkpoint(lease)
    two.clock.forward(121)  # the process is gone, its lease runs out
    resumed = await two.take(two.second)
    link = resumed.record.links["sales_invoice"]
    assert (link.step, link.target_id) == ("drafted", "id-1")
    assert await two.second.by_target("default", "company", "sales_invoice|id-1") is None
    with_links(resumed.record, done("sales_invoice", "id-1", "posted-1"))
    await two.second.finish(resumed, [], keep_if_hinted=True)
    for key, found in (("id-1", ref()), ("posted-1", ref()), ("draft-1", None)):
        assert await two.first.by_target("default", "company", f"sales_invoice|{key}") == found
    assert [item async for item in two.first.open_items("default", "company")] == []


async def test_other_records_are_not_concerned(two: Processes) -> None:
    await two.take(two.first)
    other = RecordRef("other", "company", "7")
    for one in (ref("8"), ref("7", "invoice"), other):
        assert isinstance(await two.second.begin(one, START, same_clock=True, impatient=False), Lease)


async def test_a_lease_that_nobody_here_holds_is_taken_at_once(two: Processes) -> None:
    """As when the answer to taking it was lost, or its pass failed: no other pass will do the work."""
    hinted_at = two.clock.now()
    two.clock.forward(1)
    lease = await two.take(two.first)
    assert await two.begin(two.first, hinted_at) is Verdict.COLLAPSED
    two.first.leave(lease)
    again = await two.begin(two.first, hinted_at)
    assert isinstance(again, Lease)
    assert again.fence == 2
    assert not two.sent.hints


async def test_two_passes_of_one_process_never_take_a_lease_together(two: Processes) -> None:
    taken = await asyncio.gather(*(two.begin(two.first) for _ in range(8)))
    assert len([one for one in taken if isinstance(one, Lease)]) == 1
