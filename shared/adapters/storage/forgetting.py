"""All rows of one connection in both tables, counted and removed, and its messages as far as they can be seen."""

from collections import Counter
from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final

from azure.core.exceptions import ResourceNotFoundError
from azure.data.tables.aio import TableClient
from azure.storage.queue.aio import QueueClient

from shared.adapters.storage import rows
from shared.adapters.storage.claims import PARTITION as CLAIMS
from shared.adapters.storage.meanings import explained
from shared.adapters.storage.upkeep import KEYS, PAGE, Key, delete
from shared.domain.envelope import Envelope
from shared.ports.upkeep import Removed

PARTITIONS: Final = "PartitionKey ge @first and PartitionKey lt @last"
MOST: Final = 10_000
"""Rows that one call removes."""
PEEKED: Final = 32
KINDS: Final = {
    "r": "records",
    "t": "look-ups",
    "o": "work list",
    "w": "waiters",
    "a": "attempts",
    CLAIMS: "claims",
}


@explained
@dataclass(slots=True)
class TableConnectionRows:
    """Rows by the partitions that a connection's name, or that of its own site, begins."""

    records: TableClient
    state: TableClient
    queues: Sequence[QueueClient]
    most: int = MOST
    page: int = PAGE

    async def count(self, connection: str, site: str, keep: Collection[str]) -> dict[str, int]:
        """How many rows there are of each kind."""
        found: Counter[str] = Counter()
        async for _, (partition, row) in self._every(connection, site, keep):
            if "|" in partition:
                subject = partition.rpartition("|")[2]
                kind = CLAIMS if subject == CLAIMS else row.split("|")[0]
                found["homes" if partition.startswith("home|") else KINDS.get(kind, kind)] += 1
            else:
                found[rows.plain(row).split("|")[0]] += 1
        return dict(sorted(found.items()))

    async def erase(self, connection: str, site: str, keep: Collection[str]) -> Removed:
        """Removes some rows, whole partitions together."""
        some: dict[str, list[Key]] = {"records": [], "state": []}
        count = 0
        async for table, key in self._every(connection, site, keep):
            some[table].append(key)
            count += 1
            if count == self.most:
                break
        await delete(self.records, some["records"])
        await delete(self.state, some["state"])
        return Removed(count, {"more": True} if count == self.most else {})

    async def waiting(self, connection: str) -> dict[str, int]:
        """Its messages among the first of each queue."""
        found: Counter[str] = Counter()
        for queue in self.queues:
            try:
                messages = await queue.peek_messages(max_messages=PEEKED)
            except ResourceNotFoundError:
                continue
            for message in messages:
                try:
                    mine = Envelope.from_json(str(message.content)).connection == connection
                except (ValueError, TypeError):
                    continue
                found[str(queue.queue_name)] += mine
        return {name: count for name, count in found.items() if count}

    async def _every(
        self, connection: str, site: str, keep: Collection[str]
    ) -> AsyncIterator[tuple[str, Key]]:
        name, kept = rows.safe(connection), {rows.safe(one) for one in keep}
        async for key in self._keys(self.records, PARTITIONS, first=f"{name}|", last=f"{name}}}"):
            yield "records", key
        if site:
            own = f"home|{rows.safe(site)}"
            async for key in self._keys(self.state, PARTITIONS, first=f"{own}|", last=f"{own}}}"):
                yield "state", key
        async for key in self._keys(self.state, "PartitionKey eq @partition", partition=name):
            if key[1] not in kept:
                yield "state", key

    async def _keys(self, table: TableClient, query: str, **values: Any) -> AsyncIterator[Key]:
        async for row in table.query_entities(
            query, parameters=values, select=KEYS, results_per_page=self.page
        ):
            yield str(row["PartitionKey"]), str(row["RowKey"])
