"""The accounting interface: unposted records, the export preview, batches that mark records as posted."""

from collections.abc import Iterable, Sequence
from typing import Final

from aiohttp import web

from sandbox.connectwise.crud import Collection, read_json
from sandbox.connectwise.errors import ApiError, invalid_field
from sandbox.connectwise.ledger import Key, Source
from sandbox.connectwise.query import listing
from sandbox.connectwise.service import BASE, Service
from sandbox.connectwise.store import Record
from sandbox.connectwise.validate import clean, require_object
from sandbox.kit import Json, json_response

type Chosen = list[tuple[Source, list[tuple[Key, list[Record]]]]]

_EXPORTS: Final = ("exportInvoicesFlag", "exportExpensesFlag", "exportProductsFlag")
_SECTIONS: Final = (
    "vendors",
    "customers",
    "transactions",
    "expenses",
    "expenseBills",
    "purchaseTransactions",
    "adjustmentTransactions",
    "inventoryTransfers",
)


class Accounting:
    """Export and batches over all sources. ``unposted`` holds the lists by entity of their rows."""

    def __init__(self, service: Service, sources: Sequence[Source], unposted: Sequence[Collection]) -> None:
        self.service = service
        self.store = service.store
        self.sources = sources
        self.unposted = unposted

    def serve(self) -> None:
        """Registers the routes of the accounting interface."""
        root = f"{BASE}/finance/accounting"
        service = self.service
        Collection(
            service, "finance/accounting/batches", "AccountingBatch", "GET DELETE", delete=self.delete_batch
        ).serve()
        for rows in self.unposted:
            rows.serve()
        service.route("POST", f"{root}/batches", self._post_batch)
        service.route("GET", f"{root}/batches/{{id:\\d+}}/entries", self._batch_entries)
        service.route("POST", f"{root}/batches/{{id:\\d+}}/export", self._export_batch)
        service.route("POST", f"{root}/export", self._export)

    def delete_batch(self, batch: Record, member: str) -> None:
        """Deletes a batch: its records become unposted again."""
        reference = {"id": batch["id"], "name": batch["batchIdentifier"]}
        grouped = self._grouped(self._entries_of(batch))
        self.store.remove("AccountingBatch", batch["id"], member)
        for source, pairs in grouped:
            for key, _ in pairs:
                source.unbatched(key, reference, member)

    def _entries_of(self, batch: Record) -> list[Record]:
        return [row for row in self.store.rows("GLEntry") if row.get("batchId") == batch["id"]]

    def _grouped(self, entries: Iterable[Record]) -> Chosen:
        groups: dict[str, dict[Key, list[Record]]] = {source.kind: {} for source in self.sources}
        for entry in entries:
            groups[entry["kind"]].setdefault(entry["documentId"], []).append(entry)
        return [(source, list(groups[source.kind].items())) for source in self.sources]

    def _document(self, request: Record, chosen: Chosen) -> Json:
        """A GLExport with what each source makes of its documents."""
        names = {"batchIdentifier", "glInterfaceIdentifier"}
        document: Record = {name: [] for name in _SECTIONS}
        for source, pairs in chosen:
            for name, rows in source.sections(pairs).items():
                document[name] += rows
        return {
            "exportSettings": {name: value for name, value in request.items() if name in names},
            **document,
        }

    async def _export(self, request: web.Request) -> web.Response:
        body = clean(self.store, "ExportAccountingBatchRequest", await self._object(request))
        flags = [body.get(name) for name in (*_EXPORTS, "exportPaymentsFlag")]
        if not any(flags):
            raise invalid_field("ExportAccountingBatchRequest", _EXPORTS[0], "one export flag must be true")
        chosen: Chosen = []
        for source in self.sources:
            keys = source.wanted(body) if body.get(source.flag) else ()
            chosen.append((source, [(key, open_) for key in keys if (open_ := source.open_entries(key))]))
        return json_response(self._document(body, chosen))

    async def _export_batch(self, request: web.Request) -> web.Response:
        batch = self.store.get("AccountingBatch", int(request.match_info["id"]))
        return json_response(self._document(batch, self._grouped(self._entries_of(batch))))

    async def _post_batch(self, request: web.Request) -> web.Response:
        entity, member = "CreateAccountingBatchRequest", self.service.member
        body = clean(self.store, entity, await self._object(request))
        if sum(bool(body.get(name)) for name in _EXPORTS) != 1:
            raise invalid_field(entity, _EXPORTS[0], "exactly one export flag must be true")
        self.store.check_unique("AccountingBatch", body)
        entries = self._processed(body)
        values = {name: bool(body.get(name)) for name in _EXPORTS}
        values |= {"batchIdentifier": body["batchIdentifier"], "closedFlag": True}
        batch = self.store.insert("AccountingBatch", values, member)
        for entry in entries:
            entry |= {"isBatched": True, "batchId": batch["id"], "unbatchedFrom": None}
        chosen = self._grouped(entries)
        for source, pairs in chosen:
            for key, _ in pairs:
                self._mark(source, key, batch)
        return json_response(self._document(body, chosen), 201)

    def _processed(self, body: Record) -> list[Record]:
        """The entries that a new batch takes; raises 400 for ids that are unknown or already batched."""
        kinds = {source.kind for source in self.sources if body.get(source.flag)}
        found = [self.store.find("GLEntry", number) for number in dict.fromkeys(body["processedRecordIds"])]
        entries = [row for row in found if row and not row["isBatched"] and row["kind"] in kinds]
        refused = len(entries) < len(found) and not self.service.settings.ignore_unknown_batch_records
        if refused or not entries:
            text = "processedRecordIds holds ids that do not exist or are already in a batch"
            raise invalid_field("CreateAccountingBatchRequest", "processedRecordIds", text)
        return entries

    def _mark(self, source: Source, key: Key, batch: Record) -> None:
        if left := [entry["id"] for entry in source.entries(key) if not entry["isBatched"]]:
            self.service.breach("batch whole documents", f"{source.kind} {key}: entries {left} stay unposted")
            return
        source.batched(key, batch, self.service.member)

    async def _batch_entries(self, request: web.Request) -> web.Response:
        batch = self.store.get("AccountingBatch", int(request.match_info["id"]))
        rows = [_batch_entry(entry) for entry in self._entries_of(batch)]
        return listing(self.service, "BatchEntry", rows, request)

    async def _object(self, request: web.Request) -> Record:
        body = await read_json(request)
        if isinstance(body, dict) and body.get("processedRecordIds") == []:
            raise ApiError(400, "InvalidObject", "processedRecordIds is empty")
        return require_object("AccountingBatch", body)


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
        **entry["references"],
        "_info": entry["_info"],
    }
