"""Feeds the mapping engine: the small Business Central lists and the linked records that a source needs."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

from shared.domain.records import Link, RecordRef
from shared.engine.connections.connection import Connection
from shared.ports.storage import RecordStore

SETTLED_STEPS: Final = frozenset({"", "done"})
"""A document that is only drafted has a number that will change; of master data ConnectWise must know the number."""


@dataclass(slots=True)
class MappingData:
    """Prefetched data behind the mapping engine's synchronous questions."""

    lists: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    links: dict[tuple[str, str], Mapping[str, Any] | None] = field(default_factory=dict)

    def resolve(self, entity_set: str, by: str, value: Any) -> Mapping[str, Any] | None:
        """The row of a Business Central list whose ``by`` equals the value, ignoring case as codes do."""
        wanted = str(value).casefold()
        return next(
            (row for row in self.lists.get(entity_set, ()) if str(row.get(by)).casefold() == wanted), None
        )

    def link(self, entity: str, source_id: Any) -> Mapping[str, Any] | None:
        """Id and number of the record that a source id is linked to."""
        return self.links.get((entity, str(source_id)))


def has_arrived(link: Link) -> bool:
    """True when others can refer to the link's target: it exists, and a document is through all its steps."""
    return bool(link.target_id) and link.step in SETTLED_STEPS


async def linked_target(
    connection: Connection, store: RecordStore, subject: str, entity: str, source_id: str
) -> dict[str, str] | None:
    """Id and number of the target of one source record, None while there is none."""
    known = connection.known_target(entity, source_id)
    if known is not None:
        return known
    record = await store.get(RecordRef(connection.name, subject, source_id))
    link = record.links.get(entity) if record else None
    if link is None or link.target_id is None or not has_arrived(link):
        return None
    target = {"id": link.target_id, "number": link.target_number or ""}
    connection.remember_target(entity, source_id, target)
    return target


def same(before: Any, after: Any) -> bool:
    """True when two values say the same: 1.50 is 1.5, and a blank text is no text."""
    if isinstance(before, bool) or isinstance(after, bool):
        return before is after
    if isinstance(before, Decimal | int) and isinstance(after, Decimal | int):
        return Decimal(before) == Decimal(after)
    return bool((before or "") == (after or ""))
