"""``python -m sandbox.fuzz --bodies 50000 --seed N``: ends with 0 only if the hooks stood everything."""

import argparse
import asyncio
import sys
import time
from typing import Final

from sandbox.fuzz.hooks import IDLE, fuzz
from sandbox.stage import Stage

BODIES: Final = 50_000


async def main(bodies: int, seed: int) -> int:
    """Runs against a host of its own."""
    started = time.monotonic()

    def say(text: str) -> None:
        print(f"[{time.monotonic() - started:7.1f} s] {text}", flush=True)

    async with Stage(settings=IDLE) as stage:
        figures = await fuzz(stage, bodies, seed, say)
    print(f"\n{figures}")
    for problem in figures.problems[:20]:
        print(f"  FAIL {problem}")
    return 1 if figures.problems else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m sandbox.fuzz")
    parser.add_argument("--bodies", type=int, default=BODIES)
    parser.add_argument("--seed", type=int, default=1, help="chooses the deliveries")
    given = parser.parse_args()
    sys.exit(asyncio.run(main(given.bodies, given.seed)))
