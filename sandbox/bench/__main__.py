"""``python -m sandbox.bench``: everything in sensible sizes; ``--only`` chooses parts, ``--full`` takes all.

``--write FILE`` also keeps the table, as JSON or as a page to be included in the documentation, by the file's name.
"""

import argparse
import asyncio
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Final

from sandbox.bench import cost, emulator, growth, invoices, load, shared, start, storm
from sandbox.bench.figures import Figures, kept, shown
from sandbox.bench.ground import Ground
from sandbox.stage import ROOT

PICTURE: Final = ROOT / ".run" / "bench" / "growth.svg"
PARTS: Final = (
    "start",
    "shared",
    "cost",
    "faults",
    "crash",
    "load",
    "killed-load",
    "invoices",
    "storm",
    "growth",
)


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m sandbox.bench", description=__doc__)
    parser.add_argument(
        "--only", "--parts", default=",".join(PARTS), metavar="NAME,...", help=f"of {', '.join(PARTS)}"
    )
    parser.add_argument("--events", type=int, default=200, help="events of a burst (default: %(default)s)")
    parser.add_argument("--invoices", type=int, help=f"{invoices.SENSIBLE}, with --full {invoices.FULL}")
    parser.add_argument(
        "--full", action="store_true", help="load, invoices, storm and growth in full (an hour and a half)"
    )
    parser.add_argument("--alone", action="store_true", help="without Node-RED and the bare floor")
    parser.add_argument(
        "--write", type=Path, metavar="FILE", help="keep the table in a .json or .md file too"
    )
    parser.add_argument(
        "--plot", type=Path, default=PICTURE, metavar="FILE", help="where the plot of the growth goes"
    )
    options = parser.parse_args(arguments)
    if unknown := set(options.only.split(",")) - set(PARTS):
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    return options


async def _side_by_side(events: int, *, alone: bool) -> list[Figures]:
    """The job with every engine in turn, then what the emulator by itself can do."""
    parts: list[Figures] = []
    async with Ground() as ground:
        paces: dict[str, shared.Pace] = {}
        if not alone:
            await ground.stage.host.stop()
            others, paces = await shared.opponents(ground, events)
            parts.append(others)
            await ground.stage.host.start()
            await ground.warm_up()
        own, made, changed = await shared.own(ground, events, paces)
        await ground.stage.host.stop()
        found = await emulator.ceiling(ground.stage.azurite, 4 * events)
        parts += [own, emulator.shown(found, made, changed, events)]
        await ground.stage.host.start()
    return parts


async def _cost(events: int) -> Figures:
    async with Ground() as ground:
        ids = await ground.companies(events)
        made = await shared.burst(ground, ids, "added")
        await ground.edit(ids, phoneNumber="+44 113 496 0001")
        return cost.cost(made, await shared.burst(ground, ids, "updated"), events)


async def _start() -> Figures:
    async with Ground() as ground:
        return await start.cold_start(ground.stage.environment())


async def run(options: argparse.Namespace) -> list[Figures]:
    """The chosen parts in their order; each announces itself and shows what it found."""
    events, full = int(options.events), bool(options.full)
    size, documents = load.FULL if full else load.SENSIBLE, invoices.FULL if full else invoices.SENSIBLE
    known: dict[str, Callable[[], Awaitable[Figures]]] = {
        "start": _start,
        "cost": lambda: _cost(events),
        "faults": lambda: shared.faults(events),
        "crash": lambda: shared.crash(events),
        "load": lambda: load.load(size, kill=False),
        "killed-load": lambda: load.load(size, kill=True),
        "invoices": lambda: invoices.invoices(options.invoices or documents),
        "storm": lambda: storm.storm(storm.FULL if full else storm.SENSIBLE),
        "growth": lambda: growth.growth(growth.FULL if full else growth.SENSIBLE, options.plot),
    }
    began, parts = time.monotonic(), list[Figures]()
    for name in options.only.split(","):
        print(f"[{time.monotonic() - began:6.1f} s] {name}", flush=True)
        found = (
            await _side_by_side(events, alone=options.alone) if name == "shared" else [await known[name]()]
        )
        print(f"\n{shown(found)}\n", flush=True)
        parts += found
    return parts


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the table; 1 where a target was missed."""
    options = _parse(arguments)
    parts = asyncio.run(run(options))
    if len(parts) > 1:
        print(f"\n{shown(parts)}")
    if options.write:
        options.write.write_text(kept(parts, options.write.suffix), "utf-8")
    return int(any(row.met is False for part in parts for row in part.rows))


if __name__ == "__main__":
    sys.exit(main())
