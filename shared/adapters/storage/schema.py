"""The version of the tables' layout, and the steps that bring older rows forward.

The version is a row of the state table. A process that starts brings an older layout forward before it works, one
process at a time under a lease; a layout that is newer than the code is refused. A step is idempotent: a process that
died in the middle leaves rows of both layouts, and the next one runs the step again.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from azure.core import MatchConditions
from azure.core.exceptions import (
    AzureError,
    ResourceExistsError,
    ResourceModifiedError,
    ResourceNotFoundError,
)
from azure.data.tables import UpdateMode
from azure.data.tables.aio import TableClient

from shared.adapters.storage.clients import StorageClients
from shared.adapters.storage.meanings import meaning
from shared.adapters.storage.rows import Row
from shared.domain.errors import RetryLater, StopConnection
from shared.ports.platform import Clock

KEY: Final = ("~schema", "version")
FIRST: Final = 1
"""The layout of accounts that were written before there was a version."""
LEASE: Final = timedelta(minutes=10)
"""How long a process may be silent in a step before another one runs it again."""
PATIENCE: Final = timedelta(minutes=2)
REST_SECONDS: Final = 1.0

log = logging.getLogger("dynaconnect.schema")


@dataclass(frozen=True, slots=True)
class Migration:
    """One step of the layout: what it does in a few words, and how."""

    to: int
    what: str
    run: Callable[[StorageClients], Awaitable[None]]


async def note_who_is_awaited(storage: StorageClients) -> None:
    """Until layout 2 a record's own row did not say that others wait for it, so nobody would ask who does."""
    noted: tuple[str, str] | None = None
    found = storage.records.query_entities(
        "RowKey ge 'w|' and RowKey lt 'w}'", select=["PartitionKey", "RowKey"]
    )
    async for row in found:
        place = str(row["PartitionKey"]), f"r|{str(row['RowKey']).split('|')[1]}"
        if place != noted:
            note: Row = {"PartitionKey": place[0], "RowKey": place[1], "awaited": True}
            await storage.records.upsert_entity(note, mode=UpdateMode.MERGE)
            noted = place


MIGRATIONS: Final[Sequence[Migration]] = (
    Migration(2, "note in each record that others wait for it", note_who_is_awaited),
)
SCHEMA: Final = MIGRATIONS[-1].to
"""The layout that this code reads and writes."""


async def bring_forward(
    storage: StorageClients, clock: Clock, owner: str, migrations: Sequence[Migration] = MIGRATIONS
) -> int:
    """Brings the tables to the newest layout; returns how many steps this process ran.

    Raises StopConnection for a layout that is newer than the code, RetryLater while another process is at work.
    """
    newest, ran, waited = migrations[-1].to, 0, timedelta(0)
    while True:
        row = await _row(storage.state) or await _first(storage, newest)
        if row is None:
            continue
        version = int(row["version"])
        if version > newest:
            raise StopConnection(
                "schema_newer",
                f"The tables have layout {version}, this release knows layouts up to {newest}.",
                todo="Deploy the release that wrote them, or a newer one.",
            )
        if version == newest:
            return ran
        now = clock.now()
        if row.get("owner") and datetime.fromisoformat(row["until"].isoformat()) > now:
            if waited >= PATIENCE:
                raise RetryLater("schema_moving", "Another process brings the tables to a newer layout.")
            waited += timedelta(seconds=REST_SECONDS)
            await asyncio.sleep(REST_SECONDS)
            continue
        taken = await _store(storage.state, row, version, owner, now + LEASE)
        if taken is None:
            continue
        step = next(one for one in migrations if one.to > version)
        log.warning("the tables go from layout %s to %s: %s", version, step.to, step.what)
        await step.run(storage)
        if await _store(storage.state, taken, step.to, "", now) is not None:
            ran += 1


async def layout_of(storage: StorageClients) -> int:
    """The layout that the tables have now, 0 where nothing was written yet; makes and changes nothing."""
    try:
        row = await _row(storage.state)
    except AzureError as error:
        raise meaning(error) or error from error
    return int(row["version"]) if row else 0


async def _first(storage: StorageClients, newest: int) -> Row | None:
    """The row of an account that has none: the newest layout where nothing is stored yet, else the first one."""
    used = [
        row
        async for row in storage.records.query_entities("", results_per_page=1, select=["RowKey"]).by_page()
    ]
    rows_found = [row async for row in used[0]] if used else []
    row: Row = {
        "PartitionKey": KEY[0],
        "RowKey": KEY[1],
        "version": FIRST if rows_found else newest,
        "owner": "",
    }
    try:
        await storage.state.create_entity(row)
    except ResourceExistsError:
        return None
    return await _row(storage.state) if rows_found else row


async def _row(table: TableClient) -> Row | None:
    try:
        return await table.get_entity(*KEY)
    except ResourceNotFoundError:
        return None


async def _store(table: TableClient, row: Row, version: int, owner: str, until: datetime) -> Row | None:
    """The row as it now stands, None when somebody else changed it."""
    change: Row = {
        "PartitionKey": KEY[0],
        "RowKey": KEY[1],
        "version": version,
        "owner": owner,
        "until": until,
    }
    try:
        await table.update_entity(
            change,
            mode=UpdateMode.REPLACE,
            etag=row.metadata["etag"],  # type: ignore[attr-defined]
            match_condition=MatchConditions.IfNotModified,
        )
    except (ResourceModifiedError, ResourceNotFoundError):
        return None
    return await _row(table)
