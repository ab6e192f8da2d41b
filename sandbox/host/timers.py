"""Timer triggers: one loop per function, so a run never overlaps the one before it."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from sandbox.host.dispatcher import Dispatcher
from sandbox.host.functions import Function, TimerTrigger
from sandbox.host.runtime import TimerCall


def utc_now() -> datetime:
    """The time of day that schedules follow."""
    return datetime.now(UTC)


class TimerLoop:
    """Runs one timer function on its schedule. Times missed while it ran, or while the host was down, are skipped."""

    def __init__(
        self,
        function: Function,
        trigger: TimerTrigger,
        dispatcher: Dispatcher,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._function = function
        self._trigger = trigger
        self._dispatcher = dispatcher
        self._now = now
        self._last: datetime | None = None
        self._stopping = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Starts the schedule."""
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def stop(self) -> None:
        """Stops the schedule and waits for a run in flight."""
        self._stopping.set()
        if self._task is not None:
            await self._task

    async def _run(self) -> None:
        if self._trigger.run_on_startup:
            await self._fire(self._now())
        while not self._stopping.is_set():
            due = self._trigger.schedule.next_after(self._now())
            while (wait := (due - self._now()).total_seconds()) > 0 and not self._stopping.is_set():
                await self._pause(wait)
            if not self._stopping.is_set():
                await self._fire(due)

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
        except TimeoutError:
            return

    async def _fire(self, due: datetime) -> None:
        await self._dispatcher.run(self._function, timer_call(self._trigger, self._last, due))
        self._last = due


def timer_call(trigger: TimerTrigger, last: datetime | None, now: datetime) -> TimerCall:
    """The timer event for a run at ``now`` after one at ``last``."""
    never = datetime.min.replace(tzinfo=UTC)
    status: dict[str, Any] = {
        "Last": (last or never).isoformat(),
        "Next": trigger.schedule.next_after(now).isoformat(),
        "LastUpdated": (last or never).isoformat(),
    }
    return TimerCall({"Schedule": {"AdjustForDST": True}, "ScheduleStatus": status, "IsPastDue": False})
