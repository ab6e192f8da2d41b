"""What stands beside a record: the work list, look-ups, waiters, attempts."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.adapters.storage import limits, rows
from shared.adapters.storage.clients import StorageClients
from shared.adapters.storage.records import TableRecordStore
from shared.domain.errors import RetryLater
from shared.domain.records import Link, Record, RecordRef, State
from shared.ports.storage import Lease
from tests.adapters.support import START, HandClock, SentHints, attempt, done, held, ref, with_links

ODD = ["a/b", "c\\d", "#1?", "50%", "%2F", "a|b", "O'Brien", 'x"y', "Žižka ☃ 漢", "tab\there", " ", "a b"]


@pytest.fixture
def store(storage: StorageClients) -> TableRecordStore:
    return TableRecordStore(storage.records, SentHints(), HandClock(), "test")


async def begin(store: TableRecordStore, record: RecordRef) -> Lease:
    lease = await store.begin(record, START, same_clock=True, impatient=True)
    assert isinstance(lease, Lease)
    return lease


async def keep(store: TableRecordStore, record: RecordRef, *links: Link) -> None:
    """One pass that leaves these links."""
    lease = await begin(store, record)
    lease.record.links = {}
    with_links(lease.record, *links)
    await store.finish(lease, [], keep_if_hinted=False)


async def open_items(store: TableRecordStore, subject: str = "company") -> list[tuple[str, str]]:
    return sorted([(item.ref.id, item.entity) async for item in store.open_items("default", subject)])


async def test_the_work_list_follows_the_links(store: TableRecordStore) -> None:
    await keep(store, ref("1"), held("customer"), done("vendor", "v1"))
    await keep(store, ref("2"), Link("customer", State.WAITING), Link("vendor", State.RETRYING))
    assert await open_items(store) == [("1", "customer"), ("2", "customer"), ("2", "vendor")]
    await keep(store, ref("2"), done("customer", "c2"))
    assert await open_items(store) == [("1", "customer")]
    await keep(store, ref("1"), Link("customer", State.OUT_OF_SCOPE), held("vendor"))
    assert await open_items(store) == [("1", "vendor")]


async def test_an_open_item_says_what_a_person_needs(store: TableRecordStore) -> None:
    link = held("customer")
    link.attempts = 4
    await keep(store, ref(), link)
    [item] = [item async for item in store.open_items("default", "company")]
    assert (item.ref, item.state, item.since, item.attempts) == (ref(), State.HELD, START, 4)
    assert (item.cause, item.reason, item.todo) == ("test", "because", "look")


async def test_look_ups_follow_the_targets(store: TableRecordStore) -> None:
    async def found(key: str) -> RecordRef | None:
        return await store.by_target("default", "company", key)

    await keep(store, ref("1"), done("customer", "guid-1", "C1"), done("vendor", "guid-1", "V1"))
    assert (
        await found("customer|guid-1") == await found("customer|C1") == await found("vendor|V1") == ref("1")
    )
    assert await found("customer|V1") is None
    await keep(store, ref("1"), done("customer", "guid-2", "C1"))
    assert await found("customer|guid-1") is None
    assert await found("vendor|V1") is None
    assert await found("customer|guid-2") == await found("customer|C1") == ref("1")
    await keep(store, ref("2"), done("customer", "guid-9"))
    assert await found("customer|guid-9") == ref("2")


async def test_a_step_writes_no_index_and_the_end_writes_it_all(store: TableRecordStore) -> None:
    lease = await begin(store, ref())
    with_links(lease.record, held("customer", target_id="t1"))
    await store.checkpoint(lease)
    assert await open_items(store) == []
    await store.finish(lease, [], keep_if_hinted=False)
    assert await open_items(store) == [("7", "customer")]
    assert await store.by_target("default", "company", "customer|t1") == ref()


async def test_an_index_row_that_somebody_deleted_does_not_stop_the_record(
    store: TableRecordStore, storage: StorageClients
) -> None:
    await keep(store, ref(), held("customer", target_id="t1"), held("vendor"))
    for key in (rows.open_key(ref(), "customer"), rows.open_key(ref(), "vendor")):
        await storage.records.delete_entity(rows.partition("default", "company"), key)
    await keep(store, ref(), done("customer", "t1"))
    assert await open_items(store) == []
    assert await store.by_target("default", "company", "customer|t1") == ref()


async def test_waiters_stay_until_they_are_forgotten(store: TableRecordStore) -> None:
    needed, others = ref("7"), [ref("1", "invoice"), ref("2", "invoice"), ref("70", "invoice")]
    for waiter in (*others, others[0]):
        await store.add_waiter(needed, waiter)
    await store.add_waiter(ref("70"), ref("9", "invoice"))
    assert sorted(await store.take_waiters(needed)) == sorted(others)
    await store.forget_waiters(needed, others[:2])
    assert await store.take_waiters(needed) == [others[2]]
    await store.forget_waiters(needed, others)
    assert await store.take_waiters(needed) == []


async def test_attempts_come_newest_first_and_keep_everything(store: TableRecordStore) -> None:
    moments = [START + timedelta(milliseconds=ms) for ms in (0, 1, 999, 86_400_000)]
    for moment in moments:
        lease = await begin(store, ref())
        passes = [
            attempt(moment),
            attempt(moment, "vendor", changes=({"field": "x", "after": Decimal("1.50")},)),
        ]
        await store.finish(lease, passes, keep_if_hinted=False)
    found = [row async for row in store.attempts(ref())]
    assert [datetime.fromisoformat(row["at"].isoformat()) for row in found[::2]] == moments[::-1]
    assert [row["entity"] for row in found] == ["customer", "vendor"] * 4
    assert found[1]["changes"] == [{"field": "x", "after": Decimal("1.50")}]
    assert found[0]["calls_by_system"] == {"ConnectWise": 1}
    assert [row async for row in store.attempts(ref("70"))] == []


async def test_what_was_written_of_a_record_is_read_back(store: TableRecordStore) -> None:
    lease = await begin(store, ref())
    link = done("customer", "guid", "C1")
    link.written = {"name": "Žižka ☃", "limit": Decimal("10.50"), "days": 14, "blocked": False, "none": None}
    link.facts = {"payments": {"BC-1-2": {"amount": Decimal("0.10")}}}
    link.synced_at = link.open_since = START.replace(tzinfo=UTC)
    record = with_links(lease.record, link)
    record.read_at, record.source_version = START, "2026-03-01T12:00:00Z"
    await store.finish(lease, [], keep_if_hinted=False)
    assert await store.get(ref()) == record
    assert [one async for one in store.records("default", "company")] == [record]
    assert await store.get(ref("8")) is None


@pytest.mark.parametrize("text", ODD, ids=ascii)
async def test_any_text_can_be_a_key(store: TableRecordStore, text: str) -> None:
    record = RecordRef(text, "company", text)
    await keep(store, record, held("customer", target_id=text, target_number=f"{text}2"))
    await store.add_waiter(record, RecordRef(text, "invoice", f"{text}3"))
    assert (await store.get(record) or Record(ref())).ref == record
    assert [item.ref async for item in store.open_items(text, "company")] == [record]
    assert [one.ref async for one in store.records(text, "company")] == [record]
    assert await store.by_target(text, "company", f"customer|{text}2") == record
    assert await store.take_waiters(record) == [RecordRef(text, "invoice", f"{text}3")]
    await keep(store, record, done("customer", text))
    assert [item async for item in store.open_items(text, "company")] == []


@given(st.text(max_size=60), st.text(max_size=60))
def test_parts_of_keys_are_told_apart(first: str, second: str) -> None:
    assert rows.plain(rows.safe(first)) == first
    key = rows.safe(first) + "|" + rows.safe(second)
    assert not set("/\\#?\t\n\r") & set(key)
    assert key.isascii()
    assert [rows.plain(part) for part in key.split("|")] == [first, second]


@given(st.text(min_size=1, max_size=20), st.integers(0, 1_500))
def test_long_values_are_spread_over_properties(text: str, times: int) -> None:
    row: dict[str, Any] = {}
    rows.pack(row, "body", {"text": text * times})
    limits.checked({"PartitionKey": "p", "RowKey": "r", **row})
    assert rows.unpack(row, "body") == {"text": text * times}


async def test_a_shorter_record_leaves_no_rest_of_a_longer_one(store: TableRecordStore) -> None:
    link = done("customer", "guid")
    link.written = {"text": "x" * 100_000}
    await keep(store, ref(), link)
    link.written = {"text": "short"}
    await keep(store, ref(), link)
    stored = await store.get(ref())
    assert stored is not None
    assert stored.links["customer"].written == {"text": "short"}


async def test_a_record_that_somebody_deleted_is_a_lost_lease(
    store: TableRecordStore, storage: StorageClients
) -> None:
    lease = await begin(store, ref())
    await storage.records.delete_entity(rows.partition("default", "company"), "r|7")
    for late in (store.checkpoint(lease), store.finish(lease, [], keep_if_hinted=False)):
        with pytest.raises(RetryLater):
            await late
