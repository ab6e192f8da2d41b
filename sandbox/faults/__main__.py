"""``make faults``: plays every fault at every endpoint and prints the matrix; exits 1 on any broken promise."""

import argparse
import asyncio
import json
import logging
import sys
import time
from dataclasses import asdict
from pathlib import Path

from sandbox.azurite import Azurite
from sandbox.faults.kinds import KINDS
from sandbox.faults.matrix import Matrix, explore, plan, play, sample, table
from sandbox.faults.scenes import all_scenes


async def main(given: argparse.Namespace) -> int:
    """Explores, plays, prints."""
    started = time.monotonic()

    def say(text: str) -> None:
        print(f"[{time.monotonic() - started:6.1f} s] {text}", flush=True)

    logging.getLogger("dynaconnect").propagate = False
    logging.getLogger("dynaconnect").setLevel(logging.INFO)
    # The library tells of each answer that it cannot read; the matrix is made of them.
    logging.getLogger("azure").addHandler(logging.NullHandler())
    scenes = [one for one in all_scenes() if not given.scene or one.name in given.scene]
    kinds = [kind for kind in KINDS if not given.fault or kind in given.fault]
    matrix = Matrix()
    async with Azurite() as azurite:
        await explore(azurite, scenes, matrix)
        say(f"{len(scenes)} scenes call {len(matrix.endpoints)} endpoints")
        planned = plan(matrix, scenes, kinds, everywhere=given.everywhere)
        if given.sample:
            planned = sample(planned, given.sample, given.seed)
        for scene in scenes:
            await play(azurite, [scene], planned, matrix, say)
            if given.json:
                cells = [asdict(cell) for cell in matrix.cells]
                await asyncio.to_thread(Path(given.json).write_text, json.dumps(cells, indent=1))
    print("\n" + table(matrix))
    return 1 if matrix.wrong else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m sandbox.faults", description=__doc__)
    parser.add_argument("--scene", action="append", help="only this scene; may be repeated")
    parser.add_argument("--fault", action="append", help="only this fault; may be repeated")
    parser.add_argument(
        "--everywhere", action="store_true", help="each endpoint in every scene that calls it"
    )
    parser.add_argument("--sample", type=int, default=0, help="only so many cells, chosen by the seed")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", default="", help="writes every cell with its explanation to this file")
    sys.exit(asyncio.run(main(parser.parse_args())))
