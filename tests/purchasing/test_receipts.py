"""Partial receipts: in any order, with duplicates, after crashes and lost answers, nothing is received twice."""

import random
from datetime import UTC, datetime
from decimal import Decimal
from itertools import count

import pytest

from sandbox.kit import Fault
from shared.domain.records import State
from shared.engine.entity import VERIFY
from tests.conformance.purchasing import Purchasing
from tests.conformance.taps import Crash
from tests.purchasing.support import ORDER, RECEIPT, held, open_items, retry

ACT = "receiveAndInvoice"


@pytest.mark.parametrize("seed", range(4))
async def test_ten_partial_receipts_in_any_order_with_duplicates(work: Purchasing, seed: int) -> None:
    chance, world = random.Random(seed), work.world
    record = await work.synced(work.line(60), work.line(60, "CABLE"))
    hints = []
    for number in range(10):
        item = chance.choice(("SWITCH", "CABLE"))
        await work.receive(record, chance.randint(1, 6), item, slip=f"S{number}")
        hints += [world.envelope("purchase_order", record)] * chance.randint(0, 3)
        if chance.random() < 0.4:
            chance.shuffle(hints)
            for hint in hints:
                await world.deliver(hint)
    for hint in reversed(hints):
        await world.deliver(hint)
    await work.sync(record)
    work.check(record)
    work.check_received(record)
    assert len(work.batches(record)) == 10
    assert await open_items(work) == []


async def test_a_split_line_stays_one_line(work: Purchasing) -> None:
    record = await work.synced()
    line = work.line_of(record)
    for number in range(3):
        await work.receive(record, 2, slip=f"S{number}")
        await work.sync(record)
        assert work.line_of(record)["id"] == line["id"]
        assert work.line_of(record)["quantity"] == 10
    assert len(work.lines(record)) == 4
    await work.receive(record, 4, slip="S3")
    await work.sync(record)
    [order] = work.orders(record)
    assert order["fullyReceived"]
    assert work.receipt_quantities(record) == [2, 2, 2, 4]
    work.check_received(record)


async def test_lines_that_agree_are_received_together(work: Purchasing) -> None:
    record = await work.synced(work.line(5), work.line(7), work.line(3, unitCost=Decimal("80.00")))
    assert sorted(row["quantity"] for row in work.order_lines(record)) == [3, 12]
    first = work.lines(record)[1]
    await work.world.cw(f"purchaseOrderLines/{first['id']}/receive", {"quantity": 7, "packingSlip": "S1"})
    await work.sync(record)
    assert sorted(row["receivedQuantity"] for row in work.order_lines(record)) == [0, 7]
    work.check_received(record)


async def test_order_and_receipt_arrive_together(work: Purchasing) -> None:
    record = await work.order()
    await work.receive(record, 10, slip="S1")
    await work.sync(record)
    work.check(record)
    work.check_received(record)
    assert await open_items(work) == []


async def test_the_rest_is_dropped_with_the_first_receipt(work: Purchasing) -> None:
    record = await work.synced()
    await work.receive(record, 6, rest="cancel")
    await work.sync(record)
    work.check(record)
    work.check_received(record)
    assert work.line_of(record)["quantity"] == 6


async def test_a_receipt_without_a_callback_is_found_by_the_sweep(work: Purchasing) -> None:
    record = await work.synced()
    await work.world.sweep("purchase_order")
    await work.world.cw("settings", {"receipt_fires_purchaseorder_callback": False})
    await work.receive(record, 4, slip="S1")
    await work.receive(record, 3, slip="S2")
    await work.world.sweep("purchase_order")
    work.check_received(record)


async def test_posted_with_the_day_of_the_receipt(work: Purchasing) -> None:
    day = f"{datetime.now(UTC).year - 1}-11-30"
    record = await work.synced()
    await work.receive(record, 4, slip="S1", dateReceived=f"{day}T00:00:00Z")
    await work.sync(record)
    [receipt] = work.receipts(record)
    assert receipt["postingDate"] == day
    [batch] = work.batches(record)
    assert batch.startswith(f"{day}-P")


async def test_a_closed_period_holds_before_anything_is_written(work: Purchasing) -> None:
    year = datetime.now(UTC).year
    record = await work.synced()
    await work.receive(record, 4)
    await work.world.bc("posting-window", {"from": f"{year + 1}-01-01", "to": f"{year + 1}-12-31"})
    await work.world.restart()
    await work.sync(record)
    await held(work, RECEIPT, "posting_window")
    await work.world.bc("posting-window", {"from": f"{year}-01-01", "to": f"{year + 1}-12-31"})
    await work.world.restart()
    await retry(work, RECEIPT)
    work.check_received(record)


@pytest.mark.parametrize("kind", ["lost", "cut", "reset", "html"])
async def test_answer_lost_on_the_posting(work: Purchasing, kind: str) -> None:
    record = await work.synced()
    await work.receive(record, 4, slip="S1")
    fault = Fault(kind, route=ACT, times=1)  # type: ignore[arg-type]
    work.world.fault("business_central", fault)
    await work.sync(record)
    assert fault.times == 0
    work.check_received(record)
    assert work.receipt_quantities(record) == [4]
    assert await open_items(work) == []


async def test_answer_lost_again_and_again(work: Purchasing) -> None:
    record = await work.synced()
    await work.receive(record, 4, slip="S1")
    work.world.fault(
        "business_central", Fault("lost", route=ACT), Fault("lost", route="purchaseOrders(", rate=0.3)
    )
    await work.sync(record)
    work.world.fault("business_central")
    await work.sync(record)
    work.check_received(record)
    assert work.receipt_quantities(record) == [4]


async def test_a_posting_that_is_carried_out_late(work: Purchasing) -> None:
    """The answer is lost and nothing is posted yet: Business Central may still do it, so that is waited for."""
    world = work.world
    record = await work.synced()
    await work.receive(record, 4, slip="S1")
    world.fault("business_central", Fault("reset", route=ACT, times=1))
    await world.hint("purchase_order", record)
    await world.run()
    [item] = await world.work(RECEIPT)
    assert (item.state, item.cause) == (State.RETRYING, "posting_unknown")
    assert work.receipts(record) == []
    await work.at_bc(record, "post", invoice=False)
    await world.drain()
    work.check_received(record)
    assert work.receipt_quantities(record) == [4]


async def test_nothing_is_posted_until_a_lost_posting_cannot_come_any_more(work: Purchasing) -> None:
    world = work.world
    record = await work.synced()
    await work.receive(record, 4, slip="S1")
    world.fault("business_central", Fault("reset", route=ACT, times=1))
    await world.hint("purchase_order", record)
    await world.run()
    traffic = world.traffic()
    await world.app.desk.retry("default", RECEIPT)
    await world.run()
    assert traffic.writes == 0, traffic.routes
    await world.drain()
    work.check_received(record)
    assert work.receipt_quantities(record) == [4]


async def test_crash_after_each_step_of_a_second_receipt(work: Purchasing) -> None:
    world = work.world
    for steps in count(1):
        record = await work.synced(work.line(10), work.line(10, "CABLE"), freightCost=Decimal("7.50"))
        await work.receive(record, 4, slip="S1")
        await work.sync(record)
        await work.receive(record, 3, slip="S2")
        await work.receive(record, 10, "CABLE", slip="S2")
        fuse = await world.die_after(steps)
        await world.hint("purchase_order", record)
        try:
            await world.drain()
        except Crash:
            await world.restart()
            await world.drain()
        work.check_received(record)
        assert work.receipt_quantities(record) == [4, 3]
        assert len(work.batches(record)) == 2
        assert await open_items(work) == []
        batches = (await world.link("purchase_order", record, RECEIPT)).facts["batches"]
        assert [one["done"] for one in batches.values()] == [True, True], (
            "a batch that is not known protects nothing"
        )
        if not fuse.burnt:
            break
    assert steps > 8


async def test_somebody_works_on_the_order_meanwhile(work: Purchasing) -> None:
    """A quantity to invoice that appears between the entries and the posting is noticed, and nothing is invoiced."""
    world = work.world
    record = await work.synced()
    await work.receive(record, 4, slip="S1")
    seen: list[str] = []

    async def meddle(call: str) -> None:
        seen.append(call)
        if call == "business_central.change" and seen.count(call) == 2:
            await world.bc_call(
                "PATCH", f"purchaseOrderLines({work.line_of(record)['id']})", {"invoiceQuantity": 1}
            )

    await world.tap(after=meddle)
    await work.sync(record)
    work.check_received(record)
    assert work.receipt_quantities(record) == [4]


async def test_accounts_payable_invoices_between_two_receipts(work: Purchasing) -> None:
    record = await work.synced()
    await work.receive(record, 4, slip="S1")
    await work.sync(record)
    await work.at_bc(record, "vendor-invoice", vendorInvoiceNumber="V-1")
    line = work.line_of(record)
    for name, quantity in (("receiveQuantity", 0), ("invoiceQuantity", 4)):
        await work.world.bc_call("PATCH", f"purchaseOrderLines({line['id']})", {name: quantity})
    await work.at_bc(record, "post", receive=False)
    await work.receive(record, 6, slip="S2")
    await work.sync(record)
    line = work.line_of(record)
    assert (line["receivedQuantity"], line["invoicedQuantity"]) == (10, 4)
    assert work.unposted(record) == []
    assert len(work.bills()) == 1
    assert await open_items(work) == []


async def test_received_by_hand_in_business_central_is_not_received_again(work: Purchasing) -> None:
    record = await work.synced()
    await work.receive_at_bc(record, 4)
    await work.receive(record, 6, slip="S1")
    await work.sync(record)
    assert work.receipt_quantities(record) == [4, 2]
    work.check_received(record)


async def test_over_receipt_is_held_and_goes_on(work: Purchasing) -> None:
    """The order grew in ConnectWise after the first receipt, which Business Central does not let us do."""
    record = await work.synced()
    await work.receive(record, 4, slip="S1")
    await work.sync(record)
    await work.edit_line(work.waiting(record), quantity=8)
    await work.receive(record, 8, slip="S2")
    await work.sync(record)
    over, order = await held(work, RECEIPT, "over_receipt"), await held(work, ORDER, "by_hand")
    assert "set the quantity of line 20000 to 12" in over.todo
    assert "quantity 10 to 12" in order.todo
    assert work.receipt_quantities(record) == [4]
    assert len(work.batches(record)) == 1
    await work.at_bc(record, "reopen")
    await work.world.bc_call("PATCH", f"purchaseOrderLines({work.line_of(record)['id']})", {"quantity": 12})
    await work.sync(record)
    work.check(record)
    work.check_received(record)
    assert await open_items(work) == []


async def test_less_received_in_connectwise_is_held(work: Purchasing) -> None:
    record = await work.synced()
    await work.receive_at_bc(record, 7)
    await work.receive(record, 4, slip="S1")
    await work.sync(record)
    item = await held(work, RECEIPT, "received_less")
    assert "Undo the receipt of 3" in item.todo
    assert work.batches(record) == []
    await work.receive(record, 3, slip="S2")
    await work.sync(record)
    work.check_received(record)
    assert work.receipt_quantities(record) == [7]


async def test_undone_in_connectwise_is_held(work: Purchasing) -> None:
    """The receipt was undone in ConnectWise before anything could mark it as exported."""
    record = await work.synced(work.line(10), work.line(1, "CABLE"))
    await work.receive_at_bc(record, 10)
    await work.receive(record, 10, slip="S1")
    work.world.fault("connectwise", Fault("status", status=503, route="batches"))
    await work.world.hint("purchase_order", record)
    await work.world.run()
    work.world.fault("connectwise")
    [line] = [row for row in work.lines(record) if row["receivedStatus"] != "Waiting"]
    await work.edit_line(line, receivedStatus="Waiting")
    await work.world.drain()
    await work.sync(record)
    item = await held(work, RECEIPT, "received_less")
    assert "Undo the receipt of 10" in item.todo
    assert work.batches(record) == []


async def test_undone_in_business_central(work: Purchasing) -> None:
    """What a person undoes there is not received again by itself; a comparison that is asked for tells of it."""
    record = await work.synced()
    await work.receive(record, 4, slip="S1")
    await work.sync(record)
    line = work.line_of(record)
    values = {"receivedQuantity": 0}
    await work.world.bc("edit", {"set": "purchaseOrderLines", "key": line["id"], "values": values})
    await work.sync(record)
    hint = work.world.envelope("purchase_order", record)
    hint.options[VERIFY] = True
    await work.world.deliver(hint)
    item = await held(work, RECEIPT, "marked_before")
    assert "receive 4 on line 20000" in item.todo
    assert work.receipt_quantities(record) == [4]
    await work.receive_at_bc(record, 4)
    await retry(work, RECEIPT)
    assert await open_items(work) == []


async def test_what_is_not_exported_by_connectwise_is_tried_again_and_told(work: Purchasing) -> None:
    """A vendor whose number is gone hides the receipt from the accounting interface."""
    world = work.world
    record = await work.synced()
    number = world.cw_record("Company", work.vendor)["vendorIdentifier"]
    await work.receive(record, 4, slip="S1")
    await world.cw(f"companies/{work.vendor}", {"vendorIdentifier": None})
    await world.hint("purchase_order", record)
    await world.run()
    [item] = await world.work(RECEIPT)
    assert (item.state, item.cause) == (State.RETRYING, "no_gl_entries")
    assert item.todo
    await world.cw(f"companies/{work.vendor}", {"vendorIdentifier": number})
    await world.drain()
    work.check_received(record)
    assert work.receipt_quantities(record) == [4]
