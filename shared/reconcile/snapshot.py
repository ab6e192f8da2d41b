"""Both systems and our own records at one moment."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from shared.domain.records import Link, Record, RecordRef, State
from shared.engine.connections.connection import Connection
from shared.engine.kinds.documents import Document
from shared.engine.kinds.journals import Journal
from shared.engine.kinds.masters import MasterData
from shared.engine.kinds.orders import Order
from shared.engine.kinds.parts import Parts
from shared.engine.kinds.receipts import Receipt
from shared.engine.kinds.settlements import Settlement
from shared.engine.registry import Registry
from shared.mapping import TargetField
from shared.ports.storage import OpenItem
from shared.reconcile.ledger import Ledger
from shared.reconcile.model import Row

GRACE: Final = timedelta(minutes=10)
"""What changed this recently is still on its way and no drift."""
POSTED: Final = frozenset({"posted", "batched", "done"})
"""The steps of a document that is posted in Business Central."""


@dataclass(slots=True)
class Snapshot:
    """What was read. Source rows by subject and id, target rows by set and id, our records by subject and id.

    ``elsewhere`` are the ids of source rows that other connections of the site have to bring over, ``backlogs`` by
    subject the ids of what ConnectWise lists as not exported, each with its day. Of a subject in ``routed`` what we never
    saw may belong to another connection. ``expenses`` are the amounts of expense entries by id, ``general_ledger`` the
    entries of the documents that our journals carry, by document number; both only where something of the kind is linked.
    """

    connection: Connection
    registry: Registry
    started: datetime
    records: dict[str, dict[str, Record]] = field(default_factory=dict)
    open_items: list[OpenItem] = field(default_factory=list)
    sources: dict[str, dict[str, Row]] = field(default_factory=dict)
    targets: dict[str, dict[str, Row]] = field(default_factory=dict)
    elsewhere: dict[str, frozenset[str]] = field(default_factory=dict)
    backlogs: dict[str, dict[str, str]] = field(default_factory=dict)
    routed: set[str] = field(default_factory=set)
    expenses: dict[str, Decimal] = field(default_factory=dict)
    general_ledger: dict[str, list[Row]] = field(default_factory=dict)
    ledger: Ledger | None = None
    local_currency: str = ""
    scanned: dict[str, int] = field(default_factory=dict)

    @property
    def masters(self) -> list[MasterData]:
        """The master data entities."""
        return [one for one in self.registry.entities() if isinstance(one, MasterData)]

    @property
    def documents(self) -> list[Document]:
        """The documents that are ConnectWise invoices."""
        entities = (one for one in self.registry.entities() if isinstance(one, Document))
        return [one for one in entities if one.accounting == "invoices"]

    @property
    def purchases(self) -> list[Document | Parts]:
        """The entities that become purchase invoices."""
        return [
            one
            for one in self.registry.entities()
            if (isinstance(one, Document) and one.accounting != "invoices") or isinstance(one, Parts)
        ]

    @property
    def journals(self) -> list[Journal]:
        """The entities that are booked by journal."""
        return [one for one in self.registry.entities() if isinstance(one, Journal)]

    @property
    def orders(self) -> list[Order]:
        """The orders."""
        return [one for one in self.registry.entities() if isinstance(one, Order)]

    @property
    def receipts(self) -> list[Receipt]:
        """The receipts of orders."""
        return [one for one in self.registry.entities() if isinstance(one, Receipt)]

    @property
    def purchase_side(self) -> list[Document | Parts | Journal | Order | Receipt]:
        """Everything that is bought or spent, in the order of the registry."""
        every = [*self.purchases, *self.journals, *self.orders, *self.receipts]
        return [one for one in self.registry.entities() if one in every]

    @property
    def settlements(self) -> list[Settlement]:
        """The entities that bring payments back."""
        return [one for one in self.registry.entities() if isinstance(one, Settlement)]

    def ref(self, subject: str, record_id: str) -> RecordRef:
        """The source record of that id."""
        return RecordRef(self.connection.name, subject, record_id)

    def link(self, subject: str, record_id: str, entity: str) -> Link | None:
        """What is known of a source record for an entity."""
        record = self.records.get(subject, {}).get(record_id)
        return record.links.get(entity) if record else None

    def is_open(self, subject: str, record_id: str, entity: str) -> bool:
        """True while the record stands in the work list for that entity."""
        link = self.link(subject, record_id, entity)
        return link is not None and link.state.is_open

    def linked(self, subject: str, entity: str) -> Iterable[tuple[str, Record, Link]]:
        """Every record that has a target for that entity, whatever its state."""
        for record_id, record in self.records.get(subject, {}).items():
            link = record.links.get(entity)
            if link is not None and link.target_id:
                yield record_id, record, link

    def posted(self, subject: str, entity: str) -> Iterable[tuple[str, Record, Link]]:
        """Those of :meth:`linked` that are posted documents."""
        return (one for one in self.linked(subject, entity) if one[2].step in POSTED)

    def done(self, subject: str, entity: str) -> Iterable[tuple[str, Record, Link]]:
        """Those of :meth:`linked` that are in step as far as we know."""
        return (one for one in self.linked(subject, entity) if one[2].state is State.DONE)

    def in_flight(self, moment: Any) -> bool:
        """True for a time text (ISO 8601) so recent that the change may still be on its way."""
        return bool(moment) and datetime.fromisoformat(str(moment)) > self.started - GRACE


def version(row: Row) -> str:
    """When ConnectWise last changed the row."""
    return str((row.get("_info") or {}).get("lastUpdated", ""))


def payer_of(invoice: Row) -> str:
    """The ConnectWise id of the company that pays an invoice."""
    return str(((invoice.get("billToCompany") or invoice.get("company")) or {}).get("id", ""))


def target_fields(connection: Connection, entity_set: str) -> dict[str, TargetField]:
    """The fields of a Business Central set that the catalogue knows."""
    known = connection.mappings.catalogue.sets.get(entity_set)
    return dict(known.fields) if known else {}
