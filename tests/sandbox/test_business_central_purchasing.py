"""Purchase orders with partial receipts, purchase invoices, and what posting them leaves behind."""

from collections.abc import AsyncIterator
from decimal import Decimal

import pytest

from sandbox.kit import Json
from tests.sandbox.business_central_support import Case, receiving, running

DIALOG = "Application_DialogException"
FIELD = "Application_FieldValidationException"
ACTION = "Microsoft.NAV.receiveAndInvoice"


@pytest.fixture
async def bc() -> AsyncIterator[Case]:
    async with running() as case:
        await case.call("POST", "vendors", {"number": "V1", "displayName": "Fabrikam", "city": "Miami"})
        item = {"number": "CABLE", "displayName": "Cable", "unitCost": Decimal("4.50")}
        await case.call("POST", "items", item)
        yield case


async def order(bc: Case, *quantities: int, **values: Json) -> Json:
    """An order of cables, one line for each quantity after a comment line; with its lines."""
    comment = {"lineType": "Comment", "description": "CW PO 1234"}
    lines = [{"lineType": "Item", "lineObjectNumber": "CABLE", "quantity": item} for item in quantities]
    body = {"vendorNumber": "V1", "purchaseOrderLines": [comment, *lines]} | values
    expand: dict[str, Json] = {"$expand": "purchaseOrderLines"}
    return await bc.call("POST", "purchaseOrders", body, **expand)


async def lines_of(bc: Case, document: Json) -> list[Json]:
    """The lines with goods."""
    rows = await bc.rows(f"purchaseOrders({document['id']})/purchaseOrderLines")
    return [row for row in rows if row["lineType"] != "Comment"]


async def figures(bc: Case, document: Json) -> list[tuple[int, ...]]:
    """To receive, to invoice, received and invoiced of each line with goods."""
    names = ("receiveQuantity", "invoiceQuantity", "receivedQuantity", "invoicedQuantity")
    return [tuple(int(row[name]) for name in names) for row in await lines_of(bc, document)]


async def receive(bc: Case, document: Json, *quantities: int) -> None:
    """Posts a receipt alone: first what to receive, then, in calls of their own, nothing to invoice."""
    rows = await lines_of(bc, document)
    for row, quantity in zip(rows, quantities, strict=True):
        await bc.call("PATCH", f"purchaseOrderLines({row['id']})", {"receiveQuantity": quantity})
    for row in rows:
        await bc.call("PATCH", f"purchaseOrderLines({row['id']})", {"invoiceQuantity": 0})
    await bc.call("POST", f"purchaseOrders({document['id']})/{ACTION}", status=204)


async def test_a_new_order_takes_its_defaults(bc: Case) -> None:
    created = await order(bc, 10)
    assert (created["number"], created["status"], created["vendorName"]) == ("PO-106001", "Draft", "Fabrikam")
    assert (created["buyFromCity"], created["payToName"]) == ("Miami", "Fabrikam")
    assert created["shipToName"] == "Northwind Services"
    assert (created["totalAmountIncludingTax"], created["fullyReceived"]) == (45, False)
    assert [row["lineType"] for row in created["purchaseOrderLines"]] == ["Comment", "Item"]
    assert created["purchaseOrderLines"][1]["directUnitCost"] == Decimal("4.5")
    assert await figures(bc, created) == [(10, 10, 0, 0)]
    for body, code in (
        ({"externalDocumentNumber": "X"}, "BadRequest_InvalidOperation"),
        ({"vendorInvoiceNumber": "X"}, "BadRequest_InvalidOperation"),
        ({"vendorNumber": "V9"}, DIALOG),
    ):
        assert (await bc.fails("POST", "purchaseOrders", {"vendorNumber": "V1"} | body))[0] == code
    missing = await bc.fails("POST", "purchaseOrders", {})
    assert missing[1] == 'A "vendorNumber" or a "vendorId" must be provided.'


async def test_tax_is_due_only_where_the_vendor_is_liable(bc: Case) -> None:
    await bc.call("POST", "vendors", {"number": "V2", "displayName": "Taxed", "taxLiable": True})
    line = {"lineType": "Account", "lineObjectNumber": "61000", "quantity": 1, "directUnitCost": 100}
    lines = [line | {"taxCode": "STANDARD"}]
    plain = await order(bc, purchaseOrderLines=lines)
    taxed = await order(bc, vendorNumber="V2", purchaseOrderLines=lines)
    assert (plain["totalTaxAmount"], taxed["totalTaxAmount"]) == (0, Decimal("8.25"))


async def test_the_quantity_to_receive_starts_the_one_to_invoice_over(bc: Case) -> None:
    created = await order(bc, 10)
    [row] = await lines_of(bc, created)
    path = f"purchaseOrderLines({row['id']})"
    await bc.call("PATCH", path, {"receiveQuantity": 4})
    assert await figures(bc, created) == [(4, 4, 0, 0)]
    await bc.call("PATCH", path, {"receiveQuantity": 3, "invoiceQuantity": 0})
    assert await figures(bc, created) == [(3, 3, 0, 0)]
    await bc.call("PATCH", path, {"invoiceQuantity": 0})
    assert await figures(bc, created) == [(3, 0, 0, 0)]
    assert await bc.fails("PATCH", path, {"receiveQuantity": 11}) == (
        DIALOG,
        "You cannot receive more than 10 units.",
    )
    assert (await bc.fails("PATCH", path, {"invoiceQuantity": 4}))[
        1
    ] == "You cannot invoice more than 3 units."
    assert (await bc.fails("PATCH", path, {"receivedQuantity": 1}))[0] == "BadRequest_InvalidOperation"
    assert await bc.breaches() == ["maintained property"]
    await bc.call("PATCH", path, {"quantity": 12})
    assert await figures(bc, created) == [(12, 12, 0, 0)]


async def test_partial_receipts_without_an_invoice(bc: Case) -> None:
    created = await order(bc, 10, 5)
    await receive(bc, created, 4, 0)
    after = await bc.get(f"purchaseOrders({created['id']})")
    assert (after["status"], after["fullyReceived"]) == ("Open", False)
    assert await figures(bc, created) == [(6, 10, 4, 0), (5, 5, 0, 0)]
    await receive(bc, created, 6, 5)
    receipts = await bc.rows("purchaseReceipts", f"orderNumber eq '{created['number']}'")
    assert [row["number"] for row in receipts] == ["PR-107001", "PR-107002"]
    expanded = await bc.get(f"purchaseReceipts({receipts[0]['id']})", **{"$expand": "purchaseReceiptLines"})
    rows = expanded["purchaseReceiptLines"]
    assert [(row["lineType"], row["quantity"]) for row in rows] == [("_x0020_", 0), ("Item", 4), ("Item", 0)]
    assert (await bc.get(f"purchaseOrders({created['id']})"))["fullyReceived"] is True
    assert await bc.rows("generalLedgerEntries") == []
    nothing = await bc.fails(
        "POST",
        f"purchaseReceipts({receipts[0]['id']})/dimensionSetLines",
        {"code": "AGREEMENT", "valueCode": "BLOCK"},
    )
    assert "read only" in nothing[1]
    assert (await bc.send("POST", "purchaseReceipts", {})).status_code == 405


async def test_nothing_to_receive_is_nothing_to_post(bc: Case) -> None:
    created = await order(bc, 1)
    [row] = await lines_of(bc, created)
    await bc.call("PATCH", f"purchaseOrderLines({row['id']})", {"receiveQuantity": 0})
    found = await bc.fails("POST", f"purchaseOrders({created['id']})/{ACTION}")
    assert found[1].startswith("There is nothing to post")
    await bc.admin("settings", {"default_receive_quantity": "blank"})
    assert await figures(bc, await order(bc, 3)) == [(0, 0, 0, 0)]


async def test_a_released_order_keeps_its_terms_of_trade(bc: Case) -> None:
    created = await order(bc, 10)
    await receive(bc, created, 1)
    [row] = await lines_of(bc, created)
    path, line = f"purchaseOrders({created['id']})", f"purchaseOrderLines({row['id']})"
    await bc.call("POST", "vendors", {"number": "V2", "displayName": "Other"})
    attempts: list[tuple[str, str, Json]] = [
        ("PATCH", line, {"quantity": 12}),
        ("PATCH", line, {"directUnitCost": 1}),
        ("DELETE", line, None),
        ("PATCH", path, {"vendorNumber": "V2"}),
        ("POST", f"{path}/purchaseOrderLines", {"lineType": "Comment", "description": "x"}),
    ]
    for method, address, body in attempts:
        code, text = await bc.fails(method, address, body)
        assert code == FIELD
        assert text.startswith(
            "Status must be equal to 'Open'  in Purchase Header: Document Type=Order,No.=PO-106001."
        )
    await bc.call("PATCH", line, {"description": "Longer cable", "receiveQuantity": 2})
    await bc.call("PATCH", path, {"postingDate": created["postingDate"]})
    refused = await bc.fails("DELETE", path)
    assert refused[1].startswith("Qty. Rcd. Not Invoiced must be equal to '0'")
    await bc.admin("purchase-orders/reopen", {"order": created["number"]})
    assert (await bc.call("PATCH", line, {"quantity": 12}))["receiveQuantity"] == 11
    other = await order(bc, 1)
    await bc.call("DELETE", f"purchaseOrders({other['id']})", status=204)
    assert await bc.rows("purchaseOrderLines", f"documentId eq {other['id']}") == []


async def test_invoicing_needs_the_number_that_only_a_person_can_set(bc: Case) -> None:
    created = await order(bc, 2)
    path = f"purchaseOrders({created['id']})"
    code, text = await bc.fails("POST", f"{path}/{ACTION}")
    assert code == DIALOG
    assert text.startswith("You need to enter the document number of the document from the vendor")
    assert await bc.rows("purchaseReceipts") == []
    await receive(bc, created, 2)
    await bc.admin(
        "purchase-orders/vendor-invoice", {"order": created["number"], "vendorInvoiceNumber": "F-1"}
    )
    await bc.admin("purchase-orders/post", {"order": created["id"], "receive": False})
    assert (await bc.send("GET", path)).status_code == 404
    [invoice] = await bc.rows("purchaseInvoices")
    assert (invoice["orderNumber"], invoice["orderId"]) == (created["number"], created["id"])
    assert (invoice["vendorInvoiceNumber"], invoice["status"], invoice["totalAmountIncludingTax"]) == (
        "F-1",
        "Open",
        9,
    )
    booked = await bc.rows("generalLedgerEntries", f"documentNumber eq '{invoice['number']}'")
    assert {row["accountNumber"]: row["debitAmount"] - row["creditAmount"] for row in booked} == {
        "14100": 9,
        "20100": -9,
    }
    assert (await bc.rows("vendors", "number eq 'V1'"))[0]["balance"] == 9
    assert (await bc.fails("DELETE", f"vendors({invoice['vendorId']})"))[0] == DIALOG


async def test_blocked_vendors_and_missing_posting_groups(bc: Case) -> None:
    created = await order(bc, 1)
    await bc.admin("edit", {"set": "vendors", "key": "V1", "values": {"blocked": "Payment"}})
    await receive(bc, created, 1)
    await bc.admin("edit", {"set": "vendors", "key": "V1", "values": {"blocked": "All"}})
    for name in ("purchaseOrders", "purchaseInvoices"):
        found = await bc.fails("POST", name, {"vendorNumber": "V1"})
        text = "You cannot create this type of document when Vendor V1 is blocked with type All"
        assert found == (DIALOG, text)
    await bc.admin("settings", {"templates": {"vendors": False}})
    await bc.call("POST", "vendors", {"number": "V3", "displayName": "Bare"})
    found = await bc.fails("POST", "purchaseOrders", {"vendorNumber": "V3"})
    assert found[1].startswith("Vendor Posting Group must have a value in Vendor: No.=V3.")


async def invoice(bc: Case, number: str, amount: str = "80", **values: Json) -> Json:
    line = {"lineType": "Account", "lineObjectNumber": "61000", "quantity": 1, "unitCost": Decimal(amount)}
    body = {"vendorNumber": "V1", "vendorInvoiceNumber": number, "purchaseInvoiceLines": [line]}
    return await bc.call("POST", "purchaseInvoices", body | values)


async def test_a_vendor_invoice_number_is_posted_once(bc: Case) -> None:
    first = await invoice(bc, "er-1", currencyCode="EUR", shortcutDimension1Code="ADMIN")
    assert (first["number"], first["vendorInvoiceNumber"], first["currencyCode"]) == (
        "PI-D01001",
        "ER-1",
        "EUR",
    )
    path = f"purchaseInvoices({first['id']})"
    await bc.call("POST", f"{path}/Microsoft.NAV.post", status=204)
    posted = await bc.get(path)
    assert (posted["status"], posted["number"]) == ("Open", "PPI-108001")
    booked = await bc.rows("generalLedgerEntries", f"documentNumber eq '{posted['number']}'")
    assert {row["accountNumber"]: row["debitAmount"] - row["creditAmount"] for row in booked} == {
        "61000": 88,
        "20100": -88,
    }
    expense = next(row for row in booked if row["accountNumber"] == "61000")
    rows = await bc.rows(f"generalLedgerEntries({expense['id']})/dimensionSetLines")
    assert [(row["code"], row["valueCode"]) for row in rows] == [("DEPARTMENT", "ADMIN")]
    again = await invoice(bc, "ER-1")
    found = await bc.fails("POST", f"purchaseInvoices({again['id']})/Microsoft.NAV.post")
    assert found == (DIALOG, "Purchase Invoice ER-1 already exists for this vendor.")
    unnumbered = await invoice(bc, "")
    found = await bc.fails("POST", f"purchaseInvoices({unnumbered['id']})/Microsoft.NAV.post")
    assert found[1].startswith("You need to enter the document number")
    await bc.admin("settings", {"ext_doc_no_mandatory": False})
    await bc.call("POST", f"purchaseInvoices({unnumbered['id']})/Microsoft.NAV.post", status=204)
    changed = await bc.fails("PATCH", path, {"vendorInvoiceNumber": "X"})
    assert changed == (DIALOG, "The invoice has been posted and can no longer be modified.")


async def test_order_and_receipt_notify(bc: Case) -> None:
    await bc.admin("settings", {"webhook_delay": 0.01})
    async with receiving() as receiver:
        for name in ("purchaseOrders", "purchaseReceipts"):
            resource = f"/api/v2.0/companies({bc.company})/{name}"
            body = {"notificationUrl": receiver.url, "resource": resource, "clientState": "s"}
            await bc.call("POST", "/api/v2.0/subscriptions", body)
        created = await order(bc, 2)
        await receive(bc, created, 1)
        assert await bc.settled() == 0
    kinds = {
        (note["resource"].split("/")[-1].split("(")[0], note["changeType"])
        for post in receiver.posts
        for note in post
    }
    assert {("purchaseOrders", "created"), ("purchaseReceipts", "created")} <= kinds
