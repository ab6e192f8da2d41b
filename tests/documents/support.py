"""What several tests of documents need: records that invoices belong to, options, amounts, the settlement."""

from decimal import Decimal

from sandbox.kit import Json, dumps
from shared.app import DEFAULT
from shared.ports.storage import OpenItem
from tests.conformance.invoicing import Invoicing
from tests.conformance.world import World


def amount(kind: str, text: str, **values: Json) -> Json:
    """A line that is an amount."""
    return {"kind": kind, "amount": Decimal(text), **values}


async def agreement(work: Invoicing, name: str = "Managed services", **values: Json) -> int:
    """An agreement of the payer, or of the company given."""
    body = {"name": name, "company": {"id": int(work.payer)}, **values}
    company = body["company"]
    await work.world.cw("contacts", {"firstName": "Ann", "company": company})
    return int((await work.world.cw("agreements", body))["id"])


async def project(work: Invoicing, name: str = "Move", **values: Json) -> int:
    """A project of the payer."""
    body = {"name": name, "company": {"id": int(work.payer)}, **values}
    return int((await work.world.cw("projects", body))["id"])


async def options(world: World, **values: Json) -> None:
    """Gives the connection options, as a person does by its document."""
    await world.app.connection_desk.save(DEFAULT, dumps({"options": values}))
    await world.drain()


async def rules(world: World, *given: Json, otherwise: str = "post") -> None:
    """Stores workflow rules."""
    await world.app.desk.save_workflow(DEFAULT, dumps({"rules": list(given), "otherwise": otherwise}))


async def settle(world: World) -> None:
    """Lets the sweep of the customer ledger find what was applied; twice, because the second must change nothing."""
    await world.sweep("settlement")
    traffic = world.traffic()
    await world.sweep("settlement")
    assert traffic.writes == 0, traffic.routes
    assert await world.work("payment") == []


async def the_open_item(world: World, entity: str) -> OpenItem:
    """The only open item of an entity."""
    [item] = await world.work(entity)
    assert item.reason
    return item


def currency(world: World, code: str) -> Json:
    """The reference to a ConnectWise currency."""
    rows = world.cw_records("Finance.Currency")
    return {"id": next(row["id"] for row in rows if row["currencyIdentifier"] == code)}
