"""A short run of the bench: its counts, not its times, which are those of the machine."""

from collections.abc import AsyncIterator

import pytest

from sandbox.bench import shared
from sandbox.bench.figures import Figures, share, shown
from sandbox.bench.ground import Ground
from sandbox.bench.host import kind_of

EVENTS = 8


@pytest.fixture(scope="module")
async def ground() -> AsyncIterator[Ground]:
    async with Ground(latency=0.0) as running:
        yield running


async def test_an_event_costs_few_calls_and_few_storage_requests(ground: Ground) -> None:
    ids = await ground.companies(EVENTS)
    made = await shared.burst(ground, ids, "added")
    await ground.edit(ids, city="York")
    changed = await shared.burst(ground, ids, "updated")
    assert (made.missing, changed.missing) == (0, 0)
    assert changed.calls == 2.0
    assert await shared.unchanged(ground, ids) == 1.0
    for pace, most in ((made, 4), (changed, 3)):
        # Receives are shared by the messages that they bring, and renewals depend on the machine.
        own = {kind: count for kind, count in pace.storage.items() if kind.startswith(("table", "records"))}
        assert sum(own.values()) <= most * EVENTS, pace.storage
        assert pace.storage["queue put"] == EVENTS


async def test_a_storm_makes_no_second_customer(ground: Ground) -> None:
    extra, most = await shared.storm(ground, None, 2 * shared.STORM_RECORDS)
    assert (extra, most) == (0, 1)


@pytest.mark.parametrize(
    ("method", "path", "kind"),
    [
        ("POST", "/devstoreaccount1/dynaconnect-sync/messages", "queue put"),
        ("PUT", "/devstoreaccount1/dynaconnect-sync/messages/1", "queue renewal"),
        ("POST", "/devstoreaccount1/$batch", "table transaction"),
        ("GET", "/a/dynaconnectrecords(PartitionKey='c%7Cclaims',RowKey='x')", "records read of a claim"),
        ("GET", "/a/dynaconnectstate()", "state query"),
        ("PATCH", "/a/dynaconnectrecords(PartitionKey='c',RowKey='x')", "records change"),
    ],
)
def test_storage_requests_are_told_apart(method: str, path: str, kind: str) -> None:
    assert kind_of(method, path) == kind


def test_the_table_says_which_targets_were_missed() -> None:
    part = Figures("Part")
    part.at_most("slow", 51.0, 50.0, "ms")
    part.at_least("fast", 51.0, 50.0, "/s")
    part.note("why", "because")
    text = shown([part])
    assert [line.split()[-1] for line in text.splitlines() if line.startswith("  ")][:2] == ["NO", "yes"]
    assert "why: because" in text


def test_a_quantile_of_nothing_is_nothing() -> None:
    assert (share([], 0.95), share([1.0, 3.0, 2.0], 0.5)) == (0.0, 2.0)
