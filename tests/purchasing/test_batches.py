"""What is marked as exported in ConnectWise: packing slips, freight and tax, exactly once and only when received."""

from decimal import Decimal

from shared.entities.receipt_batches import MOST_IDENTIFIER
from tests.conformance.purchasing import Purchasing
from tests.purchasing.support import ORDER, RECEIPT, held, open_items, retry

FREIGHT = Decimal("12.50")


async def test_one_batch_for_each_packing_slip(work: Purchasing) -> None:
    record = await work.synced(work.line(10), work.line(5, "CABLE", tax=Decimal("1.10")))
    await work.receive(record, 4, slip="S1")
    await work.receive(record, 2, "CABLE", slip="S1")
    await work.receive(record, 3, slip="S2")
    await work.sync(record)
    number = work.source(record)["poNumber"]
    assert [name[11:] for name in work.batches(record)] == [f"P{number}-S1", f"P{number}-S2"]
    work.check_received(record)
    assert work.batched(record) == Decimal("634.43")


async def test_the_same_packing_slip_twice_and_none_at_all(work: Purchasing) -> None:
    record = await work.synced()
    for slip in ("S1", "S1", "", ""):
        await work.receive(record, 2, slip=slip)
        await work.sync(record)
    number = work.source(record)["poNumber"]
    names = [name[11:] for name in work.batches(record)]
    assert names == [f"P{number}-S1", f"P{number}-S1-2", f"P{number}", f"P{number}-2"]
    work.check_received(record)


async def test_long_packing_slips_give_names_that_fit(work: Purchasing) -> None:
    record = await work.synced()
    for end in "AB":
        await work.receive(record, 2, slip="9" * 49 + end)
    await work.sync(record)
    names = work.batches(record)
    assert len(set(names)) == 2
    assert max(map(len, names)) <= MOST_IDENTIFIER
    work.check_received(record)


async def test_freight_is_a_note_and_is_marked_with_the_last_receipt(work: Purchasing) -> None:
    record = await work.synced(work.line(2), work.line(1, "CABLE"), freightCost=FREIGHT)
    [order] = work.orders(record)
    comments = work.world.bc_records("purchaseOrderLines", documentId=order["id"], lineType="Comment")
    assert "Freight 12.5 in ConnectWise: enter it with the vendor's bill" in [
        row["description"] for row in comments
    ]
    await work.receive(record, 2, slip="S1")
    await work.sync(record)
    assert work.batched(record) == Decimal("179.80")
    await work.receive(record, 1, "CABLE", slip="S2")
    await work.sync(record)
    assert work.batched(record) == Decimal("179.80") + Decimal("2.35") + FREIGHT
    work.check_received(record)


async def test_freight_with_an_account_is_received_with_the_last_receipt(work: Purchasing) -> None:
    await work.options(freight_account="5100")
    record = await work.order(work.line(2), work.line(1, "CABLE"), freightCost=FREIGHT)
    await work.sync(record)
    [line] = [row for row in work.order_lines(record) if row["lineType"] == "Account"]
    assert (line["lineObjectNumber"], line["amountIncludingTax"]) == ("5100", FREIGHT)
    await work.receive(record, 2, slip="S1")
    await work.sync(record)
    assert work.line_of(record, "5100")["receivedQuantity"] == 0
    await work.receive(record, 1, "CABLE", slip="S2")
    await work.sync(record)
    assert work.line_of(record, "5100")["receivedQuantity"] == 1
    [order] = work.orders(record)
    assert order["fullyReceived"]
    work.check_received(record)
    assert await open_items(work) == []


async def test_freight_that_comes_after_the_first_receipt(work: Purchasing) -> None:
    """The goods are received; the batch with the freight waits until a person has made the line."""
    await work.options(freight_account="5100")
    record = await work.synced(work.line(2))
    await work.receive(record, 1, slip="S1")
    await work.sync(record)
    await work.world.cw(f"purchaseOrders/{record}", {"freightCost": FREIGHT})
    await work.receive(record, 1, slip="S2")
    await work.sync(record)
    order = await held(work, ORDER, "by_hand")
    assert "add a line Account 5100" in order.todo
    await held(work, RECEIPT, "line_missing")
    assert work.line_of(record)["receivedQuantity"] == 2
    assert len(work.batches(record)) == 1
    await work.at_bc(record, "reopen")
    [target] = work.orders(record)
    line = {"lineType": "Account", "lineObjectNumber": "5100", "quantity": 1, "directUnitCost": FREIGHT}
    line |= {"description": f"Freight of {work.source(record)['poNumber']}", "taxCode": "NONTAXABLE"}
    await work.world.bc_call("POST", f"purchaseOrders({target['id']})/purchaseOrderLines", line)
    await retry(work, ORDER)
    await retry(work, RECEIPT)
    work.check_received(record)
    assert work.line_of(record, "5100")["receivedQuantity"] == 1
    assert len(work.batches(record)) == 2
    assert await open_items(work) == []


async def test_a_receipt_during_the_pass_waits_for_the_next_one(work: Purchasing) -> None:
    """What ConnectWise exports by then is more than was received in Business Central, so nothing is marked yet."""
    record = await work.synced()
    await work.receive(record, 4, slip="S1")

    async def receive() -> None:
        await work.receive(record, 2, slip="S1")

    await work.world.before("business_central.act", receive)
    await work.sync(record)
    work.check_received(record)
    assert work.receipt_quantities(record) == [4, 2]
    assert len(work.batches(record)) == 1


async def test_only_what_is_received_is_marked(work: Purchasing) -> None:
    """The receipt of one line is held; the packing slip of the other is marked all the same."""
    record = await work.synced(work.line(10), work.line(5, "CABLE"))
    await work.receive_at_bc(record, 9)
    await work.receive(record, 4, slip="S1")
    await work.receive(record, 5, "CABLE", slip="S2")
    await work.sync(record)
    await held(work, RECEIPT, "received_less")
    number = work.source(record)["poNumber"]
    assert [name[11:] for name in work.batches(record)] == [f"P{number}-S2"]
    assert work.line_of(record, "CABLE")["receivedQuantity"] == 5
