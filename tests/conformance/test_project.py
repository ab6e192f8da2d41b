"""ConnectWise projects, and Business Central projects."""

from typing import ClassVar

from sandbox.kit import Json
from tests.conformance.numbered import ProjectConformance
from tests.conformance.world import World


class TestProject(ProjectConformance):
    entity = "project"
    subject = "project"
    path = "projects"
    table = "Project"
    prefix = "PRJ"
    untravelled: ClassVar[Json] = {"description": "Cabling of the second floor"}

    def values(self, number: int) -> Json:
        return {"name": f"Move {number}", "company": {"id": self.company["id"]}}

    def changed(self, number: int) -> Json:
        return {"name": f"Move in {number} steps"}

    async def test_a_closed_project_stays(self, scene: World) -> None:
        """What was posted on it can still be read; nothing is written because it was closed."""
        record = await self.made(scene)
        await scene.cw(f"projects/{record}/close")
        traffic = scene.traffic()
        await self.sync(scene, record)
        assert traffic.writes == 0, traffic.routes
        self.check(scene, record)

    async def test_a_deleted_project_stays(self, scene: World) -> None:
        record = await self.made(scene)
        [target] = self.targets(scene, record)
        await scene.cw(f"projects/{record}/delete")
        await self.sync(scene, record)
        assert scene.bc_records("projects", id=target["id"]) == [target]
        assert await scene.work(self.entity) == []
