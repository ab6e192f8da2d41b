"""Companies that sell to us, and vendors."""

from typing import ClassVar

from sandbox.kit import Json
from tests.conformance.masters import MasterDataConformance


class TestVendor(MasterDataConformance):
    entity = "vendor"
    subject = "company"
    path = "companies"
    table = "Company"
    entity_set = "vendors"
    number_field = "vendorIdentifier"
    untravelled: ClassVar[Json] = {"numberOfEmployees": 12}

    def values(self, number: int) -> Json:
        return {
            "identifier": f"Seller{number}",
            "name": f"Seller {number} Ltd",
            "types": [{"name": "Vendor"}],
            "phoneNumber": "813 555 0100",
            "city": "Tampa",
            "zip": "33601",
        }

    def changed(self, number: int) -> Json:
        return {"city": f"Town {number}"}

    def expected(self, source: Json) -> Json:
        return {"displayName": source["name"], "city": source["city"], "postalCode": source["zip"]}
