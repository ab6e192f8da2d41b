"""The dimension values that records name and Business Central lacks, for whoever makes them there."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from shared.domain.errors import BadRequest
from shared.domain.records import Link
from shared.engine.connections.connection import Connection, Connections
from shared.engine.kinds.dimensions import MISSING_VALUE, MISSING_VALUES
from shared.engine.registry import Registry
from shared.ports.storage import RecordStore

type JsonObject = dict[str, Any]


@dataclass(frozen=True, slots=True)
class MissingDimensions:
    """Lists what is missing, and who needs it."""

    connections: Connections
    registry: Registry
    store: RecordStore

    async def read(self, connection: str) -> JsonObject:
        """``values``: dimension, value and name, and the records that need it; what was made meanwhile is left out.

        Raises BadRequest for an unknown connection, and what reading Business Central raises.
        """
        if connection not in await self.connections.names():
            raise BadRequest(f"there is no connection {connection}")
        found: dict[tuple[str, str], JsonObject] = {}
        for subject in self.registry.subjects():
            async for record in self.store.records(connection, subject.name):
                for link in record.links.values():
                    who = {"entity": link.entity, "id": record.ref.id, "state": link.state.value}
                    for one in _missing_of(link):
                        key = str(one["dimension"]).casefold(), str(one["value"]).casefold()
                        row = found.setdefault(key, {"name": "", **one, "needed_by": []})
                        row["needed_by"].append(who)
        if found:
            known = await _known(await self.connections.get(connection))
            found = {key: row for key, row in found.items() if key not in known}
        return {"values": [found[key] for key in sorted(found)]}


def _missing_of(link: Link) -> Iterator[JsonObject]:
    if MISSING_VALUE in link.facts:
        yield link.facts[MISSING_VALUE]
    yield from link.facts.get(MISSING_VALUES, ())


async def _known(connection: Connection) -> set[tuple[str, str]]:
    """Dimension and value of everything that Business Central has now."""
    system = connection.business_central
    codes = {row["id"]: str(row["code"]).casefold() for row in await system.refresh("dimensions")}
    rows = await system.refresh("dimensionValues")
    return {(codes.get(row["dimensionId"], ""), str(row["code"]).casefold()) for row in rows}
