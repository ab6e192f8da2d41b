"""Ledger entries and the documents that bring them into the accounting interface.

An entry of table ``GLEntry`` holds, unseen by callers, the ``kind`` and ``documentId`` of its document, the
``references`` that a batch shows, and once it is batched the ``batchId``.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import ClassVar, Final

from sandbox.connectwise.conditions import parse_instant
from sandbox.connectwise.store import Record, Store
from sandbox.kit import Json

type Key = int | str
type Pairs = Sequence[tuple[Key, list[Record]]]
type Sections = Mapping[str, list[Json]]

# The account to which each general ledger account type is mapped, outside invoices.
ACCOUNTS: Final = {
    "AP": "2000",
    "P": "5000",
    "inventory": "1300",
    "PF": "5100",
    "FT": "1510",
    "PT": "1510",
    "IA": "5900",
    "IT": "1310",
    "EE": "6100",
    "EI": "6200",
    "ET": "1510",
    "EO": "2050",
}


class Source(ABC):
    """The documents of one kind: which are unposted, how they are exported, what a batch does to them."""

    kind: ClassVar[str]
    flag: ClassVar[str]

    def __init__(self, store: Store) -> None:
        self.store = store

    @abstractmethod
    def wanted(self, body: Record) -> Iterable[Key]:
        """The documents that an export request speaks of."""

    @abstractmethod
    def entries(self, key: Key) -> list[Record]:
        """All ledger entries of a document, batched or not."""

    @abstractmethod
    def visible(self, key: Key) -> bool:
        """Whether the interface shows the document at all; a partner without account number hides it."""

    @abstractmethod
    def sections(self, pairs: Pairs) -> Sections:
        """The members of a GLExport that these documents and a choice of their entries make."""

    @abstractmethod
    def behind(self, key: Key) -> Iterable[tuple[str, Record]]:
        """The records on which a batch leaves its mark, with their tables."""

    def batched(self, key: Key, batch: Record, member: str) -> None:
        """Takes note of a batch, now that it holds all entries of the document."""
        for entity, record in self.behind(key):
            self.store.touch(entity, record, member)

    def unbatched(self, key: Key, batch: Record, member: str) -> None:
        """Takes the document out of a batch, given as a reference {id, name}."""
        for entry in self.entries(key):
            if entry.get("batchId") == batch["id"]:
                release(entry)
        for entity, record in self.behind(key):
            self.store.touch(entity, record, member)

    def open_entries(self, key: Key) -> list[Record]:
        """The entries that wait for a batch; none while the document is hidden."""
        return [entry for entry in self.entries(key) if not entry["isBatched"]] if self.visible(key) else []


def new_entry(
    store: Store,
    kind: str,
    key: Key,
    gl_type: str,
    amount: Decimal,
    description: str,
    references: Record,
    member: str,
    **more: Json,
) -> Record:
    """Adds a ledger entry; a debit is positive. ``segment1`` (the account) follows the type unless given."""
    values = {
        "type": gl_type,
        "amount": amount,
        "description": description[:100],
        "segment1": ACCOUNTS.get(gl_type, ""),
        "kind": kind,
        "documentId": key,
        "references": references,
        **more,
    }
    return store.insert("GLEntry", values, member)


def release(entry: Record) -> None:
    """Makes an entry unposted again; it remembers the batch that it left."""
    entry |= {"isBatched": False, "batchId": None, "unbatchedFrom": entry["batchId"]}


def within(body: Record, location_id: Json, document_date: str) -> bool:
    """Whether a document meets the ``locationId`` and ``thruDate`` of an export request."""
    if body.get("locationId") not in (None, 0, location_id):
        return False
    limit = body.get("thruDate")
    return limit is None or parse_instant(document_date) <= parse_instant(limit)
