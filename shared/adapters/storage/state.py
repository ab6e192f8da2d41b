"""Small values of a connection in Table Storage."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from azure.core.exceptions import ResourceNotFoundError
from azure.data.tables import UpdateMode
from azure.data.tables.aio import TableClient

from shared.adapters.storage import limits, rows
from shared.adapters.storage.meanings import explained


@explained
@dataclass(slots=True)
class TableStateStore:
    """One row per value: partition ``{connection}``, row key the value's name."""

    table: TableClient

    async def load(self, connection: str, name: str) -> dict[str, Any]:
        """The stored value, empty when there is none."""
        try:
            row = await self.table.get_entity(rows.safe(connection), rows.safe(name))
        except ResourceNotFoundError:
            return {}
        return dict(rows.unpack(row, "value"))

    async def save(self, connection: str, name: str, value: dict[str, Any]) -> None:
        """Replaces the stored value; raises TooLarge when it does not fit into a row."""
        row: rows.Row = {"PartitionKey": rows.safe(connection), "RowKey": rows.safe(name)}
        rows.pack(row, "value", value)
        limits.checked(row)
        await self.table.upsert_entity(row, mode=UpdateMode.REPLACE)

    async def remove(self, connection: str, name: str) -> None:
        """Deletes a stored value; one that is already gone is success."""
        await self.table.delete_entity(rows.safe(connection), rows.safe(name))

    async def named(self, connection: str, prefix: str) -> AsyncIterator[tuple[str, dict[str, Any]]]:
        """Names and values whose name starts with the prefix."""
        first = rows.safe(prefix)
        last = first[:-1] + chr(ord(first[-1]) + 1)
        found = self.table.query_entities(
            "PartitionKey eq @partition and RowKey ge @first and RowKey lt @last",
            parameters={"partition": rows.safe(connection), "first": first, "last": last},
        )
        async for row in found:
            yield rows.plain(str(row["RowKey"])), dict(rows.unpack(row, "value"))
