"""A plan is a value: what a pass would do to one record, shown in a dry run and applied otherwise."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from shared.domain.records import Payload, RecordRef, State


class Action(StrEnum):
    """What a plan does."""

    CREATE = "create"
    CHANGE = "change"
    NOTHING = "nothing"
    SKIP = "skip"
    WAIT = "wait"
    HOLD = "hold"

    @property
    def writes(self) -> bool:
        """True when applying the plan writes to another system."""
        return self in (Action.CREATE, Action.CHANGE)


@dataclass(frozen=True, slots=True)
class Change:
    """One field that differs, with the rule and the source value that produced the new value."""

    field: str
    before: Any
    after: Any
    because: str = ""


@dataclass(slots=True)
class Plan:
    """What a pass would do for one entity, with the reason in words.

    ``payload`` is what would be sent, ``steps`` the calls in order, ``target`` the record that would be
    changed or adopted, ``needs`` the records waited for.
    """

    action: Action
    reason: str = ""
    payload: Payload = field(default_factory=dict)
    changes: tuple[Change, ...] = ()
    steps: tuple[str, ...] = ()
    target: Payload = field(default_factory=dict)
    needs: tuple[RecordRef, ...] = ()
    cause: str = ""
    todo: str = ""
    warnings: tuple[str, ...] = ()
    facts: Payload = field(default_factory=dict)


@dataclass(slots=True)
class Outcome:
    """What a pass did for one entity: the result shown to people and counted in reports."""

    entity: str
    result: str
    state: State
    plan: Plan
    newly_linked: bool = False
