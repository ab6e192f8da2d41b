"""The field tables of everything served: name, kind, length, enum members, required, read-only.

``fields.json`` holds one short text per field: a kind (``string 50``, ``enum A|B``, ``ref CompanyReference``,
``list CustomFieldValue``) and marks (``required``, ``readonly``, ``createonly``).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

NUMERIC: Final = frozenset({"integer", "number"})
AUDIT: Final = {
    "lastUpdated": "datetime",
    "updatedBy": "string",
    "dateEntered": "datetime",
    "enteredBy": "string",
}


@dataclass(frozen=True, slots=True)
class Field:
    """One field: ``target`` names the schema of a reference or of the elements of a list."""

    name: str
    kind: str
    target: str = ""
    max_length: int = 0
    options: tuple[str, ...] = ()
    required: bool = False
    read_only: bool = False
    create_only: bool = False


@cache
def tables() -> Mapping[str, Mapping[str, Field]]:
    """All field tables by schema name."""
    raw: dict[str, dict[str, str]] = json.loads(
        Path(__file__).with_name("fields.json").read_text(encoding="utf-8")
    )
    return {entity: {name: _field(name, text) for name, text in rows.items()} for entity, rows in raw.items()}


def fields(entity: str) -> Mapping[str, Field]:
    """The field table of one schema; empty for a schema that is not described."""
    return tables().get(entity, {})


def field_at(entity: str, path: tuple[str, ...]) -> Field | None:
    """The field at a slash path through references, such as ``company/id``; audit fields exist on every entity."""
    head, *rest = path
    if head == "_info" and rest:
        head, rest = rest[0], rest[1:]
    if head in AUDIT and not rest and head not in fields(entity):
        return Field(head, AUDIT[head])
    found = fields(entity).get(head)
    if found is None or not rest:
        return found
    return field_at(found.target, tuple(rest)) if found.kind == "ref" and found.target in tables() else None


def _field(name: str, text: str) -> Field:
    kind, *words = text.split(" ")
    if kind == "enum":
        # an enum member never holds a blank, so that marks can follow it
        options = tuple(words.pop(0).split("|"))
        return Field(
            name,
            kind,
            options=options,
            required="required" in words,
            read_only="readonly" in words,
            create_only="createonly" in words,
        )
    target = words.pop(0) if kind in {"ref", "list"} else ""
    length = int(words.pop(0)) if words and words[0].isdigit() else 0
    return Field(
        name, kind, target, length, (), "required" in words, "readonly" in words, "createonly" in words
    )
