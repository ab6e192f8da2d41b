import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from sandbox.host.dispatcher import Dispatcher
from sandbox.host.functions import Function, TimerTrigger
from sandbox.host.ncrontab import Ncrontab
from sandbox.host.queues import QueueStorage
from sandbox.host.runtime import Call, Outcome, TimerCall
from sandbox.host.timers import TimerLoop

START = datetime(2026, 1, 1, 11, 59, 59, tzinfo=UTC)


class Clockwork:
    """A timer loop whose clock gains half a second whenever it is read, and whose runs the test lets end."""

    def __init__(self) -> None:
        self.now = START
        self.runs: asyncio.Queue[TimerCall] = asyncio.Queue()
        self.may_end = asyncio.Semaphore(0)
        self.running = 0
        self.most_at_once = 0
        self.loop: TimerLoop | None = None

    def read_clock(self) -> datetime:
        moment, self.now = self.now, self.now + timedelta(milliseconds=500)
        return moment

    async def invoke(
        self, _invocation: str, _function: str, _parameter: str, call: Call, _trace: str
    ) -> Outcome:
        assert isinstance(call, TimerCall)
        self.running += 1
        self.most_at_once = max(self.most_at_once, self.running)
        self.runs.put_nowait(call)
        await self.may_end.acquire()
        self.running -= 1
        return Outcome(error="failed, which must not stop the schedule")

    def start(self, expression: str, *, on_startup: bool = False) -> TimerLoop:
        trigger = TimerTrigger("timer", Ncrontab.parse(expression), on_startup)
        function = Function("id", "tick", trigger, {}, None, disabled=False)
        self.loop = TimerLoop(function, trigger, Dispatcher(self, QueueStorage("base64")), self.read_clock)
        self.loop.start()
        return self.loop


@pytest.fixture
async def clockwork() -> AsyncIterator[Clockwork]:
    clockwork = Clockwork()
    yield clockwork
    if clockwork.loop is not None:
        clockwork.may_end.release()
        await clockwork.loop.stop()


async def test_missed_times_are_skipped_and_runs_do_not_overlap(clockwork: Clockwork) -> None:
    clockwork.start("* * * * * *", on_startup=True)
    first = await clockwork.runs.get()
    assert first.info["IsPastDue"] is False
    assert first.info["ScheduleStatus"]["Next"] == "2026-01-01T12:00:00+00:00"
    clockwork.now = datetime(2026, 1, 1, 12, 0, 10, 900_000, tzinfo=UTC)
    clockwork.may_end.release()
    second = await clockwork.runs.get()
    assert second.info["ScheduleStatus"]["Last"] == "2026-01-01T11:59:59+00:00"
    assert second.info["ScheduleStatus"]["Next"] == "2026-01-01T12:00:12+00:00"
    assert clockwork.most_at_once == 1


async def test_without_run_on_startup_nothing_runs_before_its_time(clockwork: Clockwork) -> None:
    loop = clockwork.start("0 0 12 * * *")
    await asyncio.sleep(0)
    assert clockwork.runs.empty()
    await loop.stop()
    assert clockwork.runs.empty()
