"""The customer ledger as the analytics query shows it: payments, discounts, unapplications, refunds."""

from collections.abc import AsyncIterator
from decimal import Decimal

import pytest

from sandbox.kit import Json
from tests.sandbox.business_central_support import Case, running

APPLICATION = "Application"


@pytest.fixture
async def bc() -> AsyncIterator[Case]:
    async with running() as case:
        yield case


async def entries(bc: Case, filter_text: str = "", version: str = "v1.0") -> list[Json]:
    path = f"/api/microsoft/analytics/{version}/companies({bc.company})/customerLedgerEntries"
    return await bc.rows(path, filter_text)


async def pay(bc: Case, amount: str, *applications: Json, **values: Json) -> Json:
    body = {"customerNumber": "C1", "amount": Decimal(amount), "documentNumber": "PAY-1"}
    return await bc.admin("ledger/post", body | {"applications": list(applications)} | values)


async def state_of(bc: Case, invoice: Json) -> tuple[str, Json]:
    row = await bc.get(f"salesInvoices({invoice['id']})")
    return row["status"], row["remainingAmount"]


async def test_posting_writes_the_initial_entry(bc: Case) -> None:
    posted = await bc.posted(amount="80.50")
    rows = await entries(bc)
    assert len(rows) == 1
    row = rows[0]
    assert (row["dcleEntryType"], row["dcleDocumentType"], row["dcleAmountLCY"]) == (
        "Initial_x0020_Entry",
        "Invoice",
        80.5,
    )
    assert row["dcleDocumentNo"] == row["salesInvHeaderDocumentNo"] == posted["number"]
    assert (row["cleOpen"], row["dcleCustomerNo"], row["dcleAppliedCustLedgerEntryNo"]) == (True, "C1", 0)


async def test_one_payment_over_several_invoices(bc: Case) -> None:
    first, second = await bc.posted(amount="100"), await bc.posted(amount="50")
    before = await bc.get(f"salesInvoices({second['id']})")
    await pay(bc, "120", {"invoiceId": first["id"]}, {"invoiceId": second["id"], "amount": 20})
    assert await state_of(bc, first) == ("Paid", 0)
    assert await state_of(bc, second) == ("Open", 30)
    after = await bc.get(f"salesInvoices({second['id']})")
    assert after["lastModifiedDateTime"] == before["lastModifiedDateTime"]
    rows = await entries(bc, "dcleEntryNo gt 2")
    assert [row["dcleEntryNo"] for row in rows] == [3, 4, 5, 6, 7]
    applied = [
        (row["cleEntryNo"], row["dcleAppliedCustLedgerEntryNo"], row["dcleAmountLCY"])
        for row in rows
        if row["dcleEntryType"] == APPLICATION
    ]
    assert applied == [(1, 3, -100), (3, 3, 100), (2, 3, -20), (3, 3, 20)]
    assert {(row["dcleDocumentType"], row["dcleDocumentNo"]) for row in rows} == {("Payment", "PAY-1")}
    assert [row["cleOpen"] for row in rows] == [False, False, False, True, False]
    assert {row["dcleApplicationNo"] for row in rows} == {0}


async def test_a_payment_discount_is_a_row_of_the_payment(bc: Case) -> None:
    posted = await bc.posted(amount="100")
    await pay(bc, "98", {"invoiceId": posted["id"], "discount": 2})
    assert await state_of(bc, posted) == ("Paid", 0)
    rows = [
        (row["dcleEntryType"], row["cleEntryNo"], row["dcleAppliedCustLedgerEntryNo"], row["dcleAmountLCY"])
        for row in await entries(bc, "dcleEntryNo ge 2")
    ]
    assert rows == [
        ("Initial_x0020_Entry", 2, 0, -98),
        ("Payment_x0020_Discount", 2, 0, -2),
        (APPLICATION, 1, 2, -100),
        (APPLICATION, 2, 2, 100),
    ]


async def test_unapplying_reopens_the_invoice(bc: Case) -> None:
    posted = await bc.posted(amount="100")
    paid = await pay(bc, "100", {"invoiceId": posted["id"]})
    await bc.admin("ledger/unapply", {"documentNumber": "PAY-1"})
    assert await state_of(bc, posted) == ("Open", 100)
    rows = await entries(bc, f"dcleEntryType eq '{APPLICATION}' and cleEntryNo eq 1")
    assert [row["dcleAmountLCY"] for row in rows] == [-100, 100]
    again = await bc.admin("ledger/unapply", {"transactionNo": paid["transactionNo"]}, 400)
    assert "unapplied already" in again["error"]
    body = {"documentNumber": "PAY-1", "applications": [{"documentNumber": posted["number"], "amount": 40}]}
    await bc.admin("ledger/apply", body)
    assert await state_of(bc, posted) == ("Open", 60)
    rows = await entries(bc, f"dcleEntryType eq '{APPLICATION}' and cleEntryNo eq 1")
    assert rows[-1]["dcleApplicationNo"] > 0


async def test_refunds_and_credit_memos(bc: Case) -> None:
    posted = await bc.posted(amount="100")
    await pay(bc, "150", {"invoiceId": posted["id"]})
    refund = {"documentType": "Refund", "documentNumber": "REF-1", "customerNumber": "C1", "amount": 50}
    await bc.admin("ledger/post", refund | {"applications": [{"documentNumber": "PAY-1"}]})
    other = await bc.posted(amount="30")
    memo = {
        "documentType": "Credit_x0020_Memo",
        "documentNumber": "CM-1",
        "customerNumber": "C1",
        "amount": 30,
    }
    await bc.admin("ledger/post", memo | {"applications": [{"invoiceId": other["id"]}]})
    assert await state_of(bc, other) == ("Paid", 0)
    rows = await entries(bc)
    refunded = [
        row for row in rows if row["dcleDocumentNo"] == "REF-1" and row["dcleEntryType"] == APPLICATION
    ]
    assert [row["dcleAmountLCY"] for row in refunded] == [50, -50]
    assert all(not row["cleOpen"] for row in rows)


async def test_foreign_currency_closes_in_lcy_too(bc: Case) -> None:
    posted = await bc.posted(amount="33.33", currencyCode="EUR")
    await pay(bc, "33.33", {"invoiceId": posted["id"]}, currencyCode="EUR", rate=Decimal("1.2"))
    rows = await entries(bc, "cleEntryNo eq 1")
    assert [(row["dcleEntryType"], row["dcleAmountLCY"]) for row in rows] == [
        ("Initial_x0020_Entry", Decimal("36.66")),
        (APPLICATION, -40),
        ("Realized_x0020_Gain", Decimal("3.34")),
    ]
    assert await state_of(bc, posted) == ("Paid", 0)


@pytest.mark.parametrize(
    "body",
    [
        {"amount": 0},
        {"customerNumber": "C9"},
        {"applications": [{"documentNumber": "NONE"}]},
        {"applications": [{"documentNumber": "*", "amount": 101}]},
        {"applications": [{"documentNumber": "*", "amount": 60}]},
        {"currencyCode": "EUR", "applications": [{"documentNumber": "*"}]},
        {"documentType": "Invoice"},
    ],
)
async def test_impossible_payments_change_nothing(bc: Case, body: Json) -> None:
    posted = await bc.posted(amount="100")
    for item in body.get("applications", []):
        item["documentNumber"] = item["documentNumber"].replace("*", posted["number"])
    payment = {"customerNumber": "C1", "amount": 50, "documentNumber": "PAY-1"}
    assert "error" in await bc.admin("ledger/post", payment | body, 400)
    assert len(await entries(bc)) == 1


async def test_the_query_cannot_be_ordered_and_has_a_version(bc: Case) -> None:
    path = f"/api/microsoft/analytics/v1.0/companies({bc.company})/customerLedgerEntries"
    found = await bc.fails("GET", path, **{"$orderby": "dcleEntryNo"})
    assert found[0] == "BadRequest_MethodNotImplemented"
    await bc.admin("settings", {"analytics_version": "v0.5"})
    assert (await bc.fails("GET", path))[0] == "BadRequest_NotFound"
    older = path.replace("v1.0", "v0.5")
    assert await entries(bc, version="v0.5") == []
    assert (await bc.fails("GET", older, **{"$select": "cleClosedAtDate"}))[0] == "BadRequest"
    await bc.admin("settings", {"analytics_version": ""})
    assert (await bc.fails("GET", older))[0] == "BadRequest_NotFound"
