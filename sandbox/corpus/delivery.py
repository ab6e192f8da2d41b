"""How hints reach the engine in the corpus: in portions, shuffled, some of them more than once."""

import asyncio
import random
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from shared.app import DEFAULT
from shared.ports.storage import OpenItem
from tests.conformance.world import World

AT_ONCE: Final = 60
"""Documents that are entered before their hints are handled."""
PARALLEL: Final = 4
DUPLICATED: Final = 0.15
"""The share of documents whose hint arrives more than once."""


class Delivery:
    """Brings the hints of records to the engine."""

    def __init__(self, world: World) -> None:
        self.world = world

    def portions[T](self, made: Sequence[T]) -> Iterator[Sequence[T]]:
        """What is entered and handled together."""
        return (made[start : start + AT_ONCE] for start in range(0, len(made), AT_ONCE))

    async def deliver(self, subject: str, records: Iterable[str], chance: random.Random) -> None:
        """Delivers the hints of the records in any order, several at a time, and lets everything come to rest."""
        hints = list(records)
        hints += [record for record in hints if chance.random() < DUPLICATED]
        chance.shuffle(hints)
        limit = asyncio.Semaphore(PARALLEL)

        async def one(record: str) -> None:
            async with limit:
                await self.world.deliver(self.world.envelope(subject, record))

        await asyncio.gather(*map(one, hints))
        await self.world.drain()


class Held:
    """The work list, by record and entity."""

    def __init__(self, items: Iterable[OpenItem]) -> None:
        self.items = {(item.ref.subject, item.ref.id, item.entity): item for item in items}

    @classmethod
    async def read(cls, world: World) -> "Held":
        """The work list as it is now."""
        return cls(await world.app.desk.work(DEFAULT))

    def of(self, subject: str, record: str, entity: str) -> tuple[str, bool]:
        """The cause for which an entity of a record is held, and whether a reason and what to do are told."""
        item = self.items.get((subject, record, entity))
        return (item.cause, bool(item.reason and item.todo)) if item else ("", False)
