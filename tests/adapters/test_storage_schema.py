"""The layout of the tables: brought forward once, resumed after a crash, refused when it is newer than the code."""

import asyncio
from datetime import timedelta

import pytest
from azure.data.tables import UpdateMode

from shared.adapters.storage import schema
from shared.adapters.storage.clients import StorageClients
from shared.adapters.storage.records import TableRecordStore
from shared.adapters.storage.schema import KEY, MIGRATIONS, SCHEMA, Migration, bring_forward
from shared.domain.errors import StopConnection
from shared.ports.storage import Lease
from tests.adapters.support import HandClock, SentHints, done, ref, with_links

OWNER = "process"


async def version(storage: StorageClients) -> int:
    return int((await storage.state.get_entity(*KEY))["version"])


async def in_the_first_layout(storage: StorageClients, clock: HandClock) -> TableRecordStore:
    """An account as the first releases left it: company 7 is awaited by invoice 9, and its row does not say so."""
    store = TableRecordStore(storage.records, SentHints(), clock, OWNER)
    lease = await store.begin(ref(), clock.now(), same_clock=True, impatient=True)
    assert isinstance(lease, Lease)
    with_links(lease.record, done("customer", "id-7", "C7"))
    await store.finish(lease, [], keep_if_hinted=False)
    row = await storage.records.get_entity("default|company", "r|7")
    row.pop("awaited")
    await storage.records.update_entity(row, mode=UpdateMode.REPLACE)
    await storage.records.upsert_entity({"PartitionKey": "default|company", "RowKey": "w|7|invoice|9"})
    return TableRecordStore(storage.records, SentHints(), clock, "next process")


async def awaited(store: TableRecordStore, clock: HandClock) -> bool:
    lease = await store.begin(ref(), clock.forward(1), same_clock=True, impatient=True)
    assert isinstance(lease, Lease)
    assert lease.record.links["customer"].target_number == "C7"
    await store.finish(lease, [], keep_if_hinted=False)
    return lease.awaited


async def test_an_empty_account_has_the_newest_layout(storage: StorageClients) -> None:
    assert await bring_forward(storage, HandClock(), OWNER) == 0
    assert await version(storage) == SCHEMA


async def test_rows_of_the_first_layout_are_read_afterwards(storage: StorageClients) -> None:
    clock = HandClock()
    store = await in_the_first_layout(storage, clock)
    assert not await awaited(store, clock)
    row = await storage.records.get_entity("default|company", "r|7")
    row.pop("awaited")
    await storage.records.update_entity(row, mode=UpdateMode.REPLACE)

    assert await bring_forward(storage, clock, OWNER) == len(MIGRATIONS)
    assert await version(storage) == SCHEMA
    assert await awaited(TableRecordStore(storage.records, SentHints(), clock, "third"), clock)
    assert await store.take_waiters(ref()) == [ref("9", "invoice")]
    assert await bring_forward(storage, clock, OWNER) == 0


async def test_a_step_that_broke_off_is_run_again_when_its_lease_has_ended(storage: StorageClients) -> None:
    clock, runs = HandClock(), 0
    await in_the_first_layout(storage, clock)

    async def breaks(_: StorageClients) -> None:
        raise ConnectionError("the process dies here")

    async def counts(_: StorageClients) -> None:
        nonlocal runs
        runs += 1

    with pytest.raises(ConnectionError):
        await bring_forward(storage, clock, "dies", [Migration(2, "breaks", breaks)])
    assert await version(storage) == 1
    clock.forward(schema.LEASE / timedelta(seconds=1) + 1)
    assert await bring_forward(storage, clock, OWNER, [Migration(2, "counts", counts)]) == 1
    assert (runs, await version(storage)) == (1, 2)


async def test_processes_that_start_together_run_each_step_once_and_in_order(
    storage: StorageClients, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schema, "REST_SECONDS", 0.01)
    clock, ran = HandClock(), list[int]()
    await in_the_first_layout(storage, clock)

    def step(to: int) -> Migration:
        async def run(_: StorageClients) -> None:
            ran.append(to)

        return Migration(to, "test", run)

    steps = [step(2), step(3), step(4)]
    counts = await asyncio.gather(*(bring_forward(storage, clock, f"p{n}", steps) for n in range(4)))
    assert (ran, sum(counts), await version(storage)) == ([2, 3, 4], 3, 4)


async def test_a_newer_layout_is_refused_and_left_alone(storage: StorageClients) -> None:
    await storage.state.upsert_entity({"PartitionKey": KEY[0], "RowKey": KEY[1], "version": SCHEMA + 1})
    with pytest.raises(StopConnection, match=f"layout {SCHEMA + 1}.*up to {SCHEMA}") as stopped:
        await bring_forward(storage, HandClock(), OWNER)
    assert stopped.value.cause == "schema_newer"
    assert await version(storage) == SCHEMA + 1


def test_steps_are_in_order_without_a_gap() -> None:
    assert [one.to for one in MIGRATIONS] == list(range(2, SCHEMA + 1))
