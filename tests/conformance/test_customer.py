"""Companies that buy, and customers."""

from typing import ClassVar

import pytest

from sandbox.kit import Json, dumps
from shared.mapping import standard_mapping
from tests.conformance.masters import MasterDataConformance
from tests.conformance.world import World


class TestCustomer(MasterDataConformance):
    entity = "customer"
    subject = "company"
    path = "companies"
    table = "Company"
    entity_set = "customers"
    number_field = "accountNumber"
    untravelled: ClassVar[Json] = {"numberOfEmployees": 12}

    def values(self, number: int) -> Json:
        return {
            "identifier": f"Buyer{number}",
            "name": f"Buyer {number} Ltd",
            "addressLine1": "1 High Street",
            "city": "Tampa",
            "zip": "33601",
            "country": {"name": "United States"},
            "invoiceToEmailAddress": f"bills{number}@buyer.example",
        }

    def changed(self, number: int) -> Json:
        return {"city": f"Town {number}"}

    def expected(self, source: Json) -> Json:
        return {
            "displayName": source["name"],
            "addressLine1": source["addressLine1"],
            "city": source["city"],
            "postalCode": source["zip"],
            "country": "US",
            "email": source["invoiceToEmailAddress"],
        }


@pytest.mark.thorough
class TestCustomerWithDimensions(TestCustomer):
    """A mapping of the customer's own that adds a default dimension: one more row, by a call of its own."""

    writes_to_create = 3

    async def prepare(self, world: World) -> None:
        document = standard_mapping("customer").model_dump(mode="json", by_alias=True, exclude_unset=True)
        fields = [
            {"to": "dimensionCode", "constant": "DEPARTMENT"},
            {"to": "dimensionValueCode", "constant": "SALES"},
        ]
        document["lines"] = [{"to": "defaultDimensions", "fields": fields}]
        connection = await world.connection()
        await connection.mappings.put("customer", dumps(document), world.clock.now().isoformat())

    def check(self, world: World, record: str) -> None:
        super().check(world, record)
        [target] = self.targets(world, record)
        rows = world.bc_records("defaultDimensions", parentId=target["id"])
        assert [(row["dimensionCode"], row["dimensionValueCode"]) for row in rows] == [
            ("DEPARTMENT", "SALES")
        ]
