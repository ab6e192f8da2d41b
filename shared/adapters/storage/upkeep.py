"""Takes old history out of Table Storage, a bounded number of pages at a time."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from azure.data.tables import TableTransactionError
from azure.data.tables.aio import TableClient

from shared.adapters.storage import limits, rows
from shared.adapters.storage.meanings import explained
from shared.ports.upkeep import Removed

WITHIN: Final = "PartitionKey eq @partition and RowKey ge @first and RowKey lt @last"
KEYS: Final = ["PartitionKey", "RowKey"]
PAGES: Final = 20
"""Pages that one call reads, each of at most 1,000 rows: seconds of work, even where nothing is old."""
PAGE: Final = 1_000

type Key = tuple[str, str]


@explained
@dataclass(slots=True)
class TableOldRows:
    """Removes rows of both tables by key, a page at a time."""

    records: TableClient
    state: TableClient
    pages: int = PAGES
    page: int = PAGE

    async def drop_attempts(
        self, connection: str, subject: str, before: datetime, place: dict[str, Any]
    ) -> Removed:
        """Removes attempts made before a moment, but none of a record that is open."""
        partition = rows.partition(connection, subject)
        opened = self.records.query_entities(
            WITHIN, parameters={"partition": partition, "first": "o|", "last": "o}"}, select=["RowKey"]
        )
        busy = {str(row["RowKey"]).split("|")[1] async for row in opened}
        old = "PartitionKey eq @partition and RowKey ge @first and RowKey lt @last and at lt @before"
        values = {"partition": partition, "first": "a|", "last": "a}", "before": before}
        count, pages = 0, 0
        async for keys, follows in self._pages(self.records, old, values, place):
            pages += 1
            gone = [key for key in keys if key[1].split("|")[1] not in busy]
            await delete(self.records, gone)
            count += len(gone)
            if pages >= self.pages:
                return Removed(count, follows)
        return Removed(count)

    async def drop_values(self, connection: str, first: str, last: str) -> Removed:
        """Removes values of a connection whose names are from ``first`` to below ``last``."""
        values = {"partition": rows.safe(connection), "first": rows.safe(first), "last": rows.safe(last)}
        return await self._drop(WITHIN, values)

    async def drop_partitions(self, first: str, last: str) -> Removed:
        """Removes values of every partition from ``first`` to below ``last``."""
        query = "PartitionKey ge @first and PartitionKey lt @last"
        return await self._drop(query, {"first": rows.safe(first), "last": rows.safe(last)})

    async def _drop(self, query: str, values: dict[str, Any]) -> Removed:
        count, pages = 0, 0
        async for keys, follows in self._pages(self.state, query, values, {}):
            await delete(self.state, keys)
            count, pages = count + len(keys), pages + 1
            if pages >= self.pages:
                return Removed(count, follows)
        return Removed(count)

    async def _pages(
        self, table: TableClient, query: str, values: dict[str, Any], place: dict[str, Any]
    ) -> AsyncIterator[tuple[list[Key], dict[str, Any]]]:
        """The keys of each page, and where the next one begins; the service may give empty pages in between."""
        found = table.query_entities(query, parameters=values, select=KEYS, results_per_page=self.page)
        paged = found.by_page(continuation_token=place or None)  # type: ignore[arg-type]
        async for page in paged:
            keys = [(str(row["PartitionKey"]), str(row["RowKey"])) async for row in page]
            yield keys, dict(paged.continuation_token or {})  # type: ignore[attr-defined]


async def delete(table: TableClient, keys: list[Key]) -> None:
    """Deletes rows, those of one partition together; one that somebody else has deleted meanwhile is no matter."""
    group: list[Key] = []
    for key in keys:
        if group and (group[0][0] != key[0] or len(group) == limits.OPERATIONS):
            await _delete(table, group)
            group = []
        group.append(key)
    if group:
        await _delete(table, group)


async def _delete(table: TableClient, group: list[Key]) -> None:
    try:
        await table.submit_transaction(
            [("delete", {"PartitionKey": partition, "RowKey": row}) for partition, row in group]
        )
    except TableTransactionError as error:
        if error.status_code != 404:
            raise
        for partition, row in group:
            await table.delete_entity(partition, row)
