"""The operational limits per user: concurrent calls, queue, and calls per sliding window."""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from sandbox.business_central.environment import Environment
from sandbox.business_central.errors import ApiError


@dataclass(slots=True)
class _User:
    running: int = 0
    waiting: deque[asyncio.Future[None]] = field(default_factory=deque)
    stamps: deque[float] = field(default_factory=deque)


class Limits:
    """Admits calls; those over the concurrent limit wait in turn, those over the queue or the window get 429."""

    def __init__(self, environment: Environment) -> None:
        self.environment = environment
        self.reset()

    def reset(self) -> None:
        """Forgets all calls seen so far."""
        self._users: dict[str, _User] = {}
        self.max_running = 0
        self.max_in_flight = 0
        self.rejected = 0

    @asynccontextmanager
    async def slot(self, name: str) -> AsyncIterator[None]:
        """Holds one of the user's places while the call runs; raises 429 when there is none to wait for."""
        user = self._users.setdefault(name, _User())
        self._check_window(user)
        settings = self.environment.settings
        if user.running >= settings.concurrent_limit:
            if len(user.waiting) >= settings.queue_limit:
                raise self._too_many(len(user.waiting) + user.running + 1, settings.queue_limit)
            await self._wait(user)
        else:
            user.running += 1
        self.max_running = max(self.max_running, user.running)
        self.max_in_flight = max(self.max_in_flight, user.running + len(user.waiting))
        try:
            yield
        finally:
            self._release(user)

    def charge(self, name: str, calls: int) -> None:
        """Counts further calls of a user whose place was taken before: the operations of a batch."""
        user = self._users.setdefault(name, _User())
        for _ in range(calls):
            self._check_window(user)

    async def _wait(self, user: _User) -> None:
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        user.waiting.append(turn)
        self.max_in_flight = max(self.max_in_flight, user.running + len(user.waiting))
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._release(user)
            else:
                user.waiting.remove(turn)
            raise

    def _release(self, user: _User) -> None:
        """Hands the place to the next call in the queue, or frees it."""
        while user.waiting:
            turn = user.waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        user.running -= 1

    def _check_window(self, user: _User) -> None:
        settings, now = self.environment.settings, time.monotonic()
        while user.stamps and user.stamps[0] <= now - settings.request_window:
            user.stamps.popleft()
        if len(user.stamps) >= settings.request_limit:
            raise self._too_many(len(user.stamps) + 1, settings.request_limit)
        user.stamps.append(now)

    def _too_many(self, actual: int, maximum: int) -> ApiError:
        self.rejected += 1
        after = self.environment.settings.retry_after
        headers = {"Retry-After": str(after)} if after else {}
        text = f"Too many requests reached. Actual ({actual}). Maximum ({maximum})."
        return ApiError(429, "Application_TooManyRequests", text, headers)
