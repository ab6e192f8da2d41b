"""The drill: every turn of a story once without a crash, then once for each of its points with a crash there."""

import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

from sandbox.azurite import Azurite
from sandbox.crashes import state
from sandbox.crashes.points import Point
from sandbox.crashes.state import Difference, Kept, Lines
from sandbox.crashes.story import Act, Story
from sandbox.crashes.world import MortalWorld
from shared.app import DEFAULT

SHOWN: Final = 1_000

type Say = Callable[[str], None]


@dataclass(slots=True)
class Result:
    """What became of a story's points. ``missed`` were not reached again, as a call may come in fewer parts."""

    entity: str
    turns: int = 0
    points: int = 0
    kinds: dict[str, int] = field(default_factory=dict)
    died: int = 0
    missed: int = 0
    lost: int = 0
    duplicate: int = 0
    other: int = 0
    problems: list[str] = field(default_factory=list)

    @property
    def wrong(self) -> int:
        """Ends that are not as without a crash."""
        return self.lost + self.duplicate + self.other


@dataclass(slots=True)
class Drill:
    """One story on one storage emulator. ``most`` points of a turn are tried, 0 for all, chosen by ``chance``.

    ``seen`` are points of the entity that were tried before, and are not tried again; without it all are.
    """

    azurite: Azurite
    kind: type[Story]
    chance: random.Random
    most: int = 0
    twice: bool = False
    seen: set[Point] | None = None
    result: Result = field(init=False)

    def __post_init__(self) -> None:
        self.result = Result(self.kind.entity)

    async def run(self, say: Say) -> Result:
        """Plays the whole story."""
        async with MortalWorld(self.azurite, self.chance.randrange(10**6)) as world:
            story = self.kind(world)
            await story.prepare()
            for name, act in story.turns().items():
                started = time.process_time()
                known = len(self.result.problems)
                tried = await self._turn(world, story, name, act)
                spent = time.process_time() - started
                say(f"{self.result.entity}, {name}: {tried} points, {spent:.1f} s of this process's CPU time")
                for problem in self.result.problems[known:]:
                    say(f"FAIL {problem}")
        return self.result

    async def _turn(self, world: MortalWorld, story: Story, name: str, act: Act) -> int:
        start = await state.keep(world)
        await self._play(world, act)
        points = world.points
        problems = await self._rest(world, story, name)
        expected, end = await state.written_down(world, start), await state.keep(world)
        if problems:
            raise AssertionError(f"{self.result.entity}, {name}, without a crash: {problems}")
        self.result.turns += 1
        self.result.points += len(points)
        for point in points:
            self.result.kinds[point.kind] = self.result.kinds.get(point.kind, 0) + 1
        chosen = self._chosen(points)
        for point in chosen:
            await state.bring_back(world, start)
            fatal = [point, self.chance.choice(points)] if self.twice else [point]
            await self._crash(world, story, name, act, fatal, start, expected)
        await state.bring_back(world, end)
        return len(chosen)

    def _chosen(self, points: list[Point]) -> list[Point]:
        if self.seen is not None:
            points = [point for point in points if point not in self.seen]
        if self.most and len(points) > self.most:
            points = sorted(self.chance.sample(points, self.most), key=points.index)
        if self.seen is not None:
            self.seen.update(points)
        return points

    async def _play(self, world: MortalWorld, act: Act, *fatal: Point) -> None:
        await act()
        await world.begin(*fatal)
        try:
            await world.drain()
        finally:
            await world.end()

    async def _crash(
        self,
        world: MortalWorld,
        story: Story,
        name: str,
        act: Act,
        fatal: list[Point],
        start: Kept,
        expected: Lines,
    ) -> None:
        where = f"{self.result.entity}, {name}, {' and '.join(map(str, fatal))}"
        try:
            await self._play(world, act, *fatal)
        except (RuntimeError, AssertionError) as error:
            self.result.other += 1
            self.result.problems.append(f"{where}: {error}"[:SHOWN])
            return
        if not world.deaths:
            self.result.missed += 1
            return
        self.result.died += 1
        difference = state.compare(expected, await state.written_down(world, start))
        difference.other += await self._rest(world, story, name)
        self._note(where, difference)

    def _note(self, where: str, difference: Difference) -> None:
        if not difference:
            return
        if difference.duplicate:
            self.result.duplicate += 1
        elif difference.lost:
            self.result.lost += 1
        else:
            self.result.other += 1
        told = [*difference.duplicate, *difference.lost, *difference.other]
        self.result.problems.append(f"{where}:\n" + "\n".join(f"      {line[:SHOWN]}" for line in told))

    async def _rest(self, world: MortalWorld, story: Story, name: str) -> list[str]:
        """What must be true at every end: the story's own check, no rule broken, nothing given up."""
        found = [f"a rule was broken: {breach}" for breach in world.breaches]
        world.connectwise.breaches.clear()
        world.business_central.breaches.clear()
        found += [f"given up: {value}" async for _, value in world.app.desk.poison(DEFAULT)]
        number = {
            key: count for key, count in world.business_central.environment.postings.items() if count > 1
        }
        found += [f"posted more than once: {number}"] if number else []
        try:
            story.check(name)
        except (AssertionError, ValueError) as error:
            found.append(f"{type(error).__name__}: {error}")
        return found


def chosen(kinds: tuple[type[Story], ...], entities: list[str]) -> Iterator[type[Story]]:
    """The stories of the entities; all without a choice."""
    return (kind for kind in kinds if not entities or kind.entity in entities)
