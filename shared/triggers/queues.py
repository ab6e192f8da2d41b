"""The queue functions: one hint, one sweep, and what became of messages that crashed their worker."""

import logging
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import azure.functions as func
from azure.core.exceptions import AzureError

from shared.domain.envelope import (
    ERASE,
    FIGURES,
    FIRST_START,
    INTERRUPTED,
    LOAD,
    POISON,
    POISONED,
    PROBE,
    RETENTION,
    Envelope,
)
from shared.domain.errors import FunctionFailed, SyncError, place_of
from shared.domain.records import DEFAULT
from shared.ports.metrics import FAILURES, SWEEPS
from shared.ports.metrics import POISONED as POISONED_COUNT
from shared.ports.storage import SWEEP_QUEUE, SYNC_QUEUE
from shared.reconcile.runs import RECONCILE
from shared.triggers.process import get_app, get_assembled, get_telemetry

if TYPE_CHECKING:
    from shared.app import App

CONNECTION: Final = "AzureWebJobsStorage"
KEEP_HOOKS: Final = "hooks"
"""The subject of a sweep message that registers and renews hooks instead of sweeping records."""
MOST_POISON_TRIES: Final = 3
POISON_REST: Final = timedelta(minutes=15)
SWEEP_REST: Final = timedelta(minutes=1)
REFUSED_REST: Final = timedelta(minutes=5)
"""How long a message rests while the app as a whole cannot work."""

blueprint: func.Blueprint = func.Blueprint()  # type: ignore[no-untyped-call]
log = logging.getLogger("dynaconnect.queues")


@blueprint.function_name("sync_record")
@blueprint.queue_trigger(arg_name="message", queue_name=SYNC_QUEUE, connection=CONNECTION)
async def sync_record(message: func.QueueMessage) -> None:
    """Brings the record of one hint in step."""
    with told("sync_record"):
        app = await _ready(SYNC_QUEUE, message)
        if app is None:
            return
        envelope = Envelope.from_json(message.get_body().decode())
        try:
            redelivered = (message.dequeue_count or 1) > 1 or envelope.why == INTERRUPTED
            await app.pipeline.handle(envelope, redelivered=redelivered)
        except SyncError as error:
            if _is_about_no_connection(error):
                await _show_lost(app, envelope, error.operator)
                return
            log.warning("%s goes back to the queue: %s", envelope.ref, error.cause)
            await _again(app, envelope, error)


@blueprint.function_name("sweep")
@blueprint.queue_trigger(arg_name="message", queue_name=SWEEP_QUEUE, connection=CONNECTION)
async def sweep(message: func.QueueMessage) -> None:
    """Looks for changes that no hint told of, or resolves a notification."""
    with told("sweep"):
        app = await _ready(SWEEP_QUEUE, message)
        if app is None:
            return
        envelope = Envelope.from_json(message.get_body().decode())
        with app.telemetry.span(
            f"sweep {envelope.entity}",
            "consumer",
            parent=envelope.traceparent,
            connection=envelope.connection,
            subject=envelope.entity,
            attempt=envelope.attempt,
        ) as span:
            outcome, cause = "done", ""
            try:
                span.note(hints=await run_sweep(app, envelope))
            except SyncError as error:
                outcome, cause = "dropped" if _is_about_no_connection(error) else "again", error.cause
                span.fail(cause)
                if outcome == "dropped":
                    log.warning("sweep of %s ends: %s", envelope.entity, cause)
                else:
                    log.warning("sweep of %s goes back to the queue: %s", envelope.entity, cause)
                    await app.rests.note(await app.connections.get(envelope.connection))
                    traced = replace(envelope, traceparent=envelope.traceparent or span.traceparent)
                    rest = app.pipeline.backoff.delay(envelope.attempt, getattr(error, "after", None))
                    await app.queue.send_sweep(traced.again("retry"), delay=max(SWEEP_REST, rest))
            app.telemetry.record(
                SWEEPS,
                connection=envelope.connection if outcome != "dropped" else "",
                subject=envelope.entity,
                outcome=outcome,
                cause=cause,
            )


async def _ready(queue: str, message: func.QueueMessage) -> "App | None":
    """The app, or None where it cannot work at all: then the message was put back, as it is and without a failure.

    A newer layout of the tables, or a role that is missing, is not the message's fault. Failing would spend its tries;
    and what fails five times in a poison queue stays there, for the host never hands it out again.
    """
    try:
        return await get_app()
    except (SyncError, AzureError) as error:
        cause = error.cause if isinstance(error, SyncError) else place_of(error)
        log.error("the app cannot work, a message of %s waits: %s", queue, cause)
        get_telemetry().record(FAILURES, function=queue, kind=type(error).__name__)
        text = message.get_body().decode(errors="replace")
        await get_assembled().postpone(queue, text, REFUSED_REST)
        return None


@contextmanager
def told(function: str) -> Iterator[None]:
    """Counts what nobody foresaw, and hands it on to the host by its kind and place: its text may quote a record."""
    try:
        yield
    except Exception as error:
        get_telemetry().record(FAILURES, function=function, kind=type(error).__name__)
        raise FunctionFailed(f"{function} failed: {place_of(error)}") from None


async def run_sweep(app: "App", envelope: Envelope) -> int:
    """Does what a sweep message asks for; returns how many hints it queued."""
    if envelope.entity == PROBE:
        return await app.rests.probe(envelope)
    if envelope.entity == FIGURES:
        await app.figures.take(envelope.connection)
        return 0
    if envelope.entity == ERASE:
        rest = await app.erasure.step(envelope)
        if rest is not None:
            await app.queue.send_sweep(envelope, delay=rest)
        return 0
    if envelope.entity == RETENTION:
        await app.connections.get(envelope.connection)
        if not await app.retention.step(envelope):
            await app.queue.send_sweep(envelope)
        return 0
    if await app.rests.takes(envelope, sweep=True):
        return 0
    if envelope.entity == KEEP_HOOKS:
        await app.keep_hooks(envelope.connection)
        if envelope.why == FIRST_START:
            await app.rights.look(envelope.connection)
        return 0
    if envelope.entity == RECONCILE:
        return await app.reconciler.run(envelope)
    subject = app.registry.subject(envelope.entity)
    if envelope.options.get(LOAD):
        if not await app.loader.load(envelope.connection, subject.name, envelope.when):
            await app.queue.send_sweep(envelope)
        return 0
    if subject.path:
        everything = bool(envelope.options.get("everything"))
        return await app.sweeper.catch_up(envelope.connection, subject.name, everything=everything)
    if envelope.id == "*":
        return await app.sweeper.payments(envelope.connection, full=bool(envelope.options.get("full", True)))
    return await app.sweeper.notified(envelope.connection, envelope.id)


@blueprint.function_name("sync_record_poison")
@blueprint.queue_trigger(arg_name="message", queue_name=f"{SYNC_QUEUE}-poison", connection=CONNECTION)
async def sync_record_poison(message: func.QueueMessage) -> None:
    """Gives a hint that crashed its worker another chance, then shows it to a person."""
    with told("sync_record_poison"):
        await _given(message, sweep_queue=False)


@blueprint.function_name("sweep_poison")
@blueprint.queue_trigger(arg_name="message", queue_name=f"{SWEEP_QUEUE}-poison", connection=CONNECTION)
async def sweep_poison(message: func.QueueMessage) -> None:
    """Gives a sweep that crashed its worker another chance, then shows it to a person."""
    with told("sweep_poison"):
        await _given(message, sweep_queue=True)


async def _given(message: func.QueueMessage, *, sweep_queue: bool) -> None:
    """Takes a message out of a poison queue, or leaves it there for another time: one that fails is stuck there."""
    queue = f"{SWEEP_QUEUE if sweep_queue else SYNC_QUEUE}-poison"
    app = await _ready(queue, message)
    if app is None:
        return
    try:
        await _poisoned(app, message, sweep_queue=sweep_queue)
    except Exception as error:
        log.error("a message of %s waits: %s", queue, place_of(error))
        get_telemetry().record(FAILURES, function=queue, kind=type(error).__name__)
        await app.postpone(queue, message.get_body().decode(errors="replace"), POISON_REST)


async def _poisoned(app: "App", message: func.QueueMessage, *, sweep_queue: bool) -> None:
    text = message.get_body().decode(errors="replace")
    try:
        envelope = Envelope.from_json(text)
    except (ValueError, TypeError) as error:
        unreadable = {"entity": "?", "id": "?", "text": text[:2000], "reason": f"unreadable: {error}"}
        await _show(app, DEFAULT, unreadable | {"sweep": sweep_queue})
        return
    if envelope.entity != ERASE and await app.erasure.is_erased(envelope):
        log.info("a message of connection %s, which is erased, is dropped", envelope.connection)
        return
    tries = int(envelope.options.get(POISONED, 0)) + 1
    if tries <= MOST_POISON_TRIES:
        again = replace(envelope, options={**envelope.options, POISONED: tries})
        send = app.queue.send_sweep if sweep_queue else app.queue.send
        try:
            await send(again, delay=POISON_REST)
        except ValueError as error:
            reason = f"It cannot be tried again: {error}."
        else:
            app.telemetry.record(
                POISONED_COUNT, queue=SWEEP_QUEUE if sweep_queue else SYNC_QUEUE, outcome="again"
            )
            return
    else:
        reason = "The worker failed on this message each time; the logs of the function tell why."
    await _show(
        app,
        envelope.connection,
        {
            "entity": envelope.entity,
            "id": envelope.id,
            "text": text,
            "reason": reason,
            "sweep": sweep_queue,
        },
    )


async def _again(app: "App", envelope: Envelope, error: SyncError) -> None:
    """Nothing could be stored of the pass: the hint itself carries on, and ends where people look."""
    backoff = app.pipeline.backoff
    if envelope.attempt + 1 >= backoff.most_attempts:
        text = replace(envelope, attempt=0).to_json()
        await _show(
            app,
            envelope.connection,
            {"entity": envelope.entity, "id": envelope.id, "text": text, "reason": error.operator},
        )
        return
    delay = backoff.delay(envelope.attempt, getattr(error, "after", None))
    await app.queue.send(envelope.again(INTERRUPTED), delay=delay)


def _is_about_no_connection(error: SyncError) -> bool:
    from shared.engine.connections.book import UNKNOWN

    return error.cause == UNKNOWN


async def _show_lost(app: "App", envelope: Envelope, reason: str) -> None:
    """A hint for a connection that was taken away is kept for when it is there again, where people look."""
    if await app.erasure.is_erased(envelope):
        log.info("a hint of connection %s, which is erased, is dropped", envelope.connection)
        return
    text = envelope.to_json()
    await _show(app, DEFAULT, {"entity": envelope.entity, "id": envelope.id, "text": text, "reason": reason})


async def _show(app: "App", connection: str, value: dict[str, Any]) -> None:
    log.error("a message was given up: %s %s", value["entity"], value["id"])
    queue = SWEEP_QUEUE if value.get("sweep") else SYNC_QUEUE
    app.telemetry.record(POISONED_COUNT, queue=queue, outcome="given up")
    await app.state.save(
        connection, f"{POISON}{uuid.uuid4().hex}", {**value, "at": app.clock.now().isoformat()}
    )
