"""General journals: batches, lines, what their accounts may be, and posting a whole batch or nothing."""

from collections.abc import AsyncIterator
from decimal import Decimal

import pytest

from sandbox.kit import Json
from tests.sandbox.business_central_support import Case, running

DIALOG = "Application_DialogException"
FIELD = "Application_FieldValidationException"
GL, BANK = "G_x002F_L_x0020_Account", "Bank_x0020_Account"


@pytest.fixture
async def bc() -> AsyncIterator[Case]:
    async with running() as case:
        await case.call("POST", "vendors", {"number": "V1", "displayName": "Fabrikam"})
        await case.call("POST", "customers", {"number": "C1", "displayName": "Contoso"})
        await case.call("POST", "employees", {"number": "E1", "givenName": "Ann", "surname": "Lee"})
        yield case


async def batch(bc: Case, code: str = "CW1", **values: Json) -> Json:
    return await bc.call("POST", "journals", {"code": code} | values)


def expense(amount: str = "50", **values: Json) -> Json:
    line = {"accountType": GL, "accountNumber": "61000", "documentNumber": "ER-1"}
    return line | {"amount": Decimal(amount)} | values


def vendor(amount: str, **values: Json) -> Json:
    return expense(amount, accountType="Vendor", accountNumber="V1", externalDocumentNumber="X-1") | values


async def add(bc: Case, journal: Json, *lines: Json) -> list[Json]:
    return [await bc.call("POST", f"journals({journal['id']})/journalLines", line) for line in lines]


async def post(bc: Case, journal: Json) -> None:
    await bc.call("POST", f"journals({journal['id']})/Microsoft.NAV.post", status=204)


async def refused(bc: Case, journal: Json) -> tuple[str, str]:
    return await bc.fails("POST", f"journals({journal['id']})/Microsoft.NAV.post")


async def booked(bc: Case, number: str = "ER-1") -> dict[str, Decimal]:
    rows = await bc.rows("generalLedgerEntries", f"documentNumber eq '{number}'")
    return {row["accountNumber"]: row["debitAmount"] - row["creditAmount"] for row in rows}


async def test_batches_have_a_short_unique_code(bc: Case) -> None:
    created = await batch(bc, "cw1", displayName="Expenses")
    assert (created["code"], created["templateDisplayName"]) == ("CW1", "GENERAL")
    assert (await bc.fails("POST", "journals", {"code": "CW1"}))[0] == "Internal_EntityWithSameKeyExists"
    assert (await bc.fails("POST", "journals", {"code": "X" * 11}))[0] == "Application_StringExceededLength"
    assert (await bc.fails("POST", "journals", {"displayName": "X"}))[0] == FIELD
    await add(bc, created, expense())
    await bc.call("DELETE", f"journals({created['id']})", status=204)
    assert await bc.rows("journalLines", f"journalId eq {created['id']}") == []


async def test_an_employee_is_paid_by_the_balancing_account(bc: Case) -> None:
    journal = await batch(bc)
    dimension = {"code": "DEPARTMENT", "valueCode": "SALES"}
    employee = {"balanceAccountType": "Employee", "balancingAccountNumber": "E1"}
    [line] = await add(bc, journal, expense("50.005", **employee, dimensionSetLines=[dimension]))
    assert (line["amount"], line["lineNumber"], line["journalDisplayName"]) == (
        Decimal("50.01"),
        10000,
        "CW1",
    )
    assert line["description"] == "Operating expenses"
    added = await bc.call(
        "POST", f"journalLines({line['id']})/dimensionSetLines", {"code": "LOCATION", "valueCode": "EAST"}
    )
    assert added["parentType"] == "Journal_x0020_Line"
    await post(bc, journal)
    assert await booked(bc) == {"61000": Decimal("50.01"), "20200": Decimal("-50.01")}
    [entry, _other] = await bc.rows("generalLedgerEntries", "documentNumber eq 'ER-1'")
    rows = await bc.rows(f"generalLedgerEntries({entry['id']})/dimensionSetLines")
    assert {row["code"]: row["valueCode"] for row in rows} == {"DEPARTMENT": "SALES", "LOCATION": "EAST"}
    assert await bc.rows(f"journals({journal['id']})/journalLines") == []
    assert (await refused(bc, journal)) == (DIALOG, "There is nothing to post.")


@pytest.mark.parametrize(
    ("line", "code", "text"),
    [
        (
            {"accountType": "Employee", "accountNumber": "E1"},
            "Internal_DataNotFoundFilter",
            "Gen. Journal Line",
        ),
        ({"accountNumber": "99999"}, DIALOG, 'The "accountNumber" does not match to an Account.'),
        ({"accountNumber": "13100"}, FIELD, "Direct Posting"),
        ({"accountNumber": "10000"}, FIELD, "Account Type"),
        (
            {"balanceAccountType": "Employee", "balancingAccountNumber": "E9"},
            "Internal_InvalidTableRelation",
            "E9",
        ),
        ({"currencyCode": "EUR"}, "BadRequest_InvalidOperation", "currencyCode"),
        ({"documentType": "Invoice"}, "BadRequest_InvalidOperation", "documentType"),
        ({"description": "x" * 101}, "Application_StringExceededLength", "100"),
        (
            {"accountType": "Customer", "accountNumber": "C1", "balanceAccountType": "Employee"}
            | {"balancingAccountNumber": "E1"},
            DIALOG,
            "must be a G/L Account or Bank Account",
        ),
    ],
)
async def test_lines_that_are_refused(bc: Case, line: Json, code: str, text: str) -> None:
    journal = await batch(bc)
    found = await bc.fails("POST", f"journals({journal['id']})/journalLines", expense() | line)
    assert found[0] == code
    assert text in found[1]


async def test_lines_change_until_they_are_posted(bc: Case) -> None:
    journal, other = await batch(bc), await batch(bc, "CW2")
    [line] = await add(bc, journal, expense())
    path = f"journalLines({line['id']})"
    changed = await bc.call("PATCH", path, {"accountNumber": "50100", "amount": 7})
    assert (changed["accountNumber"], changed["amount"]) == ("50100", 7)
    moved = await bc.fails("PATCH", path, {"journalId": other["id"]})
    assert moved[1] == "The Journal Batch Id isn't editable."
    assert (await bc.fails("GET", "journalLines"))[0] == DIALOG
    assert len(await bc.rows("journalLines", f"journalId eq {journal['id']}")) == 1
    by_body = await bc.call("POST", "journalLines", expense() | {"journalId": other["id"]})
    assert by_body["journalDisplayName"] == "CW2"
    await bc.call("DELETE", path, status=204)
    assert (await refused(bc, journal))[1] == "There is nothing to post."


async def test_vendor_lines_need_an_external_number_once(bc: Case) -> None:
    journal = await batch(bc)
    await add(bc, journal, expense("80"), vendor("-80"))
    await post(bc, journal)
    assert await booked(bc) == {"61000": 80, "20100": -80}
    assert (await bc.rows("vendors", "number eq 'V1'"))[0]["balance"] == 80
    rows = await add(bc, journal, expense("80"), vendor("-80"))
    assert (await refused(bc, journal))[1].endswith("X-1 already exists for this vendor.")
    await bc.call("PATCH", f"journalLines({rows[1]['id']})", {"externalDocumentNumber": ""})
    code, text = await refused(bc, journal)
    assert code == FIELD
    assert text.startswith(
        "External Document No. must have a value in Gen. Journal Line: Journal Template Name="
    )
    await bc.admin("settings", {"ext_doc_no_mandatory": False})
    await post(bc, journal)
    assert (await bc.rows("vendors", "number eq 'V1'"))[0]["balance"] == 160


async def test_a_batch_is_posted_whole_or_not_at_all(bc: Case) -> None:
    journal = await batch(bc)
    balanced = expense("5", documentNumber="ER-2", balanceAccountType=BANK, balancingAccountNumber="CHECKING")
    await add(bc, journal, balanced, expense("80"), vendor("-70"))
    assert "Document No. ER-1 is out of balance by 10." in (await refused(bc, journal))[1]
    assert await booked(bc, "ER-2") == {}
    [line] = await add(bc, journal, expense("-10"))
    await bc.call("PATCH", f"journalLines({line['id']})", {"documentNumber": ""})
    assert (await refused(bc, journal))[1].startswith("Document No. must have a value")
    await bc.call("PATCH", f"journalLines({line['id']})", {"documentNumber": "ER-1"})
    await bc.admin("posting-window", {"from": "2001-01-01", "to": "2001-01-31"})
    assert (await refused(bc, journal))[1].startswith("Posting Date is not within")
    await bc.admin("posting-window", {"from": "2001-01-01", "to": "0001-01-01"})
    await post(bc, journal)
    assert await booked(bc, "ER-2") == {"61000": 5, "10100": -5}


async def test_a_customer_line_opens_a_ledger_entry(bc: Case) -> None:
    account = (await bc.rows("accounts", "number eq '40100'"))[0]["id"]
    journal = await batch(bc, balancingAccountId=account)
    assert journal["balancingAccountNumber"] == "40100"
    await add(
        bc, journal, {"accountType": "Customer", "accountNumber": "C1", "documentNumber": "J", "amount": 9}
    )
    await post(bc, journal)
    assert await booked(bc, "J") == {"13100": 9, "40100": -9}
    ledger = f"/api/microsoft/analytics/v1.0/companies({bc.company})/customerLedgerEntries"
    [row] = await bc.rows(ledger)
    assert (row["dcleDocumentType"], row["dcleAmountLCY"], row["cleOpen"]) == ("_x0020_", 9, True)


async def test_posting_groups_and_blocked_accounts(bc: Case) -> None:
    await bc.admin("settings", {"templates": {"employees": False}})
    await bc.call("POST", "employees", {"number": "E2", "givenName": "Bo"})
    journal = await batch(bc)
    employee = {"balanceAccountType": "Employee", "balancingAccountNumber": "E2"}
    await add(bc, journal, expense("5", **employee))
    assert (await refused(bc, journal))[1].startswith(
        "Employee Posting Group must have a value in Employee: No.=E2."
    )
    await bc.admin("edit", {"set": "employees", "key": "E2", "hidden": {"postingGroups": True}})
    await post(bc, journal)
    await bc.admin("edit", {"set": "vendors", "key": "V1", "values": {"blocked": "All"}})
    await add(bc, journal, expense("80"), vendor("-80"))
    assert "Vendor V1 is blocked with type All" in (await refused(bc, journal))[1]


async def test_employees(bc: Case) -> None:
    [employee] = await bc.rows("employees")
    assert (employee["displayName"], employee["status"]) == ("Ann Lee", "Active")
    assert (await bc.call("POST", "employees", {"surname": "Ray"}))["number"] == "E00010"
    dimension = (await bc.rows("dimensions", "code eq 'DEPARTMENT'"))[0]
    values = await bc.rows(f"dimensions({dimension['id']})/dimensionValues", "code eq 'ADMIN'")
    body = {"dimensionId": dimension["id"], "dimensionValueId": values[0]["id"]}
    await bc.call("POST", f"employees({employee['id']})/defaultDimensions", body)
    employed = {"balanceAccountType": "Employee", "balancingAccountNumber": "E1"}
    [line] = await add(bc, await batch(bc), expense(**employed))
    rows = await bc.rows(f"journalLines({line['id']})/dimensionSetLines")
    assert [row["valueCode"] for row in rows] == ["ADMIN"]
    assert (await bc.fails("DELETE", f"employees({employee['id']})"))[0] == DIALOG
