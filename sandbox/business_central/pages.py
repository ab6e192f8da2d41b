"""The user interface pages that an administrator may publish as OData V4 services, and their rows."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Final

from sandbox.business_central import dimensions
from sandbox.business_central.entries import INITIAL
from sandbox.business_central.fields import BLANK_DATE, load
from sandbox.business_central.kinds import INVOICE
from sandbox.business_central.ledger import DetailedEntry, Ledger, LedgerEntry
from sandbox.business_central.odata import Row
from sandbox.business_central.store import Company, Record, Values
from sandbox.business_central.validate import decoded

CUSTOMER_LEDGER: Final = "25"
DIMENSION_VALUES: Final = "537"
DETAILED_LEDGER: Final = "573"
PAGES: Final = load("pages.json")


def rows_of(company: Company, page: str) -> Iterator[Row]:
    """The rows of a page in the order in which the page sorts them."""
    match page:
        case "25":
            newest = sorted(
                company.ledger.entries.values(),
                key=lambda entry: (entry.account_no, entry.posting_date, entry.entry_no),
                reverse=True,
            )
            rows = [(str(entry.entry_no), _entry(company, entry)) for entry in newest]
        case "573":
            details = company.ledger.details
            rows = [(str(detail.entry_no), _detail(company.ledger, detail)) for detail in details]
        case _:
            for record in company.all("dimensionValues"):
                yield dimension_row(company, record)
            return
    for position, (key, values) in enumerate(rows, 1):
        yield Row(values.__getitem__, f'W/"{key}"', position, key)


def dimension_row(company: Company, record: Record) -> Row:
    """A dimension value as its page shows it; the key names both codes."""
    values = _dimension_value(company, record)
    key = f"Dimension_Code='{values['Dimension_Code']}',Code='{values['Code']}'"
    return Row(values.__getitem__, record.etag, record.sequence, key)


def _dimension_value(company: Company, record: Record) -> Values:
    head = company.tables["dimensions"][record.values["dimensionId"]]
    return {
        "Dimension_Code": head.values["code"],
        "Code": record.values["code"],
        "Name": record.values["displayName"],
        "Dimension_Value_Type": record.hidden.get("type", "Standard"),
        "Totaling": record.hidden.get("totaling", ""),
        "Blocked": record.hidden.get("blocked", False),
        "Consolidation_Code": record.values["consolidationCode"],
    }


def _entry(company: Company, entry: LedgerEntry) -> Values:
    ledger = company.ledger
    rows = ledger.by_entry[entry.entry_no]
    original = next(row for row in rows if row.entry_type == INITIAL)
    first, second = dimensions.shortcuts(company)
    customer = company.find("customers", "number", entry.account_no)
    return {
        "Entry_No": entry.entry_no,
        "Posting_Date": entry.posting_date,
        "Document_Date": entry.document_date,
        "Document_Type": decoded(entry.document_type),
        "Document_No": entry.document_no,
        "Customer_No": entry.account_no,
        "Customer_Name": customer.values["displayName"] if customer else "",
        "Description": f"{decoded(entry.document_type)} {entry.document_no}".strip(),
        "Global_Dimension_1_Code": entry.dimensions.get(first, ""),
        "Global_Dimension_2_Code": entry.dimensions.get(second, ""),
        "Currency_Code": entry.currency_code,
        "Original_Amount": original.amount,
        "Original_Amt_LCY": original.amount_lcy,
        **_amounts(original.amount, original.amount_lcy),
        "Remaining_Amount": ledger.remaining(entry.entry_no),
        "Remaining_Amt_LCY": ledger.remaining_lcy(entry.entry_no),
        "Due_Date": entry.due_date,
        "Pmt_Discount_Date": entry.discount_date if entry.document_type == INVOICE else BLANK_DATE,
        "Open": entry.open,
        "Closed_at_Date": entry.closed_at,
        "External_Document_No": entry.external_document_no,
    }


def _detail(ledger: Ledger, detail: DetailedEntry) -> Values:
    entry = ledger.entries[detail.ledger_entry_no]
    return {
        "Entry_No": detail.entry_no,
        "Posting_Date": detail.posting_date,
        "Entry_Type": decoded(detail.entry_type),
        "Document_Type": decoded(detail.document_type),
        "Document_No": detail.document_no,
        "Customer_No": entry.account_no,
        "Currency_Code": entry.currency_code,
        **_amounts(detail.amount, detail.amount_lcy),
        "Initial_Entry_Due_Date": entry.due_date,
        "Unapplied": detail.unapplied,
        "Unapplied_by_Entry_No": detail.unapplied_by,
        "Cust_Ledger_Entry_No": detail.ledger_entry_no,
    }


def _amounts(amount: Decimal, lcy: Decimal) -> Values:
    return {
        "Amount": amount,
        "Amount_LCY": lcy,
        "Debit_Amount": max(amount, Decimal(0)),
        "Debit_Amount_LCY": max(lcy, Decimal(0)),
        "Credit_Amount": max(-amount, Decimal(0)),
        "Credit_Amount_LCY": max(-lcy, Decimal(0)),
    }
