"""Keeps the calls to one system below its limit for a sliding window, so that it never has to refuse one."""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

SHARE: Final = 0.98
"""What is used of a limit: calls arrive in another order and at other distances than they were sent."""


@dataclass(slots=True)
class Pace:
    """At most ``most`` calls within ``seconds``; whoever comes too early waits for its turn. Zero is no limit."""

    most: int = 0
    seconds: float = 300.0
    now: Callable[[], float] = time.monotonic
    _taken: deque[tuple[float, int]] = field(default_factory=deque)
    _sum: int = 0
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def take(self, calls: int = 1) -> None:
        """Returns when so many calls may be made; those who wait are served in order."""
        if not self.most:
            return
        room = max(calls, int(self.most * SHARE))
        async with self._turn:
            while True:
                if self._used() + calls <= room:
                    break
                await asyncio.sleep(max(0.0, self._taken[0][0] + self.seconds - self.now()))
            self._taken.append((self.now(), calls))
            self._sum += calls

    def _used(self) -> int:
        """The calls of the window that ends now."""
        while self._taken and self._taken[0][0] + self.seconds <= self.now():
            self._sum -= self._taken.popleft()[1]
        return self._sum
