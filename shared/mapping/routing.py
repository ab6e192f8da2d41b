"""Routing rules: which records of a ConnectWise site a connection takes, by the conditions that mappings use too."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal

from pydantic import Discriminator, Tag

from shared.mapping.conditions import Test, compile_condition
from shared.mapping.document import Condition
from shared.mapping.values import Json

type Shared = Literal["shared"]


def _kind(value: Json) -> str:
    return "word" if isinstance(value, str) else "condition"


RoutingRule = Annotated[
    Annotated[Literal["shared"], Tag("word")] | Annotated[Condition, Tag("condition")], Discriminator(_kind)
]
"""``shared`` takes every record of a subject, whoever else takes it; a condition takes those it holds for."""


@dataclass(frozen=True, slots=True)
class Routing:
    """The compiled rules of one connection, by subject. A subject without a rule takes nothing."""

    shared: frozenset[str] = frozenset()
    tests: Mapping[str, Test] = field(default_factory=dict)
    paths: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def names(self, subject: str) -> bool:
        """Whether there is a rule for the subject."""
        return subject in self.shared or subject in self.tests

    def shares(self, subject: str) -> bool:
        """Whether every record of the subject is taken, whoever else takes it."""
        return subject in self.shared

    def matches(self, subject: str, source: Mapping[str, Json]) -> bool:
        """Whether the subject's condition holds for the record; False where there is none."""
        test = self.tests.get(subject)
        return test is not None and test(source, source)


def compile_routing(rules: Mapping[str, Shared | Condition]) -> Routing:
    """Compiles the conditions once; raises nothing, because their paths were checked when they were read."""
    conditions = {subject: rule for subject, rule in rules.items() if isinstance(rule, Condition)}
    return Routing(
        frozenset(rules.keys() - conditions.keys()),
        {subject: compile_condition(rule) for subject, rule in conditions.items()},
        {subject: tuple(_paths(rule)) for subject, rule in conditions.items()},
    )


def _paths(condition: Condition) -> Iterator[str]:
    if condition.path is not None:
        yield condition.path
    for part in (*(condition.all_ or ()), *(condition.any_ or ()), *(condition.none or ())):
        yield from _paths(part)
