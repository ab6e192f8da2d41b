"""Spans and figures by OpenTelemetry, to whatever the Functions runtime has set up for this process.

In Azure the runtime sets up Azure Monitor before it reads the app, if ``PYTHON_APPLICATIONINSIGHTS_ENABLE_TELEMETRY``
says so. OpenTelemetry is imported here only, and only then: it costs start-up time that nobody else should pay.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from shared.ports.telemetry import SILENT, Metric, Span, SpanKind, Telemetry, Value

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.metrics import Meter
    from opentelemetry.trace import Span as OtelSpan
    from opentelemetry.trace import SpanContext, Tracer

SCOPE: Final = "dynaconnect"
NAMES: Final = {
    "method": "http.request.method",
    "url": "url.full",
    "host": "server.address",
    "port": "server.port",
    "status": "http.response.status_code",
}
"""What OpenTelemetry calls the attributes of a call; all others are ours and get our prefix."""

TRACE_ID: Final = slice(3, 35)
"""Where a traceparent holds the id of its trace."""


def open_telemetry(*, enabled: bool) -> Telemetry:
    """OpenTelemetry where it is enabled, else the one that tells nobody."""
    if not enabled:
        return SILENT
    from opentelemetry import metrics, trace

    return OpenTelemetry(trace.get_tracer(SCOPE), metrics.get_meter(SCOPE))


@dataclass(frozen=True, slots=True)
class OpenTelemetrySpan:
    """A span of OpenTelemetry behind the port."""

    span: "OtelSpan"

    @property
    def traceparent(self) -> str:
        """Its W3C traceparent; empty where nothing is recorded."""
        return _traceparent(self.span.get_span_context())

    def note(self, **attributes: Value) -> None:
        """Adds attributes."""
        self.span.set_attributes(_named(attributes))

    def link(self, traceparent: str) -> None:
        """Links other work, unless it is this trace's own parent or nothing."""
        context = _context_of(traceparent)
        if context is not None:
            self.span.add_link(context)

    def fail(self, cause: str) -> None:
        """Marks it as failed. No text of an error is kept, because it may quote the record."""
        from opentelemetry.trace import Status, StatusCode

        self.span.set_attribute("dynaconnect.cause", cause)
        self.span.set_status(Status(StatusCode.ERROR))


@dataclass(slots=True)
class OpenTelemetry:
    """Spans and figures by the tracer and the meter of this process."""

    tracer: "Tracer"
    meter: "Meter"
    _instruments: dict[str, Any] = field(default_factory=dict)

    @contextmanager
    def span(
        self, name: str, kind: SpanKind = "internal", *, parent: str = "", **attributes: Value
    ) -> Iterator[Span]:
        """A span around a block; an exception that leaves it is noted by its type alone."""
        from opentelemetry.trace import SpanKind as Kind

        outside = self.current()
        context = _remote(parent)
        with self.tracer.start_as_current_span(
            name,
            context=context,
            kind=Kind[kind.upper()],
            attributes=_named(attributes),
            record_exception=False,
            set_status_on_exception=False,
        ) as started:
            own = OpenTelemetrySpan(started)
            # The host has a span of its own around each function; it belongs to another trace than the message.
            if context is not None and outside and outside[TRACE_ID] != parent[TRACE_ID]:
                own.link(outside)
            try:
                yield own
            except BaseException as error:
                own.fail(type(error).__name__)
                raise

    def current(self) -> str:
        """The traceparent of the span that the caller is in."""
        from opentelemetry import trace

        return _traceparent(trace.get_current_span().get_span_context())

    def record(self, metric: Metric, amount: float = 1, **attributes: str) -> None:
        """Notes one figure."""
        instrument = self._instruments.get(metric.name)
        if instrument is None:
            instrument = self._instruments[metric.name] = self._make(metric)
        match metric.kind:
            case "count":
                instrument.add(amount, attributes)
            case "spread":
                instrument.record(amount, attributes)
            case "level":
                instrument.set(amount, attributes)

    def _make(self, metric: Metric) -> Any:
        match metric.kind:
            case "count":
                return self.meter.create_counter(metric.name, metric.unit, metric.text)
            case "spread":
                return self.meter.create_histogram(metric.name, metric.unit, metric.text)
            case "level":
                return self.meter.create_gauge(metric.name, metric.unit, metric.text)


def _named(attributes: dict[str, Value]) -> dict[str, Value]:
    return {NAMES.get(name, f"dynaconnect.{name}"): value for name, value in attributes.items()}


def _traceparent(context: "SpanContext") -> str:
    if not context.is_valid:
        return ""
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"


def _remote(traceparent: str) -> "Context | None":
    """The context that a traceparent describes; None, which means the present one, where it describes none."""
    from opentelemetry.trace import NonRecordingSpan, set_span_in_context

    found = _context_of(traceparent)
    return set_span_in_context(NonRecordingSpan(found)) if found is not None else None


def _context_of(traceparent: str) -> "SpanContext | None":
    from opentelemetry import trace
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    if not traceparent:
        return None
    context = TraceContextTextMapPropagator().extract({"traceparent": traceparent})
    found = trace.get_current_span(context).get_span_context()
    return found if found.is_valid else None
