"""From a hint to a recorded outcome: lease, read again, plan, apply, record.

The order of writes is what makes the promise hold. A message is completed only after the outcome is stored;
a follow-up (retry, woken waiter) is queued before the message is completed; what is repeated after a crash
finds its own traces and goes on.
"""

import logging
import traceback
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from shared.domain.calls import counted_calls
from shared.domain.envelope import NEEDED_BY, ON_DEMAND, Envelope
from shared.domain.errors import (
    HoldForPerson,
    NotFound,
    RetryLater,
    StopConnection,
    SyncError,
    WaitForDependency,
    redact,
)
from shared.domain.plans import Action, Outcome, Plan
from shared.domain.records import Link, Record, RecordRef, State
from shared.engine.backoff import Backoff
from shared.engine.connection import Connection, Connections
from shared.engine.entity import Entity, Job
from shared.engine.registry import Registry
from shared.ports.platform import Clock
from shared.ports.storage import Attempt, Lease, RecordStore, Verdict, WorkQueue

MOST_PASSES: Final = 3
"""Passes under one lease before a busy record goes back to the queue, so that others get their turn."""
PAUSE_SECONDS: Final = 60.0
UNEXPECTED_TRIES: Final = 3

log = logging.getLogger("dynaconnect.sync")


@dataclass(slots=True)
class Pipeline:
    """Handles hints. One instance per process."""

    connections: Connections
    registry: Registry
    store: RecordStore
    queue: WorkQueue
    clock: Clock
    backoff: Backoff
    origin: str

    async def handle(self, envelope: Envelope, *, redelivered: bool = False) -> list[Outcome]:
        """Brings one record in step, or arranges that it happens later; raises only when nothing was stored."""
        connection = await self.connections.get(envelope.connection)
        if connection.paused_until and connection.paused_until > self.clock.now():
            await self.queue.send(envelope, delay=connection.paused_until - self.clock.now())
            return []
        hinted_at = self.clock.now() if redelivered else envelope.when
        begun = await self.store.begin(
            envelope.ref,
            hinted_at,
            same_clock=redelivered or envelope.origin == self.origin,
            impatient=redelivered or envelope.attempt > 0 or envelope.why == ON_DEMAND,
        )
        if isinstance(begun, Verdict):
            log.debug("%s %s", envelope.ref, begun)
            return []
        outcomes: list[Outcome] = []
        for number in range(MOST_PASSES):
            outcomes, attempts, again_after = await self._pass(connection, envelope, begun)
            await self._register_waits(envelope.ref, outcomes)
            begun.record.retry_at = None
            if again_after is not None:
                begun.record.retry_at = self.clock.now() + again_after
                await self.queue.send(envelope.again("retry"), delay=again_after)
            last = number == MOST_PASSES - 1
            hinted_again = await self.store.finish(begun, attempts, keep_if_hinted=not last)
            await self._wake(connection, envelope.ref, outcomes, redelivered=redelivered)
            if not hinted_again:
                break
            if last:
                await self.queue.send(
                    replace(envelope, when=self.clock.now(), why="busy", origin=self.origin)
                )
        return outcomes

    async def preview(self, envelope: Envelope) -> list[Outcome]:
        """The plans of a record without applying anything: the same code minus apply."""
        connection = await self.connections.get(envelope.connection)
        record = await self.store.get(envelope.ref) or Record(envelope.ref)
        job = Job(connection, self.store, envelope, record, self.clock.now())
        job.source = await self._read_source(connection, envelope.ref)
        outcomes = []
        for entity in self._entities(envelope):
            plan = await self._plan(entity, self._job_for(entity, job))
            outcomes.append(Outcome(entity.name, "planned", _state_of(plan), plan))
        return outcomes

    def _entities(self, envelope: Envelope) -> Iterable[Entity]:
        entities = self.registry.of_subject(envelope.entity)
        return [entity for entity in entities if envelope.only in ("", entity.name)]

    async def _read_source(self, connection: Connection, ref: RecordRef) -> dict[str, object] | None:
        path = self.registry.subject(ref.subject).path
        if not path:
            return None
        try:
            return await connection.connectwise.read(f"{path}/{ref.id}")
        except NotFound:
            return None

    async def _pass(
        self, connection: Connection, envelope: Envelope, lease: Lease
    ) -> tuple[list[Outcome], list[Attempt], timedelta | None]:
        record = lease.record
        started = self.clock.now()
        outcomes: list[Outcome] = []
        attempts: list[Attempt] = []
        again_after: timedelta | None = None
        settled = True
        job = Job(connection, self.store, envelope, record, started, lease=lease)
        source_error: SyncError | None = None
        read_calls: dict[str, int] = {}
        with counted_calls() as counter:
            try:
                job.source = await self._read_source(connection, record.ref)
            except SyncError as error:
                source_error = error
            read_calls = dict(counter)
        before = record.source_version, record.source_digest
        record.source_version = record.source_digest = ""
        job.note_source(job.source or {})
        for entity in self._entities(envelope):
            began = self.clock.now()
            own = self._job_for(entity, job)
            was_linked = bool(own.link.target_id)
            with counted_calls() as counter:
                plan, failure = await self._run(entity, own, source_error)
                calls = read_calls | {k: v + read_calls.get(k, 0) for k, v in counter.items()}
            read_calls = {}
            if failure is not None:
                delay = self._settle_error(connection, own.link, plan, failure, envelope.attempt)
                if delay is not None:
                    settled = False
                    again_after = max(again_after or delay, delay)
            outcome = Outcome(entity.name, _result(plan, own.link), own.link.state, plan)
            outcome.newly_linked = bool(own.link.target_id) and not was_linked
            self._keep(record, own.link, outcome)
            outcomes.append(outcome)
            duration = round((self.clock.now() - began).total_seconds() * 1000)
            attempts.append(_attempt(outcome, own.link, envelope, started, duration, calls, failure))
            log.info(
                "%s %s: %s %s",
                record.ref,
                entity.name,
                outcome.result,
                own.link.reason,
                extra={"correlation": envelope.correlation, "calls": calls, "ms": duration},
            )
        if settled and not envelope.only and not any(o.state is State.WAITING for o in outcomes):
            record.read_at = started
        else:
            record.source_version, record.source_digest = before
        return outcomes, attempts, again_after

    def _job_for(self, entity: Entity, job: Job) -> Job:
        own = replace(job)
        own.link = job.record.links.get(entity.name) or Link(entity.name)
        if job.lease is not None:
            job.record.links[entity.name] = own.link
        return own

    def _keep(self, record: Record, link: Link, outcome: Outcome) -> None:
        """Drops the link of an entity that never concerned this record; keeps everything else."""
        if outcome.state is State.OUT_OF_SCOPE and not link.target_id:
            record.links.pop(link.entity, None)

    async def _plan(self, entity: Entity, job: Job) -> Plan:
        try:
            return await entity.plan(job)
        except WaitForDependency as wait:
            return Plan(Action.WAIT, wait.operator, needs=wait.needs, cause=wait.cause, todo=wait.todo)
        except HoldForPerson as hold:
            return Plan(Action.HOLD, hold.operator, cause=hold.cause, todo=hold.todo)

    async def _run(
        self, entity: Entity, job: Job, source_error: SyncError | None
    ) -> tuple[Plan, SyncError | None]:
        plan = Plan(Action.NOTHING)
        try:
            if source_error is not None:
                raise source_error
            plan = await self._plan(entity, job)
            if plan.action.writes:
                await entity.apply(job, plan)
            _settle(job.link, plan, self.clock.now())
        except WaitForDependency as wait:
            plan = replace(plan, action=Action.WAIT, reason=wait.operator, needs=wait.needs, cause=wait.cause)
            _settle(job.link, plan, self.clock.now())
        except HoldForPerson as hold:
            plan = replace(plan, action=Action.HOLD, reason=hold.operator, cause=hold.cause, todo=hold.todo)
            _settle(job.link, plan, self.clock.now())
            return plan, hold
        except SyncError as error:
            return plan, error
        except Exception as error:
            log.exception("%s %s failed unexpectedly", job.ref, entity.name)
            return plan, RetryLater(
                "unexpected",
                f"DynaConnect failed on this record in a way it does not know: {type(error).__name__}.",
                todo="Send the details of this attempt to support, then retry.",
                detail=redact(traceback.format_exc()[-1500:]),
            )
        return plan, None

    def _settle_error(
        self, connection: Connection, link: Link, plan: Plan, error: SyncError, attempt: int
    ) -> timedelta | None:
        """Writes the error into the link; returns the delay of the next automatic try, None if there is none."""
        now = self.clock.now()
        if isinstance(error, HoldForPerson):
            return None
        if isinstance(error, StopConnection):
            connection.pause(now, PAUSE_SECONDS)
        link.cause, link.reason, link.todo = error.cause, error.operator, error.todo
        link.open_since = link.open_since or now
        link.attempts = attempt + 1
        exhausted = attempt + 1 >= (
            UNEXPECTED_TRIES if error.cause == "unexpected" else self.backoff.most_attempts
        )
        if exhausted:
            link.state = State.HELD
            plan.action, plan.reason = Action.HOLD, error.operator
            return None
        link.state = State.RETRYING
        plan.reason = error.operator
        after = error.after if isinstance(error, RetryLater) else None
        return self.backoff.delay(attempt, after)

    async def _register_waits(self, ref: RecordRef, outcomes: list[Outcome]) -> None:
        for outcome in outcomes:
            if outcome.state is State.WAITING:
                for needed in outcome.plan.needs:
                    await self.store.add_waiter(needed, ref)

    async def _wake(
        self, connection: Connection, ref: RecordRef, outcomes: list[Outcome], *, redelivered: bool
    ) -> None:
        now = self.clock.now()
        for outcome in outcomes:
            if outcome.state is State.WAITING:
                await self._pull(connection, ref, outcome.plan.needs, now)
        if redelivered or any(outcome.newly_linked for outcome in outcomes):
            waiters = await self.store.take_waiters(ref)
            for waiter in waiters:
                await self.queue.send(self._hint(waiter, "dependency arrived", now))
            await self.store.forget_waiters(ref, waiters)

    async def _pull(
        self, connection: Connection, ref: RecordRef, needs: tuple[RecordRef, ...], now: datetime
    ) -> None:
        """Asks for what is waited for, and closes the gap where it arrived while this pass was ending."""
        arrived = True
        for needed in needs:
            record = await self.store.get(needed)
            if record is None or not any(link.target_id for link in record.links.values()):
                arrived = False
                if record is None or not any(link.state.is_open for link in record.links.values()):
                    await self.queue.send(self._hint(needed, f"{NEEDED_BY} {ref.subject} {ref.id}", now))
        if needs and arrived:
            await self.queue.send(self._hint(ref, "dependency arrived", now))

    def _hint(self, ref: RecordRef, why: str, now: datetime) -> Envelope:
        return Envelope(ref.connection, ref.subject, ref.id, why, now, origin=self.origin)


def _state_of(plan: Plan) -> State:
    match plan.action:
        case Action.WAIT:
            return State.WAITING
        case Action.HOLD:
            return State.HELD
        case Action.SKIP:
            return State.OUT_OF_SCOPE
        case _:
            return State.DONE


def _settle(link: Link, plan: Plan, now: datetime) -> None:
    link.state = _state_of(plan)
    link.cause, link.reason, link.todo = plan.cause, plan.reason, plan.todo
    link.attempts = 0
    link.open_since = (link.open_since or now) if link.state.is_open else None
    if link.state is State.DONE:
        link.synced_at = now


def _result(plan: Plan, link: Link) -> str:
    match link.state:
        case State.HELD | State.WAITING | State.RETRYING:
            return link.state.value
        case State.OUT_OF_SCOPE:
            return "skipped"
        case State.DONE:
            return {Action.CREATE: "created", Action.CHANGE: "updated"}.get(plan.action, "unchanged")


def _attempt(
    outcome: Outcome,
    link: Link,
    envelope: Envelope,
    at: datetime,
    duration_ms: int,
    calls: dict[str, int],
    error: SyncError | None,
) -> Attempt:
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
