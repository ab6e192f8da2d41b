"""``python -m sandbox.model --runs 1000 --steps 50 --seed N``: ends with 0 only if no rule was ever broken.

``--processes`` shares the runs out; each process has a storage emulator of its own. Run ``n`` has the seed ``N + n``,
so ``--runs 1 --seed M`` plays one run again.
"""

import argparse
import asyncio
import concurrent.futures
import itertools
import logging
import sys
import time
from collections import Counter
from collections.abc import Iterable
from typing import Final

from sandbox.azurite import Azurite
from sandbox.model.run import Result, play, shrunk, steps_of

MOST_FAILURES: Final = 5
"""Broken runs after which a process gives up: they tell enough."""

RUNS_OF_AN_EMULATOR: Final = 25
"""Each world leaves its tables and queues behind, and with many of them every request takes longer."""


def share(seeds: list[int], steps: int, shrink: bool) -> list[Result]:
    """Plays runs one after the other in this process."""
    logging.disable(logging.CRITICAL)
    return asyncio.run(_share(seeds, steps, shrink))


async def _share(seeds: list[int], steps: int, shrink: bool) -> list[Result]:
    results: list[Result] = []
    for some in itertools.batched(seeds, RUNS_OF_AN_EMULATOR, strict=False):
        async with Azurite() as azurite:
            for seed in some:
                results.append(await _played(azurite, seed, steps, shrink))
                if sum(bool(one.problems) for one in results) >= MOST_FAILURES:
                    return results
        say(f"{len(results)} of {len(seeds)} runs, {sum(bool(r.problems) for r in results)} broken")
    return results


async def _played(azurite: Azurite, seed: int, steps: int, shrink: bool) -> Result:
    result = await play(azurite, seed, steps_of(seed, steps))
    if result.problems and shrink:
        say(f"seed {seed} broke a rule: {result.problems[0]}")
        result = await shrunk(azurite, result, say)
    return result


def say(text: str) -> None:
    """Prints a line with the seconds since the start of the process."""
    print(f"[{time.monotonic() - STARTED:7.1f} s] {text}", flush=True)


STARTED: Final = time.monotonic()


def show(results: Iterable[Result], wanted: int) -> int:
    """Prints the figures and every broken run; 0 when all runs were played and none was broken."""
    every = list(results)
    kinds = Counter(line.split(":")[0].split()[-1] for one in every for line in one.story if ":" in line)
    print("\nsteps that had an effect")
    for name, count in kinds.most_common():
        print(f"  {name:16s} {count:7d}")
    figures = {
        "runs": len(every),
        "steps": kinds.total(),
        "messages handled": sum(one.messages for one in every),
        "writes, each explained": sum(one.writes for one in every),
        "crashes in mid-work": sum(one.crashes for one in every),
        "most messages to come to rest": max((one.most_to_drain for one in every), default=0),
        "runs that broke a rule": sum(bool(one.problems) for one in every),
    }
    print()
    for name, figure in figures.items():
        print(f"{name:30s} {figure:8d}")
    for one in every:
        if one.problems:
            print(f"\nseed {one.seed}, {len(one.steps)} steps:")
            print("\n".join(f"  {line}" for line in one.story))
            print("\n".join(f"  BROKEN {line}" for line in one.problems[:10]))
    return 0 if len(every) == wanted and not figures["runs that broke a rule"] else 1


def main(runs: int, steps: int, seed: int, processes: int, shrink: bool) -> int:
    """Plays the runs, shared out over processes."""
    seeds = [list(range(seed + part, seed + runs, processes)) for part in range(processes)]
    with concurrent.futures.ProcessPoolExecutor(processes) as pool:
        parts = list(pool.map(share, seeds, [steps] * processes, [shrink] * processes))
    return show((one for part in parts for one in part), runs)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m sandbox.model")
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--steps", type=int, default=50, help="steps of each run")
    parser.add_argument("--seed", type=int, default=1, help="the seed of the first run")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--no-shrink", action="store_true", help="leave a broken run as long as it is")
    given = parser.parse_args()
    sys.exit(main(given.runs, given.steps, given.seed, given.processes, not given.no_shrink))
