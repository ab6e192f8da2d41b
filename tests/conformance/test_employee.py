"""Members, and the vendors to whom their expenses are owed."""

from datetime import timedelta
from typing import ClassVar

import pytest

from sandbox.kit import Json
from shared.app import DEFAULT
from shared.domain.errors import UNANSWERED
from shared.domain.records import RecordRef, State
from tests.conformance.masters import MasterDataConformance
from tests.conformance.taps import Crash, orphaned
from tests.conformance.world import World


class TestEmployee(MasterDataConformance):
    entity = "employee"
    subject = "member"
    path = "members"
    table = "Member"
    entity_set = "vendors"
    number_field = "vendorNumber"
    untravelled: ClassVar[Json] = {"title": "Technician"}

    def values(self, number: int) -> Json:
        return {
            "identifier": f"kim{number}",
            "firstName": "Kim",
            "lastName": f"Low {number}",
            "officeEmail": f"kim{number}@us.example",
        }

    async def make(self, world: World, number: int = 1) -> str:
        """A member for whom an expense report waits."""
        record = await super().make(world, number)
        needed, waiter = RecordRef(DEFAULT, "member", record), RecordRef(DEFAULT, "expense_report", "1")
        await world.app.store.add_waiter(needed, waiter)
        return record

    def changed(self, number: int) -> Json:
        return {"lastName": f"High {number}"}

    def expected(self, source: Json) -> Json:
        return {"displayName": _name(source), "email": source["officeEmail"]}

    def targets(self, world: World, record: str) -> list[Json]:
        return world.bc_records("vendors", displayName=_name(world.cw_record("Member", record)))

    async def make_target(self, world: World, record: str) -> str:
        source = world.cw_record("Member", record)
        row = {"number": "EXISTING", "displayName": _name(source), "email": source["officeEmail"]}
        added = await world.bc("records", {"set": "vendors", "records": [row]})
        return str(added["ids"][0])

    async def test_who_waits_is_not_forgotten_by_a_pass_that_cannot_write_yet(self, scene: World) -> None:
        """The member arrives because somebody waits for it: forgotten by the pass in between, it never would."""
        record = await self.make(scene)
        with orphaned(1, "death"), pytest.raises(Crash):
            await self.sync(scene, record)
        await scene.restart()
        # The message of the dead process comes again when its lease is over, but not yet what it began.
        scene.clock.advance(timedelta(minutes=5))
        await scene.run()
        [item] = await scene.work(self.entity)
        assert (item.state, item.cause) == (State.RETRYING, UNANSWERED)
        await scene.drain()
        self.check(scene, record)

    async def test_a_member_without_expenses_becomes_no_vendor(self, scene: World) -> None:
        record = await super().make(scene)
        await self.sync(scene, record)
        assert self.targets(scene, record) == []
        assert await scene.work(self.entity) == []
        await scene.sync(self.subject, record, "on demand")
        self.check(scene, record)
        await self.change(scene, record, 2)
        await self.sync(scene, record)
        self.check(scene, record)


def _name(source: Json) -> str:
    return f"{source['firstName']} {source['lastName']}"
