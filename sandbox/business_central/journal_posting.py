"""Posting a general journal batch: every line of it or none."""

from collections import defaultdict
from decimal import Decimal
from typing import Final

from sandbox.business_central import dimensions, general_ledger, parties
from sandbox.business_central.checks import check_dimensions
from sandbox.business_central.entries import opened
from sandbox.business_central.environment import Environment
from sandbox.business_central.errors import dialog, field_error
from sandbox.business_central.fields import BLANK_GUID, BLANK_OPTION
from sandbox.business_central.general_ledger import Booking
from sandbox.business_central.journals import ACCOUNT_SETS, BANK, GENERAL_LEDGER, line_key, lines_of
from sandbox.business_central.ledger import LedgerEntry
from sandbox.business_central.lines import check_account
from sandbox.business_central.posting_dates import date_error
from sandbox.business_central.purchase_posting import is_known
from sandbox.business_central.receiving import shown
from sandbox.business_central.store import Company, Record

_CONTROL: Final = {
    "Customer": general_ledger.RECEIVABLES,
    "Vendor": general_ledger.PAYABLES,
    BANK: general_ledger.BANK,
    "Employee": general_ledger.EMPLOYEES_PAYABLE,
}
_TABLES: Final = {"Customer": "Customer", "Vendor": "Vendor", BANK: "Bank Account", "Employee": "Employee"}

type _Side = tuple[str, Record, Decimal]


def post(environment: Environment, company: Company, batch: Record) -> None:
    """Posts all lines as ``Microsoft.NAV.post`` and deletes them; the batch stays. Raises 400 and keeps all."""
    environment.store.commit()
    rows = [row for row in lines_of(company, batch) if row.values["amount"]]
    if not rows:
        raise dialog("There is nothing to post.")
    seen: set[tuple[str, str]] = set()
    for row in rows:
        _check_line(environment, company, batch, row, seen)
    _check_balance(rows)
    with environment.store.transaction():
        for row in rows:
            _post_line(environment, company, row)
        for row in lines_of(company, batch):
            environment.store.delete(company, row)
    environment.store.commit()


def _sides(company: Company, row: Record) -> list[_Side]:
    """Account type, record and signed amount of the account and the balancing account, if there is one."""
    values = row.values
    sides: list[_Side] = []
    for kind, key, sign in (
        ("accountType", "accountId", 1),
        ("balanceAccountType", "balancingAccountId", -1),
    ):
        record = company.get(ACCOUNT_SETS.get(values[kind], ""), values[key])
        if record:
            sides.append((values[kind], record, sign * values["amount"]))
    return sides


def _check_line(
    environment: Environment, company: Company, batch: Record, row: Record, seen: set[tuple[str, str]]
) -> None:
    values, key = row.values, line_key(batch, row.values["lineNumber"])
    for caption, name in (("Document No.", "documentNumber"), ("Account No.", "accountNumber")):
        if not values[name]:
            raise field_error(caption, "Gen. Journal Line", key)
    error = date_error(company, values["postingDate"])
    if error:
        raise dialog(error)
    for kind, record, _amount in _sides(company, row):
        if kind == GENERAL_LEDGER:
            check_account(record)
            continue
        table = _TABLES[kind]
        _check_blocked(record, table)
        parties.check_posting_group(record, table)
        check_dimensions(company, record, dimensions.of_document(row))
        if kind == "Vendor":
            _check_external(environment, company, row, str(record.values["number"]), key, seen)


def _check_blocked(record: Record, table: str) -> None:
    number, blocked = record.values["number"], record.values.get("blocked", False)
    if blocked == "All":
        raise dialog(
            f"You cannot post this type of document when {table} {number} is blocked with type {blocked}"
        )
    if blocked is True:
        raise field_error("Blocked", table, f"No.={number}", wanted="No", current="Yes")


def _check_external(
    environment: Environment,
    company: Company,
    row: Record,
    vendor: str,
    key: str,
    seen: set[tuple[str, str]],
) -> None:
    """Raises 400 when a vendor line lacks the external document number or repeats one."""
    number = row.values["externalDocumentNumber"]
    if not number:
        if environment.settings.ext_doc_no_mandatory:
            raise field_error("External Document No.", "Gen. Journal Line", key)
        return
    if (vendor, number) in seen or is_known(company, vendor, BLANK_OPTION, number):
        raise dialog(f"Purchase   {number} already exists for this vendor.")
    seen.add((vendor, number))


def _check_balance(rows: list[Record]) -> None:
    """Raises 400 when the lines of one document and date without balancing account do not add up to zero."""
    sums: defaultdict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for row in rows:
        if row.values["balancingAccountId"] == BLANK_GUID:
            sums[row.values["postingDate"], row.values["documentNumber"]] += row.values["amount"]
    for (_day, number), amount in sums.items():
        if amount:
            raise dialog(
                f"Document No. {number} is out of balance by {shown(amount)}. Please check that Posting Date, Document Type, Document No. and Amount are correct for each line."
            )


def _post_line(environment: Environment, company: Company, row: Record) -> None:
    values, chosen = row.values, dimensions.of_document(row)
    bookings: list[Booking] = []
    for kind, record, amount in _sides(company, row):
        account = record.values["number"] if kind == GENERAL_LEDGER else _CONTROL[kind]
        bookings.append(Booking(account, amount, values["description"], chosen))
        if kind in ("Customer", "Vendor"):
            ledger = company.ledger if kind == "Customer" else company.vendor_ledger
            entry = LedgerEntry(
                entry_no=ledger.next_entry_no(),
                account_no=record.values["number"],
                document_type=BLANK_OPTION,
                document_no=values["documentNumber"],
                posting_date=values["postingDate"],
                document_date=values["postingDate"],
                due_date=values["postingDate"],
                external_document_no=values["externalDocumentNumber"],
                dimensions=chosen,
            )
            opened(ledger, entry, amount)
    document = (values["postingDate"], BLANK_OPTION, values["documentNumber"])
    general_ledger.book(environment, company, document, bookings)
