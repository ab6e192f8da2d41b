"""Companies and their records in memory, with transactions and a feed of committed changes."""

import base64
import pickle
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final, Literal

from sandbox.business_central.fields import SETS
from sandbox.business_central.ledger import Ledger
from sandbox.kit import Json

type Values = dict[str, Json]
type ChangeType = Literal["created", "updated", "deleted"]

INDEXED: Final = (
    "number",
    "code",
    "documentId",
    "externalDocumentNumber",
    "parentId",
    "dimensionId",
    "journalId",
    "documentNumber",
)


@dataclass(slots=True)
class Record:
    """One record: ``values`` by API property, ``hidden`` what the API does not show, ``version`` for the etag."""

    set_name: str
    key: str
    values: Values
    hidden: Values
    sequence: int
    version: int = 1

    @property
    def etag(self) -> str:
        """The weak etag of this version."""
        mark = base64.b64encode(f"{self.key};{self.version}".encode()).decode()
        return f'W/"{mark}"'


@dataclass(frozen=True, slots=True)
class Change:
    """One committed change of a record; the time is ISO 8601 in UTC."""

    company: str
    set_name: str
    key: str
    kind: ChangeType
    modified: str


@dataclass(slots=True)
class Company:
    """One company: its tables, its customer and vendor ledgers and the last numbers of its number series."""

    key: str
    name: str
    tables: dict[str, dict[str, Record]] = field(default_factory=dict)
    index: dict[tuple[str, str, Json], dict[str, None]] = field(default_factory=dict)
    ledger: Ledger = field(default_factory=Ledger)
    vendor_ledger: Ledger = field(default_factory=Ledger)
    series: dict[str, int] = field(default_factory=dict)

    def all(self, set_name: str) -> list[Record]:
        """Every record of a set in order of creation."""
        return list(self.tables.get(set_name, {}).values())

    def get(self, set_name: str, key: str) -> Record | None:
        """The record with this id."""
        return self.tables.get(set_name, {}).get(key)

    def where(self, set_name: str, name: str, value: Json) -> list[Record]:
        """The records whose indexed property has this value, in order of creation."""
        table = self.tables.get(set_name, {})
        found = (table[key] for key in self.index.get((set_name, name, value), {}))
        return sorted(found, key=lambda record: record.sequence)

    def find(self, set_name: str, name: str, value: Json) -> Record | None:
        """The first record whose indexed property has this value."""
        return next(iter(self.where(set_name, name, value)), None)

    def next_number(self, series: str, prefix: str, start: int, step: int = 1) -> str:
        """Draws the next number of a series, for example ``C00010``; gaps stay, as in the product."""
        self.series[series] = self.series.get(series, start - step) + step
        return f"{prefix}{self.series[series]:05d}"


def utc_text(moment: datetime) -> str:
    """A time in UTC as the API writes it, to the millisecond."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _later_than(before: str) -> datetime:
    """Now, but later than the change before: of two within one millisecond the second is a millisecond later."""
    return max(datetime.now(UTC), datetime.fromisoformat(before) + timedelta(milliseconds=1))


class Store:
    """All companies. Writes happen in transactions: an error undoes them, a commit publishes them."""

    def __init__(self) -> None:
        self.companies: dict[str, Company] = {}
        self.listeners: list[Callable[[Change], None]] = []
        self._sequence = 0
        self._depth = 0
        self._undo: list[Callable[[], None]] = []
        self._changes: list[Change] = []

    def company(self, name_or_id: str) -> Company | None:
        """The company with this id or name."""
        found = self.companies.get(name_or_id.lower())
        return found or next((item for item in self.companies.values() if item.name == name_or_id), None)

    def kept(self) -> bytes:
        """Everything that the companies hold, for :meth:`bring_back`."""
        return pickle.dumps((self.companies, self._sequence))

    def bring_back(self, kept: bytes) -> None:
        """Makes the companies hold again what they held when it was kept; publishes nothing."""
        self.companies, self._sequence = pickle.loads(kept)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Keeps all writes inside or none; nested transactions join the outer one."""
        self._depth += 1
        mark, published = len(self._undo), len(self._changes)
        try:
            yield
        except BaseException:
            for step in reversed(self._undo[mark:]):
                step()
            del self._undo[mark:], self._changes[published:]
            raise
        finally:
            self._depth -= 1
            if self._depth == 0:
                self.commit()

    def commit(self) -> None:
        """Makes the writes so far final and publishes them, also in the middle of a transaction."""
        self._undo.clear()
        changes, self._changes = self._changes, []
        for change in changes:
            for listener in self.listeners:
                listener(change)

    def insert(
        self, company: Company, set_name: str, values: Values, hidden: Values | None = None, key: str = ""
    ) -> Record:
        """Adds a record; properties not given are blank; id and time of change are set here."""
        self._sequence += 1
        fields = SETS[set_name].fields
        record = Record(
            set_name,
            key or str(uuid.uuid4()),
            {name: values.get(name, item.blank) for name, item in fields.items()},
            hidden or {},
            self._sequence,
        )
        if "id" in fields:
            record.values["id"] = record.key
        if "lastModifiedDateTime" in fields:
            record.values["lastModifiedDateTime"] = utc_text(datetime.now(UTC))
        self._put(company, record)
        self._done(company, record, "created", lambda: self._remove(company, record))
        return record

    def update(self, company: Company, record: Record, changes: Values, hidden: Values | None = None) -> bool:
        """Writes properties; when nothing differs nothing happens: no new version, no time, no notification."""
        differing = {name: value for name, value in changes.items() if record.values.get(name) != value}
        private = {name: value for name, value in (hidden or {}).items() if record.hidden.get(name) != value}
        if not differing and not private:
            return False
        before = (dict(record.values), dict(record.hidden), record.version)
        if "lastModifiedDateTime" in record.values:
            differing["lastModifiedDateTime"] = utc_text(_later_than(record.values["lastModifiedDateTime"]))
        self._write(company, record, record.values | differing, record.hidden | private, record.version + 1)
        self._done(company, record, "updated", lambda: self._write(company, record, *before))
        return True

    def delete(self, company: Company, record: Record) -> None:
        """Removes a record."""
        self._remove(company, record)
        self._done(company, record, "deleted", lambda: self._put(company, record))

    def _done(self, company: Company, record: Record, kind: ChangeType, undo: Callable[[], None]) -> None:
        self._undo.append(undo)
        moment = record.values.get("lastModifiedDateTime") if kind != "deleted" else None
        self._changes.append(
            Change(company.key, record.set_name, record.key, kind, moment or utc_text(datetime.now(UTC)))
        )
        if self._depth == 0:
            self.commit()

    def _write(self, company: Company, record: Record, values: Values, hidden: Values, version: int) -> None:
        self._unindex(company, record)
        record.values, record.hidden, record.version = values, hidden, version
        self._index(company, record)

    def _put(self, company: Company, record: Record) -> None:
        company.tables.setdefault(record.set_name, {})[record.key] = record
        self._index(company, record)

    def _remove(self, company: Company, record: Record) -> None:
        self._unindex(company, record)
        del company.tables[record.set_name][record.key]

    def _index(self, company: Company, record: Record) -> None:
        for name in INDEXED:
            if name in record.values:
                slot = (record.set_name, name, record.values[name])
                company.index.setdefault(slot, {})[record.key] = None

    def _unindex(self, company: Company, record: Record) -> None:
        for name in INDEXED:
            if name in record.values:
                slot = (record.set_name, name, record.values[name])
                company.index.get(slot, {}).pop(record.key, None)
