"""The look at a connection's rights: each one that either system refuses is named, and nothing is written."""

from collections.abc import AsyncIterator
from copy import deepcopy
from typing import Any

import pytest

from sandbox.azurite import Azurite
from sandbox.kit import Fault, dumps
from shared.app import DEFAULT
from shared.domain.envelope import FIRST_START, Envelope
from shared.domain.errors import StopConnection
from shared.engine.connections.rights import NEEDED, RIGHTS, Found, Right, row_of
from shared.triggers.queues import KEEP_HOOKS, run_sweep
from tests.conformance.pairs import Pairs
from tests.conformance.world import World

REFUSAL = dumps({"code": "Forbidden", "message": "You do not have permission."})


@pytest.fixture
async def world(azurite: Azurite, pairs: Pairs) -> AsyncIterator[World]:
    async with World(azurite, pairs) as world:
        yield world
        assert world.breaches == []


def system_of(right: Right) -> str:
    return right.system.lower().replace(" ", "_")


def refused(route: str) -> Fault:
    return Fault("status", status=403, route=route, body=REFUSAL)


def books(world: World) -> tuple[Any, Any]:
    tables = ("Company", "CatalogItem", "Invoice", "InvoicePayment", "AccountingBatch", "CallbackEntry")
    sets = ("customers", "vendors", "items", "salesInvoices", "purchaseOrders", "journals")
    return (
        deepcopy({name: [*world.connectwise.store.rows(name)] for name in tables}),
        {name: world.bc_records(name) for name in sets},
    )


async def test_with_all_rights_none_is_missing_and_nothing_is_written(world: World) -> None:
    before = books(world)
    found = await world.app.rights.look(DEFAULT)
    assert found["missing"] == []
    expected = {True: Found.GRANTED, False: Found.NOT_REFUSED}
    assert [row["found"] for row in found["rights"]] == [expected[right.reads] for right in NEEDED]
    assert books(world) == before


async def test_each_right_that_is_refused_is_named(world: World) -> None:
    """Every right in turn is taken away where its own call asks for it."""
    connection = await world.connection()
    await world.app.rights.look(DEFAULT)
    for right in NEEDED:
        stand_in = world.stand_in(system_of(right))
        stand_in.calls.clear()
        await row_of(connection, right)
        route = [name for name in stand_in.calls if not name.startswith("BATCH ")][-1]
        world.fault(system_of(right), refused(route))
        row = await row_of(connection, right)
        world.fault(system_of(right))
        assert (row["where"], row["level"], row["found"]) == (right.where, right.level, Found.MISSING), route
        assert "permission" in row["detail"] or "right" in row["detail"]


async def test_a_system_that_is_away_proves_nothing(world: World) -> None:
    world.fault("business_central", Fault("status", status=503))
    found = await world.app.rights.look(DEFAULT)
    assert found["missing"] == []
    central = {row["found"] for row in found["rights"] if row["system"] == "Business Central"}
    assert central == {Found.UNKNOWN}


async def test_wrong_credentials_are_no_missing_right(world: World) -> None:
    world.break_credentials("business_central")
    with pytest.raises(StopConnection) as stopped:
        await world.app.rights.look(DEFAULT)
    assert stopped.value.cause == "credentials"


async def test_the_first_start_looks_once_and_says_what_is_missing(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.fault("connectwise", refused("GET /v4_6_release/apis/3.0/project/projects"))
    for why in ("timer", FIRST_START):
        await run_sweep(world.app, Envelope(DEFAULT, KEEP_HOOKS, "*", why, world.clock.now()))
        stored = await world.app.state.load(DEFAULT, RIGHTS)
        assert bool(stored) == (why == FIRST_START)
    assert [row["where"] for row in stored["missing"]] == ["Project > Project Headers"]
    assert "default lacks a right in ConnectWise: Project > Project Headers, inquire" in caplog.text
