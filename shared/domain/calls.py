"""Counts the calls to other systems that one piece of work makes."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final

_current: ContextVar[Counter[str] | None] = ContextVar("dynaconnect_calls", default=None)


GONE_AFTER: Final = 20
"""Calls in a row without an answer after which a system counts as gone: more than bad luck, less than a storm."""


@dataclass(slots=True)
class Pulse:
    """Whether a system answers this process; ``cause`` and ``reason`` say how the last call failed."""

    system: str
    missed: int = 0
    cause: str = ""
    reason: str = ""

    def beat(self) -> None:
        """The system answered."""
        self.missed = 0

    def miss(self, cause: str, reason: str) -> None:
        """The system did not answer, or only to say that it is away."""
        self.missed += 1
        self.cause, self.reason = cause, reason

    @property
    def is_gone(self) -> bool:
        """Whether nobody has been answered for a while."""
        return self.missed >= GONE_AFTER


@contextmanager
def counted_calls() -> Iterator[Counter[str]]:
    """Counts, by system, the calls made inside the block."""
    counter: Counter[str] = Counter()
    token = _current.set(counter)
    try:
        yield counter
    finally:
        _current.reset(token)


def count_call(system: str) -> None:
    """Notes one call to a system; outside a counting block it does nothing."""
    counter = _current.get()
    if counter is not None:
        counter[system] += 1
