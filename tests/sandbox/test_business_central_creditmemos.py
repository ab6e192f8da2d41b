"""Sales credit memos: drafts, the invoice they apply to, posting, and correcting a posted invoice."""

from collections.abc import AsyncIterator
from decimal import Decimal

import pytest

from sandbox.kit import Json
from tests.sandbox.business_central_support import Case, running

DIALOG = "Application_DialogException"
APPLICATION = "Application"


@pytest.fixture
async def bc() -> AsyncIterator[Case]:
    async with running() as case:
        await case.call("POST", "customers", {"number": "C1", "displayName": "Contoso", "city": "Tampa"})
        yield case


async def memo(bc: Case, amount: str = "100", **values: Json) -> Json:
    """A draft credit memo of one untaxed line."""
    line = {"lineType": "Account", "lineObjectNumber": "40100", "quantity": 1, "taxCode": "NONTAXABLE"}
    body = {"customerNumber": "C1", "salesCreditMemoLines": [line | {"unitPrice": Decimal(amount)}]}
    return await bc.call("POST", "salesCreditMemos", body | values)


async def act(bc: Case, path: str, action: str = "post") -> None:
    await bc.call("POST", f"{path}/Microsoft.NAV.{action}", status=204)


async def state_of(bc: Case, invoice: Json) -> tuple[str, Json]:
    row = await bc.get(f"salesInvoices({invoice['id']})")
    return row["status"], row["remainingAmount"]


async def entries(bc: Case, filter_text: str = "") -> list[Json]:
    return await bc.rows(
        f"/api/microsoft/analytics/v1.0/companies({bc.company})/customerLedgerEntries", filter_text
    )


async def test_a_draft_has_its_own_numbers_and_lines(bc: Case) -> None:
    dimension = [{"code": "AGREEMENT", "valueCode": "BLOCK"}]
    draft = await memo(
        bc, externalDocumentNumber="cw-9", shortcutDimension1Code="SALES", dimensionSetLines=dimension
    )
    assert (draft["status"], draft["number"], draft["totalAmountIncludingTax"]) == (
        "Draft",
        "SCR-D01001",
        100,
    )
    assert (draft["externalDocumentNumber"], draft["billToCity"], draft["currencyCode"]) == (
        "CW-9",
        "Tampa",
        "USD",
    )
    assert draft["dueDate"] == draft["creditMemoDate"]
    path = f"salesCreditMemos({draft['id']})"
    line = (await bc.rows(f"{path}/salesCreditMemoLines"))[0]
    changed = await bc.call("PATCH", f"salesCreditMemoLines({line['id']})", {"quantity": 2})
    assert changed["amountExcludingTax"] == 200
    rows = await bc.rows(f"{path}/salesCreditMemoLines({line['id']})/dimensionSetLines")
    assert {row["code"]: row["parentType"] for row in rows} == dict.fromkeys(
        ("AGREEMENT", "DEPARTMENT"), "Sales_x0020_Credit_x0020_Memo_x0020_Line"
    )
    assert (await bc.fails("GET", "salesCreditMemoLines"))[0] == DIALOG
    await bc.call("DELETE", path, status=204)
    assert await bc.rows("salesCreditMemoLines", f"documentId eq {draft['id']}") == []


async def test_posting_without_an_invoice_leaves_it_open(bc: Case) -> None:
    draft = await memo(bc, externalDocumentNumber="CW-9")
    path = f"salesCreditMemos({draft['id']})"
    await act(bc, path)
    posted = await bc.get(path)
    assert (posted["status"], posted["number"]) == ("Open", "PSCR-104001")
    assert (await bc.report())["postings"] == {"CW-9": 1}
    [row] = await entries(bc)
    assert (row["dcleDocumentType"], row["dcleAmountLCY"], row["salesInvHeaderDocumentNo"]) == (
        "Credit_x0020_Memo",
        -100,
        "",
    )
    booked = await bc.rows("generalLedgerEntries", f"documentNumber eq '{posted['number']}'")
    assert {item["accountNumber"]: item["debitAmount"] - item["creditAmount"] for item in booked} == {
        "40100": 100,
        "13100": -100,
    }
    again = await bc.fails("POST", f"{path}/Microsoft.NAV.post")
    assert again == (DIALOG, "The action can be applied to a draft credit memo only.")
    text = "The credit memo has been posted and can no longer be modified."
    assert await bc.fails("PATCH", path, {"dueDate": "2031-01-01"}) == (DIALOG, text)
    assert (await bc.fails("DELETE", path))[0] == DIALOG


async def test_applying_writes_both_sides_as_a_payment_does(bc: Case) -> None:
    invoice = await bc.posted(amount="100")
    draft = await memo(bc, "60", invoiceId=invoice["id"])
    assert (draft["invoiceNumber"], draft["invoiceId"]) == (invoice["number"], invoice["id"])
    await act(bc, f"salesCreditMemos({draft['id']})")
    assert await state_of(bc, invoice) == ("Open", 40)
    number = (await bc.get(f"salesCreditMemos({draft['id']})"))["number"]
    rows = await entries(bc, f"dcleEntryType eq '{APPLICATION}'")
    assert [
        (row["cleEntryNo"], row["dcleAppliedCustLedgerEntryNo"], row["dcleAmountLCY"]) for row in rows
    ] == [
        (1, 2, -60),
        (2, 2, 60),
    ]
    assert {(row["dcleDocumentType"], row["dcleDocumentNo"], row["dcleApplicationNo"]) for row in rows} == {
        ("Credit_x0020_Memo", number, 0)
    }
    assert (await bc.get(f"salesCreditMemos({draft['id']})"))["status"] == "Paid"
    await bc.admin("ledger/unapply", {"documentNumber": number, "documentType": "Credit_x0020_Memo"})
    assert await state_of(bc, invoice) == ("Open", 100)
    assert (await bc.get(f"salesCreditMemos({draft['id']})"))["status"] == "Open"


async def test_more_than_the_invoice_stays_open(bc: Case) -> None:
    invoice = await bc.posted(amount="100")
    draft = await memo(bc, "150", invoiceNumber=invoice["number"])
    await act(bc, f"salesCreditMemos({draft['id']})")
    assert await state_of(bc, invoice) == ("Paid", 0)
    assert (await bc.get(f"salesCreditMemos({draft['id']})"))["status"] == "Open"


async def test_the_invoice_must_be_open_and_of_the_customer(bc: Case) -> None:
    first, other = await bc.posted(amount="10"), await bc.posted("C2", "10")
    found = await bc.fails("POST", "salesCreditMemos", {"customerNumber": "C1", "invoiceId": bc.company})
    assert found == (DIALOG, 'The "invoiceId" does not match to an Invoice.')
    both = {"customerNumber": "C1", "invoiceId": first["id"], "invoiceNumber": other["number"]}
    text = 'The "invoiceId" and "invoiceNumber" do not match to a specific Invoice.'
    assert await bc.fails("POST", "salesCreditMemos", both) == (DIALOG, text)
    await bc.admin(
        "ledger/post",
        {"customerNumber": "C1", "amount": 10, "documentNumber": "P"}
        | {"applications": [{"invoiceId": first["id"]}]},
    )
    for number in (first["number"], other["number"], "NONE"):
        draft = await memo(bc, "5", invoiceNumber=number)
        code, text = await bc.fails("POST", f"salesCreditMemos({draft['id']})/Microsoft.NAV.post")
        assert code == "Internal_DataNotFoundFilter"
        assert f"Document No.: {number}, Document Type: Invoice, Customer No.: C1, Open: Yes" in text
        assert (await bc.get(f"salesCreditMemos({draft['id']})"))["status"] == "Draft"
    assert len(await entries(bc, "dcleDocumentType eq 'Credit_x0020_Memo'")) == 0


async def test_blocked_customers_and_empty_memos(bc: Case) -> None:
    await bc.admin("block", {"customerNumber": "C1", "blocked": "Invoice"})
    draft = await bc.call("POST", "salesCreditMemos", {"customerNumber": "C1"})
    found = await bc.fails("POST", f"salesCreditMemos({draft['id']})/Microsoft.NAV.post")
    assert found == (DIALOG, "Please add at least one line item to the credit memo.")
    await bc.admin("block", {"customerNumber": "C1", "blocked": "All"})
    assert (
        "blocked with type All" in (await bc.fails("POST", "salesCreditMemos", {"customerNumber": "C1"}))[1]
    )


async def test_a_corrective_credit_memo_is_a_draft_for_the_whole_invoice(bc: Case) -> None:
    invoice = await bc.posted(amount="100", externalDocumentNumber="CW-1")
    path = f"salesInvoices({invoice['id']})"
    await act(bc, path, "makeCorrectiveCreditMemo")
    [draft] = await bc.rows("salesCreditMemos")
    assert (draft["status"], draft["invoiceId"], draft["totalAmountIncludingTax"]) == (
        "Draft",
        invoice["id"],
        100,
    )
    await act(bc, f"salesCreditMemos({draft['id']})")
    assert await state_of(bc, invoice) == ("Paid", 0)
    assert (await bc.report())["postings"] == {"CW-1": 1}
    found = await bc.fails("POST", f"{path}/Microsoft.NAV.makeCorrectiveCreditMemo")
    assert found[1].startswith("The invoice is closed.")


async def test_cancelling_closes_the_invoice_once(bc: Case) -> None:
    invoice, draft = await bc.posted(amount="100"), await bc.invoice()
    await act(bc, f"salesInvoices({invoice['id']})", "cancel")
    assert await state_of(bc, invoice) == ("Canceled", 0)
    assert [row["status"] for row in await bc.rows("salesCreditMemos")] == ["Corrective"]
    again = await bc.fails("POST", f"salesInvoices({invoice['id']})/Microsoft.NAV.cancel")
    assert again[1] == "The invoice cannot be canceled because it has already been canceled."
    early = await bc.fails("POST", f"salesInvoices({draft['id']})/Microsoft.NAV.cancel")
    assert early[1] == "The action can be applied to a posted invoice only."


async def test_nothing_is_corrected_once_something_is_paid(bc: Case) -> None:
    invoice = await bc.posted(amount="100")
    payment = {"customerNumber": "C1", "amount": 1, "documentNumber": "P"}
    await bc.admin("ledger/post", payment | {"applications": [{"invoiceId": invoice["id"]} | {"amount": 1}]})
    path = f"salesInvoices({invoice['id']})/Microsoft.NAV"
    assert "partially paid" in (await bc.fails("POST", f"{path}.makeCorrectiveCreditMemo"))[1]
    assert (await bc.fails("POST", f"{path}.cancel"))[1].startswith("Canceling the invoice failed")
    assert await bc.rows("salesCreditMemos") == []


async def test_foreign_currency_credit_memos(bc: Case) -> None:
    invoice = await bc.posted(amount="100", currencyCode="EUR")
    draft = await memo(bc, "100", currencyCode="EUR", invoiceId=invoice["id"])
    await act(bc, f"salesCreditMemos({draft['id']})")
    assert await state_of(bc, invoice) == ("Paid", 0)
    assert sum(row["dcleAmountLCY"] for row in await entries(bc)) == 0
    local = await memo(bc, "1", invoiceId=(await bc.posted(amount="10", currencyCode="EUR"))["id"])
    assert (await bc.fails("POST", f"salesCreditMemos({local['id']})/Microsoft.NAV.post"))[0] == DIALOG
