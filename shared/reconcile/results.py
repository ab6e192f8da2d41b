"""Keeps the newest results as state rows: a head per run, its parts cut into chunks that fit a table row."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import simplejson

from shared.ports.storage import StateStore
from shared.ports.upkeep import OldRows
from shared.reconcile.model import Row

HEAD: Final = "reconcile|"
PART: Final = "reconcile_part|"
KEPT: Final = 30
"""A month of nights."""
CHUNK: Final = 300_000
"""Characters of JSON in one row, which may hold 420,000."""
AT_ONCE: Final = 8


@dataclass(slots=True)
class Results:
    """Stores and reads results of reconciliations. Ids sort by time."""

    state: StateStore

    async def save_head(self, connection: str, run_id: str, head: Row) -> None:
        """Notes how far a run is."""
        await self.state.save(connection, f"{HEAD}{run_id}", head)

    async def save(self, connection: str, run_id: str, head: Row, parts: dict[str, list[Row]]) -> None:
        """Stores a finished run, its head last so that who sees it finds it whole; drops the oldest runs."""
        counts: dict[str, int] = {}
        for name, rows in parts.items():
            for number, chunk in enumerate(_chunks(rows)):
                await self.state.save(connection, _part(run_id, name, number), {"rows": chunk})
                counts[name] = number + 1
        await self.save_head(connection, run_id, head | {"parts": counts})
        for old in (await self.heads(connection))[KEPT:]:
            await self._remove(connection, old)

    async def heads(self, connection: str) -> list[Row]:
        """The heads of all runs, newest first."""
        found = [
            head | {"id": name.removeprefix(HEAD)} async for name, head in self.state.named(connection, HEAD)
        ]
        return sorted(found, key=lambda head: str(head["id"]), reverse=True)

    async def head(self, connection: str, run_id: str) -> Row | None:
        """The head of one run."""
        found = await self.state.load(connection, f"{HEAD}{run_id}")
        return found | {"id": run_id} if found else None

    async def parts(self, connection: str, head: Row, wanted: str = "") -> dict[str, list[Row]]:
        """The rows of one part, or of all."""
        counts: dict[str, int] = head.get("parts", {})
        found: dict[str, list[Row]] = {}
        for name, count in counts.items():
            if wanted in ("", name):
                names = [_part(str(head["id"]), name, number) for number in range(count)]
                found[name] = [row for chunk in await self._load(connection, names) for row in chunk]
        return found

    async def _load(self, connection: str, names: list[str]) -> list[list[Row]]:
        chunks: list[list[Row]] = []
        for start in range(0, len(names), AT_ONCE):
            batch = names[start : start + AT_ONCE]
            loaded: list[dict[str, Any]] = await asyncio.gather(
                *(self.state.load(connection, name) for name in batch)
            )
            chunks += [one.get("rows", []) for one in loaded]
        return chunks

    async def drop_before(self, connection: str, moment: datetime, old: OldRows) -> tuple[int, bool]:
        """Removes some rows of runs before a moment, but never the newest run; says whether that was all.

        Parts go before heads, by their names: those of a run that ended before it had a head go too.
        """
        newest = next((str(head["id"]) for head in await self.heads(connection)), "")
        last = min(f"{moment:%Y%m%dT%H%M%S}", newest or "0")
        parts = await old.drop_values(connection, PART, PART + last)
        if parts.place:
            return parts.count, False
        heads = await old.drop_values(connection, HEAD, HEAD + last)
        return parts.count + heads.count, not heads.place

    async def _remove(self, connection: str, head: Row) -> None:
        """The head last: a removal that was cut off is finished by the next one."""
        for name, count in head.get("parts", {}).items():
            for number in range(count):
                await self.state.remove(connection, _part(str(head["id"]), name, number))
        await self.state.remove(connection, f"{HEAD}{head['id']}")


def _part(run_id: str, name: str, number: int) -> str:
    return f"{PART}{run_id}|{name}|{number:05d}"


def _chunks(rows: list[Row]) -> Iterator[list[Row]]:
    chunk: list[Row] = []
    size = 0
    for row in rows:
        length = len(simplejson.dumps(row, use_decimal=True, ensure_ascii=True, default=str))
        if chunk and size + length > CHUNK:
            yield chunk
            chunk, size = [], 0
        chunk.append(row)
        size += length
    yield chunk
