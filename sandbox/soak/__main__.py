"""``python -m sandbox.soak --events N``: ends with 0 only if nothing was lost, nothing done twice and memory is flat."""

import argparse
import asyncio
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final

from azure.storage.queue.aio import QueueClient

from sandbox.demo.waiting import QUEUES, until
from sandbox.soak.crowd import FAULTS, Crowd
from sandbox.soak.process import MEBI, Cost, cost_of
from sandbox.stage import Stage

EVENTS: Final = 100_000
WARM_UP: Final = 0.1
"""The share of the events after which memory is looked at for the first time."""
MOST_GROWTH: Final = 1.10
AT_ONCE: Final = 50
"""Events between two looks at the queue."""
MOST_WAITING: Final = 200
"""Messages that may wait before the people pause: they are an office, not an attack."""
SWEPT_EVERY: Final = 2_000
PATIENCE_SECONDS: Final = 1_800.0
TIMERS: Final = ("keep_hooks", "catch_up", "sweep_payments")
SHORT: Final = {"DYNACONNECT_LEASE_SECONDS": "10", "DYNACONNECT_OPERATION_SECONDS": "10"}
"""Leases and operations end after seconds, so that nothing stands still for ten minutes after each broken connection."""

type Say = Callable[[str], None]


@dataclass(slots=True)
class Figures:
    """What the run showed."""

    events: dict[str, int]
    lost: list[str]
    twice: list[str]
    breaches: int
    calls: int
    warm: Cost
    end: Cost
    cpu: float
    samples: list[int] = field(default_factory=list)

    @property
    def growth(self) -> float:
        """Memory at the end against memory after the warm-up."""
        return self.end.memory / self.warm.memory

    @property
    def holds(self) -> bool:
        """Whether nothing was lost or done twice, and memory is flat."""
        return not (self.lost or self.twice or self.breaches) and self.growth <= MOST_GROWTH

    def __str__(self) -> str:
        count = sum(self.events.values())
        kinds = ", ".join(f"{number} {kind}" for kind, number in sorted(self.events.items()))
        return "\n".join(
            (
                f"events                {count:10d}  ({kinds})",
                f"calls                 {self.calls:10d}  5 % of them failed",
                f"lost                  {len(self.lost):10d}  {'; '.join(self.lost[:5])}",
                f"twice                 {len(self.twice):10d}  {'; '.join(self.twice[:5])}",
                f"broken rules          {self.breaches:10d}",
                f"memory after warm-up  {self.warm.memory / MEBI:10.1f}  MiB",
                f"memory at the end     {self.end.memory / MEBI:10.1f}  MiB, ratio {self.growth:.3f}",
                f"CPU per event         {self.cpu / count * 1000:10.2f}  ms, the host's process in all",
            )
        )


async def soak(stage: Stage, crowd: Crowd, events: int, say: Say) -> Figures:
    """Makes the events while calls fail, lets everything come to rest, and reads both systems' books."""
    await stage.run("keep_hooks")
    await at_rest(stage)
    await crowd.open()
    await at_rest(stage)
    crowd.fail(*FAULTS)
    warm = before = cost_of(stage.host.pid)
    samples: list[int] = []
    for number in range(1, events + 1):
        await crowd.event()
        if number % AT_ONCE == 0:
            await until("the queue is short", _at_most(stage, MOST_WAITING), PATIENCE_SECONDS)
        if number % SWEPT_EVERY == 0:
            for timer in TIMERS:
                await stage.run(timer)
        if number == max(1, int(events * WARM_UP)):
            warm = cost_of(stage.host.pid)
        if number % max(1, events // 20) == 0:
            samples.append(cost_of(stage.host.pid).memory)
            say(f"{number} events, {samples[-1] / MEBI:.1f} MiB")
    crowd.fail()
    await at_rest(stage)
    for timer in TIMERS:
        await stage.run(timer)
        await at_rest(stage)
    end = cost_of(stage.host.pid)
    calls = stage.connectwise.calls.total() + stage.business_central.calls.total()
    breaches = len(stage.connectwise.breaches) + len(stage.business_central.breaches)
    return Figures(
        dict(crowd.events),
        crowd.lost(),
        crowd.twice(),
        breaches,
        calls,
        warm,
        end,
        end.cpu - before.cpu,
        samples,
    )


def _at_most(stage: Stage, most: int) -> Callable[[], Awaitable[bool]]:
    async def holds() -> bool:
        return await _waiting(stage) <= most

    return holds


async def _waiting(stage: Stage) -> int:
    """The messages in both queues, those included that are not visible yet."""
    count = 0
    for name in QUEUES:
        async with QueueClient.from_connection_string(stage.azurite.connection_string(), name) as queue:
            count += (await queue.get_queue_properties()).approximate_message_count or 0
    return count


async def at_rest(stage: Stage) -> None:
    """Until no callback, notification, message or invocation is under way, twice in a row."""
    calm = 0

    async def holds() -> bool:
        nonlocal calm
        moving = stage.connectwise.callbacks.pending or stage.business_central.webhooks.pending()
        moving = moving or await stage.in_flight() or await _waiting(stage)
        calm = 0 if moving else calm + 1
        return calm >= 2

    await until("everything has come to rest", holds, PATIENCE_SECONDS)


async def main(events: int, seed: int) -> int:
    """Runs on a stage of its own."""
    started = time.monotonic()

    def say(text: str) -> None:
        print(f"[{time.monotonic() - started:7.1f} s] {text}", flush=True)

    async with Stage(settings=SHORT) as stage:
        try:
            figures = await soak(stage, Crowd(stage, seed), events, say)
        except Exception:
            print("\n".join(list(stage.host.output)[-40:]), file=sys.stderr)
            raise
    print(f"\n{figures}\n\n{'holds' if figures.holds else 'DOES NOT HOLD'}")
    return 0 if figures.holds else 1


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m sandbox.soak")
    parser.add_argument("--events", type=int, default=EVENTS)
    parser.add_argument("--seed", type=int, default=1, help="chooses the events")
    given = parser.parse_args()
    sys.exit(asyncio.run(main(given.events, given.seed)))
