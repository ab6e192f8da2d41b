"""One run of the model: steps drawn from a seed, rules after each, and the least steps that still break one.

Not Hypothesis: a step costs HTTP and storage, so that one example takes seconds, and hints of both systems arrive in
an order that only they decide, which Hypothesis would call flaky. Each step has a seed of its own instead; leaving
some out leaves the others as they are, and that is all that shrinking needs.
"""

import random
import traceback
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Final

from sandbox.azurite import Azurite
from sandbox.model import rules
from sandbox.model.people import People
from sandbox.model.trouble import Trouble
from sandbox.model.world import ModelWorld
from shared.triggers.queues import KEEP_HOOKS
from tests.conformance.taps import Crash

type Act = Callable[[random.Random], Awaitable[str]]

WEIGHTS: Final = {
    "new_company": 4,
    "edit_company": 5,
    "new_item": 3,
    "edit_item": 4,
    "bill": 12,
    "close": 5,
    "rewrite": 5,
    "delete_invoice": 1,
    "pay": 14,
    "apply_invoice": 3,
    "unapply": 5,
    "edit_in_bc": 3,
    "delete_in_bc": 2,
    "order": 4,
    "edit_order": 3,
    "receive": 5,
    "spend": 3,
    "approve": 2,
    "take_back": 2,
    "fault": 8,
    "work": 14,
    "work_at_once": 6,
    "rest": 7,
    "crash": 5,
    "repeat": 3,
    "late": 3,
    "lose": 2,
    "disconnect": 1,
    "timer": 6,
    "retry": 1,
    "time": 3,
}
"""How often each step is drawn, against the others."""
FINAL_REST: Final = timedelta(minutes=11)
"""Longer than a waiting record rests before a sweep asks for it again."""
SHRINKING_RUNS: Final = 12


@dataclass(frozen=True, slots=True)
class Step:
    """A step by name, with the seed of what it draws."""

    name: str
    seed: int


@dataclass(slots=True)
class Result:
    """What a run showed: ``story`` in words, ``problems`` none when every rule held."""

    seed: int
    steps: Sequence[Step]
    story: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    messages: int = 0
    writes: int = 0
    crashes: int = 0
    most_to_drain: int = 0


def steps_of(seed: int, count: int) -> list[Step]:
    """As many steps as asked for; the same seed gives the same ones."""
    chance = random.Random(seed)
    names = chance.choices([*WEIGHTS], [*WEIGHTS.values()], k=count)
    return [Step(name, chance.getrandbits(32)) for name in names]


async def play(azurite: Azurite, seed: int, steps: Sequence[Step]) -> Result:
    """Plays the steps in a new world, then lets everything come to rest."""
    result = Result(seed, steps)
    async with ModelWorld(azurite) as world:
        try:
            await _played(world, result)
        except Exception as error:
            frames = traceback.extract_tb(error.__traceback__)[-3:]
            places = ", ".join(f"{Path(frame.filename).name}:{frame.lineno}" for frame in frames)
            result.problems.append(f"{type(error).__name__}: {error} ({places})")
        result.messages, result.writes = world.handled, world.writes_seen
        result.crashes, result.most_to_drain = world.crashes, world.most_to_drain
    return result


async def _played(world: ModelWorld, result: Result) -> None:
    people, trouble = People(world), Trouble(world)
    await people.open()
    for number, step in enumerate(result.steps):
        act: Act = getattr(people, step.name, None) or getattr(trouble, step.name)
        told = await _acted(world, act, random.Random(step.seed))
        await world.rest_of_hooks()
        if told:
            result.story.append(f"{number:3d} {step.name}: {told}")
        result.problems = [*world.found, *rules.always(people)]
        if result.problems:
            return
    result.story.append("    everything comes to rest")
    await come_to_rest(world)
    result.problems = [*world.found, *await rules.at_rest(people)]


async def _acted(world: ModelWorld, act: Act, chance: random.Random) -> str:
    try:
        return await act(chance)
    except Crash:
        await world.restart()
        return "the process dies"


async def come_to_rest(world: ModelWorld) -> None:
    """Nothing fails any more: the hooks are healed, and the timers run until they find nothing."""
    world.fault("connectwise")
    world.fault("business_central")
    world.connectwise.settings.lose_callbacks = False
    names = [s.name for s in world.app.registry.subjects() if s.path or s.business_central]
    for name in (KEEP_HOOKS, *names):
        await world.app.queue.send_sweep(world.envelope(name, "*", "timer"))
    for _ in range(2):
        await world.rest()
        world.clock.advance(FINAL_REST)
        for name in names:
            await world.app.queue.send_sweep(world.envelope(name, "*", "timer"))
    await world.rest()


async def shrunk(azurite: Azurite, failed: Result, say: Callable[[str], None]) -> Result:
    """The least steps found, in a bounded number of runs, that still break a rule."""
    best, size = failed, max(1, len(failed.steps) // 2)
    runs = 0
    while size and runs < SHRINKING_RUNS:
        start, smaller = 0, False
        while start < len(best.steps) and runs < SHRINKING_RUNS:
            runs += 1
            left = [*best.steps[:start], *best.steps[start + size :]]
            tried = await play(azurite, failed.seed, left)
            if tried.problems:
                best, smaller = tried, True
                say(f"  still broken with {len(left)} steps")
            else:
                start += size
        size = size if smaller and size > 1 else size // 2
    return best
