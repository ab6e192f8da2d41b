"""The mappings DynaConnect starts with, and the catalogue of the Business Central sets they fill."""

from functools import cache
from pathlib import Path
from typing import Final

from shared.mapping.document import MappingDocument
from shared.mapping.loading import load
from shared.mapping.targets import TargetCatalogue

STANDARD: Final = ("customer", "vendor", "item", "sales_invoice")
_HERE: Final = Path(__file__).parent


@cache
def standard_mapping(entity: str) -> MappingDocument:
    """The standard document of an entity. Raises ``KeyError`` when there is none."""
    if entity not in STANDARD:
        raise KeyError(entity)
    return load(_HERE / "defaults" / f"{entity}.json")


@cache
def business_central() -> TargetCatalogue:
    """The Business Central sets and fields that mappings may use."""
    return TargetCatalogue.model_validate_json(
        (_HERE / "catalogue" / "business_central.json").read_text("utf-8")
    )
