"""The records of one tenant, in memory: tables by schema name, audit stamps, change announcements, references."""

import pickle
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from sandbox.connectwise.errors import ApiError, invalid_field, not_found
from sandbox.connectwise.layout import FIRST_IDS, TARGETS, UNIQUE
from sandbox.connectwise.schema import AUDIT, fields
from sandbox.kit import Json

type Record = dict[str, Json]
type Action = Literal["added", "updated", "deleted"]
type Listener = Callable[["Change"], None]
type Path = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Change:
    """One announced change: what happened to which record, by the identifier of which member."""

    entity: str
    action: Action
    record: Record
    member: str


def now_text() -> str:
    """The present moment as the service writes it: UTC, whole seconds, ``Z``."""
    return text_of(now())


def now() -> datetime:
    """The present moment."""
    return datetime.now(UTC)


def text_of(moment: datetime) -> str:
    """A moment as the service writes it."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


class Store:
    """Tables of records. References are kept as ``{"id": n}`` and completed when read.

    ``clock`` stamps when a record was entered and changed; a test that moves its clock moves this one with it.
    """

    def __init__(self) -> None:
        self.clock: Callable[[], datetime] = now
        self.listeners: list[Listener] = []
        self.computed: dict[str, Callable[[Record], Mapping[str, Json]]] = {}
        self.tables: defaultdict[str, dict[int, Record]] = defaultdict(dict)
        self._owners: defaultdict[str, dict[str, int]] = defaultdict(dict)
        self._sequences: dict[str, int] = {}
        self._names: defaultdict[str, dict[str, int]] = defaultdict(dict)
        self.custom_fields: defaultdict[str, list[Record]] = defaultdict(list)

    def kept(self) -> bytes:
        """Everything that the tables hold, for :meth:`bring_back`."""
        content = (self.tables, self._owners, self._sequences, self._names, self.custom_fields)
        return pickle.dumps(content)

    def bring_back(self, kept: bytes) -> None:
        """Makes the tables hold again what they held when it was kept; announces nothing."""
        self.tables, self._owners, self._sequences, self._names, self.custom_fields = pickle.loads(kept)

    def next_id(self, entity: str) -> int:
        """Draws the next record id of a table."""
        drawn = self._sequences.get(entity, FIRST_IDS.get(entity, 1))
        self._sequences[entity] = drawn + 1
        return drawn

    def insert(self, entity: str, values: Mapping[str, Json], member: str) -> Record:
        """Adds a record, stamps it and announces it as added. Flags that were not given are false."""
        flags = {field.name: False for field in fields(entity).values() if field.kind == "boolean"}
        stamp = text_of(self.clock())
        info = {"lastUpdated": stamp, "updatedBy": member, "dateEntered": stamp, "enteredBy": member}
        record = {**flags, **values, "id": self.next_id(entity), "_info": info}
        if entity in self.custom_fields:
            record.setdefault("customFields", self.merged_custom_fields(entity, [], []))
        self.tables[entity][record["id"]] = record
        self._index(entity, record)
        self._announce(Change(entity, "added", record, member))
        return record

    def touch(self, entity: str, record: Record, member: str, action: Action = "updated") -> None:
        """Stamps a changed record and announces the change."""
        self._index(entity, record)
        record["_info"] |= {"lastUpdated": text_of(self.clock()), "updatedBy": member}
        self._announce(Change(entity, action, record, member))

    def remove(self, entity: str, record_id: int, member: str) -> None:
        """Removes a record for good and announces it as deleted; raises 404."""
        record = self.get(entity, record_id)
        del self.tables[entity][record_id]
        self._announce(Change(entity, "deleted", record, member))

    def check_unique(self, entity: str, values: Mapping[str, Json], own_id: int = 0) -> None:
        """Raises 400 ObjectExists when another record of the table holds the same unique text."""
        name = UNIQUE.get(entity, "")
        text = str(values.get(name) or "").lower()
        owner = self.find(entity, self._owners[entity].get(text))
        if owner is not None and owner["id"] != own_id and str(owner.get(name)).lower() == text:
            raise invalid_field(entity, name, f"{values[name]} already exists", "ObjectExists")

    def find(self, entity: str, record_id: Json) -> Record | None:
        """The record with the id, or None."""
        return self.tables[entity].get(record_id)

    def get(self, entity: str, record_id: int) -> Record:
        """The record with the id; raises 404 NotFound."""
        record = self.find(entity, record_id)
        if record is None:
            raise not_found(entity, record_id)
        return record

    def rows(self, entity: str) -> Iterable[Record]:
        """All records of a table by ascending id."""
        return self.tables[entity].values()

    def resolve(self, schema: str, given: Mapping[str, Json]) -> Record:
        """The stored form of a reference given by id, identifier or name; raises ``KeyError`` when nothing fits.

        References to tables that are not served (countries, product types, ...) get an id per name.
        """
        if schema not in TARGETS:
            names = self._names[schema]
            name = given.get("name") or given.get("identifier")
            if name and not given.get("id"):
                return {**given, "id": names.setdefault(name, len(names) + 1)}
            known = next((text for text, number in names.items() if number == given["id"]), None)
            return {"name": known, **given} if known else dict(given)
        table, shown = TARGETS[schema]
        if given.get("id") is not None:
            return {"id": self.tables[table][given["id"]]["id"]}
        key, text = next((key, given[key]) for key in ("identifier", "name") if given.get(key))
        matches = [row["id"] for row in self.rows(table) if row.get(shown[key]) == text]
        if len(matches) != 1:
            raise KeyError(text)
        return {"id": matches[0]}

    def expand(self, schema: str, stored: Mapping[str, Json]) -> Record:
        """A reference as it is shown: completed from the record to which it points."""
        if schema not in TARGETS:
            return dict(stored)
        table, shown = TARGETS[schema]
        record = self.find(table, stored["id"])
        if record is None:
            return dict(stored)
        return {"id": stored["id"]} | {
            name: record[source] for name, source in shown.items() if record.get(source) is not None
        }

    def view(self, entity: str, record: Record) -> Mapping[str, Json]:
        """The record together with the fields that the service computes on every read."""
        compute = self.computed.get(entity)
        return {**record, **compute(record)} if compute else record

    def value(self, entity: str, view: Mapping[str, Json], path: Path) -> Json:
        """The value at a slash path of a view; audit fields are found under their bare names too."""
        head, *rest = path
        if head in AUDIT and head not in fields(entity):
            return view["_info"].get(head)
        found = view.get(head)
        if not rest or found is None:
            return found
        field = fields(entity).get(head)
        if field is not None and field.kind == "ref":
            found = self.expand(field.target, found)
        return (
            self.value(field.target if field else "", found, tuple(rest)) if isinstance(found, dict) else None
        )

    def render(self, entity: str, record: Record) -> Record:
        """The record as it is answered: fields in table order, references completed, nulls left out."""
        view = self.view(entity, record)
        shown: Record = {}
        for name, field in fields(entity).items():
            value = view.get(name)
            if value is None:
                continue
            if field.kind == "ref" and field.target.endswith("Reference"):
                value = self.expand(field.target, value)
            elif field.kind == "list" and field.target.endswith("Reference"):
                value = [self.expand(field.target, item) for item in value]
            elif field.kind == "list" and field.target == "CustomFieldValue":
                value = [{key: part for key, part in item.items() if part is not None} for item in value]
            shown[name] = value
        return shown

    def merged_custom_fields(self, entity: str, stored: list[Record], given: list[Record]) -> list[Record]:
        """The full custom field array of a record after a write; entries that are left out keep their value.

        Raises 400 for an id without definition.
        """
        values = {item["id"]: item.get("value") for item in stored}
        known = {item["id"] for item in self.custom_fields[entity]}
        for item in given:
            if item.get("id") not in known:
                raise ApiError(400, "InvalidObject", f"custom field {item.get('id')} does not exist")
            values[item["id"]] = item.get("value")
        return [{**item, "value": values.get(item["id"])} for item in self.custom_fields[entity]]

    def _index(self, entity: str, record: Record) -> None:
        if text := record.get(UNIQUE.get(entity, "")):
            self._owners[entity][text.lower()] = record["id"]

    def _announce(self, change: Change) -> None:
        for listener in self.listeners:
            listener(change)
