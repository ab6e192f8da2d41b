"""What the figures say of a pass, told once its outcome is stored: nothing is counted that did not happen."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, Self

from shared.domain.envelope import Envelope
from shared.domain.plans import Outcome
from shared.domain.records import Link, Record
from shared.ports.metrics import CHANGE_TIME, MONEY, RECORDS
from shared.ports.telemetry import Span, Telemetry

ARRIVED: Final = ("created", "updated")
BOOKED: Final = "done"
"""The last step of a document: posted, marked as exported and confirmed."""
TOTALS: Final = ("posted_total", "total")
"""The facts that hold what a document amounts to in Business Central, the surest first."""
LED_BY: Final = "led_by"
"""The option of a hint with the trace of the sweep that made it, which is not the trace of the record."""


@dataclass(frozen=True, slots=True)
class Before:
    """What a record was like before a pass."""

    read_at: datetime | None
    steps: dict[str, str]
    since: dict[str, datetime | None]

    @classmethod
    def of(cls, record: Record) -> Self:
        """Notes what the figures compare with."""
        links = record.links
        return cls(
            record.read_at,
            {name: link.step for name, link in links.items()},
            {name: link.open_since for name, link in links.items()},
        )


def tell(
    telemetry: Telemetry,
    envelope: Envelope,
    before: Before,
    record: Record,
    outcomes: Iterable[Outcome],
    now: datetime,
) -> None:
    """Counts what came of a pass, how long the change took, and the money that was posted."""
    connection = record.ref.connection
    for outcome in outcomes:
        entity = outcome.entity
        link = record.links.get(entity) or Link(entity)
        telemetry.record(
            RECORDS, connection=connection, entity=entity, result=outcome.result, cause=link.cause
        )
        if outcome.result in ARRIVED:
            seconds = (now - _known_since(envelope, before, record, entity)).total_seconds()
            telemetry.record(CHANGE_TIME, max(0.0, seconds), connection=connection, entity=entity)
        if link.step == BOOKED != before.steps.get(entity, ""):
            _tell_money(telemetry, connection, link)


def _known_since(envelope: Envelope, before: Before, record: Record, entity: str) -> datetime:
    """When the change was made, as far as that is known, or when its record began to wait."""
    moments = [envelope.when]
    if since := before.since.get(entity):
        moments.append(since)
    if before.read_at is not None and record.source_version:
        changed = datetime.fromisoformat(record.source_version)
        # What was last changed before it was last read is no news: somebody asked for it again.
        moments += [changed] if changed > before.read_at else []
    return min(moments)


def _tell_money(telemetry: Telemetry, connection: str, link: Link) -> None:
    total = next((link.facts[name] for name in TOTALS if name in link.facts), None)
    if total:
        currency = str(link.facts.get("currency") or "local")
        telemetry.record(MONEY, float(total), connection=connection, entity=link.entity, currency=currency)


def traced(envelope: Envelope, span: Span) -> Envelope:
    """The hint with the trace of its pass, so that retries stay in it and attempts name it."""
    if not span.traceparent:
        return envelope
    trace_id = span.traceparent.split("-")[1]
    return replace(envelope, correlation=trace_id, traceparent=envelope.traceparent or span.traceparent)
