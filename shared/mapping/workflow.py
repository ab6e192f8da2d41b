"""Workflow rules: which documents are posted, left as drafts or held until somebody releases them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import Field

from shared.mapping.conditions import Test, compile_condition
from shared.mapping.document import Condition, Strict
from shared.mapping.loading import load_as

type Decision = Literal["post", "draft", "hold"]


class WorkflowRule(Strict):
    """The first rule of an entity whose condition holds decides; no condition always holds."""

    entity: str = Field(min_length=1)
    when: Condition | None = None
    do: Decision
    note: str = ""


class WorkflowDocument(Strict):
    """The rules of a connection, in order, and what happens to documents that none of them names."""

    title: str = ""
    rules: tuple[WorkflowRule, ...] = ()
    otherwise: Decision = "post"


@dataclass(frozen=True, slots=True)
class Workflow:
    """A compiled workflow document."""

    document: WorkflowDocument
    tests: tuple[Test, ...]

    def decide(self, entity: str, source: Mapping[str, Any]) -> tuple[Decision, str]:
        """What to do with a document, and the note of the rule that says so. The source is what mappings see."""
        root = dict(source)
        for rule, holds in zip(self.document.rules, self.tests, strict=True):
            if rule.entity == entity and holds(root, root):
                return rule.do, rule.note
        return self.document.otherwise, ""


def compile_workflow(document: WorkflowDocument) -> Workflow:
    """Compiles the conditions once."""
    return Workflow(document, tuple(compile_condition(rule.when) for rule in document.rules))


def load_workflow(text: str) -> Workflow:
    """Reads and compiles a workflow document; raises ``MappingError`` with every problem and its place."""
    return compile_workflow(load_as(WorkflowDocument, text))
