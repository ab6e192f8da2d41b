"""Waits for conditions, never for time: until nothing is on its way any more."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final

from azure.storage.queue.aio import QueueClient

from sandbox.stage import Stage

PATIENCE_SECONDS: Final = 180.0
LOOK_SECONDS: Final = 0.1
QUEUES: Final = ("dynaconnect-sync", "dynaconnect-sweep")


class TooLongError(RuntimeError):
    """A condition did not come true in time; the text says which."""


async def until(what: str, holds: Callable[[], Awaitable[bool]], seconds: float = PATIENCE_SECONDS) -> None:
    """Returns when the condition holds; raises TooLongError after the given time."""
    deadline = time.monotonic() + seconds
    while not await holds():
        if time.monotonic() > deadline:
            raise TooLongError(f"waited {seconds:.0f} s in vain until {what}")
        await asyncio.sleep(LOOK_SECONDS)


async def quiet(stage: Stage) -> None:
    """Until no callback, notification, message or invocation is under way, twice in a row."""
    calm = 0

    async def holds() -> bool:
        nonlocal calm
        calm = calm + 1 if await _is_quiet(stage) else 0
        return calm >= 2

    await until("everything that was on its way has arrived", holds)


async def _is_quiet(stage: Stage) -> bool:
    if stage.connectwise.callbacks.pending or stage.business_central.webhooks.pending():
        return False
    if await stage.in_flight():
        return False
    for name in QUEUES:
        async with QueueClient.from_connection_string(stage.azurite.connection_string(), name) as queue:
            if (await queue.get_queue_properties()).approximate_message_count:
                return False
    return True
