"""Orders that change, are cancelled, were received already, or end in Business Central."""

from decimal import Decimal

import pytest

from sandbox.kit import Json
from shared.domain.records import State
from tests.conformance.purchasing import Purchasing
from tests.purchasing.support import ORDER, RECEIPT, held, open_items, release, retry


async def test_lines_are_changed_added_and_removed(work: Purchasing) -> None:
    record = await work.synced(work.line(10), work.line(3, "CABLE"))
    kept = work.line_of(record)
    await work.edit_line(
        work.waiting(record), quantity=12, unitCost=Decimal("91.25"), description="Switch, grey"
    )
    await work.sync(record)
    work.check(record)
    assert work.line_of(record)["id"] == kept["id"]
    await work.world.cw("purchaseOrderLines", work.line(1, "CABLE", unitCost=9, purchaseOrderId=int(record)))
    await work.sync(record)
    work.check(record)
    assert len(work.order_lines(record)) == 3
    await work.world.cw(f"purchaseOrderLines/{work.waiting(record)['id']}/delete")
    await work.sync(record)
    work.check(record)
    assert [row["lineObjectNumber"] for row in work.order_lines(record)] == ["CABLE", "CABLE"]
    await work.world.cw(f"purchaseOrderLines/{work.lines(record)[0]['id']}/cancel_line")
    await work.sync(record)
    work.check(record)
    assert await open_items(work) == []


async def test_another_item_is_another_line(work: Purchasing) -> None:
    record = await work.synced(work.line(10))
    await work.edit_line(work.waiting(record), product={"id": int(work.items["CABLE"])})
    await work.sync(record)
    work.check(record)
    assert [row["lineObjectNumber"] for row in work.order_lines(record)] == ["CABLE"]


async def test_another_vendor_is_another_order(work: Purchasing) -> None:
    record = await work.synced()
    [first] = work.orders(record)
    work.vendor = await work.company("Other")
    await work.world.sync("company", work.vendor)
    await work.world.cw(f"purchaseOrders/{record}", {"vendorCompany": {"id": int(work.vendor)}})
    await work.sync(record)
    work.check(record)
    [second] = work.orders(record)
    assert second["id"] != first["id"]


async def test_lines_that_people_added_stay(work: Purchasing) -> None:
    record = await work.synced()
    [order] = work.orders(record)
    line = {"lineType": "Account", "lineObjectNumber": "5100", "quantity": 1, "directUnitCost": 15}
    await work.world.bc_call("POST", f"purchaseOrders({order['id']})/purchaseOrderLines", line)
    await work.edit_line(work.waiting(record), quantity=12)
    await work.sync(record)
    work.check(record)
    await work.receive(record, 5, slip="S1")
    await work.sync(record)
    work.check_received(record)
    assert sorted(row["receivedQuantity"] for row in work.order_lines(record)) == [0, 5]


async def test_an_order_without_lines_waits_for_them(work: Purchasing) -> None:
    order = await work.world.cw("purchaseOrders", {"vendorCompany": {"id": int(work.vendor)}})
    record = str(order["id"])
    await work.sync(record)
    assert work.orders(record) == []
    await work.world.cw("purchaseOrderLines", work.line(2, purchaseOrderId=order["id"]))
    await work.sync(record)
    work.check(record)


async def test_new_item_on_an_order_is_waited_for(work: Purchasing) -> None:
    world = work.world
    record = await work.synced()
    body: Json = {"identifier": "NEW", "description": "New", "customerDescription": "New", "cost": Decimal(5)}
    body |= {"subcategory": {"name": "Network"}, "type": {"name": "Hardware"}, "productClass": "NonInventory"}
    item = await world.cw("items", body)
    work.items["NEW"] = str(item["id"])
    await world.cw("purchaseOrderLines", work.line(2, "NEW", purchaseOrderId=int(record)))
    await work.sync(record)
    work.check(record)
    assert await open_items(work) == []


@pytest.mark.parametrize("how", ["cancel", "close", "delete"])
async def test_cancelled_while_nothing_is_received(work: Purchasing, how: str) -> None:
    record = await work.synced()
    [order] = work.orders(record)
    await work.world.cw(f"purchaseOrders/{record}/{how}")
    await work.sync(record)
    assert work.world.bc_records("purchaseOrders", id=order["id"]) == []
    assert await open_items(work) == []
    await work.sync(record)
    if how == "close":
        await work.world.cw(f"purchaseOrders/{record}/reopen")
        await work.sync(record)
        work.check(record)
        [again] = work.orders(record)
        assert again["id"] != order["id"]


async def test_cancelled_after_a_receipt_is_held(work: Purchasing) -> None:
    record = await work.synced()
    await work.receive(record, 4, slip="S1")
    await work.sync(record)
    await work.world.cw(f"purchaseOrders/{record}/cancel")
    await work.sync(record)
    item = await held(work, ORDER, "by_hand")
    assert "quantity 10 to 4" in item.todo
    await work.at_bc(record, "reopen")
    await work.world.bc_call("PATCH", f"purchaseOrderLines({work.line_of(record)['id']})", {"quantity": 4})
    await retry(work, ORDER)
    work.check(record)
    work.check_received(record)
    assert await open_items(work) == []


async def test_cancelled_after_a_receipt_by_hand_is_held(work: Purchasing) -> None:
    record = await work.synced()
    await work.receive_at_bc(record, 4)
    await work.world.cw(f"purchaseOrders/{record}/cancel")
    await work.sync(record)
    item = await held(work, ORDER, "by_hand")
    assert "quantity 10 to 4" in item.todo
    await release(work, ORDER, record)
    assert await open_items(work) == []


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"unitCost": Decimal("95.50")}, "direct unit cost 95.5"),
        ({"quantity": 9}, "quantity 10 to 13"),
        ({"description": "Switch, blue"}, '"Switch, blue"'),
    ],
)
async def test_changed_after_a_receipt_is_held_with_the_steps(
    work: Purchasing, values: Json, words: str
) -> None:
    record = await work.synced()
    await work.receive(record, 4, slip="S1")
    await work.sync(record)
    await work.edit_line(work.waiting(record), **values)
    await work.sync(record)
    item = await held(work, ORDER, "by_hand")
    assert words in item.todo
    assert "Reopen PO-" in item.todo
    assert await work.world.work(RECEIPT) == []
    await release(work, ORDER, record)
    assert await open_items(work) == []


async def test_cost_of_what_is_received_changes_before_its_batch(work: Purchasing) -> None:
    """The receipt was taken out of its batch and its cost edited: both entities say so."""
    record = await work.synced()
    await work.receive(record, 10, slip="S1")
    await work.sync(record)
    await work.world.cw(f"purchaseOrders/{record}/unbatch")
    await work.world.cw(f"purchaseOrders/{record}/reopen")
    [line] = work.lines(record)
    await work.edit_line(line, unitCost=Decimal("95.50"))
    await work.sync(record)
    order, receipt = await held(work, ORDER, "by_hand"), await held(work, RECEIPT, "unbatched")
    assert "direct unit cost 89.9 to 95.5" in order.todo
    assert "Rebatch" in receipt.todo
    assert work.receipt_quantities(record) == [10]


async def test_taken_out_of_its_batch_is_held_until_it_is_back(work: Purchasing) -> None:
    record = await work.synced()
    await work.receive(record, 10, slip="S1")
    await work.sync(record)
    await work.world.cw(f"purchaseOrders/{record}/unbatch")
    await work.sync(record)
    item = await held(work, RECEIPT, "unbatched")
    assert work.batches(record)[0] in item.reason
    assert len(work.batches(record)) == 1
    await work.world.cw(f"purchaseOrders/{record}/rebatch")
    await work.sync(record)
    assert await open_items(work) == []
    work.check_received(record)


async def test_a_line_is_added_by_hand_and_then_received(work: Purchasing) -> None:
    """What the hold asks for is recognised when a person has done it."""
    record = await work.synced()
    await work.receive(record, 4, slip="S1")
    await work.sync(record)
    await work.edit_line(work.waiting(record), unitCost=Decimal("95.50"))
    await work.receive(record, 2, slip="S2")
    await work.sync(record)
    await held(work, ORDER, "by_hand")
    await held(work, RECEIPT, "line_missing")
    await work.at_bc(record, "reopen")
    [order] = work.orders(record)
    await work.world.bc_call("PATCH", f"purchaseOrderLines({work.line_of(record)['id']})", {"quantity": 4})
    line = {"lineType": "Item", "lineObjectNumber": "SWITCH", "description": "Switch", "quantity": 6}
    line |= {"directUnitCost": Decimal("95.50"), "taxCode": "NONTAXABLE"}
    await work.world.bc_call("POST", f"purchaseOrders({order['id']})/purchaseOrderLines", line)
    await retry(work, ORDER)
    await retry(work, RECEIPT)
    work.check(record)
    work.check_received(record)
    assert await open_items(work) == []


async def test_exported_by_somebody_else_before_we_received_it(work: Purchasing) -> None:
    world = work.world
    record = await work.synced()
    await work.receive(record, 4, slip="S1")
    entries = world.connectwise.procurement.orders.source.order_entries(
        world.connectwise.store.get("PurchaseOrder", int(record))
    )
    body = {"batchIdentifier": "OTHER", "glInterfaceIdentifier": "Other", "exportProductsFlag": True}
    await world.cw_call(
        "POST", "finance/accounting/batches", body | {"processedRecordIds": [one["id"] for one in entries]}
    )
    await work.sync(record)
    item = await held(work, RECEIPT, "marked_before")
    assert "receive 4" in item.todo
    assert work.receipts(record) == []
    await work.receive_at_bc(record, 4)
    await retry(work, RECEIPT)
    assert await open_items(work) == []
    await work.receive(record, 6, slip="S2")
    await work.sync(record)
    assert work.receipt_quantities(record) == [4, 6]


async def test_orders_from_before_stay_with_who_exported_them(work: Purchasing) -> None:
    """At the start an order may be half received and exported: only what is still to come travels."""
    world = work.world
    record = await work.order(work.line(10), work.line(2, "CABLE"))
    await work.receive(record, 4, slip="OLD")
    await work.receive(record, 2, "CABLE", slip="OLD")
    entries = world.connectwise.procurement.orders.source.order_entries(
        world.connectwise.store.get("PurchaseOrder", int(record))
    )
    body = {"batchIdentifier": "OTHER", "glInterfaceIdentifier": "Other", "exportProductsFlag": True}
    await world.cw_call(
        "POST", "finance/accounting/batches", body | {"processedRecordIds": [one["id"] for one in entries]}
    )
    await work.sync(record)
    assert [(row["lineObjectNumber"], row["quantity"]) for row in work.order_lines(record)] == [("SWITCH", 6)]
    await work.receive(record, 6, slip="NEW")
    await work.sync(record)
    assert work.receipt_quantities(record) == [6]
    assert work.unposted(record) == []
    assert await open_items(work) == []


async def test_an_order_that_is_invoiced_in_full_is_gone_and_stays_so(work: Purchasing) -> None:
    record = await work.synced()
    await work.receive(record, 10, slip="S1")
    await work.sync(record)
    await work.at_bc(record, "vendor-invoice", vendorInvoiceNumber="V-1")
    line = work.line_of(record)
    await work.world.bc_call("PATCH", f"purchaseOrderLines({line['id']})", {"invoiceQuantity": 10})
    await work.at_bc(record, "post", receive=False)
    assert work.orders(record) == []
    await work.world.cw(f"purchaseOrders/{record}", {"internalNotes": "done"})
    await work.sync(record)
    assert await open_items(work) == []
    await work.world.cw(f"purchaseOrders/{record}/unbatch")
    await work.world.cw(f"purchaseOrders/{record}/reopen")
    await work.edit_line(work.lines(record)[0], description="Switch, red")
    await work.world.cw(f"purchaseOrders/{record}/rebatch")
    await work.sync(record)
    item = await held(work, ORDER, "by_hand")
    assert "PR-" in item.reason
    assert work.orders(record) == []
    await release(work, ORDER, record)
    assert await open_items(work) == []


async def test_received_and_invoiced_by_hand_before_we_heard_of_it(work: Purchasing) -> None:
    """The order is gone when its receipt arrives: a person says that it was received, then it is marked."""
    record = await work.synced()
    await work.at_bc(record, "vendor-invoice", vendorInvoiceNumber="V-1")
    await work.at_bc(record, "post")
    assert work.orders(record) == []
    await work.receive(record, 10, slip="S1")
    await work.sync(record)
    await held(work, RECEIPT, "by_hand")
    assert work.batches(record) == []
    await release(work, RECEIPT, record)
    assert len(work.batches(record)) == 1
    assert await open_items(work) == []
    await work.sync(record)
    assert await open_items(work) == []


async def test_two_orders_with_the_same_mark_are_held(work: Purchasing) -> None:
    record = await work.order()
    number = work.world.cw_record("Company", work.vendor)["vendorIdentifier"]
    mark = {"lineType": "Comment", "description": f"CW PO {work.source(record)['poNumber']}"}
    for _ in range(2):
        await work.world.bc_call(
            "POST", "purchaseOrders", {"vendorNumber": number, "purchaseOrderLines": [mark]}
        )
    await work.sync(record)
    item = await held(work, ORDER, "several_documents")
    assert item.state is State.HELD


async def test_released_by_a_person_before_anything_is_received(work: Purchasing) -> None:
    record = await work.synced()
    [order] = work.orders(record)
    values: Json = {"set": "purchaseOrders", "key": order["id"], "values": {"status": "Open"}}
    await work.world.bc("edit", {**values, "hidden": {"released": True}})
    await work.edit_line(work.waiting(record), quantity=12)
    await work.sync(record)
    await held(work, ORDER, "by_hand")
    await work.at_bc(record, "reopen")
    await retry(work, ORDER)
    work.check(record)


async def test_tax_that_business_central_adds_is_noticed(work: Purchasing) -> None:
    await work.world.bc("settings", {"tax_rates": {"NONTAXABLE": Decimal("8.25")}})
    number = work.world.cw_record("Company", work.vendor)["vendorIdentifier"]
    await work.world.bc("edit", {"set": "vendors", "key": number, "values": {"taxLiable": True}})
    record = await work.order()
    await work.sync(record)
    item = await held(work, ORDER, "total_differs")
    assert "899.00" in item.reason
    await work.receive(record, 4, slip="S1")
    await work.sync(record)
    assert work.receipts(record) == []


@pytest.mark.parametrize("code", ["EUR", "GBP"])
async def test_foreign_currency(work: Purchasing, code: str) -> None:
    rows = work.world.cw_records("Finance.Currency")
    currency = {"id": next(row["id"] for row in rows if row["currencyIdentifier"] == code)}
    record = await work.synced(work.line(10, unitCost=Decimal("12.34")), currency=currency)
    [order] = work.orders(record)
    assert (order["currencyCode"], order["totalAmountIncludingTax"]) == (code, Decimal("123.40"))
    await work.receive(record, 3, slip="S1")
    await work.sync(record)
    work.check_received(record)
    await work.edit_line(work.waiting(record), unitCost=Decimal("12.50"))
    await work.sync(record)
    await held(work, ORDER, "by_hand")


async def test_goods_that_go_to_the_customer(work: Purchasing) -> None:
    record = await work.synced(
        dropShipCustomerFlag=True, customerName="Far Away Inc", customerCity="Tampa", customerZip="33601"
    )
    [order] = work.orders(record)
    assert (order["shipToName"], order["shipToCity"], order["shipToPostCode"]) == (
        "Far Away Inc",
        "Tampa",
        "33601",
    )
