"""Two ConnectWise sites at once: their records carry the same ids and never meet."""

from decimal import Decimal

import pytest

from sandbox.kit import Json
from shared.domain.errors import StopConnection
from shared.domain.records import RecordRef
from shared.ports.metrics import EVENTS
from tests.connections.world import DEVICES, SERVICES, Companies
from tests.telemetry.recorder import Recorder


async def north_invoice(world: Companies, name: str, amount: str) -> tuple[str, Json]:
    """A closed invoice at the second site: its id and what ConnectWise answers of it."""
    company = await world.in_north("companies", {"identifier": name, "name": f"{name} Inc"})
    line = {"kind": "service", "amount": Decimal(amount), "description": "Work"}
    body = {"company": {"id": company["id"]}, "lines": [line], "type": "Miscellaneous"}
    invoice = await world.in_north("invoices", body)
    await world.in_north(f"invoices/{invoice['id']}/close")
    return str(invoice["id"]), world.north.store.render(
        "Invoice", world.north.store.get("Invoice", invoice["id"])
    )


async def test_two_sites_hear_of_their_own_records_and_keep_their_own_books(world: Companies) -> None:
    await world.put("north", world.document(site="north"))
    for name in await world.app.connections.names():
        await world.app.keep_hooks(name)
    await world.rest()
    assert {row["url"].partition("?")[0].rpartition("/")[2] for row in world.cw_records("CallbackEntry")} == {
        "default"
    }
    north = {
        row["url"].partition("?")[0].rpartition("/")[2] for row in world.north.store.rows("CallbackEntry")
    }
    assert north == {"north"}

    ours = await world.bill(await world.buyer("South"), 1, "70.00")
    theirs, _ = await north_invoice(world, "North", "99.00")
    assert ours == theirs, "the test is about records of the same id"
    await world.north_rest()

    [first], [second] = (world.rows_in(name, "salesInvoices") for name in (SERVICES, DEVICES))
    assert (first["customerName"], second["customerName"]) == ("South Inc", "North Inc")
    assert (first["totalAmountIncludingTax"], second["totalAmountIncludingTax"]) == (
        Decimal("70.00"),
        Decimal("99.00"),
    )
    assert await world.open_everywhere() == []
    for name in ("default", "north"):
        record = await world.app.store.get(RecordRef(name, "invoice", ours))
        assert record is not None
        assert record.links["sales_invoice"].step == "done"


async def test_each_site_is_swept_by_its_own_connection(world: Companies) -> None:
    await world.put("north", world.document(site="north"))
    await north_invoice(world, "North", "99.00")
    await world.app.sweeper.catch_up("default", "invoice")
    await world.drain()
    assert world.rows_in(DEVICES, "salesInvoices") == []
    await world.app.sweeper.catch_up("north", "invoice")
    await world.drain()
    assert len(world.rows_in(DEVICES, "salesInvoices")) == 1


async def test_a_callback_of_one_site_is_refused_at_the_address_of_another(world: Companies) -> None:
    told = world.app.telemetry = Recorder()
    await world.put("north", world.document(site="north"))
    first, second = await world.app.verifier("default"), await world.app.verifier("north")
    assert first is not None
    assert second is not None
    assert first is not second
    assert await world.app.verifier("nobody") is None
    await world.app.keep_hooks("north")
    [entry, *_] = [row for row in world.north.store.rows("CallbackEntry") if row["type"].lower() == "company"]
    entry["url"] = entry["url"].replace("/north?", "/default?")
    await north_invoice(world, "Forged", "1.00")
    await world.north_rest()
    refused = {"connection": "default", "system": "ConnectWise", "outcome": "refused"}
    assert (EVENTS, refused) in told.figures
    assert await world.app.store.get(RecordRef("default", "company", "1001")) is None


async def test_a_connection_whose_secret_is_missing_stops_alone(world: Companies) -> None:
    world.settings.pop("NORTH__CONNECTWISE_PRIVATE_KEY")
    await world.restart()
    stored = await world.put("north", world.document(site="north"))
    assert stored["missing_secrets"] == ["north-connectwise-private-key"]
    north = await world.app.connections.get("north")
    with pytest.raises(StopConnection) as stopped:
        await north.connectwise.read("company/companies/1")
    assert stopped.value.cause == "secret"
    buyer = await world.buyer("Fine")
    await world.sync("company", buyer)
    assert len(world.rows_in(SERVICES, "customers")) == 1
