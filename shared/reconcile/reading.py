"""Reads both sides in bulk: ConnectWise by pages of 1,000, Business Central by pages of the server's size."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, cast

from shared.domain.errors import StopConnection
from shared.engine.connections.connection import Connection
from shared.engine.connections.routing import Router
from shared.engine.entity import Subject
from shared.engine.registry import Registry
from shared.engine.sweeps import backlog_id
from shared.ports.storage import RecordStore
from shared.ports.systems import ConnectWise
from shared.reconcile.ledger import FIELDS as LEDGER_FIELDS
from shared.reconcile.ledger import Ledger
from shared.reconcile.model import Row
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
    compared = documents | {one.subject.name for one in taken.masters}
    for subject in taken.registry.subjects():
        if subject.name in compared:
            routed = site.routes(subject.name)
            # A routing rule may look at any field.
            fields = INVOICE_FIELDS if subject.name in documents and not routed else ()
            taken.sources[subject.name] = await _sources(taken, subject, fields)
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


@dataclass(frozen=True, slots=True)
class _Counted:
    """ConnectWise as what is pending is looked for: whatever list it reads is counted as read."""

    taken: Snapshot

    async def scan(self, path: str, *, fields: Sequence[str] = ()) -> AsyncIterator[list[Row]]:
        """The pages of a list."""
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
    rows: dict[str, Row] = {}
    async for page in taken.connection.connectwise.scan(path or subject.path, fields=fields):
        rows |= {str(row["id"]): row for row in page}
    taken.scanned[path or subject.path] = len(rows)
    return rows


async def _read_business_central(taken: Snapshot) -> None:
    system = taken.connection.business_central
    for entity_set, fields in _selections(taken).items():
        rows: dict[str, Row] = {}
        async for page in system.scan(entity_set, select=fields):
            rows |= {str(row["id"]): row for row in page}
        taken.targets[entity_set] = rows
        taken.scanned[entity_set] = len(rows)
    setup = await system.reference("generalLedgerSetup")
    taken.local_currency = str(setup[0].get("localCurrencyCode") or "") if setup else ""
    try:
        taken.ledger = await Ledger.read(system.ledger(LEDGER_FIELDS))
        taken.scanned["customerLedgerEntries"] = taken.ledger.size
    except StopConnection as stop:
        # Only the analytics app is missing: everything but the ledger can still be compared.
        if stop.cause != "analytics_absent":
            raise


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
    return {entity_set: tuple(fields) for entity_set, fields in wanted.items()}
