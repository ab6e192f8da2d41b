"""Rows that are taken away: those that are only history and old, and all of a connection that is to be forgotten."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Removed:
    """How many rows went, and from where to go on; an empty place means that the end was reached."""

    count: int
    place: dict[str, Any] = field(default_factory=dict)


class OldRows(Protocol):
    """Removes history. Whatever links two records, waits, or belongs to a document under way is out of its reach."""

    async def drop_attempts(
        self, connection: str, subject: str, before: datetime, place: dict[str, Any]
    ) -> Removed:
        """Removes some attempts made before a moment, but none of a record that is open: people read why."""
        ...

    async def drop_values(self, connection: str, first: str, last: str) -> Removed:
        """Removes some values of a connection whose names are from ``first`` to below ``last``."""
        ...

    async def drop_partitions(self, first: str, last: str) -> Removed:
        """Removes some values of every partition of the state table from ``first`` to below ``last``."""
        ...
