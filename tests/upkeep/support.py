"""Rows of every kind, written through the parts that write them, and what is left of them."""

from collections import Counter
from datetime import datetime
from typing import Any

from azure.data.tables.aio import TableClient

from shared.app import App
from shared.domain.records import Link, RecordRef
from shared.ports.storage import Lease
from tests.adapters.support import attempt


async def keys(table: TableClient) -> set[tuple[str, str]]:
    """Every row of a table by its keys."""
    rows = table.list_entities(select=["PartitionKey", "RowKey"])
    return {(str(row["PartitionKey"]), str(row["RowKey"])) async for row in rows}


async def every(app: App) -> set[tuple[str, str]]:
    """Every row of both tables."""
    assert app.storage is not None
    return await keys(app.storage.records) | await keys(app.storage.state)


def kinds(found: set[tuple[str, str]]) -> Counter[str]:
    """How many rows of each kind the records table has: ``r``, ``t``, ``o``, ``w`` and ``a``."""
    return Counter(row.split("|")[0] for _, row in found if row[1:2] == "|")


async def passed(app: App, ref: RecordRef, link: Link, *moments: datetime) -> None:
    """One pass over a record that leaves this link, and attempts of those moments."""
    lease = await app.store.begin(ref, app.clock.now(), same_clock=True, impatient=True)
    assert isinstance(lease, Lease)
    lease.record.read_at = app.clock.now()
    lease.record.links = {link.entity: link}
    rows = [attempt(moment, link.entity) for moment in moments]
    await app.store.finish(lease, rows, keep_if_hinted=False)


async def values(app: App, connection: str, name: str) -> list[str]:
    """The names of a connection's values that begin so."""
    return [found async for found, _ in app.state.named(connection, name)]


def removed(state: dict[str, Any]) -> dict[str, int]:
    """What a run of the retention says that it removed."""
    return {kind: count for kind, count in state["removed"].items() if count}
