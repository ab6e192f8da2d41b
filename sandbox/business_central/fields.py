"""The served entity sets and their properties, read from ``fields.json``.

``load`` reads other files of the same form. A property is written as ``Type(argument) flags``: ``Code`` is an upper-cased string, the argument of
``String`` and ``Code`` is the longest length, that of ``Enum`` the members; flags are ``ro`` (read-only),
``calc`` (computed on read) and ``min=`` and ``max=``.
"""

import re
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Final

from sandbox.kit import Json, loads

BLANK_GUID: Final = "00000000-0000-0000-0000-000000000000"
BLANK_DATE: Final = "0001-01-01"
BLANK_OPTION: Final = "_x0020_"

_BLANKS: Final[dict[str, Json]] = {
    "String": "",
    "Code": "",
    "Guid": BLANK_GUID,
    "Date": BLANK_DATE,
    "DateTimeOffset": f"{BLANK_DATE}T00:00:00Z",
    "Decimal": Decimal(0),
    "Boolean": False,
    "Int32": 0,
    "Int64": 0,
    "Stream": "",
}


@dataclass(frozen=True, slots=True)
class Field:
    """One property: its kind, limits and whether it may be written."""

    name: str
    kind: str
    length: int | None = None
    options: tuple[str, ...] = ()
    read_only: bool = False
    computed: bool = False
    lowest: Decimal | None = None
    highest: Decimal | None = None

    @property
    def edm_type(self) -> str:
        """The OData type: ``Edm.String`` for codes, ``Enum`` for options."""
        if self.kind == "Enum":
            return "Enum"
        return f"Edm.{'String' if self.kind == 'Code' else self.kind}"

    @property
    def blank(self) -> Json:
        """The value of a property that was never set."""
        return self.options[0] if self.kind == "Enum" else _BLANKS[self.kind]


@dataclass(frozen=True, slots=True)
class EntitySet:
    """One entity set: where it is served, its table, what may be done (``cud``) and its properties."""

    name: str
    route: str
    entity: str
    table: str
    access: str
    subscribable: bool
    fields: dict[str, Field]

    @property
    def code_field(self) -> str:
        """The property that a person knows the record by: ``number``, ``code`` or none."""
        return next((name for name in ("number", "code") if name in self.fields), "")


def _field(name: str, text: str) -> Field:
    found = re.fullmatch(r"(\w+)(?:\((.*)\))?((?: \w+(?:=\S+)?)*)", text)
    if found is None:
        raise ValueError(f"{name}: {text}")
    kind, argument, rest = found.groups()
    flags = dict(part.partition("=")[::2] for part in rest.split())
    return Field(
        name,
        kind,
        length=int(argument) if argument and kind != "Enum" else None,
        options=tuple(argument.split("|")) if kind == "Enum" else (),
        read_only="ro" in flags,
        computed="calc" in flags,
        lowest=Decimal(flags["min"]) if "min" in flags else None,
        highest=Decimal(flags["max"]) if "max" in flags else None,
    )


def load(file_name: str) -> dict[str, EntitySet]:
    """The entity sets described in a JSON file beside this module."""
    content = loads(Path(__file__).with_name(file_name).read_bytes())
    return {
        name: EntitySet(
            name,
            item["route"],
            item["entity"],
            item["table"],
            item["access"],
            item["subscribable"],
            {key: _field(key, text) for key, text in item["fields"].items()},
        )
        for name, item in content.items()
    }


SETS: Final = load("fields.json")
