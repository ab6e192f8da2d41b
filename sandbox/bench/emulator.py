"""The ceiling of the storage emulator on this machine: where it is the brake, no engine can be faster over it."""

import asyncio
import time
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

from azure.data.tables.aio import TableClient

from sandbox.azurite import Azurite
from sandbox.bench.figures import Figures
from sandbox.bench.shared import Pace
from shared.adapters.storage.clients import SETTING, open_storage

AT_ONCE: Final = 16


@dataclass(frozen=True, slots=True)
class Ceiling:
    """Requests a second, each kind alone, and milliseconds of this process for a transaction, here and by the library."""

    reads: float
    transactions: float
    puts: float
    own_ms: float
    library_ms: float


async def ceiling(azurite: Azurite, requests: int) -> Ceiling:
    """Single reads, transactions of four rows and queue puts, sixteen in flight."""
    connection = azurite.connection_string()
    storage = open_storage({SETTING: connection}, prefix="c" + uuid.uuid4().hex[:16])
    await storage.prepare()
    table = storage.records
    plain = TableClient.from_connection_string(connection, table.table_name)
    try:
        await table.upsert_entity({"PartitionKey": "p", "RowKey": "r"})
        reads, _ = await _rate(requests, lambda _: table.get_entity("p", "r"))
        transactions, own = await _rate(requests // 2, lambda number: _four_rows(table, number))
        _, library = await _rate(requests // 4, lambda number: _four_rows(plain, number))
        puts, _ = await _rate(requests, lambda _: storage.sync.send_message("x" * 400))
        return Ceiling(reads, transactions, puts, own, library)
    finally:
        await plain.close()
        await storage.close()


async def _four_rows(table: TableClient, number: int) -> None:
    rows = [{"PartitionKey": "p", "RowKey": f"{number}-{row}", "body": "x" * 500} for row in range(4)]
    await table.submit_transaction([("upsert", row) for row in rows])


async def _rate(count: int, call: Callable[[int], Awaitable[Any]]) -> tuple[float, float]:
    """Calls a second, and milliseconds of this process for each."""
    slots = asyncio.Semaphore(AT_ONCE)

    async def one(number: int) -> None:
        async with slots:
            await call(number)

    began, used = time.monotonic(), time.process_time()
    await asyncio.gather(*(one(number) for number in range(count)))
    return count / (time.monotonic() - began), 1000 * (time.process_time() - used) / count


def shown(found: Ceiling, made: Pace, changed: Pace, events: int) -> Figures:
    """The ceilings, and how much of the emulator each burst took."""
    part = Figures("The emulator's own ceiling")
    part.note("single table reads", f"{found.reads:.0f} /s")
    part.note("transactions of four rows", f"{found.transactions:.0f} /s")
    part.note("queue puts", f"{found.puts:.0f} /s")
    part.note(
        "CPU of four rows: here, and as the library writes them",
        f"{found.own_ms:.1f}, {found.library_ms:.1f} ms",
    )
    for name, pace in (("new", made), ("changed", changed)):
        busy = _busy(found, pace.storage, events)
        part.note(f"{name}: events/s if the emulator did nothing else", f"{1 / busy:.0f} /s")
        part.note(f"{name}: share of it that the burst reached", f"{pace.per_second * busy:.0%}")
    return part


def _busy(found: Ceiling, storage: Counter[str], events: int) -> float:
    """Seconds of the emulator for one event, each request at the ceiling of the kind that is most like it."""
    seconds = 0.0
    for kind, count in storage.items():
        ceiling = found.transactions if kind == "table transaction" else found.reads
        seconds += count / (found.puts if kind.startswith("queue") else ceiling)
    return seconds / events
