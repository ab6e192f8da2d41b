"""Sales invoices: drafts, amounts, dimensions, posting and what follows from it."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from sandbox.business_central import formulas
from sandbox.kit import Json
from tests.sandbox.business_central_support import Case, running

DIALOG = "Application_DialogException"
FIELD = "Application_FieldValidationException"
YEAR = datetime.now(UTC).year


@pytest.fixture
async def bc() -> AsyncIterator[Case]:
    async with running() as case:
        await case.call("POST", "customers", {"number": "C1", "displayName": "Contoso", "city": "Tampa"})
        item = {
            "number": "CABLE",
            "displayName": "Cable",
            "unitPrice": Decimal("9.95"),
            "taxGroupCode": "STANDARD",
        }
        await case.call("POST", "items", item)
        yield case


def account(price: str, quantity: str = "1", **values: Json) -> Json:
    line = {"lineType": "Account", "lineObjectNumber": "40100", "quantity": Decimal(quantity)}
    return line | {"unitPrice": Decimal(price), "taxCode": "NONTAXABLE"} | values


async def draft(bc: Case, *lines: Json, **values: Json) -> Json:
    body = {"customerNumber": "C1", "salesInvoiceLines": list(lines)} | values
    expand: dict[str, Json] = {"$expand": "salesInvoiceLines"}
    return await bc.call("POST", "salesInvoices", body, **expand)


def figures(row: Json, *names: str) -> str:
    """The named amounts as text, without trailing zeros."""
    return " ".join(f"{Decimal(row[name]).normalize():f}" for name in names)


async def post(bc: Case, invoice: Json) -> tuple[str, str]:
    return await bc.fails("POST", f"salesInvoices({invoice['id']})/Microsoft.NAV.post")


async def test_a_draft_takes_its_defaults(bc: Case) -> None:
    terms = (await bc.rows("paymentTerms", "code eq '30D'"))[0]["id"]
    invoice = await draft(
        bc, account("10"), paymentTermsId=terms, invoiceDate=f"{YEAR}-01-31", externalDocumentNumber="cw-1"
    )
    assert (invoice["status"], invoice["dueDate"]) == (
        "Draft",
        f"{YEAR}-03-02" if YEAR % 4 else f"{YEAR}-03-01",
    )
    assert (invoice["customerName"], invoice["billToCity"], invoice["currencyCode"]) == (
        "Contoso",
        "Tampa",
        "USD",
    )
    assert invoice["externalDocumentNumber"] == "CW-1"
    assert invoice["remainingAmount"] == 10
    assert invoice["salesInvoiceLines"][0]["description"] == "Service revenue"
    moved = await bc.call("PATCH", f"salesInvoices({invoice['id']})", {"dueDate": f"{YEAR}-02-01"})
    assert moved["dueDate"] == f"{YEAR}-02-01"


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        ("", "2026-01-31"),
        ("10D", "2026-02-10"),
        ("1M", "2026-02-28"),
        ("CM+15D", "2026-02-15"),
        ("2W", "2026-02-14"),
    ],
)
def test_date_formulas(formula: str, expected: str) -> None:
    assert formulas.is_formula(formula)
    assert formulas.after("2026-01-31", formula) == expected
    assert not formulas.is_formula("soon")


async def test_amounts_round_half_up_per_line(bc: Case) -> None:
    invoice = await draft(
        bc,
        account("0.335", "3", taxCode="STANDARD"),
        account("10.05", "1", taxCode="STANDARD", discountPercent=Decimal(50)),
        account("100", "1", discountAmount=Decimal("0.01")),
        {"lineType": "Comment", "description": "Ticket 42"},
    )
    first, second, third, comment = invoice["salesInvoiceLines"]
    assert figures(first, "amountExcludingTax", "totalTaxAmount", "taxPercent") == "1.01 0.08 8.25"
    assert figures(second, "discountAmount", "amountExcludingTax", "totalTaxAmount") == "5.03 5.02 0.41"
    assert figures(third, "discountPercent", "netAmount") == "0.01 99.99"
    assert figures(comment, "amountExcludingTax") == "0"
    totals = ("totalAmountExcludingTax", "totalTaxAmount", "totalAmountIncludingTax")
    assert figures(invoice, *totals) == "106.02 0.49 106.51"


async def test_quantities_keep_five_decimals(bc: Case) -> None:
    invoice = await draft(bc, account("300", "0.3333333"))
    line = invoice["salesInvoiceLines"][0]
    assert figures(line, "quantity", "amountExcludingTax") == "0.33333 100"
    other = await draft(bc, account("3000", "0.3333333"))
    assert figures(other, "totalAmountIncludingTax") == "999.99"


async def test_tax_may_round_on_the_document(bc: Case) -> None:
    await bc.admin("settings", {"tax_rounding": "document", "tax_rates": {"STANDARD": 10}})
    invoice = await draft(bc, *[account("0.05", taxCode="STANDARD") for _ in range(3)])
    assert [figures(line, "totalTaxAmount") for line in invoice["salesInvoiceLines"]] == ["0.01", "0", "0.01"]
    assert figures(invoice, "totalTaxAmount") == "0.02"


async def test_an_invoice_discount_spreads_over_the_lines(bc: Case) -> None:
    invoice = await draft(bc, account("10"), account("10"), account("10"), discountAmount=Decimal(10))
    shares = [figures(line, "invoiceDiscountAllocation") for line in invoice["salesInvoiceLines"]]
    assert shares == ["3.33", "3.33", "3.34"]
    assert invoice["totalAmountIncludingTax"] == 20


async def test_items_bring_price_unit_and_tax(bc: Case) -> None:
    invoice = await draft(bc, {"lineType": "Item", "lineObjectNumber": "CABLE", "quantity": 2})
    line = invoice["salesInvoiceLines"][0]
    assert (line["unitOfMeasureCode"], line["taxCode"]) == ("PCS", "STANDARD")
    assert figures(line, "unitPrice", "amountExcludingTax", "amountIncludingTax") == "9.95 19.9 21.54"
    hour = {"lineType": "Item", "lineObjectNumber": "CABLE", "unitOfMeasureCode": "HOUR"}
    path = f"salesInvoices({invoice['id']})/salesInvoiceLines"
    assert (await bc.fails("POST", path, hour))[0] == "Internal_InvalidTableRelation"


async def test_lines_are_added_changed_and_deleted(bc: Case) -> None:
    invoice = await draft(bc)
    path = f"salesInvoices({invoice['id']})"
    line = await bc.call("POST", f"{path}/salesInvoiceLines", account("10"))
    assert (line["sequence"], line["documentId"]) == (10000, invoice["id"])
    own = f"{path}/salesInvoiceLines({line['id']})"
    assert (await bc.call("PATCH", own, {"quantity": 3}))["amountExcludingTax"] == 30
    for name, value in (("sequence", 5), ("lineObjectNumber", "40200")):
        assert (await bc.fails("PATCH", own, {name: value}))[1].startswith(f'The value for "{name}"')
    changed = await bc.get(path)
    assert changed["totalAmountIncludingTax"] == 30
    assert changed["lastModifiedDateTime"] > invoice["lastModifiedDateTime"]
    await bc.call("DELETE", own, status=204)
    assert (await bc.get(path))["totalAmountIncludingTax"] == 0


@pytest.mark.parametrize(
    ("line", "code", "text"),
    [
        ({"lineType": "Account", "lineObjectNumber": "99999"}, DIALOG, "Account does not exist."),
        (
            {"lineType": "Account", "lineObjectNumber": "40000"},
            FIELD,
            "Account Type must be equal to 'Posting'",
        ),
        (
            {"lineType": "Account", "lineObjectNumber": "13100"},
            FIELD,
            "Direct Posting must be equal to 'Yes'",
        ),
        ({"lineType": "Item", "lineObjectNumber": "NONE"}, DIALOG, "Item does not exist."),
        ({"lineType": "Comment", "quantity": 1}, FIELD, "Type must have a value"),
        ({"lineType": "Resource", "lineObjectNumber": "R1"}, "Internal_InvalidTableRelation", "R1"),
        (account("1", taxCode="LUXURY"), "Internal_InvalidTableRelation", "taxCode"),
        (account("1", discountPercent=Decimal(101)), "Application_EvaluateException", "discountPercent"),
        (account("1", description="x" * 101), "Application_StringExceededLength", "100"),
        (account("1", netAmount=Decimal(1)), "BadRequest_InvalidOperation", "read-only"),
    ],
)
async def test_a_bad_line_undoes_the_whole_invoice(bc: Case, line: Json, code: str, text: str) -> None:
    body = {"customerNumber": "C1", "salesInvoiceLines": [account("1"), line]}
    found = await bc.fails("POST", "salesInvoices", body)
    assert found[0] == code
    assert text in found[1]
    assert await bc.rows("salesInvoices") == []


async def test_the_customer_must_exist_and_be_usable(bc: Case) -> None:
    assert (await bc.fails("POST", "salesInvoices", {}))[1].startswith('A "customerNumber" or a "customerId"')
    assert (await bc.fails("POST", "salesInvoices", {"customerNumber": "C9"}))[
        1
    ] == "The sell-to customer cannot be found."
    other = await bc.call("POST", "customers", {"number": "C2", "displayName": "Other"})
    both = {"customerNumber": "C1", "customerId": other["id"]}
    assert (await bc.fails("POST", "salesInvoices", both))[1].startswith(
        "The sell-to customer values do not match"
    )
    assert (await bc.fails("POST", "salesInvoices", {"customerNumber": "C1", "number": "1"}))[
        0
    ] == "BadRequest_InvalidOperation"
    for blocked in ("All", "Invoice"):
        await bc.admin("block", {"customerNumber": "C1", "blocked": blocked})
        found = await bc.fails("POST", "salesInvoices", {"customerNumber": "C1"})
        assert found == (
            DIALOG,
            f"You cannot create this type of document when Customer C1 is blocked with type {blocked}",
        )
    await bc.admin("settings", {"templates": {"customers": False}})
    await bc.call("POST", "customers", {"number": "C3", "displayName": "Bare"})
    found = await bc.fails("POST", "salesInvoices", {"customerNumber": "C3"})
    assert found[0] == FIELD
    assert found[1].startswith("Customer Posting Group must have a value in Customer")


async def test_blocked_for_shipping_matters_only_where_posting_ships(bc: Case) -> None:
    await bc.admin("block", {"customerNumber": "C1", "blocked": "Ship"})
    line = {"lineType": "Item", "lineObjectNumber": "CABLE", "quantity": 1}
    first, second = await draft(bc, line), await draft(bc, line)
    await bc.call("POST", f"salesInvoices({first['id']})/Microsoft.NAV.post", status=204)
    await bc.admin("settings", {"shipment_on_invoice": True})
    assert "blocked with type Ship" in (await post(bc, second))[1]


async def test_posting_keeps_the_id_and_changes_the_number(bc: Case) -> None:
    invoice = await draft(bc, account("100"), externalDocumentNumber="CW-7")
    path = f"salesInvoices({invoice['id']})"
    await bc.call("POST", f"{path}/Microsoft.NAV.post", status=204)
    posted = await bc.get(path)
    assert (posted["id"], posted["status"], posted["remainingAmount"]) == (invoice["id"], "Open", 100)
    assert posted["number"] != invoice["number"]
    assert posted["lastModifiedDateTime"] > invoice["lastModifiedDateTime"]
    headers = f"/api/microsoft/automate/v1.0/companies({bc.company})/postedSalesInvoices"
    rows = await bc.rows(headers, f"externalDocumentNumber eq 'CW-7' and number eq '{posted['number']}'")
    assert [row["externalDocumentNumber"] for row in rows] == ["CW-7"]
    entries = await bc.rows("generalLedgerEntries", f"documentNumber eq '{posted['number']}'")
    booked = {row["accountNumber"]: row["debitAmount"] - row["creditAmount"] for row in entries}
    assert booked == {"40100": -100, "13100": 100}
    assert (await post(bc, invoice))[1] == "The action can be applied to a draft invoice only."
    assert (await bc.report())["postings"] == {"CW-7": 1}


async def test_a_posted_invoice_cannot_be_modified(bc: Case) -> None:
    posted = await bc.posted()
    path, text = (
        f"salesInvoices({posted['id']})",
        "The invoice has been posted and can no longer be modified.",
    )
    line = (await bc.rows(f"{path}/salesInvoiceLines"))[0]
    attempts: list[tuple[str, str, Json]] = [
        ("PATCH", path, {"externalDocumentNumber": "X"}),
        ("POST", f"{path}/salesInvoiceLines", account("1")),
        ("PATCH", f"{path}/salesInvoiceLines({line['id']})", {"quantity": 2}),
        ("POST", f"{path}/dimensionSetLines", {"code": "AGREEMENT", "valueCode": "BLOCK"}),
    ]
    for method, address, body in attempts:
        assert await bc.fails(method, address, body) == (DIALOG, text)
    assert (await bc.fails("DELETE", path))[0] == DIALOG
    assert (await bc.call("PATCH", path, {"dueDate": f"{YEAR}-12-24"}))["dueDate"] == f"{YEAR}-12-24"


async def test_posting_dates(bc: Case) -> None:
    await bc.admin("posting-window", {"from": f"{YEAR}-02-01", "to": f"{YEAR}-02-28"})
    early = await draft(bc, account("1"), postingDate=f"{YEAR}-01-31")
    text = "Posting Date is not within your range of allowed posting dates."
    assert await post(bc, early) == (DIALOG, text)
    assert (await bc.get(f"salesInvoices({early['id']})"))["status"] == "Draft"
    setup = (await bc.rows("generalLedgerSetup"))[0]
    assert setup["allowPostingTo"] == f"{YEAR}-02-28"
    period = (await bc.rows("accountingPeriods", f"startingDate eq {YEAR}-02-01"))[0]
    await bc.admin("edit", {"set": "accountingPeriods", "key": period["id"], "values": {"closed": True}})
    late = await draft(bc, account("1"), postingDate=f"{YEAR}-02-15")
    assert "closed" in (await post(bc, late))[1]


async def test_nothing_to_post_and_negative_totals(bc: Case) -> None:
    empty = await draft(bc, {"lineType": "Comment", "description": "x"}, account("5", "0"))
    assert (await post(bc, empty))[1].startswith("There is nothing to post")
    negative = await draft(bc, account("5", "-1"))
    assert (await post(bc, negative))[0] == FIELD
    free = await draft(bc, account("0"))
    await bc.call("POST", f"salesInvoices({free['id']})/Microsoft.NAV.post", status=204)
    assert (await bc.get(f"salesInvoices({free['id']})"))["status"] == "Paid"


async def test_what_was_blocked_in_between_stops_the_posting(bc: Case) -> None:
    invoice = await draft(bc, {"lineType": "Item", "lineObjectNumber": "CABLE", "quantity": 1})
    await bc.admin("edit", {"set": "items", "key": "CABLE", "values": {"blocked": True}})
    assert (await post(bc, invoice))[1].startswith("Blocked must be equal to 'No'  in Item: No.=CABLE")
    await bc.admin("edit", {"set": "items", "key": "CABLE", "values": {"blocked": False}})
    await bc.admin("block", {"customerNumber": "C1", "blocked": "Invoice"})
    assert (await post(bc, invoice))[1].startswith("You cannot post this type of document")


async def test_dimensions_flow_from_customer_and_header_to_lines(bc: Case) -> None:
    customer = (await bc.rows("customers", "number eq 'C1'"))[0]["id"]
    dimensions = {row["code"]: row["id"] for row in await bc.rows("dimensions")}
    values = {row["code"]: row["id"] for row in await bc.rows("dimensionValues")}
    row = {"dimensionId": dimensions["LOCATION"], "dimensionValueId": values["EAST"]}
    await bc.call("POST", f"customers({customer})/defaultDimensions", row)
    wanted = {"dimensionId": dimensions["AGREEMENT"], "postingValidation": "Code_x0020_Mandatory"}
    await bc.call("POST", f"customers({customer})/defaultDimensions", wanted)
    invoice = await draft(bc, account("1"), shortcutDimension1Code="SERVICE")
    assert invoice["shortcutDimension2Code"] == "EAST"
    path = f"salesInvoices({invoice['id']})"
    line = invoice["salesInvoiceLines"][0]["id"]
    rows = await bc.rows(f"{path}/salesInvoiceLines({line})/dimensionSetLines")
    assert {(row["code"], row["valueCode"]) for row in rows} == {
        ("LOCATION", "EAST"),
        ("DEPARTMENT", "SERVICE"),
    }
    assert "Select a Dimension Value Code for the Dimension Code AGREEMENT" in (await post(bc, invoice))[1]
    added = await bc.call("POST", f"{path}/dimensionSetLines", {"code": "AGREEMENT", "valueCode": "BLOCK"})
    assert (added["parentType"], added["valueDisplayName"]) == ("Sales_x0020_Invoice", "Block time")
    again = await bc.fails("POST", f"{path}/dimensionSetLines", {"code": "AGREEMENT", "valueCode": "MANAGED"})
    assert again[1].startswith("The dimension set line already exists.")
    own = f"{path}/dimensionSetLines({dimensions['AGREEMENT']})"
    assert (await bc.call("PATCH", own, {"valueCode": "MANAGED"}))["valueCode"] == "MANAGED"
    assert (await bc.fails("PATCH", own, {"code": "LOCATION", "valueCode": "EAST"}))[0] == DIALOG
    assert (await bc.fails("PATCH", own, {"valueCode": "NOPE"}))[0] == DIALOG
    wrong = {"customerNumber": "C1", "shortcutDimension1Code": "NOPE"}
    assert (await bc.fails("POST", "salesInvoices", wrong))[0] == "Internal_InvalidTableRelation"
    await bc.call("POST", f"{path}/Microsoft.NAV.post", status=204)


async def test_the_external_document_number_need_not_be_unique(bc: Case) -> None:
    first = await bc.posted(externalDocumentNumber="CW-1")
    second = await bc.posted(externalDocumentNumber="CW-1")
    rows = await bc.rows("salesInvoices", "externalDocumentNumber eq 'CW-1' and customerNumber eq 'C1'")
    assert [row["id"] for row in rows] == [first["id"], second["id"]]
    assert (await bc.report())["postings"] == {"CW-1": 2}


async def test_foreign_currency_and_deleting_a_draft(bc: Case) -> None:
    invoice = await draft(bc, account("100"), currencyCode="EUR")
    assert invoice["currencyCode"] == "EUR"
    assert (await bc.fails("POST", "salesInvoices", {"customerNumber": "C1", "currencyCode": "XXX"}))[
        0
    ] == "Internal_InvalidTableRelation"
    deep = await bc.fails("PATCH", f"salesInvoices({invoice['id']})", {"salesInvoiceLines": []})
    assert deep[1].startswith("Deep update")
    await bc.call("DELETE", f"salesInvoices({invoice['id']})", status=204)
    assert await bc.rows("salesInvoiceLines", f"documentId eq {invoice['id']}") == []
