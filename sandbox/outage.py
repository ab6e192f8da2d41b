"""``make outage``: Business Central is away for an hour, by a clock that is moved.

Companies appear before and during the hour, the timers run, and every call is counted by the minute. When Business
Central is back, the order in which customers are made is compared with the order in which their companies appeared.
"""

import argparse
import asyncio
import logging
import sys
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import pairwise
from typing import Final

from sandbox.azurite import Azurite
from sandbox.kit import Fault
from shared.app import DEFAULT
from shared.triggers.timers import catch_up, sweep_payments
from tests.conformance.world import World

MINUTE: Final = timedelta(minutes=1)
TIMER_MINUTES: Final = 5
CALM: Final = timedelta(minutes=30)
"""Long enough for the longest rest between two probes and for everything that follows."""


@dataclass(slots=True)
class Timer:
    """What the host hands to a timer function."""

    past_due: bool = False


@dataclass(slots=True)
class Figures:
    """What an outage cost. ``calls`` has a counter of calls by system for each of its minutes."""

    calls: list[Counter[str]] = field(default_factory=list)
    companies: list[str] = field(default_factory=list)
    made: list[str] = field(default_factory=list)
    aside: int = 0
    recovery_calls: int = 0
    left: int = 0

    def most(self, system: str, first: int = 0) -> int:
        """The most calls to a system in one minute, from a minute on."""
        return max(minute[system] for minute in self.calls[first:])

    @property
    def swapped(self) -> int:
        """How many customers were made right after one whose company appeared later."""
        places = [self.companies.index(name) for name in self.made]
        return sum(one > other for one, other in pairwise(places))


async def outage(world: World, *, minutes: int, before: int, each_minute: int) -> Figures:
    """Plays it; returns the figures when everything has come to rest."""
    figures = Figures()
    world.fault("business_central", Fault("status", status=503))
    systems = {"ConnectWise": world.connectwise, "Business Central": world.business_central}
    for _ in range(before):
        await _company(world, figures)
    for minute in range(minutes):
        counted = {name: Counter(system.calls) for name, system in systems.items()}
        for _ in range(each_minute):
            await _company(world, figures)
        if minute % TIMER_MINUTES == 0:
            await run_timers()
        await world.pass_time(MINUTE)
        figures.calls.append(
            Counter({name: (Counter(one.calls) - counted[name]).total() for name, one in systems.items()})
        )
    rest = await world.app.rests.shown(DEFAULT)
    figures.aside = int(rest["waiting"]) if rest else 0
    world.fault("business_central")
    traffic = world.traffic()
    await world.pass_time(CALM)
    figures.recovery_calls = traffic.calls
    names = set(figures.companies)
    figures.made = [
        row["displayName"] for row in world.bc_records("customers") if row["displayName"] in names
    ]
    figures.left = len(await world.app.desk.work(DEFAULT)) + await world.messages()
    return figures


async def run_timers() -> None:
    """What runs every five minutes."""
    for timer in (catch_up, sweep_payments):
        await timer(Timer())


async def _company(world: World, figures: Figures) -> None:
    number = len(figures.companies)
    name = f"Outage {number:05}"
    stored = await world.cw("companies", {"identifier": f"Outage{number}", "name": name})
    figures.companies.append(name)
    await world.hint("company", str(stored["id"]))


def shown(figures: Figures) -> str:
    """The figures in words and rows of ten minutes."""
    lines = ["minute   " + "".join(f"{n:>6}" for n in range(10))]
    for system in ("Business Central", "ConnectWise"):
        lines.append(f"calls to {system}")
        for start in range(0, len(figures.calls), 10):
            row = [minute[system] for minute in figures.calls[start : start + 10]]
            lines.append(f"  {start:>3}    " + "".join(f"{calls:>6}" for calls in row))
    return "\n".join(
        [
            *lines,
            "",
            f"{len(figures.companies)} companies appeared, {figures.aside} messages were set aside at the end",
            f"most calls to Business Central in a minute: {figures.most('Business Central')}",
            f"the same after the first minute: {figures.most('Business Central', 1)}",
            f"{len(figures.made)} customers were made, {figures.swapped} out of the order of age",
            f"calls of the recovery: {figures.recovery_calls}; left open or queued: {figures.left}",
        ]
    )


async def main(given: argparse.Namespace) -> int:
    """Plays an outage and prints it; 0 if nothing was lost, nothing stormed and the order held."""
    logging.getLogger("dynaconnect").propagate = False
    async with Azurite() as azurite, World(azurite) as world:
        figures = await outage(
            world, minutes=given.minutes, before=given.before, each_minute=given.each_minute
        )
    print(shown(figures))
    complete = sorted(figures.made) == figures.companies and not figures.left
    return 0 if complete and not figures.swapped else 1


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m sandbox.outage", description=__doc__)
    parser.add_argument("--minutes", type=int, default=60)
    parser.add_argument("--before", type=int, default=100, help="companies that wait when it begins")
    parser.add_argument("--each-minute", type=int, default=2, help="companies that appear in each minute")
    sys.exit(asyncio.run(main(parser.parse_args())))
