"""A storm: many callbacks on few records at a steady pace, each after an edit in ConnectWise."""

import asyncio
import time
from dataclasses import dataclass
from typing import Final

from sandbox.bench.figures import Figures
from sandbox.bench.ground import NUMBER, Ground, Sent, in_ms
from sandbox.demo.waiting import quiet

HOOK_MS: Final = 1_000.0
READS: Final = 1.1
AT_ONCE: Final = 50
READ: Final = "GET /v4_6_release/apis/3.0/company/companies/"


@dataclass(frozen=True, slots=True)
class Size:
    """So many callbacks on so many records within so many seconds."""

    callbacks: int
    records: int
    seconds: float


SENSIBLE: Final = Size(1_000, 50, 20.0)
FULL: Final = Size(10_000, 500, 60.0)


async def storm(size: Size) -> Figures:
    """The storm and what follows, until nothing is on its way; every record must hold the last edit."""
    part = Figures(f"Storm: {size.callbacks:,} callbacks on {size.records} records in {size.seconds:.0f} s")
    async with Ground() as ground:
        ids = await ground.companies(size.records)
        await ground.send(ids, AT_ONCE, "added")
        wanted = {NUMBER.format(one) for one in ids}
        await ground.until(lambda: wanted <= {write.number for write in ground.writes})
        await quiet(ground.stage)
        calls, began = await ground.calls(), time.monotonic()
        sending: list[asyncio.Task[list[Sent]]] = []
        for number in range(size.callbacks):
            record = ids[number % size.records]
            await ground.edit([record], addressLine1=f"{number} High Street")
            sending.append(asyncio.create_task(ground.send([record], 1)))
            await asyncio.sleep(
                max(0.0, began + (number + 1) * size.seconds / size.callbacks - time.monotonic())
            )
        sent = [one for task in sending for one in await task]
        took = time.monotonic() - began
        await quiet(ground.stage)
        made = (await ground.calls()) - calls
        reads = sum(count for route, count in made.items() if route.startswith(READ))
        writes = sum(count for route, count in made.items() if route.startswith("PATCH"))
        company = next(iter(ground.stage.business_central.environment.store.companies.values()))
        shown = {str(one.values["number"]): one.values["addressLine1"] for one in company.all("customers")}
        last = {ids[number % size.records]: number for number in range(size.callbacks)}
        stale = [one for one, number in last.items() if shown[NUMBER.format(one)] != f"{number} High Street"]
        part.at_most("hook p99", in_ms([one.seconds for one in sent], 0.99), HOOK_MS, "ms")
        part.at_most("refused by the hook", sum(one.status != 202 for one in sent), 0, digits=0)
        # Each write brought a change that was seen for the first time.
        part.at_most("reads for each distinct change seen", reads / max(1, writes), READS, digits=2)
        part.at_most("records without their last edit", len(stale), 0, digits=0)
        part.note("sent within", f"{took:.1f} s")
        part.note("changes seen, of those made", f"{writes:,} of {size.callbacks:,}")
    return part
