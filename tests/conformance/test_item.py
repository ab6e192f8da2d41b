"""Catalog items and items."""

from decimal import Decimal
from typing import ClassVar

from sandbox.kit import Json
from tests.conformance.masters import MasterDataConformance


class TestItem(MasterDataConformance):
    entity = "item"
    subject = "catalog_item"
    path = "items"
    table = "CatalogItem"
    entity_set = "items"
    name_field = "description"
    number_field = "integrationXRef"
    untravelled: ClassVar[Json] = {"minStockLevel": 3}
    existing: ClassVar[Json] = {"baseUnitOfMeasureCode": "PCS"}

    def values(self, number: int) -> Json:
        return {
            "identifier": f"CABLE-{number}",
            "description": f"Cable {number}",
            "customerDescription": "A cable",
            "subcategory": {"name": "Cabling"},
            "type": {"name": "Hardware"},
            "unitOfMeasure": {"name": "Each"},
            "price": Decimal("12.50"),
            "cost": Decimal("7.25"),
        }

    def changed(self, number: int) -> Json:
        return {"price": Decimal(f"{number}.125")}

    def expected(self, source: Json) -> Json:
        return {
            "displayName": source["description"],
            "unitPrice": source["price"],
            "unitCost": source["cost"],
            "baseUnitOfMeasureCode": "PCS",
            "type": "Non_x002D_Inventory",
        }
