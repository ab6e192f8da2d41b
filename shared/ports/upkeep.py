"""Rows that are taken away: those that are only history and old, and all of a connection that is to be forgotten."""

from collections.abc import Collection
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


class ConnectionRows(Protocol):
    """Everything that storage holds of one connection, but for what is kept under the names of others."""

    async def count(self, connection: str, site: str, keep: Collection[str]) -> dict[str, int]:
        """How many rows there are of each kind; ``site`` is one of its own, or empty. ``keep`` as for erasing."""
        ...

    async def erase(self, connection: str, site: str, keep: Collection[str]) -> Removed:
        """Removes some rows; a place that is not empty means that there may be more.

        ``keep`` are names of values that stay: they stand at the connection and belong to another one.
        """
        ...

    async def waiting(self, connection: str) -> dict[str, int]:
        """Its messages at the front of each queue, as far as can be seen without taking any: at most 32 each."""
        ...
