"""What the test classes of projects and agreements share: a Business Central project that is known by its number."""

from typing import ClassVar

from sandbox.kit import Json
from tests.conformance.masters import MasterDataConformance
from tests.conformance.world import World


class ProjectConformance(MasterDataConformance):
    """A record of ConnectWise that becomes a project there; ``prefix`` begins the number, the id follows."""

    entity_set = "projects"
    writes_to_create = 1
    prefix: ClassVar[str]
    company: Json

    async def prepare(self, world: World) -> None:
        self.company = await world.cw("companies", {"identifier": "Client", "name": "Client Ltd"})
        contact = {"firstName": "Ann", "company": {"id": self.company["id"]}}
        await world.cw("contacts", contact)
        await world.sync("company", str(self.company["id"]))

    def expected(self, source: Json) -> Json:
        return {"displayName": source["name"], "number": f"{self.prefix}{source['id']:06}"}

    async def make_target(self, world: World, record: str) -> str:
        row = {"number": f"{self.prefix}{int(record):06}", "displayName": "Entered by hand"}
        added = await world.bc("records", {"set": self.entity_set, "records": [row]})
        return str(added["ids"][0])
