"""Agreements, additions and their invoices, down payments and the other kinds of invoice of the ConnectWise stand-in."""

from collections.abc import AsyncIterator
from decimal import Decimal

import pytest

from sandbox.kit import Json
from tests.sandbox.connectwise_support import ITEM, Tenant, product, receiving, running

AGREEMENTS = "/finance/agreements"


@pytest.fixture
async def cw() -> AsyncIterator[Tenant]:
    async with running() as tenant:
        company = await tenant.company()
        await tenant.admin("contacts", {"firstName": "Kim", "company": {"id": company["id"]}})
        await tenant.admin("items", ITEM | {"price": Decimal("12.345")})
        yield tenant


async def agreement(cw: Tenant, **values: Json) -> Json:
    base = {"name": "Care", "company": {"id": 1001}, "startDate": "2026-01-01T00:00:00Z"}
    return await cw.admin("agreements", base | values)


async def exported(cw: Tenant, invoice: Json) -> Json:
    body = {"batchIdentifier": "x", "glInterfaceIdentifier": "BC", "exportInvoicesFlag": True}
    wanted = {"includedInvoiceIds": [invoice["id"]]}
    (transaction,) = (await cw.call("POST", "/finance/accounting/export", body | wanted))["transactions"]
    return transaction


async def test_agreements_and_their_parts(cw: Tenant) -> None:
    refused = await cw.call("POST", AGREEMENTS, {}, 400)
    assert {error["field"] for error in refused["errors"]} == {"name", "type", "company", "contact"}
    parts = {"type": {"id": 1}, "company": {"id": 1001}, "contact": {"id": 2001}}
    made = await cw.call("POST", AGREEMENTS, {"name": "Care"} | parts, 201)
    assert (made["agreementStatus"], made["type"]["name"], made["noEndingDateFlag"]) == (
        "Active",
        "Managed services",
        True,
    )
    path = f"{AGREEMENTS}/{made['id']}"
    body = {"product": {"identifier": "CABLE"}, "billCustomer": "Billable", "quantity": 3}
    addition = await cw.call("POST", f"{path}/additions", body, 201)
    assert (addition["unitPrice"], addition["extPrice"]) == (Decimal("12.345"), Decimal("37.04"))
    assert (addition["agreementId"], addition["agreementStatus"]) == (made["id"], "Active")
    before = (await cw.get(path))["_info"]
    await cw.patch(f"{path}/additions/{addition['id']}", quantity=4, cancelledDate="2030-01-01T00:00:00Z")
    assert (await cw.get(path))["_info"] == before
    assert await cw.ids(f"{path}/additions", "cancelledDate != null") == [addition["id"]]
    adjustment = await cw.call("POST", f"{path}/adjustments", {"amount": -5, "description": "x"}, 201)
    await cw.call("POST", f"{path}/adjustments", {"amount": Decimal("0.005")}, 400)
    assert await cw.get(f"{path}/adjustments", fields="id") == [{"id": adjustment["id"]}]
    await cw.call("DELETE", f"{path}/adjustments/{adjustment['id']}", status=204)
    other = await agreement(cw)
    await cw.call("GET", f"{AGREEMENTS}/{other['id']}/additions/{addition['id']}", status=404)
    await cw.call("DELETE", path, status=204)
    await cw.call("GET", f"{path}/additions", status=404)


async def test_status_follows_dates_and_cancellation(cw: Tenant) -> None:
    made = await agreement(cw, endDate="2026-02-01T00:00:00Z")
    later = await agreement(cw, startDate="2999-01-01T00:00:00Z")
    assert (made["agreementStatus"], later["agreementStatus"]) == ("Expired", "Inactive")
    assert await cw.ids(AGREEMENTS, "agreementStatus='Expired'") == [made["id"]]
    renewed = await cw.admin(f"agreements/{made['id']}/renew", {"endDate": "2999-12-31T00:00:00Z"})
    assert (renewed["agreementStatus"], renewed["endDate"][:4]) == ("Active", "2999")
    cancelled = await cw.admin(f"agreements/{made['id']}/cancel", {"reason": "moved"})
    assert (cancelled["agreementStatus"], cancelled["reasonCancelled"]) == ("Cancelled", "moved")
    await cw.patch(f"{AGREEMENTS}/{made['id']}", 400, agreementStatus="Active")
    endless = await cw.admin(f"agreements/{made['id']}/renew")
    assert (endless["agreementStatus"], "endDate" in endless) == ("Active", False)
    await cw.admin(
        "agreements", {"name": "X", "company": {"id": 1001}, "endDate": "2001-01-01T00:00:00Z"}, 400
    )
    await cw.company(identifier="Lonely")
    await cw.admin("agreements", {"name": "X", "company": {"identifier": "Lonely"}}, 400)


async def test_agreement_invoice(cw: Tenant) -> None:
    parts = {"product": {"id": 3001}}
    made = await agreement(
        cw,
        type={"name": "Block time"},
        billAmount=100,
        location={"name": "Branch"},
        additions=[
            parts | {"quantity": 2},
            parts | {"effectiveDate": "2026-07-01T00:00:00Z"},
            parts | {"cancelledDate": "2026-02-01T00:00:00Z"},
            parts | {"billCustomer": "NoCharge"},
        ],
    )
    await cw.admin(f"agreements/{made['id']}/invoice", {"date": "2026-03-01T00:00:00Z"})
    (invoice,) = await cw.get("/finance/invoices", conditions=f"agreement/id={made['id']}")
    assert (invoice["type"], invoice["agreement"]["name"]) == ("Agreement", "Care")
    assert (invoice["agreementAmount"], invoice["total"]) == (100, Decimal("124.69"))
    assert (invoice["locationId"], invoice["location"]["name"]) == (2, "Branch")
    transaction = await exported(cw, invoice)
    assert [(row["glTypeId"], row["total"]) for row in transaction["detail"]] == [
        ("RA", -100),
        ("AP", Decimal("-24.69")),
    ]
    assert transaction["agreementPrePaymentFlag"] is True
    first, *others = await cw.get(f"{AGREEMENTS}/{made['id']}/additions")
    assert (first["billedQuantity"], ["billedQuantity" in row for row in others]) == (2, [False] * 3)
    await cw.call("DELETE", f"{AGREEMENTS}/{made['id']}/additions/{first['id']}", status=400)
    await cw.call("DELETE", f"{AGREEMENTS}/{made['id']}", status=409)
    await cw.invoice([], agreement={"id": made["id"]}, type="Agreement")
    (zero,) = await cw.get("/finance/invoices", conditions="total=0")
    assert (await exported(cw, zero))["total"] == 0


async def test_callback_of_agreements_but_not_of_additions(cw: Tenant) -> None:
    async with receiving() as receiver:
        for level, number in (("type", 1), ("company", 1001)):
            hook = {"url": receiver.url, "objectId": number, "type": "agreement", "level": level}
            await cw.call("POST", "/system/callbacks", hook, 201)
        made = await agreement(cw)
        await cw.admin("additions", {"agreementId": made["id"], "product": {"id": 3001}})
        await cw.settled()
        assert [message["Action"] for message in receiver.messages] == ["added"] * 2


async def test_down_payment_and_its_use(cw: Tenant) -> None:
    down = await cw.invoice(
        [{"kind": "downPayment", "amount": 100}, {"kind": "tax", "amount": 7}], type="DownPayment"
    )
    assert (down["total"], down["remainingDownpayment"], down["specialInvoiceFlag"]) == (107, 100, True)
    assert [(row["glTypeId"], row["total"]) for row in (await exported(cw, down))["detail"]] == [
        ("RD", -100),
        ("ST", -7),
    ]
    used = {"kind": "downPayment", "amount": 60, "downPayment": {"id": down["id"]}}
    later = await cw.invoice([product(1, "200"), used], downpaymentPreviouslyTaxedFlag=True, close=False)
    assert (later["downpaymentApplied"], later["remainingDownpayment"], later["total"]) == (60, 40, 140)
    company = {"company": {"id": 1001}}
    for wrong in (used, used | {"downPayment": {"id": later["id"]}}, used | {"downPayment": {"id": 1}}):
        await cw.admin("invoices", company | {"lines": [wrong]}, 400)
    await cw.admin(f"invoices/{later['id']}", {"lines": [product(1, "200"), used | {"amount": 101}]}, 400)
    await cw.admin(f"invoices/{later['id']}", {"lines": [product(1, "200"), used | {"amount": 100}]})
    await cw.admin(f"invoices/{later['id']}/close")
    transaction = await exported(cw, later)
    assert [(row["glTypeId"], row["total"]) for row in transaction["detail"]] == [("RP", -200), ("RD", 100)]
    assert (transaction["taxDpAppliedFlag"], transaction["total"]) == (True, 100)
    assert (await cw.get(f"/finance/invoices/{down['id']}"))["remainingDownpayment"] == 0
    other = await cw.company(identifier="Other")
    await cw.admin("invoices", {"company": {"id": other["id"]}, "lines": [used | {"amount": 1}]}, 400)


async def test_credit_memo_is_tied_to_what_it_applies_to(cw: Tenant) -> None:
    made = await agreement(cw)
    tie: Json = {"type": "CreditMemo", "applyToType": "Agreement"}
    memo = await cw.invoice([{"kind": "agreement", "amount": 9}], **tie, applyToId=made["id"])
    assert (memo["applyToType"], memo["applyToId"], memo["total"]) == ("Agreement", made["id"], -9)
    refused = await cw.admin("invoices", {"company": {"id": 1001}, **tie, "applyToId": 1}, 400)
    assert refused["errors"][0]["field"] == "applyToId"
    assert (await exported(cw, memo))["documentType"] == "CREDIT MEMO"


async def test_consolidated_invoice_and_its_place(cw: Tenant) -> None:
    lines = [product(1, "5"), {"kind": "agreement", "amount": 7}]
    invoice = await cw.invoice(lines, type="Consolidated", locationId=2, departmentId=2, close=False)
    assert (invoice["location"]["name"], invoice["department"]["name"]) == ("Branch", "Products")
    moved = await cw.patch(f"/finance/invoices/{invoice['id']}", location={"name": "Main"})
    assert (moved["locationId"], moved["location"]["name"]) == (1, "Main")
    await cw.patch(f"/finance/invoices/{invoice['id']}", locationId=2)
    await cw.admin(f"invoices/{invoice['id']}/close")
    (row,) = await cw.get("/finance/accounting/unpostedinvoices", conditions="locationId=2")
    assert (row["invoiceType"], row["location"]["name"], row["department"]["identifier"]) == (
        "Consolidated",
        "Branch",
        "PRODUCTS",
    )
    assert (await exported(cw, invoice))["documentType"] == "INVOICE"
    assert [row["name"] for row in await cw.get("/system/locations")] == ["Main", "Branch"]
    assert len(await cw.get("/system/departments")) == 2
