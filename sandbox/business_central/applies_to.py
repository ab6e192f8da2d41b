"""The posted invoice that a sales credit memo is applied to when it is posted."""

from decimal import Decimal

from sandbox.business_central import applications
from sandbox.business_central.applications import Application, LedgerError, Planned
from sandbox.business_central.errors import dialog, outside_filter
from sandbox.business_central.fields import BLANK_GUID
from sandbox.business_central.kinds import INVOICE
from sandbox.business_central.ledger import LedgerEntry
from sandbox.business_central.store import Company, Record, Values


def resolved(company: Company, values: Values) -> Values:
    """The number of the invoice that a body names by ``invoiceId``, ``invoiceNumber`` or both.

    Only the id is looked up here: an unknown number shows when the credit memo is posted. Raises 400.
    """
    if "invoiceId" not in values:
        return {}
    key = values["invoiceId"]
    if key == BLANK_GUID:
        return {"invoiceNumber": values.get("invoiceNumber", "")}
    invoice = company.get("salesInvoices", key)
    if invoice is None or not invoice.hidden["posted"]:
        raise dialog('The "invoiceId" does not match to an Invoice.')
    number = str(invoice.values["number"])
    if values.get("invoiceNumber", number) != number:
        raise dialog('The "invoiceId" and "invoiceNumber" do not match to a specific Invoice.')
    return {"invoiceNumber": number}


def invoice_id(company: Company, record: Record) -> str:
    """The id of the invoice that a credit memo names, or the blank GUID."""
    number = record.values["invoiceNumber"]
    invoice = company.find("salesInvoices", "number", number) if number else None
    return invoice.key if invoice else BLANK_GUID


def planned(company: Company, header: Record, entry: LedgerEntry, total: Decimal) -> Planned:
    """The application of a credit memo that is being posted; none when it names no invoice.

    Raises 400 when the customer has no open entry of that invoice. What exceeds its remaining amount stays open.
    """
    number = header.values["invoiceNumber"]
    if not number or not total:
        return []
    other = company.ledger.find(INVOICE, number)
    if other is None or other.account_no != entry.account_no or not other.open:
        filters = (
            f"Document No.: {number}, Document Type: Invoice, Customer No.: {entry.account_no}, Open: Yes"
        )
        raise outside_filter("Cust. Ledger Entry", filters)
    amount = min(total, company.ledger.remaining(other.entry_no))
    try:
        return applications.plan(company, entry, [Application(number, amount)], total)
    except LedgerError as error:
        raise dialog(str(error)) from error
