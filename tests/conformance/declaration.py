"""What an entity's test class declares: how people make, change and break its records in the two systems."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar, Final

import pytest

from sandbox.kit import Json
from tests.conformance.scenes import set_up
from tests.conformance.world import World

CALLBACK: Final = "callback updated"


class Declaration(ABC):
    """One entity under test. A record is named by the id of its source; ``number`` tells records of a test apart.

    ``create_call`` is the port's call that makes the target, ``reason`` the reason of the hints. Over both systems
    ``writes_to_create`` is what a new record may cost, ``writes_to_make`` what we write because people make it,
    ``writes_when_changed`` and ``calls_when_changed`` what a change of a linked one costs, ``calls_when_unchanged``
    what one costs of which nothing travels: one, unless the source is served by more than one call.
    ``not_applicable`` names the cases that cannot be, each with why.
    """

    entity: ClassVar[str]
    subject: ClassVar[str]
    writes_to_make: ClassVar[int] = 0
    writes_to_create: ClassVar[int] = 2
    writes_when_changed: ClassVar[int] = 1
    calls_when_changed: ClassVar[int] = 2
    calls_when_unchanged: ClassVar[int] = 1
    create_call: ClassVar[str] = "business_central.create"
    reason: ClassVar[str] = CALLBACK
    not_applicable: ClassVar[Mapping[str, str]] = {}

    @pytest.fixture(autouse=True)
    def _applicable(self, request: pytest.FixtureRequest) -> None:
        """Reports a case that the entity declares as not applicable."""
        reason = self.not_applicable.get(request.node.originalname)
        if reason:
            pytest.skip(f"not applicable to {self.entity}: {reason}")

    @pytest.fixture
    async def scene(self, world: World) -> World:
        """The world with everything in place that each record of the entity needs."""
        await set_up(world, self, lambda: self.prepare(world))
        return world

    async def prepare(self, world: World) -> None:  # noqa: B027 - a hook that may stay empty
        """Makes what each record needs; nothing by default."""

    async def stay_changeable(self, world: World) -> None:  # noqa: B027 - a hook that may stay empty
        """Sees to it that a synced record can still change; master data always can."""

    @abstractmethod
    async def make(self, world: World, number: int = 1) -> str:
        """Makes a source record that is to travel; returns its id."""

    @abstractmethod
    async def change(self, world: World, record: str, number: int = 1) -> None:
        """Changes something of the source that travels; another ``number`` is another value."""

    @abstractmethod
    async def touch(self, world: World, record: str) -> None:
        """Changes something of the synced source that does not travel."""

    @abstractmethod
    def targets(self, world: World, record: str) -> list[Json]:
        """The target records that stand for the source."""

    @abstractmethod
    def check(self, world: World, record: str) -> None:
        """Asserts that the targets say exactly what the source says, in number and content."""

    @abstractmethod
    async def make_target(self, world: World, record: str) -> str:
        """Makes by hand what a sync must adopt; returns the id of the target."""

    @abstractmethod
    async def remove_target(self, world: World, record: str) -> None:
        """Deletes the target by hand."""

    async def make_dependent(self, world: World) -> str:
        """Makes a source record whose dependency cannot be synced yet."""
        raise NotImplementedError

    async def supply(self, world: World, record: str) -> None:
        """Puts the dependency right, and lets its own hint arrive."""
        raise NotImplementedError

    @abstractmethod
    async def make_refused(self, world: World) -> str:
        """Makes a source record that a business rule of the target refuses."""

    @abstractmethod
    async def mend(self, world: World, record: str) -> None:
        """Puts right why it was refused."""

    async def settle(self, world: World, record: str) -> None:
        """Lets everything come to rest; an entity adds what a person does then."""
        await world.drain()

    async def sync(self, world: World, record: str) -> None:
        """Hints at the record and lets everything come to rest."""
        await world.hint(self.subject, record, self.reason)
        await self.settle(world, record)

    async def made(self, world: World, number: int = 1) -> str:
        """A record that is synced."""
        record = await self.make(world, number)
        await self.sync(world, record)
        self.check(world, record)
        return record
