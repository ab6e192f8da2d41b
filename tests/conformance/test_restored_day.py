"""A day goes on with tables that were restored from an older backup, and nothing is posted twice."""

import uuid
from decimal import Decimal

from shared.adapters.storage.archive import restore, save
from shared.adapters.storage.clients import SETTING, open_storage
from shared.domain.records import State
from tests.conformance.invoicing import Invoicing
from tests.conformance.scenes import set_up
from tests.conformance.world import World


async def test_what_was_done_after_the_backup_is_found_and_not_done_again(world: World) -> None:
    people = Invoicing(world)
    await set_up(world, people, people.open)
    before = await people.invoice(people.lines())
    await world.sync("invoice", before)
    assert world.app.storage is not None
    lines = [line async for line in save(world.app.storage, world.clock.now())]

    after = await people.invoice(people.lines("10.00"))
    await world.sync("invoice", after)
    newcomer = await people.company("Newcomer")
    await world.sync("company", newcomer)
    first = await number(world, before)
    assert await number(world, after)

    world._prefix = "r" + uuid.uuid4().hex[:16]
    empty = open_storage({SETTING: world.azurite.connection_string()}, prefix=world._prefix)
    await empty.prepare()
    assert await restore(empty, lines) == len(lines) - 2
    await empty.close()
    await world.restart()
    assert await world.app.desk.record("default", "sales_invoice", after) is None

    for subject in ("company", "catalog_item", "invoice"):
        await world.sweep(subject)
    unseen = await people.invoice(people.lines("25.00"))
    await world.sync("invoice", unseen)
    for record in (before, after, newcomer):
        await world.sync("company" if record == newcomer else "invoice", record)

    assert await number(world, before) == first
    assert (await world.link("company", newcomer, "customer")).state is State.DONE
    company = next(iter(world.business_central.environment.store.companies.values()))
    assert len(company.all("salesInvoices")) == 3
    assert len(company.all("customers")) == 2
    total = sum((people.billed(record) for record in (before, after, unseen)), Decimal(0))
    assert sum(row.values["totalAmountIncludingTax"] for row in company.all("salesInvoices")) == total
    assert await world.work("sales_invoice") == []


async def number(world: World, record: str) -> str | None:
    link = await world.link("invoice", record, "sales_invoice")
    assert link.state is State.DONE
    return link.target_number
