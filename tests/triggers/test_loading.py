"""A first load: few calls for many records, the same promise, and it goes on where it was."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any, cast

import pytest

from sandbox.azurite import Azurite
from shared.adapters.business_central.client import BusinessCentralClient
from shared.adapters.storage.known import KnownRows
from shared.adapters.storage.passes import OwnPasses
from shared.adapters.storage.records import TableRecordStore
from shared.app import DEFAULT
from shared.domain.envelope import LOAD, Envelope
from shared.domain.errors import RetryLater, SyncError
from shared.domain.records import RecordRef
from shared.ports.storage import Lease, Verdict
from shared.triggers.queues import run_sweep
from tests.triggers.bench import Bench

MANY = 110


@pytest.fixture
async def bench(azurite: Azurite) -> AsyncIterator[Bench]:
    async with Bench(azurite) as running:
        yield running


async def make(bench: Bench, count: int, first: int = 0) -> list[int]:
    rows = [
        {
            "identifier": f"Load{number}",
            "name": f"Load {number}",
            "types": [{"id": 1}],
            "billingTerms": {"id": 1},
        }
        for number in range(first, first + count)
    ]
    return [int(row["id"]) for row in await bench.connectwise_admin("companies", rows)]


def posts(bench: Bench) -> int:
    return sum(n for route, n in bench.business_central.calls.items() if route.startswith("BATCH POST"))


async def order(bench: Bench) -> Envelope:
    queued = await bench.app.desk.sync(DEFAULT, "customer", [], everything=True)
    [message] = await bench.swept()
    assert (queued, message.options) == (1, {LOAD: True})
    return message


async def test_a_load_creates_in_batches_and_reads_pages(bench: Bench) -> None:
    ids = await make(bench, MANY)
    message = await order(bench)
    await run_sweep(bench.app, message)
    assert posts(bench) == MANY
    calls = {route: count for route, count in bench.business_central.calls.items() if "BATCH" not in route}
    assert sum(count for route, count in calls.items() if "$batch" in route) <= MANY / 5, calls
    assert max(count for route, count in calls.items() if route.startswith("GET")) == 1, calls
    assert not any(route.startswith("GET") and "customers({id})" in route for route in calls)
    assert bench.connectwise.calls["GET /v4_6_release/apis/3.0/company/companies/{id:\\d+}"] == 0
    for one in ids:
        record = await bench.app.store.get(RecordRef(DEFAULT, "company", str(one)))
        assert record is not None
        assert record.links["customer"].target_number == f"C{one:06d}"
    assert not bench.business_central.breaches


async def test_a_load_that_was_cut_short_sends_nothing_twice(bench: Bench) -> None:
    await make(bench, MANY)
    message = await order(bench)
    await run_sweep(bench.app, message)
    assert posts(bench) == MANY
    more = await make(bench, 3, MANY)
    await run_sweep(bench.app, message)
    assert posts(bench) == MANY + len(more)


async def test_a_record_that_exists_is_adopted(bench: Bench) -> None:
    await bench.central_admin(
        "records", {"set": "customers", "records": [{"number": "OLD", "displayName": "Load 1"}]}
    )
    ids = await make(bench, 3)
    await run_sweep(bench.app, await order(bench))
    assert posts(bench) == 2
    record = await bench.app.store.get(RecordRef(DEFAULT, "company", str(ids[1])))
    assert record is not None
    assert record.links["customer"].target_number == "OLD"


async def test_one_refused_record_of_a_batch_stops_no_other(bench: Bench) -> None:
    ids = await make(bench, 4)
    taken = f"C{ids[2]:06d}"
    await bench.central_admin("records", {"set": "customers", "records": [{"number": taken}]})
    message = await order(bench)
    # The list of what is there was read before somebody else took the number.
    await bench.app.loader.load(DEFAULT, "company", message.when)
    owners = [
        record.links["customer"].target_number
        for one in ids
        if (record := await bench.app.store.get(RecordRef(DEFAULT, "company", str(one)))) is not None
    ]
    assert owners == [f"C{one:06d}" for one in ids]
    assert posts(bench) == 3


async def test_a_load_whose_time_is_up_goes_on_in_the_next_message(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    await make(bench, 5)
    messages = [await order(bench)]
    monkeypatch.setattr(bench.app.loader, "longest", timedelta(0))
    made = []
    while messages:
        await run_sweep(bench.app, messages.pop())
        made.append(posts(bench))
        messages = await bench.swept()
    assert made == [1, 2, 3, 4, 5, 5]


async def test_an_edit_while_its_record_is_being_loaded_is_read_again(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    [company] = await make(bench, 1)
    send = BusinessCentralClient.create_many

    async def edited_meanwhile(self: BusinessCentralClient, *given: Any) -> list[dict[str, Any] | SyncError]:
        await bench.connectwise_admin(f"companies/{company}", {"name": "Edited"})
        hint = Envelope(DEFAULT, "company", str(company), "updated", bench.app.clock.now())
        assert await bench.app.pipeline.handle(hint) == []
        return await send(self, *given)

    monkeypatch.setattr(BusinessCentralClient, "create_many", edited_meanwhile)
    await run_sweep(bench.app, await order(bench))
    books = next(iter(bench.business_central.environment.store.companies.values()))
    assert [customer.values["displayName"] for customer in books.all("customers")] == ["Edited"]


async def test_a_load_goes_on_with_the_connection_as_it_is_changed_meanwhile(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    await make(bench, 5)
    used: list[bool] = []
    send = BusinessCentralClient.create_many

    async def changed_meanwhile(self: BusinessCentralClient, *given: Any) -> list[dict[str, Any] | SyncError]:
        if not used:
            document = {"cutover": {"sales_invoice": "2026-01-01"}}
            await bench.app.connection_desk.save(DEFAULT, json.dumps(document))
        used.append((await bench.app.connections.get(DEFAULT)).business_central is self)
        return await send(self, *given)

    monkeypatch.setattr(BusinessCentralClient, "create_many", changed_meanwhile)
    monkeypatch.setattr("shared.engine.loading.AT_ONCE", 2)
    messages = [await order(bench)]
    while messages:
        await run_sweep(bench.app, messages.pop())
        messages = [one for one in await bench.swept() if one.options.get(LOAD)]
    assert used == [False, True, True]
    assert posts(bench) == 5


async def test_a_record_that_another_process_took_while_its_batch_waited_is_not_sent(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = await make(bench, 2)
    store = cast("TableRecordStore", bench.app.store)
    store.lease_time = timedelta(0)
    other = replace(store, owner="another process", _known=KnownRows(), passes=OwnPasses())
    taken: list[Lease | Verdict] = []
    send = BusinessCentralClient.create_many

    async def late(self: BusinessCentralClient, *given: Any) -> list[dict[str, Any] | SyncError]:
        ref = RecordRef(DEFAULT, "company", str(ids[0]))
        if not taken:
            taken.append(await other.begin(ref, bench.app.clock.now(), same_clock=True, impatient=True))
        return await send(self, *given)

    monkeypatch.setattr(BusinessCentralClient, "create_many", late)
    message = await order(bench)
    with pytest.raises(RetryLater) as lost:
        await run_sweep(bench.app, message)
    assert lost.value.cause == "lease_lost"
    assert posts(bench) == 1
    [theirs] = taken
    assert isinstance(theirs, Lease)
    await other.finish(theirs, [], keep_if_hinted=False)
    await run_sweep(bench.app, message)
    assert posts(bench) == 2
