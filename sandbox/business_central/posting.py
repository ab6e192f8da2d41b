"""Posting a sales invoice: the checks, the posted number, and the entries in both ledgers."""

import uuid
from datetime import date
from decimal import Decimal

from sandbox.business_central import dimensions, general_ledger
from sandbox.business_central.environment import Environment, rounded, setup
from sandbox.business_central.errors import dialog, field_error
from sandbox.business_central.fields import BLANK_DATE
from sandbox.business_central.invoices import check_customer, discount_date, terms_of
from sandbox.business_central.ledger import DetailedEntry, LedgerEntry
from sandbox.business_central.lines import check_target, lines_of
from sandbox.business_central.store import Company, Record


def post(environment: Environment, company: Company, header: Record) -> None:
    """Posts a draft as ``Microsoft.NAV.post``: the id stays, the number changes, entries are written.

    What was written before is committed first, so a failing posting leaves the draft. Raises 400.
    """
    if header.hidden["posted"]:
        raise dialog("The action can be applied to a draft invoice only.")
    environment.store.commit()
    _check(environment, company, header)
    with environment.store.transaction():
        number = company.next_number("S-INV+", "PSI-", 103001)
        total = header.values["totalAmountIncludingTax"]
        status = "Open" if total else "Paid"
        hidden = {"posted": True, "postedId": str(uuid.uuid4()), "draftNumber": header.values["number"]}
        environment.store.update(company, header, {"number": number, "status": status}, hidden)
        _customer_entry(company, header, number, total)
        _general_entries(environment, company, header, number)
        environment.postings[header.values["externalDocumentNumber"]] += 1
    environment.store.commit()


def date_error(company: Company, posting_date: str) -> str:
    """Why nothing may be posted on this date; blank when it may."""
    limits = setup(company).values
    first, last = limits["allowPostingFrom"], limits["allowPostingTo"]
    if posting_date < first or (last != BLANK_DATE and posting_date > last):
        return "Posting Date is not within your range of allowed posting dates."
    periods = sorted(company.all("accountingPeriods"), key=lambda row: row.values["startingDate"])
    covering = [row for row in periods if row.values["startingDate"] <= posting_date]
    if covering and covering[-1].values["closed"]:
        day = date.fromisoformat(posting_date).strftime("%m/%d/%y")
        return f"The accounting period of posting date {day} is closed."
    return ""


def _check(environment: Environment, company: Company, header: Record) -> None:
    sell_to = company.tables["customers"][header.values["customerId"]]
    bill_to = company.tables["customers"][header.values["billToCustomerId"]]
    rows = lines_of(company, header)
    ships = environment.settings.shipment_on_invoice and any(row.values["lineType"] == "Item" for row in rows)
    for customer in (sell_to, bill_to):
        check_customer(customer, "post", ships=ships)
    booked = [row for row in rows if row.values["lineType"] != "Comment" and row.values["quantity"]]
    if not booked:
        raise dialog("There is nothing to post because the document does not contain a quantity or amount.")
    error = date_error(company, header.values["postingDate"])
    if error:
        raise dialog(error)
    for row in booked:
        check_target(company, dict(row.values))
        missing = dimensions.mandatory_missing(
            company, company.get("items", row.values["itemId"]), dimensions.of_document(row)
        )
        if missing:
            raise missing
    missing = dimensions.mandatory_missing(company, bill_to, dimensions.of_document(header))
    if missing:
        raise missing
    if header.values["totalAmountIncludingTax"] < 0:
        raise field_error(
            "Amount", "Gen. Journal Line", f"Document No.={header.values['number']}", wanted="positive"
        )


def _customer_entry(company: Company, header: Record, number: str, total: Decimal) -> None:
    values, ledger = header.values, company.ledger
    terms = terms_of(company, values)
    entry = ledger.add(
        LedgerEntry(
            entry_no=ledger.next_entry_no(),
            customer_no=values["billToCustomerNumber"],
            document_type="Invoice",
            document_no=number,
            posting_date=values["postingDate"],
            document_date=values["invoiceDate"],
            due_date=values["dueDate"],
            currency_code=values["currencyCode"],
            rate=header.hidden["rate"],
            external_document_no=values["externalDocumentNumber"],
            invoice=header.key,
            payment_terms_code=terms.values["code"] if terms else "",
            discount_date=discount_date(company, values),
            open=bool(total),
            closed_at=BLANK_DATE if total else values["postingDate"],
        )
    )
    ledger.append(
        DetailedEntry(
            entry_no=0,
            ledger_entry_no=entry.entry_no,
            entry_type="Initial_x0020_Entry",
            posting_date=entry.posting_date,
            document_type="Invoice",
            document_no=number,
            amount=total,
            amount_lcy=rounded(total * entry.rate),
            transaction_no=ledger.transaction(),
        )
    )


def _general_entries(environment: Environment, company: Company, header: Record, number: str) -> None:
    rate = header.hidden["rate"]
    booked: list[tuple[str, Decimal, str]] = []
    for row in lines_of(company, header):
        values = row.values
        if values["lineType"] == "Comment":
            continue
        account = (
            values["lineObjectNumber"] if values["lineType"] == "Account" else general_ledger.ITEM_REVENUE
        )
        booked.append((account, -rounded(values["netAmount"] * rate), values["description"]))
    text = f"Invoice {number}"
    booked.append((general_ledger.SALES_TAX, -rounded(header.values["totalTaxAmount"] * rate), text))
    receivable = -sum((amount for _account, amount, _text in booked), Decimal(0))
    booked.append((general_ledger.RECEIVABLES, receivable, text))
    document = (header.values["postingDate"], "Invoice", number)
    general_ledger.book(environment, company, document, booked)
