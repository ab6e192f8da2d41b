"""Reads both sides in bulk: ConnectWise by pages of 1,000, Business Central by pages of the server's size."""

from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, cast

from shared.domain.errors import StopConnection
from shared.domain.money import cents
from shared.domain.records import Link
from shared.engine.connections.connection import Connection
from shared.engine.connections.routing import Router
from shared.engine.entity import Entity, Subject
from shared.engine.registry import Registry
from shared.engine.sweeps import backlog_id
from shared.ports.storage import RecordStore
from shared.ports.systems import ConnectWise
from shared.reconcile.ledger import FIELDS as LEDGER_FIELDS
from shared.reconcile.ledger import Ledger
from shared.reconcile.model import Row
from shared.reconcile.numbers import beginning
from shared.reconcile.purchases import document_of
from shared.reconcile.snapshot import Snapshot, target_fields

INVOICE_FIELDS: Final = (
    "id",
    "invoiceNumber",
    "type",
    "status",
    "company",
    "billToCompany",
    "currency",
    "date",
    "total",
    "payments",
    "credits",
    "balance",
    "glBatch",
    "internalNotes",
    "_info",
)
DOCUMENT_FIELDS: Final = (
    "id",
    "number",
    "externalDocumentNumber",
    "customerNumber",
    "billToCustomerNumber",
    "postingDate",
    "dueDate",
    "currencyCode",
    "totalAmountIncludingTax",
    "remainingAmount",
    "status",
    "lastModifiedDateTime",
)
CUT: Final = {
    "purchase_order": ("id", "poNumber", "poDate", "vendorInvoiceNumber", "closedFlag", "_info"),
    "expense_report": ("id", "member", "status", "dateStart", "dateEnd", "_info"),
}
"""What is read of the records of the purchase side: what tells whether they travel, and their version."""
PURCHASE_FIELDS: Final = (
    "id",
    "number",
    "vendorInvoiceNumber",
    "vendorNumber",
    "postingDate",
    "dueDate",
    "currencyCode",
    "totalAmountIncludingTax",
    "status",
    "lastModifiedDateTime",
)
ORDER_FIELDS: Final = ("id", "number", "vendorNumber", "currencyCode", "status", "lastModifiedDateTime")
EXPENSES: Final = "expense/entries"
GENERAL_LEDGER: Final = "generalLedgerEntries"
GENERAL_FIELDS: Final = ("id", "documentNumber", "postingDate", "debitAmount", "lastModifiedDateTime")
ALWAYS: Final = ("id", "number", "displayName", "blocked", "lastModifiedDateTime")


async def take(
    connection: Connection, registry: Registry, store: RecordStore, router: Router, now: datetime
) -> Snapshot:
    """Reads everything; our own records first, so that what the engine does meanwhile is recognised afterwards."""
    taken = Snapshot(connection, registry, now)
    for subject in registry.subjects():
        own = {record.ref.id: record async for record in store.records(connection.name, subject.name)}
        taken.records[subject.name] = own
        taken.open_items += [item async for item in store.open_items(connection.name, subject.name)]
    await _read_connectwise(taken, router)
    await _read_business_central(taken)
    return taken


async def _read_connectwise(taken: Snapshot, router: Router) -> None:
    site = await router.connections.site(taken.connection.name)
    documents = {one.subject.name for one in taken.documents}
    compared = documents | {one.subject.name for one in (*taken.masters, *taken.purchase_side)}
    for subject in taken.registry.subjects():
        if subject.name in compared:
            routed = site.routes(subject.name)
            # A routing rule may look at any field.
            fields = INVOICE_FIELDS if subject.name in documents else CUT.get(subject.name, ())
            taken.sources[subject.name] = await _sources(taken, subject, () if routed else fields)
            if routed:
                taken.elsewhere[subject.name] = await _elsewhere(taken, subject.name, router)
        if site.routes(subject.name):
            taken.routed.add(subject.name)
        if subject.backlog:
            names = tuple(dict.fromkeys(("id", subject.backlog_id, subject.backlog_date)))
            rows = await _sources(taken, subject, names, subject.backlog)
            listed = {
                backlog_id(row, subject): str(row.get(subject.backlog_date) or "") for row in rows.values()
            }
            taken.backlogs[subject.name] = {record: day[:10] for record, day in listed.items() if record}
        if subject.pending is not None:
            counted = cast("ConnectWise", _Counted(taken))
            taken.backlogs[subject.name] = dict(await subject.pending(counted))
    if any(_expense_ids(link) for link in _links(taken, (*taken.purchases, *taken.journals))):
        entries = await _read(taken, EXPENSES, ("id", "amount"))
        taken.expenses = {record: cents(row.get("amount") or 0) for record, row in entries.items()}


def _links(taken: Snapshot, entities: Iterable[Entity]) -> Iterator[Link]:
    for entity in entities:
        yield from (link for _, _, link in taken.linked(entity.subject.name, entity.name))


def _expense_ids(link: Link) -> Any:
    return link.facts.get("tags", {}).get("expenses")


@dataclass(frozen=True, slots=True)
class _Counted:
    """ConnectWise as what is pending is looked for: whatever list it reads is counted, and none is read twice."""

    taken: Snapshot

    async def scan(self, path: str, *, fields: Sequence[str] = ()) -> AsyncIterator[list[Row]]:
        """The pages of a list."""
        known = next((one.name for one in self.taken.registry.subjects() if one.path == path), "")
        if known in self.taken.sources:
            yield list(self.taken.sources[known].values())
            return
        self.taken.scanned[path] = 0
        async for page in self.taken.connection.connectwise.scan(path, fields=fields):
            self.taken.scanned[path] += len(page)
            yield page


async def _elsewhere(taken: Snapshot, subject: str, router: Router) -> frozenset[str]:
    """The rows of which we have nothing and that the rules of the site give to others."""
    found = set()
    for record_id, row in taken.sources[subject].items():
        record = taken.records[subject].get(record_id)
        if record is None or not any(link.target_id for link in record.links.values()):
            receivers = await router.receivers(taken.connection, subject, row)
            if receivers is not None and taken.connection.name not in receivers:
                found.add(record_id)
    return frozenset(found)


async def _sources(
    taken: Snapshot, subject: Subject, fields: tuple[str, ...], path: str = ""
) -> dict[str, Row]:
    return await _read(taken, path or subject.path, fields)


async def _read(taken: Snapshot, path: str, fields: tuple[str, ...]) -> dict[str, Row]:
    rows: dict[str, Row] = {}
    async for page in taken.connection.connectwise.scan(path, fields=fields):
        rows |= {str(row["id"]): row for row in page}
    taken.scanned[path] = len(rows)
    return rows


async def _read_business_central(taken: Snapshot) -> None:
    system = taken.connection.business_central
    for entity_set, fields in _selections(taken).items():
        taken.targets[entity_set] = await _scan(taken, entity_set, fields)
    for order in taken.orders:
        if any(_links(taken, [order])):
            sets = order.sets
            taken.targets[sets.orders] = await _scan(taken, sets.orders, ORDER_FIELDS, expand=sets.lines)
    numbers = [str(link.facts.get("document") or "").upper() for link in _links(taken, taken.journals)]
    if begins := sorted({beginning(number) for number in numbers} - {""}):
        rows = await _scan(taken, GENERAL_LEDGER, GENERAL_FIELDS, starting={"documentNumber": begins})
        for row in rows.values():
            taken.general_ledger.setdefault(str(row["documentNumber"]), []).append(row)
    setup = await system.reference("generalLedgerSetup")
    taken.local_currency = str(setup[0].get("localCurrencyCode") or "") if setup else ""
    try:
        taken.ledger = await Ledger.read(system.ledger(LEDGER_FIELDS))
        taken.scanned["customerLedgerEntries"] = taken.ledger.size
    except StopConnection as stop:
        # Only the analytics app is missing: everything but the ledger can still be compared.
        if stop.cause != "analytics_absent":
            raise


async def _scan(
    taken: Snapshot,
    entity_set: str,
    fields: tuple[str, ...],
    *,
    expand: str = "",
    starting: Mapping[str, Sequence[str]] | None = None,
) -> dict[str, Row]:
    system, rows = taken.connection.business_central, dict[str, Row]()
    async for page in system.scan(entity_set, select=fields, expand=expand, starting=starting):
        rows |= {str(row["id"]): row for row in page}
    taken.scanned[entity_set] = len(rows)
    return rows


def _selections(taken: Snapshot) -> dict[str, tuple[str, ...]]:
    """The fields to read of each set: for master data what was ever written, for documents a fixed choice."""
    wanted: dict[str, dict[str, None]] = {}
    for entity in taken.masters:
        known = target_fields(taken.connection, entity.target)
        fields = wanted.setdefault(
            entity.target, dict.fromkeys(name for name in ALWAYS if name in known or name == "id")
        )
        for _, _, link in taken.linked(entity.subject.name, entity.name):
            fields |= dict.fromkeys(
                name for name, value in link.written.items() if name in known and not isinstance(value, list)
            )
    for document in taken.documents:
        memo = "remainingAmount" if document.target != "salesInvoices" else ""
        wanted[document.target] = dict.fromkeys(name for name in DOCUMENT_FIELDS if name != memo)
    for purchase in taken.purchases:
        if any(_links(taken, [purchase])):
            wanted[document_of(purchase).target] = dict.fromkeys(PURCHASE_FIELDS)
    return {entity_set: tuple(fields) for entity_set, fields in wanted.items()}
