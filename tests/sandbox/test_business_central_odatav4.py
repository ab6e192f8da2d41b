"""Pages published as OData V4 services: dimension values to write, the customer ledger to read."""

from collections.abc import AsyncIterator
from decimal import Decimal

import pytest

from sandbox.kit import Json
from tests.sandbox.business_central_support import Case, running

BASE = "/ODataV4/Company('Northwind Services')"
VALUES, LEDGER, DETAILS = (f"{BASE}/{name}" for name in ("DimensionValues", "CustLedger", "DetailedLedger"))
PAGES = {"DimensionValues": 537, "CustLedger": 25, "DetailedLedger": 573}


@pytest.fixture
async def bc() -> AsyncIterator[Case]:
    async with running() as case:
        for name, page in PAGES.items():
            await case.admin("web-services/publish", {"name": name, "page": page})
        yield case


async def test_only_published_pages_are_served(bc: Case) -> None:
    assert (await bc.get("/ODataV4/"))["value"] == [{"name": name, "url": name} for name in sorted(PAGES)]
    by_id = await bc.rows(f"/ODataV4/Company(Id={bc.company})/DimensionValues")
    assert (
        by_id
        == await bc.rows(VALUES)
        == await bc.rows("/ODataV4/DimensionValues", company="Northwind Services")
    )
    await bc.admin("web-services/unpublish", {"name": "CustLedger"})
    assert (await bc.send("GET", LEDGER)).status_code == 404
    assert "error" in await bc.admin("web-services/unpublish", {"name": "CustLedger"}, 400)
    assert "error" in await bc.admin("web-services/publish", {"name": "X", "page": 21}, 400)
    assert (await bc.api.get(f"{bc.url}{VALUES}", auth=("nobody", "x"))).status_code == 401
    missing = await bc.fails("GET", "/ODataV4/Company('None')/DimensionValues")
    assert missing[0] == "Internal_CompanyNotFound"
    calls: dict[str, int] = (await bc.report())["calls"]
    assert calls["GET /ODataV4/Company({company})/DimensionValues"] == 4
    await bc.admin("reset")
    assert (await bc.send("GET", VALUES)).status_code == 404


async def test_dimension_values_are_created_where_the_api_cannot(bc: Case) -> None:
    body = {"Dimension_Code": "agreement", "Code": "acme-1", "Name": "Acme managed"}
    created = await bc.call("POST", VALUES, body, status=201)
    assert (created["Code"], created["Dimension_Value_Type"]) == ("ACME-1", "Standard")
    [row] = await bc.rows("dimensionValues", "code eq 'ACME-1'")
    assert row["displayName"] == "Acme managed"
    draft = await bc.invoice(dimensionSetLines=[{"code": "AGREEMENT", "valueCode": "ACME-1"}])
    assert len(await bc.rows(f"salesInvoices({draft['id']})/dimensionSetLines")) == 1
    assert (await bc.fails("POST", VALUES, body))[0] == "Internal_EntityWithSameKeyExists"
    assert (await bc.fails("POST", VALUES, body | {"Code": ""}))[0] == "Application_FieldValidationException"
    wrong = body | {"Dimension_Code": "REGION"}
    assert (await bc.fails("POST", VALUES, wrong))[0] == "Internal_InvalidTableRelation"
    assert (await bc.fails("POST", VALUES, body | {"Code": "X" * 21}))[
        0
    ] == "Application_StringExceededLength"
    assert (await bc.fails("POST", VALUES, body | {"displayName": "X"}))[0] == "BadRequest_InvalidOperation"
    assert (await bc.fails("POST", "dimensionValues", {"code": "X"}))[0] == "BadRequest_MethodNotAllowed"


async def test_a_dimension_value_is_addressed_by_both_codes(bc: Case) -> None:
    path = f"{VALUES}(Dimension_Code='AGREEMENT',Code='BLOCK')"
    assert (await bc.get(path))["Name"] == "Block time"
    changed = await bc.call("PATCH", path, {"Name": "Prepaid hours", "Blocked": True})
    assert (changed["Name"], changed["Blocked"]) == ("Prepaid hours", True)
    draft = await bc.invoice()
    line = {"code": "AGREEMENT", "valueCode": "BLOCK"}
    refused = await bc.fails("POST", f"salesInvoices({draft['id']})/dimensionSetLines", line)
    assert refused[1] == "Dimension Value AGREEMENT - BLOCK is blocked."
    assert (await bc.send("PATCH", path, {"Name": "X"}, headers={"If-Match": ""})).status_code == 400
    assert (await bc.fails("PATCH", path, {"Code": "OTHER"}))[0] == "BadRequest"
    await bc.call("DELETE", path, status=204)
    assert (await bc.send("GET", path)).status_code == 404
    rows = await bc.rows(VALUES, "Dimension_Code eq 'AGREEMENT'")
    assert [row["Code"] for row in rows] == ["MANAGED"]


async def pay(bc: Case, amount: str, invoice: Json, **values: Json) -> None:
    body = {"customerNumber": "C1", "amount": Decimal(amount), "documentNumber": "PAY-1"}
    body |= {"externalDocumentNumber": "CHECK 77"} | values
    await bc.admin("ledger/post", body | {"applications": [{"invoiceId": invoice["id"]}]})


async def test_the_customer_ledger_in_both_currencies(bc: Case) -> None:
    posted = await bc.posted(amount="100", currencyCode="EUR", externalDocumentNumber="CW-1")
    rows = await bc.rows(LEDGER, "External_Document_No eq 'CW-1'")
    assert [(row["Entry_No"], row["Amount"], row["Amount_LCY"], row["Currency_Code"]) for row in rows] == [
        (1, 100, 110, "EUR")
    ]
    await pay(bc, "100", posted, currencyCode="EUR")
    invoice, payment = sorted(await bc.rows(LEDGER), key=lambda row: int(row["Entry_No"]))
    assert (invoice["Document_No"], invoice["Open"], invoice["Remaining_Amount"]) == (
        posted["number"],
        False,
        0,
    )
    assert invoice["Closed_at_Date"] == payment["Posting_Date"]
    assert (payment["Document_Type"], payment["External_Document_No"]) == ("Payment", "CHECK 77")
    assert (payment["Credit_Amount"], payment["Customer_Name"]) == (100, "C1")
    assert (await bc.get(f"{LEDGER}(Entry_No=2)"))["Document_No"] == "PAY-1"
    assert (await bc.get(f"{LEDGER}(1)"))["Original_Amt_LCY"] == 110
    assert (await bc.send("POST", LEDGER, {})).status_code == 405


async def test_detailed_entries_show_what_was_applied_and_taken_back(bc: Case) -> None:
    posted = await bc.posted(amount="100")
    await pay(bc, "100", posted)
    await bc.admin("ledger/unapply", {"documentNumber": "PAY-1"})
    query: dict[str, Json] = {"$orderby": "Entry_No desc", "$top": "4"}
    rows = await bc.rows(DETAILS, "Entry_Type eq 'Application'", **query)
    shown = [
        (row["Entry_No"], row["Cust_Ledger_Entry_No"], row["Amount"], row["Unapplied_by_Entry_No"])
        for row in rows
    ]
    assert shown == [(6, 2, -100, 0), (5, 1, 100, 0), (4, 2, 100, 6), (3, 1, -100, 5)]
    assert all(row["Unapplied"] and row["Document_No"] == "PAY-1" for row in rows)
    assert "Applied_Cust_Ledger_Entry_No" not in rows[0]
    assert (await bc.fails("GET", DETAILS, **{"$select": "Applied_Cust_Ledger_Entry_No"}))[0] == "BadRequest"
    newer = await bc.rows(DETAILS, "Entry_No gt 4")
    assert [row["Entry_No"] for row in newer] == [5, 6]
    memo = {"documentType": "Credit_x0020_Memo", "customerNumber": "C1", "amount": 1, "documentNumber": "CM"}
    await bc.admin("ledger/post", memo)
    assert len(await bc.rows(DETAILS, "Document_Type eq 'Credit Memo'")) == 1
