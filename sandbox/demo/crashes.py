"""Kills the functions at random moments of the day and starts them again."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

from sandbox.stage import Stage

SHORTEST, LONGEST = 1.0, 9.0
INVISIBLE_SECONDS: Final = 5
"""How long a message of a killed host stays hidden here; the real host hides it for ten minutes."""


@asynccontextmanager
async def crashing(stage: Stage, kills: int, seed: int, say: Callable[[str], None]) -> AsyncIterator[None]:
    """Kills the functions ``kills`` times while the block runs; what is left is done before the block ends."""
    chance = random.Random(seed)
    done = asyncio.Event()

    async def work() -> None:
        for number in range(kills):
            rest = chance.uniform(SHORTEST, LONGEST)
            try:
                async with asyncio.timeout(rest):
                    await done.wait()
            except TimeoutError:
                pass
            await stage.crash()
            say(f"killed and started again ({number + 1} of {kills})")

    task = asyncio.create_task(work()) if kills else None
    try:
        yield
    finally:
        done.set()
        if task is not None:
            await task
