"""``python -m sandbox.corpus [--documents 2000] [--edits N] [--seed N]``: prints tables; ends with 0 only if all is right."""

import argparse
import asyncio
import logging
import sys
import time

from sandbox.azurite import Azurite
from sandbox.corpus import report
from sandbox.corpus.edits import Commotion, CountingWorld
from sandbox.corpus.office import Office, Say
from tests.conformance.world import World

DOCUMENTS = 2000


async def run_documents(count: int, seed: int, say: Say) -> list[str]:
    """Sends the documents through the engine and prints what became of them; returns what went wrong."""
    async with Azurite() as azurite, World(azurite) as world:
        office = Office(world, say)
        await office.open()
        results = await office.process(count, seed)
        for text in (report.money(results), report.cases(results), report.holds(results)):
            print(f"\n{text}")
        found = [*report.problems(results), *map(str, world.breaches)]
        if office.records != count:
            found.append(f"{count} documents were wanted, {office.records} were entered")
        return found


async def run_edits(count: int, seed: int, say: Say) -> list[str]:
    """Makes the edits and prints what they cost; returns what went wrong."""
    async with Azurite() as azurite, CountingWorld(azurite) as world:
        people = Commotion(world, seed)
        await people.open()
        found, rounds = await people.all_rounds(count, say)
        print(f"\n{report.rounds(rounds)}\n\n{report.kinds(rounds['edits'])}")
        return found


async def main(documents: int, edits: int, seed: int) -> int:
    """Runs what was asked for; 0 if everything ended as it must, else 1."""
    logging.disable(logging.ERROR)
    started = time.monotonic()

    def say(text: str) -> None:
        print(f"[{time.monotonic() - started:6.1f} s] {text}", flush=True)

    problems = await run_documents(documents, seed, say) if documents else []
    problems += await run_edits(edits, seed, say) if edits else []
    print()
    for problem in problems[: report.MOST_SHOWN]:
        print(f"  FAIL {problem}")
    if len(problems) > report.MOST_SHOWN:
        print(f"  and {len(problems) - report.MOST_SHOWN} more")
    say(f"{len(problems)} problems" if problems else f"all as it must be (seed {seed})")
    return 1 if problems else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m sandbox.corpus")
    parser.add_argument("--documents", type=int, help=f"how many documents ({DOCUMENTS}; 0 with --edits)")
    parser.add_argument("--edits", type=int, default=0, help="how many edits in both systems")
    parser.add_argument("--seed", type=int, default=1, help="chooses documents and edits")
    given = parser.parse_args()
    wanted = given.documents if given.documents is not None else 0 if given.edits else DOCUMENTS
    sys.exit(asyncio.run(main(wanted, given.edits, given.seed)))
