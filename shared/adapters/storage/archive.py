"""Both tables as lines of JSON, with the type of each property, and back into an empty account.

A header says what follows, a last line how many rows there were, so that a file that was cut off is refused. Etags are
the service's own and are not kept: whoever held a lease when the rows were saved finds other etags and loses it.
"""

import base64
import json
from collections.abc import AsyncIterator, Iterable
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from azure.data.tables import EdmType, EntityProperty
from azure.data.tables.aio import TableClient

from shared.adapters.storage.clients import StorageClients
from shared.adapters.storage.rows import Row
from shared.adapters.storage.schema import KEY

FORMAT: Final = 1
BATCH: Final = 100
BATCH_BYTES: Final = 700_000
"""A transaction holds 4 MiB; larger bodies than one hold up everything else in the process."""


class ArchiveError(Exception):
    """The file or the account is not what a restore needs; the text says why."""


async def save(storage: StorageClients, at: datetime) -> AsyncIterator[str]:
    """The lines of a backup: header, rows, end. Rows that change meanwhile are in it before or after their change."""
    yield _line({"dynaconnect": "backup", "format": FORMAT, "at": at.isoformat()})
    count = 0
    for name, table in _tables(storage).items():
        async for row in table.list_entities():
            yield _line({"table": name, "row": {key: _packed(value) for key, value in row.items()}})
            count += 1
    yield _line({"end": count})


async def restore(storage: StorageClients, lines: Iterable[str]) -> int:
    """Writes the rows of a backup into empty tables; returns how many. Raises ArchiveError for anything doubtful.

    A restore that broke off is begun again with ``lines`` from the start, into tables that were emptied before.
    """
    await _must_be_empty(storage)
    tables, count, ended = _tables(storage), 0, False
    batch: list[Row] = []
    where, size = ("", ""), 0
    for number, line in enumerate(lines, 1):
        entry = _entry(line, number)
        if number == 1:
            _check_header(entry)
            continue
        if ended:
            raise ArchiveError(f"line {number}: something follows the end")
        if "end" in entry:
            ended = True
            if entry["end"] != count:
                raise ArchiveError(f"the file has {count} rows and should have {entry['end']}")
            continue
        if entry.get("table") not in tables:
            raise ArchiveError(f"line {number}: there is no table {entry.get('table')}")
        row = {key: _unpacked(value) for key, value in entry["row"].items()}
        place = entry["table"], row["PartitionKey"]
        if place != where or len(batch) == BATCH or size + len(line) > BATCH_BYTES:
            await _write(tables, where, batch)
            batch, where, size = [], place, 0
        batch.append(row)
        size, count = size + len(line), count + 1
    await _write(tables, where, batch)
    if not ended:
        raise ArchiveError("the file was cut off: it has no end; empty the tables and restore another one")
    return count


async def _must_be_empty(storage: StorageClients) -> None:
    for name, table in _tables(storage).items():
        async for row in table.list_entities(select=["PartitionKey", "RowKey"]):
            if (row["PartitionKey"], row["RowKey"]) != KEY:
                raise ArchiveError(
                    f"the table {name} is not empty; a backup is restored into an empty account only"
                )


async def _write(tables: dict[str, TableClient], where: tuple[str, str], batch: list[Row]) -> None:
    if batch:
        await tables[where[0]].submit_transaction([("upsert", row, {"mode": "replace"}) for row in batch])


def _tables(storage: StorageClients) -> dict[str, TableClient]:
    return {"records": storage.records, "state": storage.state}


def _line(value: dict[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")) + "\n"


def _entry(line: str, number: int) -> dict[str, Any]:
    try:
        entry = json.loads(line)
    except ValueError as error:
        raise ArchiveError(f"line {number} is not JSON") from error
    if not isinstance(entry, dict):
        raise ArchiveError(f"line {number} is no object")
    return entry


def _check_header(entry: dict[str, Any]) -> None:
    if entry.get("dynaconnect") != "backup" or entry.get("format") != FORMAT:
        raise ArchiveError(f"this is no backup of format {FORMAT}")


def _packed(value: Any) -> Any:
    """Text, whole numbers of 32 bits and truth values as they are, anything else with its type."""
    match value:
        case EntityProperty(value=inner, edm_type=EdmType.INT64):
            return [EdmType.INT64.value, str(inner)]
        case bool() | int() | str() | None:
            return value
        case float():
            return [EdmType.DOUBLE.value, repr(value)]
        case datetime():
            # The library's own kind of datetime cuts what the service said at microseconds; so do our writes.
            return [EdmType.DATETIME.value, value.isoformat()]
        case UUID():
            return [EdmType.GUID.value, str(value)]
        case bytes():
            return [EdmType.BINARY.value, base64.b64encode(value).decode()]
    raise ArchiveError(f"a row holds a {type(value).__name__}, which a backup cannot keep")


def _unpacked(value: Any) -> Any:
    match value:
        case [EdmType.INT64.value, text]:
            return EntityProperty(int(text), EdmType.INT64)
        case [EdmType.DOUBLE.value, text]:
            return float(text)
        case [EdmType.DATETIME.value, text]:
            return datetime.fromisoformat(text)
        case [EdmType.GUID.value, text]:
            return UUID(text)
        case [EdmType.BINARY.value, text]:
            return base64.b64decode(text)
    return value
