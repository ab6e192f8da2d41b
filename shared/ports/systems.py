"""The two business systems as the engine sees them. JSON values come with Decimal, never float."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Protocol

from shared.domain.errors import SyncError
from shared.domain.tenure import Extend

type Json = Any
type JsonObject = dict[str, Any]
type AccountingKind = Literal["invoices", "expenses", "products"]


@dataclass(frozen=True, slots=True)
class Lookup:
    """One exact-match search in a Business Central set: field equals value (text)."""

    entity_set: str
    field: str
    value: str


@dataclass(frozen=True, slots=True)
class Content:
    """The content of a file: its size in bytes, and its pieces, which can be asked for more than once."""

    size: int
    pieces: Callable[[], AsyncIterator[bytes]]


class ConnectWise(Protocol):
    """ConnectWise PSA. Every method may raise the errors of :mod:`shared.domain.errors`."""

    async def read(self, path: str) -> JsonObject:
        """One record by its path such as ``company/companies/12``; raises NotFound."""
        ...

    def scan(
        self, path: str, *, changed_since: datetime | None = None, fields: Sequence[str] = ()
    ) -> AsyncIterator[list[JsonObject]]:
        """All records, or those changed since a moment, in pages of up to 1,000 in the order of their ids."""
        ...

    async def create(self, path: str, body: JsonObject) -> JsonObject:
        """Adds a record and returns it as stored."""
        ...

    async def change(self, path: str, values: Mapping[str, Json]) -> JsonObject:
        """Replaces the named top-level fields and returns the record as stored."""
        ...

    async def remove(self, path: str) -> None:
        """Deletes a record; a record that is already gone is success."""
        ...

    async def preview_export(self, kind: AccountingKind, ids: Sequence[int | str]) -> JsonObject:
        """What the accounting interface would export for the named records; changes nothing.

        Ids are those that finance/accounting/export takes: an invoice's, an expense's detail id, a product's
        unposted id.
        """
        ...

    async def find_batch(self, identifier: str) -> JsonObject | None:
        """The accounting batch of that identifier."""
        ...

    async def commit_batch(
        self, identifier: str, gl_interface: str, kind: AccountingKind, entry_ids: Sequence[int]
    ) -> None:
        """Marks the general ledger entries as exported in a batch of their own."""
        ...

    async def select(self, path: str, equal: Mapping[str, int | bool]) -> list[JsonObject]:
        """All records whose fields (reference paths such as ``company/id`` too) equal the given values."""
        ...

    async def documents(self, record_type: str, record_id: int) -> list[JsonObject]:
        """What is attached to a record: files and links, without their content."""
        ...

    def download(
        self, document: int, *, most: int, page: bool = False
    ) -> AbstractAsyncContextManager[Content]:
        """The content of a file, kept until the context ends; ``page`` says that the file is a web page.

        Raises HoldForPerson when it has more bytes than ``most``, which is noticed while they come.
        """
        ...


class BusinessCentral(Protocol):
    """One Business Central company. Every method may raise the errors of :mod:`shared.domain.errors`."""

    async def read(self, entity_set: str, record_id: str, *, expand: str = "") -> JsonObject:
        """One record by its id; raises NotFound."""
        ...

    async def find(self, lookups: Sequence[Lookup]) -> list[list[JsonObject]]:
        """The records that match each search, in one call however many searches there are."""
        ...

    def scan(
        self,
        entity_set: str,
        *,
        equal: Mapping[str, str] | None = None,
        starting: Mapping[str, Sequence[str]] | None = None,
        select: Sequence[str] = (),
        expand: str = "",
    ) -> AsyncIterator[list[JsonObject]]:
        """All records whose text fields equal the given values, page by page, with one kind of related records.

        ``starting`` gives fields that begin with one of several texts.
        """
        ...

    async def create(self, entity_set: str, body: JsonObject) -> JsonObject:
        """Adds a record (with its lines) and returns it as stored."""
        ...

    def take_over(self) -> None:
        """Tells that an earlier process may have used up the limit of calls until this one began."""
        ...

    async def create_many(
        self, entity_set: str, bodies: Sequence[JsonObject], tenures: Sequence[Extend | None]
    ) -> list[JsonObject | SyncError]:
        """Adds records in calls of up to 100; each is stored and returned, or has its own error, in order.

        ``tenures`` are the leases under which the bodies are written, one for each.
        """
        ...

    async def change(self, entity_set: str, record_id: str, values: JsonObject, etag: str) -> JsonObject:
        """Changes the named fields if the record still has that etag; raises ChangedMeanwhile."""
        ...

    async def remove(self, entity_set: str, record_id: str, etag: str) -> None:
        """Deletes a record if it still has that etag; a record that is already gone is success."""
        ...

    async def fill(self, entity_set: str, record_id: str, name: str, content: Content) -> None:
        """Writes the content of a property that holds a file, whatever was in it before."""
        ...

    async def act(self, entity_set: str, record_id: str, action: str) -> None:
        """Runs a bound action such as ``Microsoft.NAV.post``."""
        ...

    async def ledger_of_entries(self, entries: Sequence[int]) -> list[JsonObject]:
        """Detailed rows of the named customer ledger entries."""
        ...

    async def ledger_of_document(self, number: str) -> list[JsonObject]:
        """Detailed customer ledger rows that carry a document number."""
        ...

    async def ledger_after(self, entry: int) -> list[JsonObject]:
        """Detailed customer ledger rows numbered above ``entry``, in no particular order."""
        ...

    def ledger(self, select: Sequence[str]) -> AsyncIterator[list[JsonObject]]:
        """The named fields of all detailed customer ledger rows, page by page, in no particular order."""
        ...

    async def reference(self, entity_set: str) -> list[JsonObject]:
        """All rows of a small set such as paymentTerms, from a short-lived cache."""
        ...

    async def refresh(self, entity_set: str) -> list[JsonObject]:
        """The rows read anew, for a value that the cache does not know; at most once a minute."""
        ...

    async def add_dimension_value(self, dimension: str, code: str, name: str) -> bool:
        """Makes a dimension value where an administrator has published the page for it; False where not."""
        ...

    async def subscriptions(self) -> list[JsonObject]:
        """The webhook subscriptions of the environment that this application can see."""
        ...

    async def subscribe(self, entity_set: str, url: str, client_state: str) -> None:
        """Asks for notifications about a set; Business Central calls the url during this call."""
        ...

    async def renew_subscription(self, subscription: JsonObject, client_state: str) -> None:
        """Extends a subscription by its lifetime; raises NotFound when it is gone."""
        ...

    async def unsubscribe(self, subscription: JsonObject) -> None:
        """Ends a subscription."""
        ...

    async def resource_of(self, entity_set: str) -> str:
        """The resource text under which a set's subscription is listed."""
        ...
