"""The right of a pass to write: it ends with the lease, and is made sure of right before each write.

A call can wait long for its turn, and a process can be suspended. What was looked up before is only worth something
while no other pass has begun since.
"""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import timedelta
from typing import Final

LONGEST_OPERATION: Final = timedelta(minutes=10)
"""How long a system may go on with a call for which nobody waits any more: Business Central cancels an operation after
eight minutes and its gateway after ten ("Operational limits"); ConnectWise publishes no such limit."""

type Extend = Callable[[timedelta], Awaitable[None]]
"""Makes sure that a lease lasts at least so long; raises RetryLater when another pass has it or may still be writing."""

_current: ContextVar[Extend | None] = ContextVar("dynaconnect_tenure", default=None)


@contextmanager
def tenure(extend: Extend | None) -> Iterator[None]:
    """What is written inside the block is written under this lease; None is under none."""
    token = _current.set(extend)
    try:
        yield
    finally:
        _current.reset(token)


def current_tenure() -> Extend | None:
    """The lease under which the caller writes."""
    return _current.get()


async def require_tenure(at_least: timedelta) -> None:
    """Makes sure that the caller may write for so long; outside a pass it does nothing."""
    extend = _current.get()
    if extend is not None:
        await extend(at_least)
