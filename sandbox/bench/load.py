"""The first load: companies and items against Business Central's limits, once in one go and once killed in the middle."""

import asyncio
import math
import time
from collections import Counter
from dataclasses import dataclass
from typing import Final

from sandbox.bench.figures import Figures
from sandbox.bench.ground import Ground
from sandbox.bench.host import LIMIT

LATENCY_SECONDS: Final = 0.1
CONCURRENT: Final = 5
BATCH: Final = 100
RATIO: Final = 0.95
LOOK_SECONDS: Final = 0.25


@dataclass(frozen=True, slots=True)
class Size:
    """How many records of each kind, and the limit: ``calls`` within any ``seconds``."""

    records: int
    calls: int
    seconds: float

    def least_seconds(self, batch: int = 1) -> float:
        """What the limits leave for one creation of each record, where ``batch`` of them count as one call.

        The first window's calls can go at once, so n calls need ceil(n / calls) - 1 further windows; and no fewer
        seconds than the calls, a hundred creations each, take with five at a time.
        """
        creations = 2 * self.records
        windows = (math.ceil(creations / batch / self.calls) - 1) * self.seconds
        return max(windows, creations / BATCH * LATENCY_SECONDS / CONCURRENT)


SENSIBLE: Final = Size(2_000, 1_200, 60.0)
"""The published limit in small: a fifth of the calls in a fifth of the time. The processor is not smaller."""
FULL: Final = Size(10_000, 6_000, 300.0)


async def _order(ground: Ground) -> None:
    for entity in ("customer", "item"):
        await ground.stage.api("POST", "sync", {"entity": entity, "all": True})


def _there(ground: Ground) -> Counter[str]:
    company = next(iter(ground.stage.business_central.environment.store.companies.values()))
    return Counter(
        f"{name} {record.values['number']}" for name in ("customers", "items") for record in company.all(name)
    )


def _ground(size: Size, *, kill: bool) -> Ground:
    """After a kill nobody wants to wait for minutes until the messages and leases of the dead are free again."""
    limit = {LIMIT: f"{size.calls}/{size.seconds}"}
    if not kill:
        return Ground(latency=LATENCY_SECONDS, settings=limit)
    short = {"DYNACONNECT_LEASE_SECONDS": "5", "DYNACONNECT_OPERATION_SECONDS": "6"}
    return Ground(latency=LATENCY_SECONDS, invisibility=5, settings=limit | short, backoff=0.5)


async def _prepare(ground: Ground, size: Size) -> None:
    await ground.companies(size.records)
    await ground.items(size.records)
    limit = {"request_limit": size.calls, "request_window": size.seconds}
    # What was called before counts no more, and neither must it in the functions' own window.
    ground.stage.business_central.limits.reset()
    await ground.stage.crash()
    await ground.stage.in_business_central("settings", limit)


async def load(size: Size, *, kill: bool) -> Figures:
    """One load, until every record is there; ``kill`` ends the functions in the middle and starts them again."""
    part = Figures(f"First load of 2 x {size.records:,} records{', killed in the middle' if kill else ''}")
    least = size.least_seconds()
    async with _ground(size, kill=kill) as ground:
        before = _there(ground)
        await _prepare(ground, size)
        wanted, began = len(before) + 2 * size.records, time.monotonic()
        meters, calls = await ground.meters(), await ground.calls()
        await _order(ground)
        if kill:
            await _until_there(ground, len(before) + size.records, 10 * least + 120)
            await ground.stage.crash()
        await _until_there(ground, wanted, 10 * least + 120)
        took = time.monotonic() - began
        found, report = _there(ground), await ground.stage.report(ground.stage.business_central_url)
        part.at_most("missing", wanted - len(found), 0, digits=0)
        part.at_most("there twice", sum(found.values()) - len(found), 0, digits=0)
        part.at_most("answers 429", report["rejected"], 0, digits=0)
        if not kill:
            part.at_least("of what the limits allow", 100 * least / took, 100 * RATIO, "%")
            part.note("least by the limits, reached", f"{least:.1f} s, {took:.1f} s")
            once = size.least_seconds(BATCH)
            part.note("least if a batch counted as one call; the processor comes before", f"{once:.1f} s")
            made = (await ground.calls()) - calls
            scans = made["GET /v4_6_release/apis/3.0/company/companies"]
            part.note("pages of companies read, 1,000 each", str(scans))
            used = (await ground.meters()).since(meters)
            part.note("CPU of the functions a record", f"{1000 * used.cpu / (2 * size.records):.1f} ms")
            requests = sum(used.storage.values()) / (2 * size.records)
            part.note("storage requests a record", f"{requests:.2f}")
    return part


async def _until_there(ground: Ground, count: int, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while len(_there(ground)) < count and time.monotonic() < deadline:
        await asyncio.sleep(LOOK_SECONDS)
        ground.writes.clear()
