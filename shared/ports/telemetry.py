"""What is told of the app's work while it runs: spans of one trace per change, and figures.

The engine knows only this port. Attributes carry names of connections, entities, systems and causes, never
what a record holds: no name, address, number of a document, text of an error or secret.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Final, Literal, Protocol

type SpanKind = Literal["server", "consumer", "client", "internal"]
type Value = str | int | float | bool


@dataclass(frozen=True, slots=True)
class Metric:
    """A figure: ``count`` adds up, ``spread`` keeps the distribution, ``level`` is what was seen last.

    ``attributes`` are those that it is split by; alerts and the workbook may use no others.
    """

    name: str
    kind: Literal["count", "spread", "level"]
    unit: str
    text: str
    attributes: tuple[str, ...]


class Span(Protocol):
    """One piece of work within a trace."""

    @property
    def traceparent(self) -> str:
        """Its W3C traceparent for whoever goes on with the work; empty where nothing is recorded."""
        ...

    def note(self, **attributes: Value) -> None:
        """Adds what became known meanwhile."""
        ...

    def link(self, traceparent: str) -> None:
        """Names other work that led to it; an empty text names none."""
        ...

    def fail(self, cause: str) -> None:
        """Marks it as failed, with the cause code."""
        ...


class Telemetry(Protocol):
    """Where spans and figures go. No method raises or waits."""

    def span(
        self,
        name: str,
        kind: SpanKind = "internal",
        *,
        parent: str = "",
        **attributes: Value,
    ) -> AbstractContextManager[Span]:
        """A span around a block. ``parent`` is the traceparent of who asked for the work, else the span outside."""
        ...

    def current(self) -> str:
        """The traceparent of the span that the caller is in; empty where nothing is recorded."""
        ...

    def record(self, metric: Metric, amount: float = 1, **attributes: str) -> None:
        """Notes one figure."""
        ...


@dataclass(frozen=True, slots=True)
class _NoSpan:
    traceparent: str = ""

    def note(self, **attributes: Value) -> None:
        """Nothing is kept."""

    def link(self, traceparent: str) -> None:
        """Nothing is kept."""

    def fail(self, cause: str) -> None:
        """Nothing is kept."""


_NO_SPAN: Final = _NoSpan()


@dataclass(frozen=True, slots=True)
class Silent:
    """Tells nobody: the default, and what runs where no Application Insights is configured."""

    @contextmanager
    def span(
        self,
        name: str,
        kind: SpanKind = "internal",
        *,
        parent: str = "",
        **attributes: Value,
    ) -> Iterator[Span]:
        """Runs the block."""
        yield _NO_SPAN

    def current(self) -> str:
        """There is none."""
        return ""

    def record(self, metric: Metric, amount: float = 1, **attributes: str) -> None:
        """Nothing is kept."""


SILENT: Final = Silent()
