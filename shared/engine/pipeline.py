"""From a hint to a recorded outcome: lease, read again, plan, apply, record.

The order of writes is what makes the promise hold. A message is completed only after the outcome is stored;
a follow-up (retry, woken waiter) is queued before the message is completed; what is repeated after a crash
finds its own traces and goes on.
"""

import logging
import traceback
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import Final

from shared.domain.calls import counted_calls
from shared.domain.envelope import ADDED, GUARD, INTERRUPTED, LOAD, ON_DEMAND, Envelope
from shared.domain.errors import (
    HoldForPerson,
    NotFound,
    RetryLater,
    StopConnection,
    SyncError,
    TooLarge,
    WaitForDependency,
    is_unanswered,
    place_of,
    redact,
)
from shared.domain.plans import Action, Outcome, Plan
from shared.domain.records import Link, Record, RecordRef, State
from shared.domain.tenure import tenure
from shared.engine.backoff import Backoff
from shared.engine.connections.connection import Connection, Connections
from shared.engine.connections.cutover import too_early
from shared.engine.connections.routing import HERE, ROUTING, Placement, Router, placed
from shared.engine.entity import VERIFY, Entity, Job
from shared.engine.kinds.documents import RELEASE
from shared.engine.kinds.mapping_data import has_arrived
from shared.engine.obstacles import Obstacles
from shared.engine.outcomes import attempt_of, extent, held_attempt, hold_back, result_of, settle, state_of
from shared.engine.registry import Registry
from shared.engine.rests import Rests
from shared.engine.telling import LED_BY, Before, tell, traced
from shared.engine.waits import Waits
from shared.ports.platform import Clock
from shared.ports.storage import Attempt, Lease, RecordStore, Verdict, WorkQueue
from shared.ports.telemetry import SILENT, Span, Telemetry

MOST_PASSES: Final = 3
"""Passes under one lease before a busy record goes back to the queue, so that others get their turn."""
ORDERS: Final = frozenset({RELEASE, VERIFY})
"""Options that ask for more than a look: a pass that did not know of them has not done it, whenever it read."""
BUSY_REST: Final = timedelta(seconds=10)
"""How long such a message rests while another pass has the record, or a dead one its lease."""
PAUSE_SECONDS: Final = 60.0
UNEXPECTED_TRIES: Final = 3
FEW_TRIES: Final = 6
"""Tries of what a fresh read usually clears: a record that is gone, exists or changed meanwhile."""

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
    router: Router
    obstacles: Obstacles
    rests: Rests
    waits: Waits
    telemetry: Telemetry = SILENT

    async def handle(self, envelope: Envelope, *, redelivered: bool = False) -> list[Outcome]:
        """Brings one record in step, or arranges that it happens later; raises only when nothing was stored."""
        ref = envelope.ref
        with self.telemetry.span(
            f"sync {ref.subject}",
            "consumer",
            parent=envelope.traceparent,
            connection=ref.connection,
            subject=ref.subject,
            record=ref.id,
            attempt=envelope.attempt,
        ) as span:
            span.link(str(envelope.options.get(LED_BY, "")))
            return await self._handle(traced(envelope, span), span, redelivered=redelivered)

    async def _handle(self, envelope: Envelope, span: Span, *, redelivered: bool) -> list[Outcome]:
        connection = await self.connections.get(envelope.connection)
        if await self.rests.takes(replace(envelope, why=INTERRUPTED) if redelivered else envelope):
            return []
        if connection.paused_until and connection.paused_until > self.clock.now():
            await self.queue.send(envelope, delay=connection.paused_until - self.clock.now())
            return []
        ordered = not ORDERS.isdisjoint(envelope.options)
        as_of_now = redelivered or ordered
        lease = await self.store.begin(
            envelope.ref,
            self.clock.now() if as_of_now else envelope.when,
            same_clock=as_of_now or envelope.origin == self.origin,
            impatient=redelivered or envelope.attempt > 0 or envelope.why == ON_DEMAND,
            fresh=(envelope.why == ADDED or bool(envelope.options.get(LOAD))) and not redelivered,
        )
        if isinstance(lease, Verdict):
            log.debug("%s %s", envelope.ref, lease)
            span.note(verdict=lease.value)
            if ordered or (envelope.why == GUARD and lease is Verdict.COLLAPSED):
                await self.queue.send(envelope, delay=BUSY_REST)
            return []
        span.link(lease.record.trace)
        try:
            with tenure(partial(self.store.extend, lease)):
                return await self._passes(connection, envelope, lease, span, redelivered=redelivered)
        finally:
            self.store.leave(lease)

    async def _passes(
        self,
        connection: Connection,
        envelope: Envelope,
        lease: Lease,
        span: Span,
        *,
        redelivered: bool,
    ) -> list[Outcome]:
        """Passes under one lease, until no hint came in the meantime."""
        outcomes: list[Outcome] = []
        for number in range(MOST_PASSES):
            before = Before.of(lease.record)
            outcomes, attempts, again_after, placement = await self._pass(connection, envelope, lease)
            await self.rests.note(connection)
            await self.waits.register(envelope.ref, outcomes)
            lease.record.retry_at = None
            if again_after is not None:
                lease.record.retry_at = self.clock.now() + again_after
                await self.queue.send(envelope.again("retry"), delay=again_after)
            last = number == MOST_PASSES - 1
            if is_unanswered(lease.record):
                # It may still be under way and is looked up by the retry: another round now would make it again.
                last, lease.clear_at = True, lease.record.retry_at or lease.clear_at
            lease.record.trace = span.traceparent
            hinted_again = await self._finish(lease, attempts, keep_if_hinted=not last)
            span.note(result=" ".join(f"{one.entity}={one.result}" for one in outcomes))
            tell(self.telemetry, envelope, before, lease.record, outcomes, self.clock.now())
            await self._hand_over(envelope, placement)
            await self.waits.wake(lease, outcomes, redelivered=redelivered)
            if not hinted_again:
                break
            if last:
                await self.queue.send(
                    replace(envelope, when=self.clock.now(), why="busy", origin=self.origin)
                )
                break
        return outcomes

    async def _finish(self, lease: Lease, attempts: list[Attempt], *, keep_if_hinted: bool) -> bool:
        """Stores the outcome; one that is too large for its row leaves what was known before, and is held."""
        try:
            return await self.store.finish(lease, attempts, keep_if_hinted=keep_if_hinted)
        except TooLarge as large:
            log.error("%s is held: %s %s", lease.record.ref, large.operator, large.detail)
            stored = await self.store.get(lease.record.ref) or Record(lease.record.ref)
            # The largest first: what else the record is has no part in it.
            for link in sorted(lease.record.links.values(), key=extent, reverse=True):
                hold_back(link, stored.links.get(link.entity), large, self.clock.now())
                attempts = [
                    held_attempt(one, link, large) if one.entity == link.entity else one for one in attempts
                ]
                if self._has_room(lease.record):
                    break
            return await self.store.finish(lease, attempts, keep_if_hinted=keep_if_hinted)

    async def preview(self, envelope: Envelope) -> list[Outcome]:
        """The plans of a record without applying anything: the same code minus apply."""
        connection = await self.connections.get(envelope.connection)
        record = await self.store.get(envelope.ref) or Record(envelope.ref)
        job = Job(connection, self.store, envelope, record, self.clock.now())
        job.source = await self._read_source(connection, envelope.ref)
        placement = await self.router.place(connection, record, job.source, decide=False)
        if placement.plan is not None:
            return [Outcome(ROUTING, "planned", state_of(placement.plan), placement.plan)]
        job.leads = placement.leads
        outcomes = []
        for entity in self._entities(envelope):
            plan = await self._plan(entity, self._job_for(entity, job))
            outcomes.append(Outcome(entity.name, "planned", state_of(plan), plan))
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
    ) -> tuple[list[Outcome], list[Attempt], timedelta | None, Placement]:
        record = lease.record
        started = self.clock.now()
        outcomes: list[Outcome] = []
        attempts: list[Attempt] = []
        again_after: timedelta | None = None
        settled = True
        job = Job(connection, self.store, envelope, record, started, lease=lease)
        source_error: SyncError | None = None
        placement = HERE
        read_calls: dict[str, int] = {}
        with counted_calls() as counter:
            try:
                job.source = await self._read_source(connection, record.ref)
                placement = await self.router.place(connection, record, job.source)
            except SyncError as error:
                source_error = error
            read_calls = dict(counter)
        before = record.source_version, record.source_digest
        record.source_version = record.source_digest = ""
        job.note_source(job.source or {})
        job.leads = placement.leads
        if placement.plan is not None:
            outcome = placed(record, placement.plan, placement.home, started)
            duration = round((self.clock.now() - started).total_seconds() * 1000)
            attempt = attempt_of(
                outcome, record.links[ROUTING], envelope, started, duration, read_calls, None
            )
            log.info("%s %s: %s", record.ref, ROUTING, outcome.result)
            record.read_at = started
            return [outcome], [attempt], None, placement
        if source_error is None:
            record.links.pop(ROUTING, None)
        for entity in self._entities(envelope):
            began = self.clock.now()
            own = self._job_for(entity, job)
            was_linked = has_arrived(own.link)
            with counted_calls() as counter:
                plan, failure = await self._run(entity, own, source_error)
                calls = read_calls | {k: v + read_calls.get(k, 0) for k, v in counter.items()}
            read_calls = {}
            if failure is not None:
                delay = self._settle_error(connection, own.link, plan, failure, envelope.attempt)
                if delay is not None:
                    settled = False
                    again_after = max(again_after or delay, delay)
            outcome = Outcome(entity.name, result_of(plan, own.link), own.link.state, plan)
            outcome.newly_linked = has_arrived(own.link) and not was_linked
            self._keep(record, own.link, outcome)
            outcomes.append(outcome)
            duration = round((self.clock.now() - began).total_seconds() * 1000)
            attempts.append(attempt_of(outcome, own.link, envelope, started, duration, calls, failure))
            log.info(
                "%s %s: %s %s",
                record.ref,
                entity.name,
                outcome.result,
                own.link.cause,
                extra={"correlation": envelope.correlation, "calls": calls, "ms": duration},
            )
        if settled and not envelope.only and not any(o.state is State.WAITING for o in outcomes):
            record.read_at = started
        else:
            record.source_version, record.source_digest = before
        return outcomes, attempts, again_after, placement

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
            plan = too_early(entity, job) or await entity.plan(job)
        except WaitForDependency as wait:
            plan = Plan(Action.WAIT, wait.operator, needs=wait.needs, cause=wait.cause, todo=wait.todo)
        except HoldForPerson as hold:
            return Plan(Action.HOLD, hold.operator, cause=hold.cause, todo=hold.todo)
        if plan.action is not Action.WAIT:
            return plan
        return await self.obstacles.find(job.connection, plan.needs) or plan

    async def _run(
        self, entity: Entity, job: Job, source_error: SyncError | None
    ) -> tuple[Plan, SyncError | None]:
        plan = Plan(Action.NOTHING)
        try:
            if source_error is not None:
                raise source_error
            plan = await self._plan(entity, job)
            if plan.action.writes:
                self._require_room(job, plan)
                await entity.apply(job, plan)
            settle(job.link, plan, self.clock.now())
        except WaitForDependency as wait:
            plan = replace(plan, action=Action.WAIT, reason=wait.operator, needs=wait.needs, cause=wait.cause)
            settle(job.link, plan, self.clock.now())
        except HoldForPerson as hold:
            plan = replace(plan, action=Action.HOLD, reason=hold.operator, cause=hold.cause, todo=hold.todo)
            settle(job.link, plan, self.clock.now())
            return plan, hold
        except SyncError as error:
            return plan, error
        except Exception as error:
            log.error("%s %s failed unexpectedly: %s", job.ref, entity.name, place_of(error))
            return plan, RetryLater(
                "unexpected",
                f"DynaConnect failed on this record in a way it does not know: {type(error).__name__}.",
                todo="Send the details of this attempt to support, then retry.",
                detail=redact(traceback.format_exc()[-1500:]),
            )
        return plan, None

    def _require_room(self, job: Job, plan: Plan) -> None:
        """Raises TooLarge before anything is written of which no trace could be kept."""
        written = replace(job.link, written=plan.payload) if plan.payload else job.link
        self.store.require_room(replace(job.record, links=job.record.links | {job.link.entity: written}))

    def _has_room(self, record: Record) -> bool:
        try:
            self.store.require_room(record)
        except TooLarge:
            return False
        return True

    def _settle_error(
        self, connection: Connection, link: Link, plan: Plan, error: SyncError, attempt: int
    ) -> timedelta | None:
        """Writes the error into the link; returns the delay of the next automatic try, None if there is none."""
        now = self.clock.now()
        if isinstance(error, HoldForPerson):
            return None
        if isinstance(error, StopConnection):
            log.error("connection %s is stopped: %s", connection.name, error.cause)
            connection.pause(now, PAUSE_SECONDS)
        link.cause, link.reason, link.todo = error.cause, error.operator, error.todo
        link.open_since = link.open_since or now
        link.attempts = attempt + 1
        exhausted = attempt + 1 >= self._most_tries(error)
        if exhausted:
            link.state = State.HELD
            plan.action, plan.reason = Action.HOLD, error.operator
            return None
        link.state = State.RETRYING
        plan.reason = error.operator
        after = error.after if isinstance(error, RetryLater) else None
        return self.backoff.delay(attempt, after)

    def _most_tries(self, error: SyncError) -> int:
        """Only what the other side says will pass is tried for days."""
        if error.cause == "unexpected":
            return UNEXPECTED_TRIES
        return self.backoff.most_attempts if isinstance(error, RetryLater | StopConnection) else FEW_TRIES

    async def _hand_over(self, envelope: Envelope, placement: Placement) -> None:
        """Tells the connections that have the record, or a copy of it."""
        copied = placement.plan is None and envelope.why != ON_DEMAND
        for name in placement.hand_to:
            hint = replace(envelope, connection=name, when=self.clock.now(), origin=self.origin, attempt=0)
            # That this one needs the record is no reason for a copy of it.
            await self.queue.send(replace(hint, why="shared") if copied else hint)
