"""Reads both systems' books as they stand, from the stand-ins and not from what the app says of itself."""

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any, Final

from sandbox.stage import COMPANY, Stage

type Record = dict[str, Any]


TABLES: Final = (
    "Company,CatalogItem,Invoice,InvoicePayment,AccountingBatch,Agreement,Addition,Project,ExpenseReport,"
    "ExpenseEntry,DocumentInfo,Member,PurchaseOrder,PurchaseOrderLineItem"
)


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
