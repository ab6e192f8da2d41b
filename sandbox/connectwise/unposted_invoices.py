"""Invoices in the accounting interface: the unposted list, what an export takes, what a batch marks."""

from collections.abc import Iterable

from sandbox.connectwise.export import InvoiceExport
from sandbox.connectwise.invoices import Invoices
from sandbox.connectwise.ledger import Key, Pairs, Sections, Source, within
from sandbox.connectwise.store import Record

_COPIED = (
    "company",
    "billToCompany",
    "shipToCompany",
    "billingTerms",
    "currency",
    "taxCode",
    "invoiceNumber",
    "total",
    "dueDate",
    "locationId",
    "departmentId",
    "_info",
)


class InvoiceSource(Source):
    """Closed invoices, by id. One leaves the unposted list when all its entries are batched."""

    kind = "invoice"
    flag = "exportInvoicesFlag"

    def __init__(self, invoices: Invoices) -> None:
        super().__init__(invoices.store)
        self.invoices = invoices
        self.export = InvoiceExport(invoices)

    def wanted(self, body: Record) -> Iterable[Key]:
        """The included invoices in the given order, or all; excluded, later and foreign ones left out."""
        every = (row["id"] for row in self.store.rows("Invoice"))
        for number in dict.fromkeys(body.get("includedInvoiceIds") or every):
            invoice = self.store.find("Invoice", number)
            if (
                invoice
                and number not in body.get("excludedInvoiceIds", [])
                and within(body, invoice["locationId"], invoice["date"])
            ):
                yield number

    def entries(self, key: Key) -> list[Record]:
        return self.invoices.entries(self._invoice(key))

    def visible(self, key: Key) -> bool:
        return "accountNumber" in self.invoices.bill_to(self._invoice(key))

    def sections(self, pairs: Pairs) -> Sections:
        return self.export.sections([(self._invoice(key), entries) for key, entries in pairs])

    def behind(self, key: Key) -> Iterable[tuple[str, Record]]:
        return [("Invoice", self._invoice(key))]

    def batched(self, key: Key, batch: Record, member: str) -> None:
        """Puts the batch on the invoice, as glBatch."""
        invoice = self._invoice(key)
        invoice["glBatch"] = {"id": batch["id"]}
        invoice.pop("unbatchedBatch", None)
        super().batched(key, batch, member)

    def unbatched(self, key: Key, batch: Record, member: str) -> None:
        """Takes the invoice out of its batch, as the screen does too: glBatch moves to unbatchedBatch."""
        invoice = self._invoice(key)
        invoice.pop("glBatch", None)
        invoice["unbatchedBatch"] = batch
        super().unbatched(key, batch, member)

    def rows(self) -> list[Record]:
        """The rows of the unposted list; their ``id`` is not the invoice id, which stands in ``billingLogId``."""
        rows = [self._row(row) for row in self.store.rows("Invoice") if self.open_entries(row["id"])]
        return sorted(rows, key=lambda row: int(row["id"]))

    def _invoice(self, key: Key) -> Record:
        return self.store.get("Invoice", int(key))

    def _row(self, invoice: Record) -> Record:
        kinds = {line.kind for line in invoice["lines"]}
        return {
            **{name: invoice.get(name) for name in _COPIED},
            "id": invoice["unpostedId"],
            "billingLogId": invoice["id"],
            "location": {"id": invoice["locationId"]},
            "department": {"id": invoice["departmentId"]},
            "accountNumber": self.invoices.bill_to(invoice)["accountNumber"],
            "invoiceDate": invoice["date"],
            "invoiceType": invoice["type"],
            "subTotal": invoice["subtotal"],
            "salesTaxAmount": invoice["salesTax"],
            "hasTime": "service" in kinds,
            "hasExpenses": "expense" in kinds,
            "hasProducts": bool(kinds & {"product", "agreementProduct"}),
            "invoiceTaxableFlag": bool(invoice["salesTax"]),
            "avalaraTaxFlag": False,
            "createdBy": invoice["_info"]["enteredBy"],
            "dateClosed": invoice["dateClosed"],
        }
