"""The ceiling of the storage emulator on this machine: where it is the brake, no engine can be faster over it."""

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

from sandbox.azurite import Azurite
from sandbox.bench.figures import Figures
from shared.adapters.storage.clients import SETTING, StorageClients, open_storage

AT_ONCE: Final = 16


@dataclass(frozen=True, slots=True)
class Ceiling:
    """Requests a second, each kind alone."""

    reads: float
    transactions: float
    puts: float


async def ceiling(azurite: Azurite, requests: int) -> Ceiling:
    """Single reads, transactions of four rows and queue puts, sixteen in flight."""
    storage = open_storage({SETTING: azurite.connection_string()}, prefix="c" + uuid.uuid4().hex[:16])
    await storage.prepare()
    try:
        await storage.records.upsert_entity({"PartitionKey": "p", "RowKey": "r"})
        return Ceiling(
            await _rate(requests, lambda _: storage.records.get_entity("p", "r")),
            await _rate(requests // 2, lambda number: _four_rows(storage, number)),
            await _rate(requests, lambda _: storage.sync.send_message("x" * 400)),
        )
    finally:
        await storage.close()


async def _four_rows(storage: StorageClients, number: int) -> None:
    rows = [{"PartitionKey": "p", "RowKey": f"{number}-{row}", "body": "x" * 500} for row in range(4)]
    await storage.records.submit_transaction([("upsert", row) for row in rows])


async def _rate(count: int, call: Callable[[int], Awaitable[Any]]) -> float:
    slots = asyncio.Semaphore(AT_ONCE)

    async def one(number: int) -> None:
        async with slots:
            await call(number)

    began = time.monotonic()
    await asyncio.gather(*(one(number) for number in range(count)))
    return count / (time.monotonic() - began)


def shown(found: Ceiling, requests_per_event: float, per_second: float) -> Figures:
    """The ceilings, and how much of the emulator the burst of changes took."""
    part = Figures("The emulator's own ceiling")
    part.note("single table reads", f"{found.reads:.0f} /s")
    part.note("transactions of four rows", f"{found.transactions:.0f} /s")
    part.note("queue puts", f"{found.puts:.0f} /s")
    # One event: a put, a receive and a delete on the queue, the lease, and a transaction of about four rows.
    busy = (requests_per_event - 2) / found.puts + 1 / found.reads + 1 / found.transactions
    part.note("events/s if the emulator did nothing else", f"{1 / busy:.0f} /s")
    part.note("share of it that the burst reached", f"{per_second * busy:.0%}")
    return part
