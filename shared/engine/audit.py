"""Who did what: a row for each action of a person, written before it is carried out and completed afterwards."""

import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from shared.domain.people import Person
from shared.ports.platform import Clock
from shared.ports.storage import StateStore

PARTITION: Final = "audit|"
PREFIX: Final = "action|"
ASKED: Final = "asked"


@dataclass(slots=True)
class AuditLog:
    """Rows by month, so that old ones can be dropped a month at a time by the retention. Nothing here deletes one."""

    state: StateStore
    clock: Clock

    async def begin(self, person: Person, action: str, target: str, asked: dict[str, Any]) -> str:
        """Notes that an action is about to be carried out; returns where, for :meth:`end`.

        Raises what storage raises: an action that cannot be noted must not be carried out.
        """
        now = self.clock.now()
        key = f"{PREFIX}{now.isoformat()}|{uuid.uuid4().hex[:8]}"
        row: dict[str, Any] = {
            "at": now.isoformat(),
            "person": person.object_id,
            "role": person.role.name.lower(),
        }
        row |= {"action": action, "target": target, "asked": asked, "outcome": ASKED}
        await self.state.save(_month(now), key, row)
        return f"{_month(now)}\n{key}"

    async def end(self, place: str, status: int) -> None:
        """Notes the HTTP status that the action ended with."""
        month, key = place.split("\n")
        row = await self.state.load(month, key)
        await self.state.save(month, key, row | {"outcome": status})

    async def note(self, action: str, target: str, done: dict[str, Any]) -> None:
        """Notes what the app has done by itself, without a person and without any record's data."""
        now = self.clock.now()
        key = f"{PREFIX}{now.isoformat()}|{uuid.uuid4().hex[:8]}"
        row = {
            "at": now.isoformat(),
            "person": "",
            "role": "",
            "action": action,
            "target": target,
            "asked": {},
        }
        await self.state.save(_month(now), key, row | {"outcome": done})

    async def month(self, name: str) -> list[dict[str, Any]]:
        """The actions of a month such as ``2026-11``, newest first."""
        return [row async for row in self._rows(name)][::-1]

    async def _rows(self, name: str) -> AsyncIterator[dict[str, Any]]:
        async for _, row in self.state.named(f"{PARTITION}{name}", PREFIX):
            yield row


def _month(now: datetime) -> str:
    return f"{PARTITION}{now:%Y-%m}"
