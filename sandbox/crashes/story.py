"""A story: people act in turns, and after each turn the functions have work that may be cut off anywhere."""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from typing import ClassVar

from tests.conformance.declaration import Declaration
from tests.conformance.world import World

type Act = Callable[[], Awaitable[None]]


class Story(ABC):
    """What people do with the records of one entity.

    An act must do the same each time: the world is brought back to its start, the story is not.
    """

    entity: ClassVar[str]

    def __init__(self, world: World) -> None:
        self.world = world

    async def prepare(self) -> None:  # noqa: B027 - a hook that may stay empty
        """Makes what the story begins with."""

    @abstractmethod
    def turns(self) -> dict[str, Act]:
        """The acts by name, in order; each ends with hints or sweeps in the queues."""

    def check(self, turn: str) -> None:  # noqa: B027 - a hook that may stay empty
        """Asserts what must be true after a turn, besides that it ends as it does without a crash."""

    async def hint(self, subject: str, record: str, why: str = "callback updated") -> None:
        """Queues a hint."""
        await self.world.hint(subject, record, why)

    async def sweep(self, subject: str) -> None:
        """Queues the sweep of a subject, as its timer does."""
        await self.world.app.queue.send_sweep(self.world.envelope(subject, "*", "timer"))


class Declared(Story):
    """The everyday story, told with what the conformance suite knows of the entity."""

    kind: ClassVar[type[Declaration]]
    acts: ClassVar[tuple[str, ...]] = ("create", "change", "make again", "adopt")

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.people = self.kind()
        self.record = ""

    async def prepare(self) -> None:
        await self.people.prepare(self.world)

    def turns(self) -> dict[str, Act]:
        known: dict[str, Act] = {
            "create": self.create,
            "change": self.change,
            "make again": self.make_again,
            "adopt": self.adopt,
        }
        return {name: known[name] for name in self.acts}

    async def create(self) -> None:
        """A new record."""
        self.record = await self.people.make(self.world, 1)
        await self._told()

    async def change(self) -> None:
        """Something of it changes."""
        await self.people.change(self.world, self.record, 2)
        await self._told()

    async def make_again(self) -> None:
        """Somebody deletes its target; then it changes."""
        await self.people.remove_target(self.world, self.record)
        await self.people.change(self.world, self.record, 3)
        await self._told()

    async def adopt(self) -> None:
        """A new record whose target is there already."""
        self.record = await self.people.make(self.world, 4)
        await self.people.make_target(self.world, self.record)
        await self._told()

    def check(self, turn: str) -> None:
        self.people.check(self.world, self.record)

    async def _told(self) -> None:
        await self.hint(self.people.subject, self.record, self.people.reason)


class Drafts(Declared):
    """The same while documents stay drafts for the accountant."""

    acts: ClassVar[tuple[str, ...]] = ("create", "change", "make again")

    async def prepare(self) -> None:
        await super().prepare()
        await self.people.stay_changeable(self.world)
