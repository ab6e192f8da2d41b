"""What Azure accepts: the facts about resource types that the checks compare the Bicep files with.

The facts are names, flags and enumerations, kept in ``facts.json`` so that no check needs the tools they came from;
``python -m infra_checks.refresh`` makes that file anew and its docstring names the sources.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Self

PATH: Final = Path(__file__).with_name("facts.json")
BODY: Final = "body"
"""The definition that a resource's own properties have."""


@dataclass(frozen=True, slots=True)
class Property:
    """One property. ``type`` is a primitive, the name of a definition, or either of them followed by ``[]``."""

    type: str
    required: bool = False
    read_only: bool = False
    enum: tuple[str, ...] = ()
    least: int | None = None
    most: int | None = None

    @classmethod
    def of(cls, value: str | dict[str, Any]) -> Self:
        """Reads the short or the long form of the file."""
        if isinstance(value, str):
            return cls(value)
        return cls(**{**value, "enum": tuple(value.get("enum", ()))})


@dataclass(frozen=True, slots=True)
class Definition:
    """An object type. With a ``discriminator`` the value of that property decides which variant applies."""

    name: str
    properties: dict[str, Property]
    additional: str = ""
    discriminator: str = ""
    variants: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ResourceType:
    """A resource type at the API version that the files use."""

    name: str
    version: str
    scopes: tuple[str, ...]
    definitions: dict[str, Definition]


@dataclass(frozen=True, slots=True)
class Facts:
    """All known resource types by lower-case name."""

    types: dict[str, ResourceType]

    @classmethod
    def load(cls, path: Path = PATH) -> Self:
        """Reads the file; raises OSError or ValueError when there is none or it is broken."""
        document = json.loads(path.read_text(encoding="utf-8"))
        return cls({found.name.lower(): found for found in map(_resource_type, document["types"].items())})


def _resource_type(item: tuple[str, dict[str, Any]]) -> ResourceType:
    full_name, value = item
    name, _, version = full_name.partition("@")
    definitions = {
        key: Definition(
            key,
            {prop: Property.of(text) for prop, text in one.get("properties", {}).items()},
            one.get("additional", ""),
            one.get("discriminator", ""),
            one.get("variants", {}),
        )
        for key, one in value["definitions"].items()
    }
    return ResourceType(name, version, tuple(value["scopes"]), definitions)
