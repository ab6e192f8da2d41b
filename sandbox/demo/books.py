"""Reads both systems' books: what ConnectWise bills and was paid, what Business Central posted and applied."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

from sandbox.stage import COMPANY, Stage

type Record = dict[str, Any]


TABLES: Final = "Company,CatalogItem,Invoice,InvoicePayment,AccountingBatch,Agreement,Project,ExpenseReport,ExpenseEntry,Member"


@dataclass(slots=True)
class Books:
    """Both systems at one moment, straight from the stand-ins and not from what the app says of itself."""

    connectwise: dict[str, list[Record]]
    unposted: list[Record]
    business_central: dict[str, list[Record]]
    details: list[Record]
    entries: list[Record]
    postings: dict[str, int]
    unposted_stock: list[Record]
    breaches: list[Record] = field(default_factory=list)

    def posted(self) -> dict[str, list[Record]]:
        """Sales invoices and credit memos that are no drafts, by external document number."""
        found = defaultdict(list)
        for name in ("salesInvoices", "salesCreditMemos"):
            for row in self.business_central.get(name, []):
                if row["status"] != "Draft":
                    found[row["externalDocumentNumber"]].append(row)
        return found

    def invoice(self, invoice_id: int) -> Record:
        """One ConnectWise invoice."""
        return next(row for row in self.connectwise["Invoice"] if row["id"] == invoice_id)


async def read_books(stage: Stage) -> Books:
    """Both systems as they stand now."""
    connectwise = await stage.state_of(stage.connectwise_url, f"?tables={TABLES}")
    central = await stage.state_of(stage.business_central_url)
    company = next(one for one in central["companies"] if one["name"] == COMPANY)
    cw_report, bc_report = [
        await stage.report(url) for url in (stage.connectwise_url, stage.business_central_url)
    ]
    return Books(
        connectwise["tables"],
        connectwise["unposted"],
        company["records"],
        company["ledger"]["details"],
        company["ledger"]["entries"],
        bc_report["postings"],
        connectwise["unpostedProcurement"],
        [*cw_report["breaches"], *bc_report["breaches"]],
    )


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


def invoice_money(books: Books, held: Iterable[int]) -> list[MoneyRow]:
    """Closed invoices by type and currency against what was posted under their numbers; held ones are left out."""
    posted, left_out = books.posted(), set(held)
    sums: dict[tuple[str, str], list[Decimal]] = defaultdict(lambda: [Decimal(0), Decimal(0), Decimal(0)])
    for invoice in books.connectwise["Invoice"]:
        if not invoice["status"]["isClosed"] or invoice["id"] in left_out:
            continue
        row = sums[invoice["type"], invoice["currency"]["currencyCode"]]
        row[0] += 1
        row[1] += abs(invoice["total"])
        row[2] += sum(
            (one["totalAmountIncludingTax"] for one in posted[invoice["invoiceNumber"]]), Decimal(0)
        )
    return [MoneyRow(kind, code, int(n), cw, bc) for (kind, code), (n, cw, bc) in sorted(sums.items())]


def payment_money(books: Books) -> list[MoneyRow]:
    """Payments on ConnectWise invoices against what is applied to the same invoices in Business Central."""
    posted = books.posted()
    sums: dict[str, list[Decimal]] = defaultdict(lambda: [Decimal(0), Decimal(0), Decimal(0)])
    paid: dict[int, Decimal] = defaultdict(Decimal)
    count: dict[int, int] = defaultdict(int)
    for payment in books.connectwise["InvoicePayment"]:
        paid[payment["invoice"]["id"]] += payment["amount"]
        count[payment["invoice"]["id"]] += 1
    for invoice in books.connectwise["Invoice"]:
        if invoice["type"] == "CreditMemo":
            continue
        documents = [d for d in posted.get(invoice["invoiceNumber"], []) if "remainingAmount" in d]
        applied = sum((d["totalAmountIncludingTax"] - d["remainingAmount"] for d in documents), Decimal(0))
        row = sums[invoice["currency"]["currencyCode"]]
        row[0] += count[invoice["id"]]
        row[1] += paid[invoice["id"]]
        row[2] += applied
    return [MoneyRow("Payments", code, int(n), cw, bc) for code, (n, cw, bc) in sorted(sums.items())]


def expense_money(books: Books, unapproved: int) -> list[MoneyRow]:
    """Approved expenses by how they were paid, against purchase invoices and the general ledger."""
    sums: dict[str, list[Decimal]] = defaultdict(lambda: [Decimal(0), Decimal(0)])
    for entry in books.connectwise["ExpenseEntry"]:
        if entry["expenseReport"]["id"] != unapproved:
            kind = "Expenses owed" if entry["classification"]["name"] == "Reimbursable" else "Expenses paid"
            sums[kind][0] += 1
            sums[kind][1] += entry["amount"]
    numbers = {f"EXP-{report['id']}" for report in books.connectwise["ExpenseReport"]}
    owed = [row for row in books.business_central.get("purchaseInvoices", []) if row["status"] != "Draft"]
    paid = [
        row
        for row in books.business_central.get("generalLedgerEntries", [])
        if row["documentNumber"] in numbers and row["documentType"] in ("", "_x0020_", " ")
    ]
    booked = {
        "Expenses owed": sum((row["totalAmountIncludingTax"] for row in owed), Decimal(0)),
        "Expenses paid": sum((row["debitAmount"] for row in paid), Decimal(0)),
    }
    return [MoneyRow(kind, "USD", int(n), total, booked[kind]) for kind, (n, total) in sorted(sums.items())]
