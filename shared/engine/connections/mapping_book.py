"""The mappings of one connection: a stored document where there is one, else the standard."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from shared.domain.errors import HoldForPerson
from shared.mapping import CompiledMapping, MappingError, Problem, TargetCatalogue, compile_mapping, load
from shared.ports.storage import StateStore

FRESH_SECONDS: Final = 60.0
"""How long another process may still use a mapping after it was replaced."""


@dataclass(slots=True)
class MappingBook:
    """Finds, checks and stores mapping documents."""

    connection: str
    state: StateStore
    standards: Mapping[str, CompiledMapping]
    catalogue: TargetCatalogue
    _known: dict[str, tuple[float, CompiledMapping]] = field(default_factory=dict)

    async def get(self, entity: str) -> CompiledMapping:
        """The mapping in force; raises HoldForPerson when there is none."""
        known = self._known.get(entity)
        if known and known[0] > time.monotonic():
            return known[1]
        stored = await self.state.load(self.connection, _name(entity))
        if stored:
            compiled = compile_mapping(load(stored["text"]), self.catalogue)
        elif entity in self.standards:
            compiled = self.standards[entity]
        else:
            raise HoldForPerson(
                "no_mapping",
                f"There is no mapping for {entity}.",
                todo="Store a mapping document for it; then retry.",
            )
        self._known[entity] = (time.monotonic() + FRESH_SECONDS, compiled)
        return compiled

    async def put(self, entity: str, text: str, at: str) -> int:
        """Checks and stores a document; returns its number. Raises MappingError with every problem."""
        document = load(text)
        if document.entity != entity:
            raise MappingError(
                [Problem("entity", f"this is the mapping of {document.entity}, not of {entity}")]
            )
        compile_mapping(document, self.catalogue)
        before = await self.state.load(self.connection, _name(entity))
        number = int(before.get("number", 0)) + 1
        if before:
            await self.state.save(self.connection, f"{_name(entity)}|{before['number']:06d}", before)
        await self.state.save(self.connection, _name(entity), {"text": text, "number": number, "at": at})
        self._known.pop(entity, None)
        return number

    async def drop(self, entity: str) -> None:
        """Goes back to the standard; earlier documents stay stored under their numbers."""
        await self.state.remove(self.connection, _name(entity))
        self._known.pop(entity, None)

    async def document(self, entity: str) -> dict[str, Any]:
        """The document in force as JSON values, with its number (0 is the standard)."""
        mapping = await self.get(entity)
        stored = await self.state.load(self.connection, _name(entity))
        return {
            "entity": entity,
            "number": int(stored.get("number", 0)),
            "document": mapping.document.model_dump(mode="json", by_alias=True, exclude_unset=True),
        }


def _name(entity: str) -> str:
    return f"mapping|{entity}"
