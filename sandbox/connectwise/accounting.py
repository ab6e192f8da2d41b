"""The accounting interface: unposted records, the export preview, batches that mark records as posted."""

from collections.abc import Iterable

from aiohttp import web

from sandbox.connectwise.conditions import parse_instant
from sandbox.connectwise.crud import Collection, read_json
from sandbox.connectwise.errors import ApiError, invalid_field, not_found
from sandbox.connectwise.export import Exporter
from sandbox.connectwise.invoices import Invoices
from sandbox.connectwise.query import listing, selected
from sandbox.connectwise.service import BASE, Service
from sandbox.connectwise.store import Record
from sandbox.connectwise.validate import clean, require_object
from sandbox.kit import json_response

_EXPORTS = ("exportInvoicesFlag", "exportExpensesFlag", "exportProductsFlag")


class Accounting:
    """Unposted invoices, export and batches. A record leaves the unposted list when all its entries are batched."""

    def __init__(self, service: Service, invoices: Invoices) -> None:
        self.service = service
        self.store = service.store
        self.invoices = invoices
        self.exporter = Exporter(invoices)

    def serve(self) -> None:
        """Registers the routes of the accounting interface."""
        root = f"{BASE}/finance/accounting"
        service = self.service
        Collection(
            service, "finance/accounting/batches", "AccountingBatch", "GET DELETE", delete=self.delete_batch
        ).serve()
        service.route("POST", f"{root}/batches", self._post_batch)
        service.route("GET", f"{root}/batches/{{id:\\d+}}/entries", self._batch_entries)
        service.route("POST", f"{root}/batches/{{id:\\d+}}/export", self._export_batch)
        service.route("POST", f"{root}/export", self._export)
        service.route("GET", f"{root}/unpostedinvoices", self._list_unposted)
        service.route("GET", f"{root}/unpostedinvoices/count", self._count_unposted)
        service.route("GET", f"{root}/unpostedinvoices/{{id:\\d+}}", self._get_unposted)
        for path, entity in (
            ("unpostedexpenses", "UnpostedExpense"),
            ("unpostedprocurement", "UnpostedProcurement"),
        ):
            Collection(service, f"finance/accounting/{path}", entity, "GET").serve()

    def open_entries(self, invoice: Record) -> list[Record]:
        """The entries of an invoice that are not batched; none while its bill-to has no account number."""
        if "accountNumber" not in self.invoices.bill_to(invoice):
            return []
        return [entry for entry in self.invoices.entries(invoice) if not entry["isBatched"]]

    def unposted(self) -> list[Record]:
        """The rows of the unposted list; their ``id`` is not the invoice id, which stands in ``billingLogId``."""
        rows = [self._unposted_row(row) for row in self.store.rows("Invoice") if self.open_entries(row)]
        return sorted(rows, key=lambda row: int(row["id"]))

    def delete_batch(self, batch: Record, member: str) -> None:
        """Deletes a batch: its records become unposted again."""
        reference = {"id": batch["id"], "name": batch["batchIdentifier"]}
        invoices = {row["invoiceId"] for row in self._entries_of(batch)}
        self.store.remove("AccountingBatch", batch["id"], member)
        for number in invoices:
            self.unbatch(self.store.get("Invoice", number), reference, member)

    def unbatch(self, invoice: Record, batch: Record, member: str) -> None:
        """Takes an invoice out of a batch, as the screen does too: glBatch moves to unbatchedBatch."""
        for entry in self.invoices.entries(invoice):
            if entry.get("batchId") == batch["id"]:
                entry |= {"isBatched": False, "batchId": None}
        invoice.pop("glBatch", None)
        invoice["unbatchedBatch"] = batch
        self.store.touch("Invoice", invoice, member)

    def _entries_of(self, batch: Record) -> list[Record]:
        return [row for row in self.store.rows("GLEntry") if row.get("batchId") == batch["id"]]

    def _grouped(self, entries: Iterable[Record]) -> list[tuple[Record, list[Record]]]:
        groups: dict[int, list[Record]] = {}
        for entry in entries:
            groups.setdefault(entry["invoiceId"], []).append(entry)
        return [(self.store.get("Invoice", number), group) for number, group in groups.items()]

    def _unposted_row(self, invoice: Record) -> Record:
        kinds = {line.kind for line in invoice["lines"]}
        return {
            **{
                name: invoice.get(name)
                for name in ("company", "billToCompany", "shipToCompany", "billingTerms")
            },
            **{
                name: invoice.get(name)
                for name in ("currency", "taxCode", "invoiceNumber", "total", "dueDate")
            },
            "id": invoice["unpostedId"],
            "billingLogId": invoice["id"],
            "locationId": invoice["locationId"],
            "departmentId": invoice["departmentId"],
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
            "_info": invoice["_info"],
        }

    async def _list_unposted(self, request: web.Request) -> web.Response:
        return listing(self.service, "UnpostedInvoice", self.unposted(), request)

    async def _count_unposted(self, request: web.Request) -> web.Response:
        return json_response(
            {"count": len(selected(self.store, "UnpostedInvoice", self.unposted(), request.query))}
        )

    async def _get_unposted(self, request: web.Request) -> web.Response:
        number = int(request.match_info["id"])
        row = next((row for row in self.unposted() if row["id"] == number), None)
        if row is None:
            raise not_found("UnpostedInvoice", number)
        return json_response(self.store.render("UnpostedInvoice", row))

    async def _export(self, request: web.Request) -> web.Response:
        body = clean(self.store, "ExportAccountingBatchRequest", await self._object(request))
        flags = [body.get(name) for name in (*_EXPORTS, "exportPaymentsFlag")]
        if not any(flags):
            raise invalid_field("ExportAccountingBatchRequest", _EXPORTS[0], "one export flag must be true")
        rows = self._candidates(body) if body.get("exportInvoicesFlag") else []
        chosen = [(row, self.open_entries(row)) for row in rows if _wanted(row, body)]
        return json_response(self.exporter.document(body, [pair for pair in chosen if pair[1]]))

    def _candidates(self, body: Record) -> list[Record]:
        if included := body.get("includedInvoiceIds"):
            found = (self.store.find("Invoice", number) for number in dict.fromkeys(included))
            return [invoice for invoice in found if invoice]
        return list(self.store.rows("Invoice"))

    async def _export_batch(self, request: web.Request) -> web.Response:
        batch = self.store.get("AccountingBatch", int(request.match_info["id"]))
        return json_response(self.exporter.document(batch, self._grouped(self._entries_of(batch))))

    async def _post_batch(self, request: web.Request) -> web.Response:
        entity = "CreateAccountingBatchRequest"
        body = clean(self.store, entity, await self._object(request))
        if sum(bool(body.get(name)) for name in _EXPORTS) != 1:
            raise invalid_field(entity, _EXPORTS[0], "exactly one export flag must be true")
        self.store.check_unique("AccountingBatch", body)
        entries = self._processed(body)
        values = {name: bool(body.get(name)) for name in _EXPORTS}
        values |= {"batchIdentifier": body["batchIdentifier"], "closedFlag": True}
        batch = self.store.insert("AccountingBatch", values, self.service.member)
        for entry in entries:
            entry |= {"isBatched": True, "batchId": batch["id"]}
        for invoice, _ in self._grouped(entries):
            self._mark(invoice, batch)
        return json_response(self.exporter.document(body, self._grouped(entries)), 201)

    def _processed(self, body: Record) -> list[Record]:
        """The entries that a new batch takes; raises 400 for ids that are unknown or already batched."""
        found = [self.store.find("GLEntry", number) for number in dict.fromkeys(body["processedRecordIds"])]
        entries = [row for row in found if row and not row["isBatched"] and body.get("exportInvoicesFlag")]
        refused = len(entries) < len(found) and not self.service.settings.ignore_unknown_batch_records
        if refused or not entries:
            text = "processedRecordIds holds ids that do not exist or are already in a batch"
            raise invalid_field("CreateAccountingBatchRequest", "processedRecordIds", text)
        return entries

    def _mark(self, invoice: Record, batch: Record) -> None:
        if left := [entry["id"] for entry in self.invoices.entries(invoice) if not entry["isBatched"]]:
            self.service.breach(
                "batch whole documents", f"invoice {invoice['id']}: entries {left} stay unposted"
            )
            return
        invoice["glBatch"] = {"id": batch["id"]}
        invoice.pop("unbatchedBatch", None)
        self.store.touch("Invoice", invoice, self.service.member)

    async def _batch_entries(self, request: web.Request) -> web.Response:
        batch = self.store.get("AccountingBatch", int(request.match_info["id"]))
        rows = [_batch_entry(entry) for entry in self._entries_of(batch)]
        return listing(self.service, "BatchEntry", rows, request)

    async def _object(self, request: web.Request) -> Record:
        body = await read_json(request)
        if isinstance(body, dict) and body.get("processedRecordIds") == []:
            raise ApiError(400, "InvalidObject", "processedRecordIds is empty")
        return require_object("AccountingBatch", body)


def _wanted(invoice: Record, body: Record) -> bool:
    if invoice["id"] in body.get("excludedInvoiceIds", []):
        return False
    if body.get("locationId") not in (None, 0, invoice["locationId"]):
        return False
    limit = body.get("thruDate")
    return limit is None or parse_instant(invoice["date"]) <= parse_instant(limit)


def _batch_entry(entry: Record) -> Record:
    side = "debit" if entry["amount"] >= 0 else "credit"
    return {
        "id": entry["id"],
        "accountType": entry["type"],
        "accountNumber": entry["segment1"],
        "name": entry["description"],
        side: abs(entry["amount"]),
        "cost": entry.get("cost"),
        "item": entry.get("productId"),
        "invoice": {"id": entry["invoiceId"]},
        "_info": entry["_info"],
    }
