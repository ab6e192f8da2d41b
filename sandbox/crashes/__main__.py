"""``python -m sandbox.crashes [--entity NAME] [--sample N] [--seed N] [--every] [--twice]``: prints tables.

Ends with 0 if every run ended as without a crash.
"""

import argparse
import asyncio
import logging
import random
import sys
import time
from collections import defaultdict

from sandbox.azurite import Azurite
from sandbox.crashes import report
from sandbox.crashes.drill import Drill, Result, chosen
from sandbox.crashes.points import Point
from sandbox.crashes.stories import STORIES


async def main(entities: list[str], sample: int, seed: int, *, every: bool, twice: bool) -> int:
    """Runs the drills; 0 if every one ended as without a crash, else 1."""
    logging.disable(logging.CRITICAL)
    started = time.monotonic()

    def say(text: str) -> None:
        print(f"[{time.monotonic() - started:6.1f} s] {text}", flush=True)

    results: list[Result] = []
    seen: defaultdict[str, set[Point]] = defaultdict(set)
    async with Azurite() as azurite:
        for kind in chosen(STORIES, entities):
            chance = random.Random(f"{seed} {kind.__name__}")
            drill = Drill(azurite, kind, chance, sample, twice, None if every else seen[kind.entity])
            results.append(await drill.run(say))
    print(f"\n{report.table_of(results)}\n\n{report.kinds(results)}\n")
    wrong = sum(result.wrong for result in results)
    say(f"{wrong} wrong ends" if wrong else f"every end is as without a crash (seed {seed})")
    return 1 if wrong or not results else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m sandbox.crashes")
    parser.add_argument("--entity", action="append", default=[], help="only this entity; may be repeated")
    parser.add_argument("--sample", type=int, default=0, help="points of each turn, chosen by the seed (all)")
    parser.add_argument("--seed", type=int, default=1, help="chooses points and when messages come again")
    parser.add_argument(
        "--every", action="store_true", help="also points that an earlier turn of the entity has tried"
    )
    parser.add_argument("--twice", action="store_true", help="the process that goes on dies too, anywhere")
    given = parser.parse_args()
    sys.exit(asyncio.run(main(given.entity, given.sample, given.seed, every=given.every, twice=given.twice)))
