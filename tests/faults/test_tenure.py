"""Passes that wait longer than their lease lasts, and writes that go on when nobody waits for them any more."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any, cast

import httpx
import pytest

from shared.adapters.business_central.client import BusinessCentralClient
from shared.adapters.http import JsonClient
from shared.adapters.storage.known import KnownRows
from shared.adapters.storage.passes import OwnPasses
from shared.adapters.storage.records import TableRecordStore
from shared.domain.envelope import ON_DEMAND
from shared.domain.errors import UNANSWERED, RetryLater
from shared.domain.records import State
from shared.domain.tenure import LONGEST_OPERATION
from shared.engine.pipeline import Pipeline
from shared.ports.storage import STORAGE, Lease
from tests.conformance.invoicing import Invoicing
from tests.conformance.scenes import set_up
from tests.conformance.taps import Crash, orphaned
from tests.conformance.world import World

LEASE = timedelta(seconds=120)


class Waiting:
    """The first pass that comes to a place waits there until it is let go."""

    def __init__(self) -> None:
        self.reached, self.free = asyncio.Event(), asyncio.Event()

    async def wait(self) -> None:
        """Waits, if nobody has yet."""
        if not self.reached.is_set():
            self.reached.set()
            await self.free.wait()


def another_process(world: World, name: str = "another process") -> Pipeline:
    """The pipeline as a second process has it, over the same storage."""
    store = cast("TableRecordStore", world.app.store)
    own = replace(store, owner=name, _known=KnownRows(), passes=OwnPasses())
    return replace(world.app.pipeline, store=own)


async def is_resting(world: World, record: str) -> bool:
    """Whether the invoice rests because of a write of which nobody knows how it ends."""
    link = await world.link("invoice", record, "sales_invoice")
    return (link.state, link.cause) == (State.RETRYING, UNANSWERED)


@pytest.fixture
async def work(world: World) -> Invoicing:
    work = Invoicing(world)
    await set_up(world, work, work.open)
    return work


@pytest.fixture
def waiting(monkeypatch: pytest.MonkeyPatch) -> Waiting:
    """The creation of a document has to wait for its turn."""
    waiting, create = Waiting(), BusinessCentralClient.create

    async def late(self: BusinessCentralClient, entity_set: str, body: dict[str, Any]) -> dict[str, Any]:
        if entity_set == "salesInvoices":
            await waiting.wait()
        return await create(self, entity_set, body)

    monkeypatch.setattr(BusinessCentralClient, "create", late)
    return waiting


async def test_a_pass_whose_lease_another_process_took_makes_no_second_document(
    world: World, work: Invoicing, waiting: Waiting
) -> None:
    record = await work.invoice(work.lines())
    late = asyncio.ensure_future(world.app.pipeline.handle(world.envelope("invoice", record)))
    await waiting.reached.wait()
    world.clock.advance(LEASE + timedelta(seconds=1))
    other = another_process(world)
    await other.handle(world.envelope("invoice", record))
    # For all it knows, the first may have begun to write.
    assert await is_resting(world, record)
    world.clock.advance(LONGEST_OPERATION)
    await other.handle(world.envelope("invoice", record))
    work.check_posted(record)
    waiting.free.set()
    with pytest.raises(RetryLater) as lost:
        await late
    assert lost.value.cause == "lease_lost"
    work.check_posted(record)
    await world.drain()
    work.check_posted(record)


async def test_a_pass_that_waits_for_long_keeps_its_lease_for_the_write(
    world: World, work: Invoicing, waiting: Waiting, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = await work.invoice(work.lines())
    sent, observed = Waiting(), JsonClient._observed

    async def slow(self: JsonClient, path: str, request: httpx.Request, sink: Any) -> httpx.Response:
        if request.method == "POST" and path.endswith("salesInvoices"):
            await sent.wait()
        return await observed(self, path, request, sink)

    monkeypatch.setattr(JsonClient, "_observed", slow)
    late = asyncio.ensure_future(world.app.pipeline.handle(world.envelope("invoice", record)))
    await waiting.reached.wait()
    world.clock.advance(LEASE + timedelta(seconds=1))
    waiting.free.set()
    await sent.reached.wait()
    world.clock.advance(timedelta(seconds=99))
    assert await another_process(world).handle(world.envelope("invoice", record)) == []
    sent.free.set()
    await late
    await world.drain()
    work.check_posted(record)


async def test_a_pass_that_waits_for_long_is_left_alone_by_its_own_process(
    world: World, work: Invoicing, waiting: Waiting
) -> None:
    record = await work.invoice(work.lines())
    late = asyncio.ensure_future(world.app.pipeline.handle(world.envelope("invoice", record)))
    await waiting.reached.wait()
    world.clock.advance(3 * LEASE)
    assert await world.app.pipeline.handle(world.envelope("invoice", record)) == []
    waiting.free.set()
    await late
    work.check_posted(record)
    await world.drain()
    work.check_posted(record)


@pytest.fixture
async def orphan(world: World, work: Invoicing) -> tuple[httpx.Request, str]:
    """An invoice whose process died while Business Central was at work on its document, and the call."""
    record = await work.invoice(work.lines())
    with orphaned(1, "death") as orphan, pytest.raises(Crash):
        await another_process(world, "dead").handle(world.envelope("invoice", record))
    assert orphan.request is not None
    world.clock.advance(LEASE + timedelta(seconds=1))
    return orphan.request, record


@contextmanager
def storage_away(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No outcome can be stored inside the block."""

    async def away(*_args: object, **_options: object) -> bool:
        raise RetryLater(STORAGE, "Storage is away.")

    with monkeypatch.context() as patch:
        patch.setattr(TableRecordStore, "finish", away)
        yield


@pytest.mark.parametrize("carried_out", [True, False])
async def test_what_a_dead_process_began_is_not_made_again_while_it_may_be_under_way(
    world: World, work: Invoicing, orphan: tuple[httpx.Request, str], carried_out: bool
) -> None:
    request, record = orphan
    await world.deliver(world.envelope("invoice", record))
    assert await is_resting(world, record)
    for minutes in (1, 3, 4):
        for why in ("callback updated", ON_DEMAND):
            assert await world.app.pipeline.handle(world.envelope("invoice", record, why)) == []
        world.clock.advance(timedelta(minutes=minutes))
    assert work.documents(record) == []
    if carried_out:
        await world.http.send(request)
    await world.drain()
    work.check_posted(record)


@pytest.mark.parametrize("process", ["same", "another"])
async def test_nor_by_whoever_comes_after_a_pass_that_could_not_say_so(
    world: World,
    work: Invoicing,
    orphan: tuple[httpx.Request, str],
    process: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    request, record = orphan
    second = another_process(world)
    if process == "same":
        second = world.app.pipeline

    with storage_away(monkeypatch), pytest.raises(RetryLater, match="Storage is away"):
        await second.handle(world.envelope("invoice", record))
    if process == "another":
        world.clock.advance(LEASE + timedelta(seconds=1))
    await world.app.pipeline.handle(world.envelope("invoice", record), redelivered=True)
    assert await is_resting(world, record)
    assert work.documents(record) == []
    await world.http.send(request)
    await world.drain()
    work.check_posted(record)


async def test_a_pass_that_needs_to_write_nothing_does_not_rest(
    world: World, work: Invoicing, waiting: Waiting
) -> None:
    waiting.free.set()
    record = await work.invoice(work.lines())
    await world.drain()
    await world.deliver(world.envelope("invoice", record))
    work.check_posted(record)
    store = another_process(world).store
    ref = world.envelope("invoice", record).ref
    assert isinstance(await store.begin(ref, world.clock.now(), same_clock=True, impatient=True), Lease)
    world.clock.advance(LEASE + timedelta(seconds=1))
    await world.deliver(world.envelope("invoice", record))
    assert (await world.link("invoice", record, "sales_invoice")).state is State.DONE


@pytest.mark.parametrize("carried_out", [True, False])
async def test_a_write_that_is_still_under_way_is_not_made_again(
    world: World, work: Invoicing, monkeypatch: pytest.MonkeyPatch, carried_out: bool
) -> None:
    """Business Central answers nothing for longer than anybody waits, and carries the creation out minutes later."""
    record = await work.invoice(work.lines())
    unanswered: list[tuple[JsonClient, httpx.Request]] = []
    observed = JsonClient._observed

    async def silent(self: JsonClient, path: str, request: httpx.Request, sink: Any) -> httpx.Response:
        if request.method == "POST" and path.endswith("salesInvoices") and not unanswered:
            unanswered.append((self, request))
            # A hint in the meantime marks the record; its round would find nothing and make a second document.
            assert await world.app.pipeline.handle(world.envelope("invoice", record)) == []
            raise httpx.ReadTimeout("60 seconds without a byte")
        return await observed(self, path, request, sink)

    monkeypatch.setattr(JsonClient, "_observed", silent)
    await world.deliver(world.envelope("invoice", record))
    link = await world.link("invoice", record, "sales_invoice")
    assert (link.state, link.cause) == (State.RETRYING, UNANSWERED)
    for minutes in (1, 3, 5):
        world.clock.advance(timedelta(minutes=minutes))
        for why in ("callback updated", ON_DEMAND):
            assert await world.app.pipeline.handle(world.envelope("invoice", record, why)) == []
    assert work.documents(record) == []
    if carried_out:
        [(client, request)] = unanswered
        await client.http.send(request)
    await world.drain()
    work.check_posted(record)


async def test_nor_when_what_became_of_it_could_not_be_stored(
    world: World, work: Invoicing, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = await work.invoice(work.lines())
    with (
        orphaned(1, "silence") as orphan,
        storage_away(monkeypatch),
        pytest.raises(RetryLater, match="Storage is away"),
    ):
        await world.app.pipeline.handle(world.envelope("invoice", record))
    await world.app.pipeline.handle(world.envelope("invoice", record), redelivered=True)
    assert await is_resting(world, record)
    assert work.documents(record) == []
    assert orphan.request is not None
    await world.http.send(orphan.request)
    await world.drain()
    work.check_posted(record)
