"""The workflow rules of one connection: the stored document, or posting everything where there is none."""

import time
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final

from shared.mapping import (
    Decision,
    MappingError,
    Problem,
    Workflow,
    WorkflowDocument,
    compile_workflow,
    load_workflow,
)
from shared.mapping.problems import did_you_mean
from shared.ports.storage import StateStore

FRESH_SECONDS: Final = 60.0
NAME: Final = "workflow"


@dataclass(slots=True)
class WorkflowBook:
    """Finds, checks and stores the workflow document. ``otherwise`` is what no document means."""

    connection: str
    state: StateStore
    otherwise: Decision = "post"
    _known: tuple[float, Workflow] | None = None

    async def get(self) -> Workflow:
        """The rules in force."""
        if self._known and self._known[0] > time.monotonic():
            return self._known[1]
        stored = await self.state.load(self.connection, NAME)
        if stored:
            workflow = load_workflow(stored["text"])
        else:
            workflow = compile_workflow(WorkflowDocument(otherwise=self.otherwise))
        self._known = (time.monotonic() + FRESH_SECONDS, workflow)
        return workflow

    async def put(self, text: str, at: str, documents: Collection[str]) -> None:
        """Checks and stores rules for the entities named ``documents``; raises MappingError with every problem."""
        given = load_workflow(text).document.rules
        if problems := [
            Problem(f"rules[{number}].entity", _unknown(rule.entity, documents))
            for number, rule in enumerate(given)
            if rule.entity not in documents
        ]:
            raise MappingError(problems)
        await self.state.save(self.connection, NAME, {"text": text, "at": at})
        self._known = None

    async def drop(self) -> None:
        """Goes back to the standard."""
        await self.state.remove(self.connection, NAME)
        self._known = None

    async def document(self) -> dict[str, Any]:
        """The rules in force as JSON values."""
        workflow = await self.get()
        return workflow.document.model_dump(mode="json", by_alias=True, exclude_unset=True)


def _unknown(entity: str, documents: Collection[str]) -> str:
    return f"there are no documents of entity '{entity}'{did_you_mean(entity, documents)}"
