"""Purchase orders, receipts, adjustments and transfers of the ConnectWise stand-in, up to the batch."""

from collections.abc import AsyncIterator
from decimal import Decimal

import pytest

from sandbox.kit import Json
from tests.sandbox.connectwise_support import ITEM, Tenant, receiving, running

ORDERS = "/procurement/purchaseorders"
UNPOSTED = "/finance/accounting/unpostedprocurement"


@pytest.fixture
async def cw() -> AsyncIterator[Tenant]:
    async with running() as tenant:
        vendor = {"identifier": "Vend", "name": "Vendor", "vendorIdentifier": "V0001"}
        await tenant.company(**vendor, accountNumber="OUR-7", types=[{"id": 2}])
        await tenant.admin("items", ITEM | {"cost": Decimal("10.005"), "productClass": "Inventory"})
        yield tenant


def line(quantity: int, **values: Json) -> Json:
    return {"product": {"identifier": "CABLE"}, "quantity": quantity, **values}


async def order(cw: Tenant, *lines: Json, **values: Json) -> Json:
    return await cw.admin(
        "purchaseOrders", {"vendorCompany": {"identifier": "Vend"}, "lines": list(lines)} | values
    )


async def lines_of(cw: Tenant, made: Json) -> list[Json]:
    rows: list[Json] = await cw.get(f"{ORDERS}/{made['id']}/lineitems")
    return rows


async def receive(cw: Tenant, row: Json, **values: Json) -> Json:
    return await cw.admin(f"purchaseOrderLines/{row['id']}/receive", values)


async def export(cw: Tenant, *ids: str) -> Json:
    body = {"batchIdentifier": "x", "glInterfaceIdentifier": "BC", "exportProductsFlag": True}
    return await cw.call(
        "POST", "/finance/accounting/export", body | ({"includedProductIds": list(ids)} if ids else {})
    )


async def batch(cw: Tenant, ids: list[int], name: str = "B1", status: int = 201) -> Json:
    body = {"batchIdentifier": name, "glInterfaceIdentifier": "BC", "exportProductsFlag": True}
    return await cw.call("POST", "/finance/accounting/batches", body | {"processedRecordIds": ids}, status)


def entry_ids(transaction: Json) -> list[int]:
    return [row["id"] for row in transaction["purchaseDetail"] + transaction["purchaseDetailTax"]]


async def test_totals_and_defaults_of_an_order(cw: Tenant) -> None:
    made = await order(cw, line(3, tax=Decimal("1.50")), line(1, unitCost=5), freightCost=4)
    assert (made["poNumber"], made["status"]["name"], made["closedFlag"]) == ("PO1001", "New", False)
    assert made["vendorCompany"]["name"] == "Vendor"
    shown = await cw.get(f"{ORDERS}/{made['id']}")
    assert (shown["subTotal"], shown["salesTax"], shown["total"]) == (
        Decimal("35.02"),
        Decimal("1.5"),
        Decimal("40.52"),
    )
    first, second = await lines_of(cw, made)
    assert (first["extCost"], first["lineNumber"], second["lineNumber"]) == (Decimal("30.02"), 1, 2)
    assert (first["receivedStatus"], first["unitOfMeasure"]["name"]) == ("Waiting", "Each")
    assert (first["purchaseOrderNumber"], first["batchedFlag"]) == ("PO1001", False)
    assert await cw.ids(f"{ORDERS}/{made['id']}/lineitems", "quantity=1") == [second["id"]]
    assert await cw.get(f"{ORDERS}/{made['id']}/lineitems/count") == {"count": 2}
    other = await order(cw, line(1))
    await cw.call("GET", f"{ORDERS}/{other['id']}/lineitems/{first['id']}", status=404)
    await cw.call("GET", f"{ORDERS}/1/lineitems", status=404)
    assert await cw.ids(ORDERS, "vendorCompany/identifier='Vend' and closedFlag=False") == [
        made["id"],
        other["id"],
    ]


async def test_orders_and_lines_through_the_api(cw: Tenant) -> None:
    refused = await cw.call("POST", ORDERS, {}, 400)
    assert {error["field"] for error in refused["errors"]} == {"vendorCompany", "status", "terms"}
    body = {"vendorCompany": {"id": 1001}, "status": {"id": 1}, "terms": {"id": 1}, "closedFlag": True}
    made = await cw.call("POST", ORDERS, body, 201)
    path = f"{ORDERS}/{made['id']}"
    assert made["closedFlag"] is False
    await cw.patch(path, 400, closedFlag=True)
    await cw.call("PATCH", path, [{"op": "remove", "path": "poNumber"}], 400)
    refused = await cw.call("POST", f"{path}/lineitems", {"quantity": 1}, 400)
    assert len(refused["errors"]) == 4
    row = {"product": {"id": 3001}, "quantity": 2, "lineNumber": 1, "description": "C"}
    added = await cw.call("POST", f"{path}/lineitems", row | {"unitOfMeasure": {"id": 1}}, 201)
    one = f"{path}/lineitems/{added['id']}"
    await cw.patch(one, unitCost=7)
    assert (await cw.get(path))["total"] == 14
    await cw.patch(one, 400, tax=Decimal("0.001"))
    await cw.patch(one, 400, closedFlag=True)
    await cw.call("DELETE", one, status=204)
    await cw.call("DELETE", path, status=204)
    duplicate = await order(cw, poNumber="P9")
    assert (await cw.call("POST", ORDERS, body | {"poNumber": "p9"}, 400))["errors"][0]["code"] == (
        "ObjectExists"
    )
    await cw.patch(f"{ORDERS}/{duplicate['id']}", status={"name": "Closed"})
    await cw.admin("purchaseOrderLines", line(1, purchaseOrderId=duplicate["id"]), 400)


async def test_full_receipt_closes_line_and_order(cw: Tenant) -> None:
    made = await order(cw, line(2, tax=1), freightCost=4, freightTaxTotal=Decimal("0.40"))
    (row,) = await lines_of(cw, made)
    assert (await export(cw))["purchaseTransactions"] == []
    path = f"{ORDERS}/{made['id']}/lineitems/{row['id']}"
    done = await cw.patch(path, receivedStatus="FullyReceived", packingSlip="SLIP1")
    assert (done["receivedQuantity"], done["closedFlag"]) == (2, True)
    shown = await cw.get(f"{ORDERS}/{made['id']}")
    assert (shown["status"]["name"], shown["closedFlag"], shown["closedBy"]) == (
        "Closed",
        True,
        "dynaconnect",
    )
    key = f"{made['id']}-SLIP1-purchase"
    (unposted,) = await cw.get(UNPOSTED, conditions="procurementType='Purchase'")
    assert (unposted["unpostedProductId"], unposted["total"]) == (key, Decimal("25.41"))
    assert (unposted["vendorAccountNumber"], unposted["freightCost"]) == ("V0001", 4)
    document = await export(cw, key)
    (transaction,) = document["purchaseTransactions"]
    assert [(part["glTypeId"], part["total"]) for part in transaction["purchaseDetail"]] == [
        ("P", Decimal("20.01")),
        ("PF", 4),
    ]
    taxes = [(part["glTypeId"], part["total"]) for part in transaction["purchaseDetailTax"]]
    assert taxes == [("PT", 1), ("FT", Decimal("0.40"))]
    assert (transaction["packingSlip"], transaction["freightAmount"]) == ("SLIP1", 4)
    assert (transaction["documentNumber"], transaction["vendorNumber"]) == ("PO1001", "V0001")
    first = transaction["purchaseDetail"][0]
    assert (first["itemCost"], first["quantity"], first["accountNumber"]) == (Decimal("10.01"), 2, "1300")
    assert document["vendors"][0]["accountNumber"] == "OUR-7"
    assert transaction["total"] == sum(
        part["total"] for part in transaction["purchaseDetail"] + transaction["purchaseDetailTax"]
    )
    await cw.patch(path, 400, unitCost=1)
    assert cw.breaches == []


async def test_partial_receipts_split_the_line(cw: Tenant) -> None:
    made = await order(cw, line(10, unitCost=2, tax=1), line(4, unitCost=1))
    first, second = await lines_of(cw, made)
    await receive(cw, first, quantity=3, rest="clone", packingSlip="S1")
    await receive(cw, second, quantity=1, rest="cancel", packingSlip="S1")
    rows = await lines_of(cw, made)
    assert [(row["quantity"], row["receivedQuantity"], row["closedFlag"]) for row in rows] == [
        (3, 3, True),
        (1, 1, True),
        (7, 0, False),
    ]
    assert [row["tax"] for row in rows] == [Decimal("0.30"), 0, Decimal("0.70")]
    assert (rows[2]["lineNumber"], "packingSlip" in rows[2]) == (3, False)
    assert rows[0]["receivedStatus"] == "PartiallyReceiveCloneRest"
    assert (await cw.get(f"{ORDERS}/{made['id']}"))["closedFlag"] is False
    for wrong in (
        {"quantity": 9},
        {"quantity": 3},
        {"quantity": 0, "rest": "clone"},
        {"rest": "x"},
        {"dateReceived": "x"},
    ):
        await cw.admin(f"purchaseOrderLines/{rows[2]['id']}/receive", wrong, 400)
    await cw.admin(f"purchaseOrderLines/{rows[0]['id']}/receive", {"quantity": 1, "rest": "clone"}, 400)
    await cw.patch(f"{ORDERS}/{made['id']}/lineitems/{rows[2]['id']}", 400, receivedQuantity=7)
    await receive(cw, rows[2], packingSlip="S2")
    keys = [row["unpostedProductId"] for row in await cw.get(UNPOSTED)]
    assert keys == [f"{made['id']}-S1-purchase", f"{made['id']}-S2-purchase"]
    totals = [part["total"] for part in (await export(cw))["purchaseTransactions"]]
    assert totals == [Decimal("7.30"), Decimal("14.70")]


async def test_partial_receipt_of_a_received_line_adds_an_empty_line(cw: Tenant) -> None:
    made = await order(cw, line(2), line(1))
    first, _ = await lines_of(cw, made)
    await receive(cw, first)
    path = f"{ORDERS}/{made['id']}/lineitems/{first['id']}"
    await cw.patch(path, receivedStatus="PartiallyReceiveCloneRest", receivedQuantity=2)
    assert [row["quantity"] for row in await lines_of(cw, made)] == [2, 1, 0]


async def test_undoing_a_receipt_withdraws_it(cw: Tenant) -> None:
    made = await order(cw, line(2), line(1))
    first, _ = await lines_of(cw, made)
    await receive(cw, first)
    assert len(await cw.get(UNPOSTED)) == 1
    path = f"{ORDERS}/{made['id']}/lineitems/{first['id']}"
    undone = await cw.patch(path, receivedStatus="Waiting")
    assert (undone["receivedQuantity"], undone["closedFlag"]) == (0, False)
    assert await cw.get(UNPOSTED) == []


async def test_cancelled_orders_are_closed_without_receipts(cw: Tenant) -> None:
    made = await order(cw, line(2), line(1, unitCost=5), freightCost=4)
    first, second = await lines_of(cw, made)
    cancelled = await cw.admin(f"purchaseOrderLines/{second['id']}/cancel_line", {"reason": "gone"})
    assert (cancelled["canceledFlag"], cancelled["closedFlag"]) == (True, True)
    shown = await cw.admin(f"purchaseOrders/{made['id']}/cancel")
    assert (shown["status"]["name"], shown["closedFlag"], shown["total"]) == ("Cancelled", True, 4)
    assert await cw.get(UNPOSTED) == []
    await cw.admin(f"purchaseOrderLines/{first['id']}/receive", {}, 400)
    reopened = await cw.admin(f"purchaseOrders/{made['id']}/reopen")
    assert (reopened["closedFlag"], "dateClosed" in reopened) == (False, True)


async def test_freight_comes_with_the_close_and_its_own_slip(cw: Tenant) -> None:
    made = await order(cw, line(1, unitCost=8), line(1, unitCost=9), freightCost=4, freightPackingSlip="F1")
    first, second = await lines_of(cw, made)
    await receive(cw, first, packingSlip="S1")
    (transaction,) = (await export(cw))["purchaseTransactions"]
    assert [part["glTypeId"] for part in transaction["purchaseDetail"]] == ["P"]
    await receive(cw, second)
    keys = [row["unpostedProductId"].partition("-")[2] for row in await cw.get(UNPOSTED)]
    assert keys == ["S1-purchase", "-purchase", "F1-purchase"]
    await cw.admin(f"purchaseOrders/{made['id']}", {"freightPackingSlip": "S1"})
    (transaction,) = (await export(cw, f"{made['id']}-S1-purchase"))["purchaseTransactions"]
    assert [part["glTypeId"] for part in transaction["purchaseDetail"]] == ["P", "PF"]
    await batch(cw, entry_ids(transaction))
    await cw.admin(f"purchaseOrders/{made['id']}", {"freightCost": 5}, 400)


async def test_batches_of_receipts(cw: Tenant) -> None:
    made = await order(cw, line(2, unitCost=5, tax=1), freightCost=4)
    (row,) = await lines_of(cw, made)
    await receive(cw, row, packingSlip="S1")
    ((transaction,), (unposted,)) = (await export(cw))["purchaseTransactions"], await cw.get(UNPOSTED)
    ids = entry_ids(transaction)
    await batch(cw, [unposted["id"]], status=400)
    wrong = {"batchIdentifier": "W", "glInterfaceIdentifier": "BC", "exportInvoicesFlag": True}
    await cw.call("POST", "/finance/accounting/batches", wrong | {"processedRecordIds": ids}, 400)
    made_batch = await batch(cw, ids)
    assert made_batch["purchaseTransactions"][0]["id"] == unposted["unpostedProductId"]
    assert (await cw.get(UNPOSTED), cw.breaches) == ([], [])
    (after,) = await lines_of(cw, made)
    assert after["batchedFlag"] is True
    path = f"{ORDERS}/{made['id']}"
    await cw.patch(f"{path}/lineitems/{row['id']}", 400, unitCost=6)
    await cw.patch(f"{path}/lineitems/{row['id']}", internalNotes="posted")
    (listed,) = await cw.get("/finance/accounting/batches")
    entries = await cw.get(f"/finance/accounting/batches/{listed['id']}/entries")
    assert [entry["accountType"] for entry in entries] == ["P", "PT", "PF"]
    assert entries[0]["purchaseOrder"]["name"] == made["poNumber"]
    assert entries[0]["lineItem"]["id"] == row["id"]
    assert await cw.call("POST", f"{path}/unbatch", {}) == {"success": True, "message": ""}
    (after,) = await lines_of(cw, made)
    assert (after["batchedFlag"], after["unbatchedRecId"]) == (False, listed["id"])
    await cw.call("POST", f"{path}/unbatch", {}, 400)
    await cw.call("POST", f"{path}/rebatch", {})
    assert await cw.get(UNPOSTED) == []
    await cw.call("DELETE", f"/finance/accounting/batches/{listed['id']}", status=204)
    assert len(await cw.get(UNPOSTED)) == 1
    await cw.call("POST", f"{path}/rebatch", {}, 400)


async def test_left_out_freight_is_a_breach_and_stays_unposted(cw: Tenant) -> None:
    made = await order(cw, line(1, unitCost=5, tax=1), freightCost=4)
    (row,) = await lines_of(cw, made)
    await receive(cw, row)
    (transaction,) = (await export(cw))["purchaseTransactions"]
    await batch(cw, entry_ids(transaction)[:1])
    assert cw.breaches == ["batch whole documents"]
    (left,) = await cw.get(UNPOSTED)
    assert (left["total"], left["freightCost"], left["taxTotal"]) == (5, 4, 1)


async def test_vendor_without_number_hides_the_receipt(cw: Tenant) -> None:
    await cw.company(identifier="Other", accountNumber=None)
    made = await order(cw, line(1), vendorCompany={"identifier": "Other"})
    await receive(cw, (await lines_of(cw, made))[0])
    assert (await cw.get(UNPOSTED), (await export(cw))["purchaseTransactions"]) == ([], [])
    await cw.patch("/company/companies/1002", vendorIdentifier="V0002")
    assert (await cw.get(f"{UNPOSTED}/count")) == {"count": 1}


@pytest.mark.parametrize("fires", [True, False])
async def test_receipt_may_or_may_not_fire_the_callback(cw: Tenant, *, fires: bool) -> None:
    async with receiving() as receiver:
        for level, number in (("vendor", 1001), ("status", 3)):
            hook = {"url": receiver.url, "objectId": number, "type": "purchaseorder", "level": level}
            await cw.call("POST", "/system/callbacks", hook, 201)
        made = await order(cw, line(2), line(1))
        await cw.settled()
        receiver.requests.clear()
        await cw.admin("settings", {"receipt_fires_purchaseorder_callback": fires})
        first, second = await lines_of(cw, made)
        await receive(cw, first)
        await cw.settled()
        heard = [(message["Type"], message["ID"], message["Action"]) for message in receiver.messages]
        assert heard == [("purchaseorder", made["id"], "updated")] * fires
        await receive(cw, second)
        await cw.settled()
        assert len(receiver.requests) == 2 + fires


async def test_adjustments(cw: Tenant) -> None:
    place = {"warehouse": {"id": 1}, "warehouseBin": {"id": 1}}
    detail = {"catalogItem": {"id": 3001}, "quantityAdjusted": -2, **place}
    body = {"identifier": "A1", "type": {"identifier": "Count"}, "adjustmentDetails": [detail]}
    made = await cw.call("POST", "/procurement/adjustments", body, 201)
    path = f"/procurement/adjustments/{made['id']}"
    await cw.call("POST", f"{path}/details", detail | {"quantityAdjusted": 5, "unitCost": 1}, 201)
    await cw.call(
        "POST",
        "/procurement/adjustments",
        {"identifier": "B", "type": {"id": 1}} | {"adjustmentDetails": [{"catalogItem": {"id": 3001}}]},
        400,
    )
    assert len((await cw.get(path))["adjustmentDetails"]) == 2
    assert await cw.get(UNPOSTED) == []
    closed = await cw.patch(path, closedFlag=True)
    assert (closed["closedBy"], "closedDate" in closed) == ("dynaconnect", True)
    assert await cw.ids("/procurement/adjustments", "closedFlag=true") == [made["id"]]
    await cw.patch(path, 400, reason="late")
    await cw.call("POST", f"{path}/details", detail, 400)
    rows = await cw.get(UNPOSTED, conditions="procurementType='Adjustment'")
    assert {row["unpostedProductId"] for row in rows} == {f"{made['id']}-adjustment"}
    assert [row["total"] for row in rows] == [Decimal("-20.01"), 5]
    (transaction,) = (await export(cw, f"{made['id']}-adjustment"))["adjustmentTransactions"]
    assert [(part["quantity"], part["total"]) for part in transaction["adjustmentDetail"]] == [
        (-2, Decimal("-20.01")),
        (5, 5),
    ]
    await batch(cw, [row["id"] for row in rows])
    await cw.patch(path, 400, closedFlag=False)
    assert (await cw.get(UNPOSTED), cw.breaches) == ([], [])
    (entry, _) = await cw.get("/finance/accounting/batches/401/entries")
    assert (entry["accountType"], entry["credit"]) == ("IA", Decimal("20.01"))
    await cw.call("DELETE", "/finance/accounting/batches/401", status=204)
    await cw.patch(path, closedFlag=False)
    (first, _) = await cw.get(f"{path}/details")
    await cw.call("DELETE", f"{path}/details/{first['id']}", status=204)
    await cw.call("DELETE", path, status=204)


async def test_transfers(cw: Tenant) -> None:
    body = {"item": {"identifier": "CABLE"}, "quantity": 3, "fromBin": {"id": 1}, "toBin": {"id": 2}}
    made = await cw.admin("transfers", body)
    await cw.admin("transfers", body | {"toBin": {"id": 1}}, 400)
    await cw.admin("transfers", body | {"item": {"id": 9}}, 400)
    (row,) = await cw.get(UNPOSTED, conditions="procurementType='Transfer'")
    (transfer,) = (await export(cw, f"{made['id']}-transfer"))["inventoryTransfers"]
    assert (transfer["quantity"], transfer["total"]) == (3, Decimal("30.02"))
    assert (transfer["transferFromLocationXref"], transfer["transferToLocationXref"]) == ("MAIN", "BRANCH")
    assert transfer["offset"]["total"] == Decimal("-30.02")
    await batch(cw, [row["id"]])
    assert (await cw.get(UNPOSTED), cw.breaches) == ([], [])


async def test_setup_tables(cw: Tenant) -> None:
    closed = await cw.get("/procurement/purchaseorderstatuses", conditions="closedFlag=true")
    assert [row["name"] for row in closed] == ["Closed", "Cancelled"]
    (setting,) = await cw.get("/procurement/settings")
    await cw.patch(f"/procurement/settings/{setting['id']}", autoClosePurchaseOrderItemFlag=False)
    made = await order(cw, line(1))
    await receive(cw, (await lines_of(cw, made))[0])
    (row,) = await lines_of(cw, made)
    assert (row["receivedStatus"], row["closedFlag"], await cw.get(UNPOSTED)) == ("FullyReceived", False, [])
    await cw.patch(f"{ORDERS}/{made['id']}/lineitems/{row['id']}", closedFlag=True)
    assert len(await cw.get(UNPOSTED)) == 1
    bins = await cw.get("/procurement/warehouseBins", conditions="warehouse/name='Main warehouse'")
    assert [row["name"] for row in bins] == ["Main bin"]
