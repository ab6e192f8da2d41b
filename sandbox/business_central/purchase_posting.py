"""Posting a purchase invoice: the checks, the posted number, and the entries in both ledgers."""

from typing import Final

from sandbox.business_central import dimensions, general_ledger, parties
from sandbox.business_central.checks import check_document
from sandbox.business_central.entries import opened
from sandbox.business_central.environment import Environment, rounded
from sandbox.business_central.errors import dialog, field_error
from sandbox.business_central.general_ledger import Booking
from sandbox.business_central.kinds import INVOICE, kind_of
from sandbox.business_central.ledger import LedgerEntry
from sandbox.business_central.lines import lines_of
from sandbox.business_central.store import Company, Record

_NUMBER_NEEDED: Final = (
    "You need to enter the document number of the document from the vendor in the Vendor Invoice No. field, "
    "so that this document stays linked to the original."
)


def post(environment: Environment, company: Company, header: Record) -> None:
    """Posts a draft invoice as ``Microsoft.NAV.post``: the id stays, the number changes. Raises 400."""
    kind = kind_of(header)
    if header.hidden["posted"]:
        raise dialog(kind.draft_only_text)
    environment.store.commit()
    rows = lines_of(company, header)
    booked = [row for row in rows if row.values["lineType"] != "Comment" and row.values["quantity"]]
    check_document(environment, company, header, booked)
    if header.values["totalAmountIncludingTax"] < 0:
        raise field_error(
            "Amount", "Gen. Journal Line", f"Document No.={header.values['number']}", wanted="negative"
        )
    vendor = header.values["payToVendorNumber"]
    check_vendor_number(environment, company, vendor, header.values["vendorInvoiceNumber"])
    with environment.store.transaction():
        enter(environment, company, header)
    environment.store.commit()


def check_vendor_number(environment: Environment, company: Company, vendor: str, number: str) -> None:
    """Raises 400 when the vendor's own invoice number is missing or was posted for the vendor before."""
    if not number:
        if environment.settings.ext_doc_no_mandatory:
            raise dialog(_NUMBER_NEEDED)
        return
    if is_known(company, vendor, INVOICE, number):
        raise dialog(f"Purchase Invoice {number} already exists for this vendor.")


def is_known(company: Company, vendor: str, document_type: str, number: str) -> bool:
    """Whether the vendor ledger holds an entry of this type and external document number."""
    own = company.vendor_ledger.by_account.get(vendor, [])
    return any((entry.document_type, entry.external_document_no) == (document_type, number) for entry in own)


def enter(environment: Environment, company: Company, header: Record) -> None:
    """Turns a checked invoice into a posted one: its number, the vendor's entry and the general ledger."""
    values = header.values
    total = values["totalAmountIncludingTax"]
    number = company.next_number(*kind_of(header).posted)
    hidden = {"posted": True, "draftNumber": values["number"]}
    shown = {"number": number, "status": "Open" if total else "Paid"}
    environment.store.update(company, header, shown, hidden)
    terms = parties.terms_of(company, values)
    entry = LedgerEntry(
        entry_no=company.vendor_ledger.next_entry_no(),
        account_no=values["payToVendorNumber"],
        document_type=INVOICE,
        document_no=number,
        posting_date=values["postingDate"],
        document_date=values["invoiceDate"],
        due_date=values["dueDate"],
        currency_code=values["currencyCode"],
        rate=header.hidden["rate"],
        external_document_no=values["vendorInvoiceNumber"],
        document=header.key,
        dimensions=dimensions.of_document(header),
        payment_terms_code=terms.values["code"] if terms else "",
    )
    opened(company.vendor_ledger, entry, -total)
    _book(environment, company, header, entry)


def _book(environment: Environment, company: Company, header: Record, entry: LedgerEntry) -> None:
    bookings: list[Booking] = []
    for row in lines_of(company, header):
        values = row.values
        if values["lineType"] == "Comment":
            continue
        amount = rounded(values["netAmount"] * entry.rate)
        account = values["lineObjectNumber"] if values["lineType"] == "Account" else _cost(company, row)
        bookings.append(Booking(account, amount, values["description"], dimensions.of_document(row)))
    text = f"Invoice {entry.document_no}"
    tax = rounded(header.values["totalTaxAmount"] * entry.rate)
    bookings.append(Booking(general_ledger.PURCHASE_TAX, tax, text, entry.dimensions))
    bookings = general_ledger.balanced(bookings, general_ledger.PAYABLES, text)
    general_ledger.book(environment, company, (entry.posting_date, INVOICE, entry.document_no), bookings)


def _cost(company: Company, row: Record) -> str:
    item = company.tables["items"][row.values["itemId"]]
    return general_ledger.INVENTORY if item.values["type"] == "Inventory" else general_ledger.ITEM_COST
