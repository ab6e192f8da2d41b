"""Counts the calls to other systems that one piece of work makes."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_current: ContextVar[Counter[str] | None] = ContextVar("dynaconnect_calls", default=None)


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
