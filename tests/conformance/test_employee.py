"""Members, and the vendors to whom their expenses are owed."""

from typing import ClassVar

from sandbox.kit import Json
from shared.app import DEFAULT
from shared.domain.records import RecordRef
from tests.conformance.masters import MasterDataConformance
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
