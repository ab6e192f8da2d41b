"""Posting a sales invoice or credit memo: the checks, the posted number, and the entries in both ledgers."""

import uuid
from decimal import Decimal

from sandbox.business_central import applications, applies_to, dimensions, general_ledger, parties
from sandbox.business_central.checks import check_document
from sandbox.business_central.entries import opened
from sandbox.business_central.environment import Environment, rounded
from sandbox.business_central.errors import dialog, field_error
from sandbox.business_central.general_ledger import Booking
from sandbox.business_central.kinds import CREDIT_MEMO, kind_of
from sandbox.business_central.ledger import LedgerEntry
from sandbox.business_central.lines import lines_of
from sandbox.business_central.store import Company, Record


def post(environment: Environment, company: Company, header: Record) -> None:
    """Posts a draft as ``Microsoft.NAV.post``: the id stays, the number changes, entries are written.

    What was written before is committed first, so a failing posting leaves the draft. A credit memo that names
    an invoice is applied to it. Raises 400.
    """
    kind = kind_of(header)
    if header.hidden["posted"]:
        raise dialog(kind.draft_only_text)
    environment.store.commit()
    _check(environment, company, header)
    total = header.values["totalAmountIncludingTax"]
    entry = _entry(company, header)
    is_credit_memo = kind.document_type == CREDIT_MEMO
    planned = applies_to.planned(company, header, entry, total) if is_credit_memo else []
    with environment.store.transaction():
        number = entry.document_no = company.next_number(*kind.posted)
        hidden = {"posted": True, "postedId": str(uuid.uuid4()), "draftNumber": header.values["number"]}
        status = "Open" if total else "Paid"
        environment.store.update(company, header, {"number": number, "status": status}, hidden)
        transaction = opened(company.ledger, entry, -total if is_credit_memo else total)
        _book(environment, company, header, entry)
        applications.apply_planned(environment, company, entry, planned, transaction)
        if not header.hidden.get("corrects"):
            environment.postings[header.values["externalDocumentNumber"]] += 1
    environment.store.commit()


def _check(environment: Environment, company: Company, header: Record) -> None:
    rows = lines_of(company, header)
    if not rows and kind_of(header).document_type == CREDIT_MEMO:
        raise dialog("Please add at least one line item to the credit memo.")
    booked = [row for row in rows if row.values["lineType"] != "Comment" and row.values["quantity"]]
    check_document(environment, company, header, booked)
    if header.values["totalAmountIncludingTax"] < 0:
        raise field_error(
            "Amount", "Gen. Journal Line", f"Document No.={header.values['number']}", wanted="positive"
        )


def _entry(company: Company, header: Record) -> LedgerEntry:
    kind, values = kind_of(header), header.values
    terms = parties.terms_of(company, values)
    return LedgerEntry(
        entry_no=company.ledger.next_entry_no(),
        account_no=values["billToCustomerNumber"],
        document_type=kind.document_type,
        document_no=values["number"],
        posting_date=values["postingDate"],
        document_date=values[kind.date],
        due_date=values["dueDate"],
        currency_code=values["currencyCode"],
        rate=header.hidden["rate"],
        external_document_no=values["externalDocumentNumber"],
        document=header.key,
        dimensions=dimensions.of_document(header),
        payment_terms_code=terms.values["code"] if terms else "",
        discount_date=parties.discount_date(company, kind, values),
    )


def _book(environment: Environment, company: Company, header: Record, entry: LedgerEntry) -> None:
    sign = 1 if entry.document_type == CREDIT_MEMO else -1
    bookings: list[Booking] = []
    for row in lines_of(company, header):
        values = row.values
        if values["lineType"] == "Comment":
            continue
        is_account = values["lineType"] == "Account"
        account = values["lineObjectNumber"] if is_account else general_ledger.ITEM_REVENUE
        amount = sign * rounded(values["netAmount"] * entry.rate)
        bookings.append(Booking(account, amount, values["description"], dimensions.of_document(row)))
    text = f"{'Credit Memo' if sign > 0 else 'Invoice'} {entry.document_no}"
    tax: Decimal = sign * rounded(header.values["totalTaxAmount"] * entry.rate)
    bookings.append(Booking(general_ledger.SALES_TAX, tax, text, entry.dimensions))
    bookings = general_ledger.balanced(bookings, general_ledger.RECEIVABLES, text)
    document = (entry.posting_date, entry.document_type, entry.document_no)
    general_ledger.book(environment, company, document, bookings)
