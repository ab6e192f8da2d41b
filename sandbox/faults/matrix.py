"""Plans and plays the matrix, and prints it."""

import random
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from sandbox.azurite import Azurite
from sandbox.faults.cells import Cell, endpoints_of, run
from sandbox.faults.kinds import KINDS, SYSTEMS, can_meet
from sandbox.faults.scenes import Scene
from sandbox.faults.world import FaultWorld

type Endpoint = tuple[str, str]
type Plan = Mapping[str, Sequence[tuple[Endpoint, str]]]

LETTERS: Final = {"done": ".", "retried": "r", "held": "h", "waits": "w", "left out": "o", "listed": "l"}
MOST_RECORDS: Final = 24
"""Records of one scene before its world is made anew, so that no run grows slower."""


@dataclass(slots=True)
class Matrix:
    """Which scene calls which endpoint, and every cell that was played."""

    seen: dict[str, list[Endpoint]] = field(default_factory=dict)
    cells: list[Cell] = field(default_factory=list)

    @property
    def endpoints(self) -> list[Endpoint]:
        """Every endpoint that some scene called, in the order of the systems."""
        every = {endpoint for found in self.seen.values() for endpoint in found}
        return sorted(every, key=lambda one: (SYSTEMS.index(one[0]), one[1].split(" ", 1)[1], one[1]))

    @property
    def wrong(self) -> list[Cell]:
        """The cells that broke the promise."""
        return [cell for cell in self.cells if cell.wrong]


def plan(matrix: Matrix, scenes: Sequence[Scene], kinds: Iterable[str], *, everywhere: bool) -> Plan:
    """The cells of each scene. Each endpoint meets each fault once, in turn in the scenes that call it; or in all."""
    callers: defaultdict[Endpoint, list[str]] = defaultdict(list)
    for scene in scenes:
        for endpoint in matrix.seen.get(scene.name, ()):
            callers[endpoint].append(scene.name)
    shown = {scene.name for scene in scenes if scene.lasting}
    planned: defaultdict[str, list[tuple[Endpoint, str]]] = defaultdict(list)
    for endpoint in matrix.endpoints:
        names = callers[endpoint]
        own = names if everywhere else [name for name in names if name in shown] or names
        for number, kind in enumerate(kinds):
            for name in own if everywhere else [own[number % len(own)]]:
                if can_meet(kind, endpoint[1]):
                    planned[name].append((endpoint, kind))
    return planned


def sample(planned: Plan, count: int, seed: int) -> Plan:
    """So many cells of a plan, chosen by the seed."""
    every = [(name, cell) for name, cells in planned.items() for cell in cells]
    chosen = random.Random(seed).sample(every, min(count, len(every)))
    some: defaultdict[str, list[tuple[Endpoint, str]]] = defaultdict(list)
    for name, cell in chosen:
        some[name].append(cell)
    return some


async def explore(azurite: Azurite, scenes: Iterable[Scene], matrix: Matrix) -> None:
    """Plays each scene once without a fault and notes what the product calls."""
    for scene in scenes:
        async with FaultWorld(azurite) as world:
            await scene.prepare(world)
            await world.drain()
            matrix.seen[scene.name] = await endpoints_of(world, scene, 1)


async def play(
    azurite: Azurite, scenes: Sequence[Scene], planned: Plan, matrix: Matrix, say: Callable[[str], None]
) -> None:
    """Plays every planned cell."""
    for scene in scenes:
        cells = planned.get(scene.name, ())
        began, wrong = time.monotonic(), len(matrix.wrong)
        for start in range(0, len(cells), MOST_RECORDS):
            left = list(cells[start : start + MOST_RECORDS])
            while left:
                left = await _play_in_one_world(azurite, scene, left, matrix, say)
        if cells:
            seconds, broken = time.monotonic() - began, len(matrix.wrong) - wrong
            say(f"{scene.name}: {len(cells)} cells, {broken} wrong, {seconds:.0f} s")


async def _play_in_one_world(
    azurite: Azurite,
    scene: Scene,
    cells: list[tuple[Endpoint, str]],
    matrix: Matrix,
    say: Callable[[str], None],
) -> list[tuple[Endpoint, str]]:
    """Plays cells in turn; after one that went wrong the world is left, and what is left is returned."""
    async with FaultWorld(azurite) as world:
        await scene.prepare(world)
        await world.drain()
        for number, ((system, endpoint), kind) in enumerate(cells, start=1):
            cell = await run(world, scene, system, endpoint, kind, number)
            matrix.cells.append(cell)
            if cell.wrong:
                say(f"{cell.wrong}: {cell.scene}, {cell.fault} at {system} {endpoint}")
                return cells[number:]
    return []


def table(matrix: Matrix) -> str:
    """Endpoints against faults, a letter for each cell, with counts."""
    kinds = [kind for kind in KINDS if any(cell.fault == kind for cell in matrix.cells)]
    at: defaultdict[tuple[Endpoint, str], list[Cell]] = defaultdict(list)
    for cell in matrix.cells:
        at[(cell.system, cell.endpoint), cell.fault].append(cell)
    lines = [f"  {number:2}  {kind}" for number, kind in enumerate(kinds, 1)]
    lines += ["", f"{'system':17}{''.join(f'{n:>3}' for n in range(1, len(kinds) + 1))}  endpoint"]
    for endpoint in matrix.endpoints:
        letters = "".join(f"{_letter(at[endpoint, kind]):>3}" for kind in kinds)
        if letters.strip():
            lines.append(f"{endpoint[0]:17}{letters}  {short(endpoint[1])}")
    lines += [
        "",
        ". done   r retried   h held   w waits   o left out, with the reason   l listed   X wrong",
        "",
    ]
    return "\n".join([*lines, *_counts(matrix)])


def _letter(cells: Sequence[Cell]) -> str:
    if any(cell.wrong for cell in cells):
        return "X"
    letters = sorted({LETTERS[cell.verdict] for cell in cells})
    return letters[-1] if letters else ""


def short(endpoint: str) -> str:
    """An endpoint without what all of its system's addresses begin with."""
    for prefix in ("/v4_6_release/apis/3.0/", "/api/v2.0/companies({company})/", "/api/v2.0/"):
        endpoint = endpoint.replace(prefix, "")
    return endpoint


def _counts(matrix: Matrix) -> list[str]:
    lines = [f"{'system':17}{'endpoints':>10}{'cells':>7}" + "".join(f"{name:>10}" for name in LETTERS)]
    for system in SYSTEMS:
        cells = [cell for cell in matrix.cells if cell.system == system]
        verdicts = Counter(cell.verdict for cell in cells)
        endpoints = len({cell.endpoint for cell in cells})
        row = "".join(f"{verdicts[name]:>10}" for name in LETTERS)  # type: ignore[index]
        lines.append(f"{system:17}{endpoints:>10}{len(cells):>7}{row}")
    causes = Counter((cell.verdict, cell.cause) for cell in matrix.cells if cell.verdict != "done")
    lines += ["", "Why, where it was not done at once:"]
    lines += [f"  {count:5}  {verdict:9} {cause}" for (verdict, cause), count in causes.most_common()]
    wrong = Counter(cell.wrong for cell in matrix.wrong)
    lines += ["", f"{len(matrix.cells)} cells, {len(matrix.wrong)} wrong {dict(wrong) or ''}".rstrip()]
    for cell in matrix.wrong:
        lines.append(f"  {cell.wrong}: {cell.scene}, {cell.fault} at {cell.system} {cell.endpoint}")
        lines.append(f"    {cell.verdict} {cell.cause} {cell.reason} {cell.detail}"[:600])
    return lines
