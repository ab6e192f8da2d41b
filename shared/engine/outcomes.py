"""What became of a record in one pass: its state, the word for it, the row that tells of it."""

from dataclasses import replace
from datetime import datetime

from shared.domain.envelope import Envelope
from shared.domain.errors import HoldForPerson, SyncError
from shared.domain.plans import Action, Outcome, Plan
from shared.domain.records import Link, State
from shared.ports.storage import Attempt


def state_of(plan: Plan) -> State:
    """Where a record stands after a plan was carried out."""
    match plan.action:
        case Action.WAIT:
            return State.WAITING
        case Action.HOLD:
            return State.HELD
        case Action.SKIP:
            return State.OUT_OF_SCOPE
        case _:
            return State.DONE


def settle(link: Link, plan: Plan, now: datetime) -> None:
    """Writes into the link what became of it."""
    link.state = state_of(plan)
    link.cause, link.reason, link.todo = plan.cause, plan.reason, plan.todo
    link.attempts = 0
    link.open_since = (link.open_since or now) if link.state.is_open else None
    if link.state is State.DONE:
        link.synced_at = now


def extent(link: Link) -> int:
    """About how much there is to keep of a link."""
    return len(repr(link.written)) + len(repr(link.facts))


def hold_back(link: Link, stored: Link | None, why: HoldForPerson, now: datetime) -> None:
    """Holds a link of which more is known than can be kept: with what was kept before, and the target's name."""
    link.written, link.facts = (stored.written, stored.facts) if stored else ({}, {})
    link.fingerprint, link.step = (stored.fingerprint, stored.step) if stored else ("", "")
    link.state, link.cause, link.reason, link.todo = State.HELD, why.cause, why.operator, why.todo
    link.open_since = link.open_since or now


def held_attempt(attempt: Attempt, link: Link, why: SyncError) -> Attempt:
    """What is told of a pass whose outcome could not be kept."""
    told = replace(attempt, result=link.state.value, state=link.state, detail=why.detail)
    return replace(told, reason=link.reason, cause=link.cause, todo=link.todo)


def result_of(plan: Plan, link: Link) -> str:
    """The word for it that people read."""
    match link.state:
        case State.HELD | State.WAITING | State.RETRYING:
            return link.state.value
        case State.OUT_OF_SCOPE:
            return "skipped"
        case State.DONE:
            return {Action.CREATE: "created", Action.CHANGE: "updated"}.get(plan.action, "unchanged")


def attempt_of(
    outcome: Outcome,
    link: Link,
    envelope: Envelope,
    at: datetime,
    duration_ms: int,
    calls: dict[str, int],
    error: SyncError | None,
) -> Attempt:
    """The row about this pass and entity that people read."""
    return Attempt(
        entity=outcome.entity,
        at=at,
        why=envelope.why,
        action=outcome.plan.action,
        result=outcome.result,
        state=outcome.state,
        duration_ms=duration_ms,
        calls=calls,
        correlation=envelope.correlation,
        reason=link.reason,
        cause=link.cause,
        todo=link.todo,
        detail=error.detail if error else "",
        changes=tuple(
            {"field": c.field, "before": c.before, "after": c.after, "because": c.because}
            for c in outcome.plan.changes
        ),
    )
