"""What each kind of document comes to in both systems: invoices, what settles them, expenses."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from sandbox.demo.books import Books

type Record = dict[str, Any]

ZERO: Final = Decimal(0)
LOCAL: Final = "USD"
GRANTED: Final = re.compile(r"of which discount ([0-9.]+)")
SETTLES: Final = {"Payment": "Payments", "Credit_x0020_Memo": "Credits applied"}


@dataclass(frozen=True, slots=True)
class MoneyRow:
    """The totals of one kind of document in one currency."""

    kind: str
    currency: str
    count: int
    connectwise: Decimal
    business_central: Decimal

    @property
    def difference(self) -> Decimal:
        """What ConnectWise says less what Business Central says."""
        return self.connectwise - self.business_central


@dataclass(slots=True)
class Sum:
    """Both sides of one row while it is added up."""

    count: int = 0
    connectwise: Decimal = ZERO
    business_central: Decimal = ZERO


def rows_of(kind: str, sums: Mapping[str, Sum]) -> list[MoneyRow]:
    """One row a currency."""
    return [
        MoneyRow(kind, code, one.count, one.connectwise, one.business_central)
        for code, one in sorted(sums.items())
    ]


def code_of(record: Record) -> str:
    """The currency of a ConnectWise document."""
    return str(record["currency"].get("currencyCode") or record["currency"]["name"])


def invoice_money(books: Books, held: Iterable[int]) -> list[MoneyRow]:
    """Closed invoices by type and currency against what was posted under their numbers; held ones are left out."""
    posted, left_out = books.posted(), set(held)
    sums: dict[tuple[str, str], Sum] = defaultdict(Sum)
    of_agreements: dict[str, Sum] = defaultdict(Sum)
    for invoice in books.connectwise["Invoice"]:
        if not invoice["status"]["isClosed"] or invoice["id"] in left_out:
            continue
        documents = posted[invoice["invoiceNumber"]]
        one = sums[invoice["type"], code_of(invoice)]
        one.count += 1
        one.connectwise += abs(invoice["total"])
        one.business_central += _total(documents)
        if invoice.get("agreement"):
            value = f"AGR{invoice['agreement']['id']:06}"
            carried = [row for row in documents if row["hidden"]["dimensions"].get("AGREEMENT") == value]
            own = of_agreements[code_of(invoice)]
            own.count += 1
            own.connectwise += abs(invoice["total"])
            own.business_central += _total(carried)
    by_type = [row for key, one in sorted(sums.items()) for row in rows_of(key[0], {key[1]: one})]
    return [*by_type, *rows_of("Agreement carried", of_agreements)]


def _total(documents: Iterable[Record]) -> Decimal:
    return sum((row["totalAmountIncludingTax"] for row in documents), ZERO)


def settled_money(books: Books) -> list[MoneyRow]:
    """What settles ConnectWise invoices, by what it is, against the applications in the customer ledger."""
    sums: dict[str, dict[str, Sum]] = {kind: defaultdict(Sum) for kind in SETTLES.values()}
    codes = {one["id"]: code_of(one) for one in books.connectwise["Invoice"]}
    for payment in books.connectwise["InvoicePayment"]:
        kind = "Credits applied" if payment.get("credit") else "Payments"
        one = sums[kind][codes[payment["invoice"]["id"]]]
        one.count += 1
        one.connectwise += payment["amount"]
    entries = {entry["entry_no"]: entry for entry in books.entries}
    for row in books.details:
        entry, applying = entries[row["ledger_entry_no"]], entries.get(row["applied_entry_no"])
        if row["entry_type"] == "Application" and entry["document_type"] == "Invoice" and applying:
            kind = SETTLES[applying["document_type"]]
            sums[kind][entry["currency_code"] or LOCAL].business_central -= row["amount"]
    return [row for kind, of_kind in sums.items() for row in rows_of(kind, of_kind)] + _discounts(books)


def _discounts(books: Books) -> list[MoneyRow]:
    """Payment discounts as the notes of the invoices name them, against the ledger's own entries."""
    one = Sum()
    for invoice in books.connectwise["Invoice"]:
        granted = GRANTED.search(invoice.get("internalNotes", ""))
        one.count += granted is not None
        one.connectwise += Decimal(granted[1]) if granted else ZERO
    granted_rows = [row for row in books.details if row["entry_type"].startswith("Payment_x0020_Discount")]
    one.business_central = sum((abs(row["amount"]) for row in granted_rows), ZERO)
    return rows_of("Discounts granted", {LOCAL: one})


def expense_money(books: Books, unapproved: int) -> list[MoneyRow]:
    """Approved expenses by how they were paid, against purchase invoices and the general ledger."""
    sums: dict[str, Sum] = defaultdict(Sum)
    for entry in books.connectwise["ExpenseEntry"]:
        if entry["expenseReport"]["id"] != unapproved:
            owed = entry["classification"]["name"] == "Reimbursable"
            one = sums["Expenses owed" if owed else "Expenses paid"]
            one.count += 1
            one.connectwise += entry["amount"]
    numbers = {f"EXP-{report['id']}" for report in books.connectwise["ExpenseReport"]}
    invoices = books.business_central.get("purchaseInvoices", [])
    sums["Expenses owed"].business_central = _total(
        row for row in invoices if row["status"] != "Draft" and row["vendorInvoiceNumber"] in numbers
    )
    sums["Expenses paid"].business_central = sum(
        (
            row["debitAmount"]
            for row in books.business_central.get("generalLedgerEntries", [])
            if row["documentNumber"] in numbers and row["documentType"] in ("", "_x0020_", " ")
        ),
        ZERO,
    )
    return [row for kind, one in sorted(sums.items()) for row in rows_of(kind, {LOCAL: one})]
