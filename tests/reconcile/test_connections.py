"""Two connections on one ConnectWise site: each reconciles its own books and nobody else's."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from sandbox.azurite import Azurite
from shared.app import DEFAULT
from shared.reconcile.model import Period
from shared.reconcile.runs import Request
from tests.conformance.pairs import Pairs
from tests.connections.world import SHARED, Companies

OTHER = "devices"


@pytest.fixture
async def world(azurite: Azurite, pairs: Pairs) -> AsyncIterator[Companies]:
    """A site whose documents belong to one of two companies by their location."""
    async with Companies(azurite, pairs) as world:
        yield world
        assert world.breaches == []


async def run(world: Companies, connection: str) -> dict[str, Any]:
    """A run of one connection with repairs, an hour later."""
    world.clock.advance(timedelta(hours=1))
    today, app = world.clock.now().date(), world.app
    period = Period(today - timedelta(days=60), today)
    name = await app.reconciler.order(connection, Request(period, "apply"), "test")
    await world.drain()
    head = await app.reconciler.results.head(connection, name)
    assert head is not None
    assert head["state"] == "done"
    return {**head, **await app.reconciler.results.parts(connection, head)}


async def test_each_connection_answers_for_its_own(world: Companies) -> None:
    await world.split()
    buyer = await world.buyer("Buyer")
    bills = {location: await world.bill(buyer, location) for location in (1, 2)}
    for subject in SHARED:
        if world.app.registry.subject(subject).path:
            await world.sweep(subject)
    await world.sweep("invoice")
    for connection in (DEFAULT, OTHER):
        result = await run(world, connection)
        assert result["drifts"] == []
        assert result["red"] == []
        location = 1 if connection == DEFAULT else 2
        assert [row["id"] for row in result["proofs"]] == [bills[location]]
    lost = await world.bill(buyer, 2)
    assert (await run(world, DEFAULT))["drifts"] == []
    assert [row["id"] for row in (await run(world, OTHER))["drifts"]] == [lost]
    assert (await run(world, OTHER))["drifts"] == []
    assert world.number(lost) in world.invoices_in("Northwind Devices")
