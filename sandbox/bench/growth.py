"""What grows with the number of records: a sweep, a reconciliation, an event, memory, storage.

The records are copies of one that the app synchronised: its company and its customer in the stand-ins, and its row in
the table, each under another id and number. So they are there without the events that would have made them. The look-ups
beside the row are counted but not copied: nothing measured here asks for them, and the emulator takes longer for every row
the more of them there are.
"""

import asyncio
import re
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from azure.data.tables.aio import TableClient

from sandbox.bench.figures import Figures
from sandbox.bench.ground import NUMBER, Ground, Meters
from sandbox.bench.plot import Series, plot
from sandbox.demo.waiting import quiet, until
from shared.adapters.storage import limits
from shared.adapters.storage.clients import SETTING, open_storage

FULL: Final = (1_000, 10_000, 100_000)
SENSIBLE: Final = (200, 1_000, 5_000)
PARTITION: Final = "default|company"
EVENTS: Final = 20
AT_ONCE: Final = 6
ROWS: Final = 99
"""Rows of one transaction."""
CHUNK: Final = ROWS * AT_ONCE
"""Records that are copied in one go: a transaction for each that may be under way."""
CHANGED: Final = "2026-01-02T03:04:05Z"
"""When the copies were last changed in ConnectWise: long before they were read."""
WORST: Final = 1.2
"""How much faster than the records a figure may grow: linear, and something for the noise of the machine."""
PATIENCE_SECONDS: Final = 1_800.0

type Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Point:
    """The figures at one number of records. Those of an event are for one event, memory is in MiB."""

    records: int
    sweep_calls: float
    sweep_requests: float
    event_calls: float
    event_requests: float
    event_cpu_ms: float
    reconcile_calls: float
    reconcile_requests: float
    reconcile_cpu_s: float
    peak_mib: float
    rows: float
    megabytes: float


SHOWN: Final = {
    "sweep_calls": "a sweep: calls",
    "sweep_requests": "a sweep: storage requests",
    "event_calls": "an event without a change: calls",
    "event_requests": "an event without a change: storage requests",
    "event_cpu_ms": "an event without a change: CPU (ms)",
    "reconcile_calls": "a reconciliation: calls",
    "reconcile_requests": "a reconciliation: storage requests",
    "reconcile_cpu_s": "a reconciliation: CPU (s)",
    "peak_mib": "memory at most (MiB)",
    "rows": "rows in the table",
    "megabytes": "storage (MB)",
}


async def growth(sizes: tuple[int, ...], picture: Path) -> Figures:
    """The figures at each size, as a table and as a plot in ``picture``."""
    points: list[Point] = []
    async with Ground(latency=0.0) as ground:
        template = await make_template(ground)
        for size in sizes:
            await template.fill(size)
            points.append(await _measure(ground, template, size))
    part = Figures(f"Growth from {sizes[0]:,} to {sizes[-1]:,} records")
    for name, title in SHOWN.items():
        values = [float(getattr(point, name)) for point in points]
        steeper = max(
            (after / before) / (larger / smaller) if before else float(after > 0)
            for before, after, smaller, larger in zip(values, values[1:], sizes, sizes[1:], strict=False)
        )
        part.at_most(f"{title}: growth against the records'", steeper, WORST, "x", digits=2)
        part.note(title, ", ".join(f"{value:,.1f}" for value in values))
    series = [
        Series(title, [(point.records, getattr(point, name)) for point in points])
        for name, title in SHOWN.items()
    ]
    await asyncio.to_thread(_keep, picture, plot("What grows with the records", "records", series))
    part.note("plot", str(picture))
    return part


def _keep(picture: Path, text: str) -> None:
    picture.parent.mkdir(parents=True, exist_ok=True)
    picture.write_text(text, "utf-8")


@dataclass(slots=True)
class Template:
    """The record that is copied: its id, the id of its customer, its own row and those beside it."""

    ground: Ground
    record: int
    target: str
    row: Row
    beside: list[Row]
    filled: int = 1

    async def fill(self, size: int) -> None:
        """Copies until there are so many records."""
        storage = open_storage({SETTING: self.ground.stage.azurite.connection_string()})
        slots = asyncio.Semaphore(AT_ONCE)
        try:
            while self.filled < size:
                count = min(CHUNK, size - self.filled)
                rows = [self._copy() for _ in range(count)]
                parts = [rows[start : start + ROWS] for start in range(0, len(rows), ROWS)]
                await asyncio.gather(*(_put(storage.records, part, slots) for part in parts))
                self.filled += count
        finally:
            await storage.close()

    @property
    def bytes(self) -> int:
        """What one record takes in the table."""
        return sum(limits.size(row) for row in (self.row, *self.beside))

    def _copy(self) -> Row:
        stage = self.ground.stage
        store, central = stage.connectwise.store, stage.business_central.environment.store
        record_id, key = store.next_id("Company"), str(uuid.uuid4())
        old, new = NUMBER.format(self.record), NUMBER.format(record_id)
        source = store.get("Company", self.record)
        named = {name: new if value == old else value for name, value in source.items()}
        named |= {"id": record_id, "identifier": f"Copy{record_id:07d}"}
        store.tables["Company"][record_id] = named | {"_info": source["_info"] | {"lastUpdated": CHANGED}}
        company = next(iter(central.companies.values()))
        customer = company.get("customers", self.target)
        assert customer is not None
        values = customer.values | {"number": new}
        made = central.insert(company, "customers", values, dict(customer.hidden), key)
        words = {self.target: key, old: new, _mark(customer.etag): _mark(made.etag)}
        pattern = re.compile("|".join(map(re.escape, words)))

        def changed(value: Any) -> Any:
            return pattern.sub(lambda found: words[found[0]], value) if isinstance(value, str) else value

        copy = {name: changed(value) for name, value in self.row.items()}
        return copy | {"RowKey": f"r|{record_id}", "source_version": CHANGED}


def _mark(etag: str) -> str:
    """An etag without its quotes, which are written in another way within a row."""
    return etag.split('"')[1]


async def make_template(ground: Ground) -> Template:
    """One record that the app synchronised, to be copied."""
    [record] = await ground.companies(1)
    await ground.send([record], 1, "added")
    await ground.until(lambda: any(write.number == NUMBER.format(record) for write in ground.writes))
    await quiet(ground.stage)
    company = next(iter(ground.stage.business_central.environment.store.companies.values()))
    found = company.find("customers", "number", NUMBER.format(record))
    assert found is not None
    storage = open_storage({SETTING: ground.stage.azurite.connection_string()})
    try:
        own = dict(await storage.records.get_entity(PARTITION, f"r|{record}"))
        rows = storage.records.query_entities(f"PartitionKey eq '{PARTITION}' and id eq '{record}'")
        beside = [dict(row) async for row in rows]
    finally:
        await storage.close()
    return Template(ground, record, found.key, own, beside)


async def _put(table: TableClient, rows: list[Row], slots: asyncio.Semaphore) -> None:
    async with slots:
        await table.submit_transaction([("create", row) for row in rows])


async def _measure(ground: Ground, template: Template, size: int) -> Point:
    """Each in a fresh process, so that its memory is that of this size; what is read once is read before."""
    await ground.stage.host.stop()
    await ground.stage.host.start()
    await ground.warm_up()
    await _sweep(ground)
    swept, sweep = await _counted(ground, _sweep)
    ids = list(ground.stage.connectwise.store.tables["Company"])[-EVENTS:]

    async def events(ground: Ground) -> None:
        await ground.send(ids, 1)
        await quiet(ground.stage)

    # The first event about a record reads its row; so do those that another process handled.
    called, event = await _counted(ground, events)
    checked, reconciliation = await _counted(ground, _reconcile)
    return Point(
        size,
        swept,
        _requests(sweep),
        called / EVENTS,
        _requests(event) / EVENTS,
        1000 * event.cpu / EVENTS,
        checked,
        _requests(reconciliation),
        reconciliation.cpu,
        reconciliation.peak / 1024,
        (1 + len(template.beside)) * size,
        template.bytes * size / 1e6,
    )


def _requests(meters: Meters) -> float:
    """Storage requests without those that only look whether a queue holds something, which go on all the time."""
    return float(sum(count for kind, count in meters.storage.items() if kind != "queue receive"))


async def _counted(ground: Ground, work: Any) -> tuple[float, Meters]:
    calls, before = await ground.calls(), await ground.meters()
    await work(ground)
    made, meters = (await ground.calls()) - calls, await ground.meters()
    return float(sum(made.values())), meters.since(before)


async def _sweep(ground: Ground) -> None:
    await ground.stage.run("catch_up")
    await quiet(ground.stage)


async def _reconcile(ground: Ground) -> None:
    answer = await ground.stage.api("POST", "reconcile", {})
    began = time.monotonic()

    async def done() -> bool:
        head = await ground.stage.api("GET", f"reconcile/{answer['id']}?part=statement")
        return bool(head["state"] == "done")

    await until("the reconciliation is done", done, PATIENCE_SECONDS - (time.monotonic() - began))
