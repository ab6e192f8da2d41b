"""The policy by which each receipt becomes a purchase invoice of the vendor."""

from decimal import Decimal
from itertools import count

import pytest

from sandbox.kit import Fault, Json
from shared.domain.records import State
from tests.conformance.purchasing import Purchasing
from tests.conformance.taps import Crash
from tests.purchasing.support import BILL, ORDER, held, open_items, retry


@pytest.fixture
async def billing(work: Purchasing) -> Purchasing:
    """The same people, with the other policy."""
    await work.options(vendor_bills="purchase_invoice")
    return work


def numbers(work: Purchasing) -> list[str]:
    """The vendor invoice numbers that are posted."""
    return sorted(row["vendorInvoiceNumber"] for row in work.bills() if row["status"] == "Open")


def total(work: Purchasing) -> Decimal:
    """What the posted bills come to."""
    return sum(
        (row["totalAmountIncludingTax"] for row in work.bills() if row["status"] == "Open"), Decimal(0)
    )


def check(work: Purchasing, record: str) -> None:
    """Asserts: bills and batches come to the same, nothing is left, nothing was received on an order."""
    assert total(work) == work.batched(record)
    assert work.unposted(record) == []
    assert work.world.bc_records("purchaseReceipts") == []


async def test_one_receipt_is_one_bill(billing: Purchasing) -> None:
    work = billing
    lines = (work.line(10, tax=Decimal("9.99")), work.line(3, "CABLE"))
    record = await work.order(*lines, vendorInvoiceNumber="V-100", freightCost=Decimal("12.50"))
    await work.sync(record)
    assert len(work.order_lines(record)) == 2
    for item, quantity in (("SWITCH", 10), ("CABLE", 3)):
        await work.receive(record, quantity, item, slip="S1")
    await work.sync(record)
    assert numbers(work) == ["V-100"]
    assert total(work) == Decimal("899.00") + Decimal("7.04") + Decimal("9.99") + Decimal("12.50")
    check(work, record)
    assert work.orders(record) == []
    assert await open_items(work) == []


async def test_the_order_is_what_is_still_expected(billing: Purchasing) -> None:
    work = billing
    record = await work.order(vendorInvoiceNumber="V-100")
    await work.sync(record)
    await work.receive(record, 4, slip="S1")
    await work.sync(record)
    assert work.line_of(record)["quantity"] == 6
    await work.receive(record, 6, slip="S2")
    await work.sync(record)
    assert work.orders(record) == []
    assert numbers(work) == ["V-100-S1", "V-100-S2"]
    check(work, record)
    assert await open_items(work) == []
    traffic = work.world.traffic()
    await work.sync(record)
    assert (traffic.writes, traffic.calls) == (0, 2), traffic.routes


async def test_receipts_without_packing_slip_that_come_to_the_same(billing: Purchasing) -> None:
    """Two bills of the same vendor, day and amount are never taken for one."""
    work = billing
    record = await work.order(vendorInvoiceNumber="V-100")
    for _ in range(3):
        await work.receive(record, 2)
        await work.sync(record)
    assert numbers(work) == ["V-100", "V-100-2", "V-100-3"]
    check(work, record)
    assert len(work.batches(record)) == 3


async def test_without_a_vendor_invoice_number_it_is_held(billing: Purchasing) -> None:
    work = billing
    record = await work.order()
    await work.receive(record, 10, slip="S1")
    await work.sync(record)
    await held(work, BILL, "vendor_invoice_number")
    await work.world.cw(f"purchaseOrders/{record}", {"vendorInvoiceNumber": "V-7"})
    await work.sync(record)
    assert numbers(work) == ["V-7"]
    check(work, record)
    assert await open_items(work) == []


async def test_number_that_the_vendor_used_before_is_held(billing: Purchasing) -> None:
    """One bill for two orders that come to the same is never taken for both."""
    work = billing
    first = await work.order(vendorInvoiceNumber="V-100")
    await work.receive(first, 10, slip="S1")
    await work.sync(first)
    second = await work.order(vendorInvoiceNumber="V-100")
    await work.receive(second, 10, slip="S9")
    await work.sync(second)
    await held(work, BILL, "number_taken")
    assert work.batches(second) == []
    await work.world.cw(f"purchaseOrders/{second}", {"vendorInvoiceNumber": "V-101"})
    await retry(work, BILL)
    assert numbers(work) == ["V-100", "V-101"]
    assert await open_items(work) == []


async def test_vendor_and_items_are_waited_for(billing: Purchasing) -> None:
    work = billing
    await work.world.cw("billingTerms", {"name": "By arrangement", "dueDays": 30})
    work.vendor = await work.company("Later", billingTerms={"name": "By arrangement"})
    record = await work.order(vendorInvoiceNumber="V-1")
    await work.receive(record, 10, slip="S1")
    await work.sync(record)
    assert work.bills() == []
    await work.world.cw(f"companies/{work.vendor}", {"billingTerms": {"name": "Net 30"}})
    await work.world.sync("company", work.vendor)
    await work.world.sweep("purchase_order")
    assert numbers(work) == ["V-1"]
    check(work, record)


async def test_crash_after_each_step(billing: Purchasing) -> None:
    work, world = billing, billing.world
    billed = Decimal(0)
    for steps in count(1):
        record = await work.order(vendorInvoiceNumber=f"V-{steps}")
        await work.receive(record, 4, slip="S1")
        await work.receive(record, 6, slip="S2")
        fuse = await world.die_after(steps)
        await world.hint("purchase_order", record)
        try:
            await world.drain()
        except Crash:
            await world.restart()
            await work.options(vendor_bills="purchase_invoice")
            await world.drain()
        billed += work.batched(record)
        assert work.batched(record) == Decimal("899.00")
        assert total(work) == billed
        assert numbers(work)[-2:] or steps
        assert len(work.bills()) == 2 * steps
        assert await open_items(work) == []
        if not fuse.burnt:
            break
    assert steps > 8


@pytest.mark.parametrize("kind", ["lost", "cut"])
@pytest.mark.parametrize("route", ["POST /api/v2.0", "Microsoft.NAV.post", "/batches"])
async def test_answer_lost(billing: Purchasing, kind: str, route: str) -> None:
    work = billing
    record = await work.order(vendorInvoiceNumber="V-1")
    await work.sync(record)
    await work.receive(record, 4, slip="S1")
    faults = []
    for system in ("connectwise", "business_central"):
        faults.append(Fault(kind, route=route, times=1))  # type: ignore[arg-type]
        work.world.fault(system, faults[-1])
    await work.sync(record)
    assert min(fault.times for fault in faults) == 0
    assert numbers(work) == ["V-1-S1"]
    check(work, record)
    assert await open_items(work) == []


async def test_foreign_currency(billing: Purchasing) -> None:
    work = billing
    rows = work.world.cw_records("Finance.Currency")
    currency = {"id": next(row["id"] for row in rows if row["currencyIdentifier"] == "EUR")}
    record = await work.order(
        work.line(7, unitCost=Decimal("1.337")), currency=currency, vendorInvoiceNumber="V-1"
    )
    await work.receive(record, 7, slip="S1")
    await work.sync(record)
    [bill] = work.bills()
    assert (bill["currencyCode"], bill["totalAmountIncludingTax"]) == ("EUR", Decimal("9.36"))
    check(work, record)


async def test_drafts_for_the_accountant(billing: Purchasing) -> None:
    work, world = billing, billing.world
    rules: Json = '{"rules": [{"entity": "vendor_bill", "do": "draft"}]}'
    await world.app.desk.save_workflow("default", rules)
    record = await work.order(vendorInvoiceNumber="V-1")
    await work.receive(record, 10, slip="S1")
    await work.sync(record)
    [draft] = work.bills()
    assert (draft["status"], work.batches(record)) == ("Draft", [])
    await world.bc("post", {"set": "purchaseInvoices", "key": draft["id"]})
    await world.sweep("purchase_order")
    assert numbers(work) == ["V-1"]
    check(work, record)


@pytest.mark.parametrize("first", ["accounts_payable", "purchase_invoice"])
async def test_an_order_ends_by_the_policy_by_which_it_began(work: Purchasing, first: str) -> None:
    """The option may change while orders are half received: none is received and billed, or neither."""
    second = {"accounts_payable": "purchase_invoice", "purchase_invoice": "accounts_payable"}[first]
    await work.options(vendor_bills=first)
    record = await work.order(vendorInvoiceNumber="V-1")
    await work.receive(record, 4, slip="S1")
    await work.sync(record)
    await work.options(vendor_bills=second)
    await work.receive(record, 6, slip="S2")
    await work.sync(record)
    if first == "accounts_payable":
        work.check_received(record)
    else:
        assert numbers(work) == ["V-1-S1", "V-1-S2"]
        check(work, record)
    assert await open_items(work) == []


async def test_taken_out_of_its_batch_is_held_and_not_billed_again(billing: Purchasing) -> None:
    work = billing
    record = await work.order(vendorInvoiceNumber="V-1")
    await work.receive(record, 10, slip="S1")
    await work.sync(record)
    await work.world.cw(f"purchaseOrders/{record}/unbatch")
    await work.sync(record)
    item = await held(work, BILL, "unbatched")
    assert item.state is State.HELD
    assert numbers(work) == ["V-1"]
    await work.world.cw(f"purchaseOrders/{record}/rebatch")
    await work.sync(record)
    assert await open_items(work) == []
    assert await work.world.work(ORDER) == []
