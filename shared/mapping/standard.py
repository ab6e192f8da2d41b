"""The mappings DynaConnect starts with, and the catalogue of the Business Central sets they fill."""

from functools import cache
from pathlib import Path
from typing import Final

from shared.mapping.document import MappingDocument
from shared.mapping.loading import load
from shared.mapping.targets import TargetCatalogue

_HERE: Final = Path(__file__).parent
STANDARD: Final = tuple(sorted(path.stem for path in (_HERE / "defaults").glob("*.json")))
"""The entities that have a standard document: one file each."""


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
