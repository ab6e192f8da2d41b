"""Passes at work together, at most so many at a time."""

import asyncio
from collections.abc import Coroutine
from types import TracebackType
from typing import Any, Self


class Passes:
    """Begins passes as others end; the block ends when all of them have, and raises what the first of them raised."""

    def __init__(self, most: int) -> None:
        self._slots = asyncio.Semaphore(most)
        self._running: set[asyncio.Task[Any]] = set()
        self._failure: BaseException | None = None

    @property
    def failed(self) -> bool:
        """Whether one has ended with an error."""
        return self._failure is not None

    async def room(self) -> None:
        """Waits until one more may begin."""
        await self._slots.acquire()

    def begin(self, work: Coroutine[Any, Any, Any]) -> None:
        """Starts one, for which there must be room."""
        task = asyncio.get_running_loop().create_task(work)
        self._running.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._running.discard(task)
        self._slots.release()
        ended = asyncio.CancelledError() if task.cancelled() else task.exception()
        self._failure = self._failure or ended

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        running = list(self._running)
        if isinstance(error, asyncio.CancelledError):
            for task in running:
                task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        if error is None and self._failure is not None:
            raise self._failure
