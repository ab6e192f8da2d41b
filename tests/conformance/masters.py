"""What the test classes of master data share: a record of ConnectWise and one of a Business Central set."""

from abc import abstractmethod
from collections.abc import Mapping
from typing import ClassVar

from sandbox.kit import Json
from tests.conformance.suite import EntityConformance
from tests.conformance.world import World

NO_DEPENDENCY = "master data needs no other synced record"
NO_STEPS = "master data keeps no step in the middle of a pass"


class MasterDataConformance(EntityConformance):
    """Master data: ``path`` and ``table`` name it in ConnectWise, ``entity_set`` in Business Central.

    ``name_field`` holds what becomes the display name, ``number_field`` what the number is written back to, if it is.
    ``untravelled`` is a change that does not travel, ``existing`` what a target made by hand has besides its name.
    """

    path: ClassVar[str]
    table: ClassVar[str]
    entity_set: ClassVar[str]
    name_field: ClassVar[str] = "name"
    number_field: ClassVar[str] = ""
    untravelled: ClassVar[Json]
    existing: ClassVar[Json] = {}
    not_applicable: ClassVar[Mapping[str, str]] = {
        "test_dependency_missing": NO_DEPENDENCY,
        "test_hint_handled_after_a_step_was_kept": NO_STEPS,
    }

    @abstractmethod
    def values(self, number: int) -> Json:
        """The values of a new record."""

    @abstractmethod
    def changed(self, number: int) -> Json:
        """The values of a change that travels."""

    @abstractmethod
    def expected(self, source: Json) -> Json:
        """What the target must say for the source."""

    async def make(self, world: World, number: int = 1) -> str:
        return str((await world.cw(self.path, self.values(number)))["id"])

    async def change(self, world: World, record: str, number: int = 1) -> None:
        await world.cw(f"{self.path}/{record}", self.changed(number))

    async def touch(self, world: World, record: str) -> None:
        await world.cw(f"{self.path}/{record}", self.untravelled)

    def targets(self, world: World, record: str) -> list[Json]:
        name = world.cw_record(self.table, record)[self.name_field]
        return world.bc_records(self.entity_set, displayName=name)

    def check(self, world: World, record: str) -> None:
        source = world.cw_record(self.table, record)
        [target] = self.targets(world, record)
        expected = self.expected(source)
        assert {name: target[name] for name in expected} == expected
        if self.number_field:
            assert source[self.number_field] == target["number"]

    async def make_target(self, world: World, record: str) -> str:
        name = world.cw_record(self.table, record)[self.name_field]
        rows = [{"number": "EXISTING", "displayName": name, **self.existing}]
        added = await world.bc("records", {"set": self.entity_set, "records": rows})
        return str(added["ids"][0])

    async def remove_target(self, world: World, record: str) -> None:
        [target] = self.targets(world, record)
        await world.bc("delete", {"set": self.entity_set, "key": target["id"]})

    async def make_refused(self, world: World) -> str:
        await world.bc("settings", {"manual_nos": {self.entity_set: False}})
        return await self.make(world)

    async def mend(self, world: World, record: str) -> None:
        await world.bc("settings", {"manual_nos": {self.entity_set: True}})
