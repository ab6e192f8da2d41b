"""``python -m sandbox.bench``: everything in sensible sizes; ``--parts`` and ``--events`` choose, ``--full`` takes all."""

import argparse
import asyncio
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from sandbox.bench import cost, emulator, load, shared, start, storm
from sandbox.bench.figures import Figures, shown
from sandbox.bench.ground import Ground

PARTS: Final = ("start", "shared", "faults", "crash", "load", "storm")


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m sandbox.bench", description=__doc__)
    parser.add_argument("--parts", default=",".join(PARTS), help=f"of {', '.join(PARTS)}")
    parser.add_argument("--events", type=int, default=200, help="events of a burst (default: %(default)s)")
    parser.add_argument(
        "--full", action="store_true", help="load and storm in their full sizes (three quarters of an hour)"
    )
    parser.add_argument("--alone", action="store_true", help="without Node-RED and the bare floor")
    return parser.parse_args(arguments)


async def _side_by_side(events: int, *, alone: bool) -> list[Figures]:
    """The job with every engine in turn, then what the product's share of it costs."""
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
        requests = sum(changed.storage.values()) / events
        parts += [own, emulator.shown(found, requests, changed.per_second), cost.cost(made, changed, events)]
        await ground.stage.host.start()
    return parts


async def _start() -> list[Figures]:
    async with Ground() as ground:
        return [await start.cold_start(ground.stage.environment())]


async def run(options: argparse.Namespace) -> list[Figures]:
    """The chosen parts in their order; each announces itself."""
    events: int = options.events

    async def faults() -> list[Figures]:
        return [await shared.faults(events)]

    async def crash() -> list[Figures]:
        return [await shared.crash(events)]

    async def first_load() -> list[Figures]:
        size = load.FULL if options.full else load.SENSIBLE
        return [await load.load(size, kill=False), await load.load(size, kill=True)]

    async def the_storm() -> list[Figures]:
        return [await storm.storm(storm.FULL if options.full else storm.SENSIBLE)]

    known: dict[str, Callable[[], Awaitable[list[Figures]]]] = {
        "start": _start,
        "shared": lambda: _side_by_side(events, alone=options.alone),
        "faults": faults,
        "crash": crash,
        "load": first_load,
        "storm": the_storm,
    }
    began, parts = time.monotonic(), list[Figures]()
    for name in options.parts.split(","):
        print(f"[{time.monotonic() - began:6.1f} s] {name}", flush=True)
        parts += await known[name]()
    return parts


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the table; 1 where a target was missed."""
    parts = asyncio.run(run(_parse(arguments)))
    print(f"\n{shown(parts)}")
    return int(any(row.met is False for part in parts for row in part.rows))


if __name__ == "__main__":
    sys.exit(main())
