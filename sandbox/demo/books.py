"""Reads both systems' books: what ConnectWise bills and was paid, what Business Central posted and applied."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from sandbox.stage import COMPANY, Stage

type Record = dict[str, Any]


@dataclass(slots=True)
class Books:
    """Both systems at one moment, straight from the stand-ins and not from what the app says of itself."""

    connectwise: dict[str, list[Record]]
    unposted: list[Record]
    business_central: dict[str, list[Record]]
    details: list[Record]
    entries: list[Record]
    postings: dict[str, int]
    breaches: list[Record] = field(default_factory=list)

    def posted(self) -> dict[str, list[Record]]:
        """Sales invoices that are no drafts, by external document number."""
        found = defaultdict(list)
        for row in self.business_central.get("salesInvoices", []):
            if row["status"] != "Draft":
                found[row["externalDocumentNumber"]].append(row)
        return found

    def invoice(self, invoice_id: int) -> Record:
        """One ConnectWise invoice."""
        return next(row for row in self.connectwise["Invoice"] if row["id"] == invoice_id)


async def read_books(stage: Stage) -> Books:
    """Both systems as they stand now."""
    connectwise = await stage.state_of(stage.connectwise_url)
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
        row[1] += invoice["total"]
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
        documents = posted.get(invoice["invoiceNumber"], [])
        applied = sum((d["totalAmountIncludingTax"] - d["remainingAmount"] for d in documents), Decimal(0))
        row = sums[invoice["currency"]["currencyCode"]]
        row[0] += count[invoice["id"]]
        row[1] += paid[invoice["id"]]
        row[2] += applied
    return [MoneyRow("Payments", code, int(n), cw, bc) for code, (n, cw, bc) in sorted(sums.items())]
