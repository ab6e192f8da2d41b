"""Payments where there is no analytics API: over the two published pages, and what happens with neither."""

from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any, Final

import pytest

from shared.adapters.business_central.ledger_pages import CUSTOMER_LEDGER, DETAILED_LEDGER
from shared.app import DEFAULT
from shared.domain.records import State
from shared.reconcile.ledger import FIELDS
from tests.conformance.failures import FAILURES
from tests.conformance.invoicing import Invoicing
from tests.conformance.scenes import set_up
from tests.conformance.test_payment import TestPayment as PaymentConformance
from tests.conformance.world import World

SERVICES: Final = {CUSTOMER_LEDGER: "25", DETAILED_LEDGER: "573"}
WITHOUT: Final = {"analytics_version": ""}


async def publish(world: World) -> None:
    """Has an administrator publish both pages."""
    for name, page in SERVICES.items():
        await world.bc("web-services/publish", {"name": name, "page": page})


@pytest.mark.thorough
class TestPaymentOverPages(PaymentConformance):
    """Everything that payments promise, on a server that has no analytics API."""

    calls_when_changed = 9
    """Each look into the ledger is followed by one that finds the entries of the documents in it."""

    async def prepare(self, world: World) -> None:
        await world.bc("settings", WITHOUT)
        await publish(world)
        await super().prepare(world)

    @pytest.mark.parametrize("system", ["business_central"])
    async def test_each_call_fails_once(self, scene: World, system: str) -> None:
        """The calls of ConnectWise are the same ones as with the analytics API."""
        await super().test_each_call_fails_once(scene, system)

    @pytest.mark.thorough
    @pytest.mark.parametrize("kind", FAILURES)
    @pytest.mark.parametrize("system", ["business_central"])
    async def test_any_call_fails_in_any_way(self, scene: World, system: str, kind: str) -> None:
        await super().test_any_call_fails_in_any_way(scene, system, kind)


@pytest.fixture
async def work(world: World) -> AsyncIterator[Invoicing]:
    """A paying customer in a company without the analytics API and with both pages."""
    await world.bc("settings", WITHOUT)
    await publish(world)
    work = Invoicing(world)
    await set_up(world, work, work.open)
    yield work
    assert set(world.business_central.environment.postings.values()) <= {1}


async def posted(work: Invoicing, **values: Any) -> str:
    """An invoice of 334.79 that is posted."""
    record = await work.invoice(work.lines(), **values)
    await work.world.sync("invoice", record)
    work.check_posted(record)
    return record


async def sweep(work: Invoicing) -> None:
    """Lets the sweep find what was paid; twice, because the second must change nothing."""
    await work.world.sweep("settlement")
    traffic = work.world.traffic()
    await work.world.sweep("settlement")
    assert traffic.writes == 0, traffic.routes
    assert await work.world.work("payment") == []


@pytest.mark.parametrize("analytics", ["v1.0", ""], ids=["analytics", "pages"])
async def test_an_invoice_that_is_applied_to_a_payment(work: Invoicing, analytics: str) -> None:
    """Applied from the invoice's side, its own entry only mirrors it; it is paid all the same."""
    await work.world.bc("settings", {"analytics_version": analytics})
    record = await posted(work)
    [document] = work.documents(record)
    body = {"customerNumber": document["customerNumber"], "amount": Decimal("100.00"), "documentNumber": "P1"}
    await work.world.bc("ledger/post", body)
    applications = [{"documentNumber": "P1", "amount": Decimal("60.00")}]
    applied = {"documentNumber": document["number"], "applications": applications}
    await work.world.bc("ledger/apply", applied)
    await sweep(work)
    work.check_paid(record, "60.00")
    await apply(work, "P1", record, "40.00")
    await sweep(work)
    work.check_paid(record, "100.00")
    await work.world.bc("ledger/unapply", {"documentNumber": document["number"]})
    await sweep(work)
    assert work.source(record)["balance"] == work.remaining(record)
    await work.world.bc("ledger/unapply", {"documentNumber": "P1"})
    await sweep(work)
    work.check_paid(record)


async def apply(work: Invoicing, payment: str, record: str, part: str) -> None:
    """Applies a payment that was posted before."""
    [document] = work.documents(record)
    applications = [{"documentNumber": document["number"], "amount": Decimal(part)}]
    await work.world.bc("ledger/apply", {"documentNumber": payment, "applications": applications})


async def test_one_over_several_then_unapplied_and_applied_anew(work: Invoicing) -> None:
    first, second = await posted(work), await posted(work)
    await work.pay({first: "300.00", second: "34.79"}, documentNumber="P1")
    await sweep(work)
    work.check_paid(first, "300.00")
    work.check_paid(second, "34.79")
    await work.world.bc("ledger/unapply", {"documentNumber": "P1"})
    await sweep(work)
    work.check_paid(first)
    work.check_paid(second)
    await apply(work, "P1", second, "334.79")
    await sweep(work)
    work.check_paid(first)
    work.check_paid(second, "334.79")


async def test_foreign_currency_discount_and_credit_memo(work: Invoicing) -> None:
    rows = work.world.cw_records("Finance.Currency")
    euro = {"id": next(row["id"] for row in rows if row["currencyIdentifier"] == "EUR")}
    foreign, discounted, credited = await posted(work, currency=euro), await posted(work), await posted(work)
    await work.pay({foreign: "33.33"}, documentNumber="P1", currencyCode="EUR", rate=Decimal("1.237"))
    [document] = work.documents(discounted)
    application = {"documentNumber": document["number"], "amount": Decimal("334.79")}
    body = {"customerNumber": document["customerNumber"], "amount": Decimal("330.00"), "documentNumber": "P2"}
    discount = {"applications": [application | {"discount": Decimal("4.79")}]}
    await work.world.bc("ledger/post", body | discount)
    await work.pay({credited: "34.79"}, documentNumber="M1", documentType="Credit_x0020_Memo")
    await sweep(work)
    work.check_paid(foreign, "33.33")
    work.check_paid(discounted, "334.79")
    assert "credit memo M1 34.79" in work.source(credited)["internalNotes"]


async def test_both_ways_tell_the_same(work: Invoicing) -> None:
    """Whatever happened in the ledger: every row of the pages is the row of the analytics query."""
    first, second = await posted(work), await posted(work)
    await work.pay({first: "100.00", second: "20.00"}, documentNumber="P1")
    await work.pay({first: "34.79"}, documentNumber="M1", documentType="Credit_x0020_Memo")
    await work.pay({second: "10.00"}, amount="50.00", documentNumber="P2")
    await work.world.bc("ledger/unapply", {"documentNumber": "P1"})
    await apply(work, "P1", second, "120.00")
    over_pages = await rows(work)
    await work.world.bc("settings", {"analytics_version": "v1.0"})
    await work.world.restart()
    assert over_pages == await rows(work)
    assert len(over_pages) > 12


async def rows(work: Invoicing) -> list[dict[str, Any]]:
    """The whole ledger as the product reads it, with enum members as people read them."""
    system = (await work.world.connection()).business_central
    found = [row async for page in system.ledger(FIELDS) for row in page]
    plain = [{name: _plain(row[name]) for name in FIELDS} for row in found]
    return sorted(plain, key=lambda row: int(row["dcleEntryNo"]))


def _plain(value: Any) -> Any:
    return value.replace("_x0020_", " ") if isinstance(value, str) else value


async def test_without_a_ledger_the_standing_arrives_and_the_payment_waits(world: World) -> None:
    await world.bc("settings", WITHOUT)
    work = Invoicing(world)
    await set_up(world, work, work.open)
    record = await posted(work)
    await work.pay({record: "34.79"}, documentNumber="P1")
    await world.app.sweeper.payments(DEFAULT, full=True)
    await world.run()
    [item] = await world.work("payment")
    assert (item.state, item.cause) == (State.RETRYING, "analytics_absent")
    assert "publish both pages" in item.todo
    assert work.payments(record) == []
    assert ", open 300.00]" in work.source(record)["internalNotes"]
    other = await work.invoice(work.lines())
    await world.hint("invoice", other)
    await world.run()
    work.check_posted(other)
    await publish(world)
    assert await world.app.desk.retry(DEFAULT, cause="analytics_absent") == 1
    await world.drain()
    work.check_paid(record, "34.79")
    work.check_paid(other)
    await sweep(work)
