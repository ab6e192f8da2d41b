"""Keeps the calls to one system below its limit for a sliding window, so that it never has to refuse one."""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Final, Self

FEWEST: Final = 20
"""What a batch waits for at least: smaller ones would take as long for less."""
SHARE: Final = 0.98
"""What is used of a limit: the rest is for whoever else signs in as the same user now and then."""


@dataclass(slots=True)
class Turn:
    """So many calls under way, until the block ends."""

    calls: int
    end: Callable[[int], None]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end(self.calls)


@dataclass(slots=True)
class Pace:
    """At most ``most`` calls within ``seconds``; whoever comes too early waits for its turn. Zero is no limit.

    When the other side counts a call is not known, but it has done so before it answers: a call counts here from its
    turn until a whole window after its answer.
    """

    most: int = 0
    seconds: float = 300.0
    now: Callable[[], float] = time.monotonic
    _began: float = field(init=False)
    _running: int = 0
    _ended: deque[tuple[float, int]] = field(default_factory=deque)
    _sum: int = 0
    _order: asyncio.Lock = field(default_factory=asyncio.Lock)
    _change: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        """Notes when this process began to call."""
        self._began = self.now()

    def take_over(self) -> None:
        """Counts what an earlier process may have called, at most all that is free, right until this one began."""
        free = int(self.most * SHARE) - self._used()
        if free > 0 and self._began + self.seconds > self.now():
            self._ended.appendleft((self._began, free))
            self._sum += free

    async def turn(self, calls: int = 1) -> Turn:
        """The turn of so many calls; those who wait are served in order."""
        return await self._turn(calls, calls)

    async def turn_of_some(self, most: int) -> Turn:
        """The turn of as many calls as may be made, once that is more than a few: nothing of a window is left over."""
        return await self._turn(min(most, FEWEST), most)

    async def _turn(self, fewest: int, most: int) -> Turn:
        if not self.most:
            return Turn(most, _uncounted)
        room = max(fewest, int(self.most * SHARE))
        async with self._order:
            while True:
                free = room - self._used()
                if free >= fewest:
                    break
                await self._wait()
            taken = min(most, free)
            self._running += taken
        return Turn(taken, self._end)

    def _used(self) -> int:
        """The calls under way, and those answered within the window that ends now."""
        while self._ended and self._ended[0][0] + self.seconds <= self.now():
            self._sum -= self._ended.popleft()[1]
        return self._running + self._sum

    async def _wait(self) -> None:
        """Until the oldest answer leaves the window, or while there is none until a call ends."""
        if self._ended:
            await asyncio.sleep(max(0.0, self._ended[0][0] + self.seconds - self.now()))
        else:
            self._change.clear()
            await self._change.wait()

    def _end(self, calls: int) -> None:
        self._running -= calls
        self._ended.append((self.now(), calls))
        self._sum += calls
        self._change.set()


def _uncounted(_calls: int) -> None:
    """Without a limit there is nothing to count."""
