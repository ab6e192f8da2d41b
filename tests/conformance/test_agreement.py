"""Agreements, and the projects and dimension values that stand for them."""

from decimal import Decimal
from typing import ClassVar

from sandbox.kit import Json, dumps
from shared.app import DEFAULT
from tests.conformance.numbered import ProjectConformance
from tests.conformance.world import World


class TestAgreement(ProjectConformance):
    entity = "agreement"
    subject = "agreement"
    path = "agreements"
    table = "Agreement"
    prefix = "AGR"
    calls_when_unchanged = 3
    """The agreement, its additions and its adjustments: ConnectWise serves them by calls of their own."""
    calls_when_changed = 4
    untravelled: ClassVar[Json] = {"internalNotes": "Ask for Ann"}

    def values(self, number: int) -> Json:
        return {
            "name": f"Managed services {number}",
            "company": {"id": self.company["id"]},
            "billAmount": Decimal("250.00"),
        }

    def changed(self, number: int) -> Json:
        return {"name": f"Managed services in {number} towns"}


class TestAgreementAsDimensionValue(TestAgreement):
    """The options name a dimension, and the page for its values is published: one more row, by a call of its own."""

    writes_to_create = 2

    async def prepare(self, world: World) -> None:
        await super().prepare(world)
        await world.bc("web-services/publish", {"name": "DimensionValues", "page": 537})
        options = {"agreement_dimension": "AGREEMENT"}
        await world.app.connection_desk.save(DEFAULT, dumps({"options": options}))

    def check(self, world: World, record: str) -> None:
        super().check(world, record)
        [target] = self.targets(world, record)
        [dimension] = world.bc_records("dimensions", code="AGREEMENT")
        values = world.bc_records("dimensionValues", dimensionId=dimension["id"], code=target["number"])
        assert len(values) == 1
