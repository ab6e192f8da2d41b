"""What every part of the bench stands on: both stand-ins with a latency, companies, signed callbacks, a log of writes."""

import asyncio
import json
import re
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Self

import aiohttp
from aiohttp import web

from sandbox.bench.figures import share
from sandbox.bench.host import BACKOFF, METER
from sandbox.connectwise.callbacks import KEY_PATHS, signature
from sandbox.demo.people import reference_data
from sandbox.stage import Stage, free_port

LATENCY_SECONDS: Final = 0.02
LOOK_SECONDS: Final = 0.02
PATIENCE_SECONDS: Final = 300.0
CUSTOMERS: Final = re.compile(r".*/api/v2\.0/companies\([^)]*\)/customers(?:\([^)]*\))?")
UNLIMITED: Final = 10**9
NUMBER: Final = "C{:06d}"
"""How the standard mapping makes a customer number of a company id."""


@dataclass(frozen=True, slots=True)
class Sent:
    """One event as its sender saw it: when it was sent, how long the answer took, its status (0 without one)."""

    record: int
    at: float
    seconds: float
    status: int


@dataclass(frozen=True, slots=True)
class Meters:
    """The meters of the functions' process at one moment, or what they advanced between two; memory is in KiB."""

    storage: Counter[str]
    cpu: float
    resident: int
    peak: int = 0

    def since(self, before: Self) -> "Meters":
        """What was added; memory is the present one."""
        return Meters(self.storage - before.storage, self.cpu - before.cpu, self.resident, self.peak)


@dataclass(slots=True)
class Write:
    """One customer written in Business Central."""

    number: str
    at: float


@dataclass(slots=True)
class Ground:
    """A stage whose functions are metered; an asynchronous context manager."""

    latency: float = LATENCY_SECONDS
    settings: Mapping[str, str] = field(default_factory=dict)
    invisibility: int | None = None
    backoff: float | None = None
    writes: list[Write] = field(default_factory=list)
    _awaited: dict[str, asyncio.Event] = field(default_factory=dict)
    stage: Stage = field(init=False)
    session: aiohttp.ClientSession = field(init=False)
    _meter: int = field(init=False)
    _company_ids: int = 0

    async def __aenter__(self) -> Self:
        self._meter = free_port()
        own = {METER: str(self._meter)} | ({BACKOFF: str(self.backoff)} if self.backoff else {})
        self.stage = Stage(
            settings={**self.settings, **own}, host="sandbox.bench.host", invisibility=self.invisibility
        )
        self.stage.business_central.app.middlewares.append(self._log_writes)
        await self.stage.__aenter__()
        self.session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))
        await reference_data(self.stage)
        await self.stage.in_business_central("settings", {"request_limit": UNLIMITED})
        await self.warm_up()
        await self.set_latency(self.latency)
        return self

    async def warm_up(self) -> None:
        """The first event finds a cold process; what is measured later finds a warm one."""
        ids = await self.companies(2)
        while any(one.status != 202 for one in await self.send(ids, 2, "added")):
            # A cold process takes longer than a delivery may; ConnectWise sends it again as well.
            self.stage.connectwise.breaches.clear()
        wanted = {NUMBER.format(one) for one in ids}
        await self.until(lambda: wanted <= {write.number for write in self.writes})
        self.writes.clear()

    async def __aexit__(self, *_: object) -> None:
        await self.session.close()
        await self.stage.__aexit__(None, None, None)

    @web.middleware
    async def _log_writes(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        answer = await handler(request)
        written = request.method in ("POST", "PATCH") and CUSTOMERS.fullmatch(request.path)
        if written and isinstance(answer, web.Response) and answer.status < 300 and answer.text:
            number = str(json.loads(answer.text)["number"])
            self.writes.append(Write(number, time.monotonic()))
            if arrived := self._awaited.pop(number, None):
                arrived.set()
        return answer

    async def set_latency(self, seconds: float) -> None:
        """How long each call of either system takes beside its work."""
        for url in (self.stage.connectwise_url, self.stage.business_central_url):
            await self.stage.http.post(f"{url}/admin/latency", content=json.dumps({"seconds": seconds}))

    async def set_faults(self, faults: Sequence[Mapping[str, Any]]) -> None:
        """What Business Central does wrong from now on."""
        url = f"{self.stage.business_central_url}/admin/faults"
        (await self.stage.http.post(url, content=json.dumps({"faults": faults}))).raise_for_status()

    async def companies(self, count: int) -> list[int]:
        """New customers in ConnectWise; their ids."""
        first, self._company_ids = self._company_ids, self._company_ids + count
        made = await self.stage.in_connectwise(
            "companies",
            [
                {
                    "identifier": f"Bench{number:06d}",
                    "name": f"Bench {number:06d} Ltd",
                    "types": [{"id": 1}],
                    "addressLine1": f"{number} High Street",
                    "city": "Leeds",
                    "zip": "LS1 1AA",
                    "phoneNumber": "+44 113 496 0000",
                    "billingTerms": {"id": 1},
                    "currency": {"id": 1},
                }
                for number in range(first, first + count)
            ],
        )
        return [int(one["id"]) for one in made]

    async def items(self, count: int) -> list[int]:
        """New catalog items in ConnectWise; their ids."""
        made = await self.stage.in_connectwise("items", [_item(number) for number in range(count)])
        return [int(one["id"]) for one in made]

    async def edit(self, ids: Iterable[int], **values: Any) -> None:
        """Changes companies in ConnectWise as a person does."""
        for one in ids:
            await self.stage.in_connectwise(f"companies/{one}", values)

    async def meters(self) -> Meters:
        """The meters of the functions' process."""
        async with self.session.get(f"http://127.0.0.1:{self._meter}/") as answer:
            value = json.loads(await answer.read())
        return Meters(Counter(value["storage"]), value["cpu"], value["resident"], value["peak"])

    async def calls(self) -> Counter[str]:
        """Calls of both systems by route, as the stand-ins counted them."""
        both = Counter[str]()
        for url in (self.stage.connectwise_url, self.stage.business_central_url):
            both.update((await self.stage.report(url))["calls"])
        return Counter({route: count for route, count in both.items() if " BATCH " not in f" {route}"})

    def body(self, record: int, action: str, kind: str = "company") -> bytes:
        """What ConnectWise posts for one change, without the record, which nobody here relies on."""
        key_url = f"{self.stage.connectwise_url}{KEY_PATHS[1]}?companyName=acme&id=1"
        content = {"ID": record, "Type": kind, "Action": action, "CompanyId": "acme", "Entity": None}
        return json.dumps(content | {"Metadata": {"key_url": key_url}}).encode()

    async def send(
        self,
        ids: Sequence[int],
        at_once: int,
        action: str = "updated",
        url: str = "",
        kind: str = "company",
        *,
        until_written: bool = False,
    ) -> list[Sent]:
        """Posts one event for each id, ``at_once`` in flight; never raises for what the receiver does.

        An event is in flight until it is answered or, with ``until_written``, until its customer was written.
        """
        target = url or f"{self.stage.public_url}/api/hooks/connectwise/default"
        slots = asyncio.Semaphore(at_once)
        key = self.stage.connectwise.settings.signing_key

        async def one(record: int) -> Sent:
            body = self.body(record, action, kind)
            headers = {"x-content-signature": signature(key, body), "Content-Type": "application/json"}
            async with slots:
                if until_written:
                    arrived = self._awaited[NUMBER.format(record)] = asyncio.Event()
                began = time.monotonic()
                try:
                    async with self.session.post(target, data=body, headers=headers) as answer:
                        await answer.read()
                        status = answer.status
                except aiohttp.ClientError:
                    status = 0
                seconds = time.monotonic() - began
                if until_written:
                    await _wait(arrived)
                return Sent(record, began, seconds, status)

        return list(await asyncio.gather(*(one(record) for record in ids)))

    async def until(self, holds: Callable[[], bool], seconds: float = PATIENCE_SECONDS) -> bool:
        """Waits for a condition; False when it did not come true in time."""
        deadline = time.monotonic() + seconds
        while not holds():
            if time.monotonic() > deadline:
                return False
            await asyncio.sleep(LOOK_SECONDS)
        return True

    def customers(self) -> list[str]:
        """The numbers of all customers in Business Central, as its books have them."""
        company = next(iter(self.stage.business_central.environment.store.companies.values()))
        return [str(record.values["number"]) for record in company.all("customers")]


async def _wait(arrived: asyncio.Event) -> None:
    """Until it arrived; what never does is missing in the end, and must not stop the others."""
    try:
        async with asyncio.timeout(PATIENCE_SECONDS / 10):
            await arrived.wait()
    except TimeoutError:
        return


def _item(number: int) -> dict[str, Any]:
    return {
        "identifier": f"BENCH-{number:06d}",
        "description": f"Bench item {number}",
        "customerDescription": f"Bench item {number}",
        "subcategory": {"id": 1, "name": "General"},
        "type": {"id": 1, "name": "General"},
        "productClass": "Service",
        "unitOfMeasure": {"id": 1},
        "price": 10,
        "cost": 5,
    }


def latencies(sent: Sequence[Sent], writes: Sequence[Write]) -> list[float]:
    """From the sending of an event to the write that followed it, each write used once."""
    found: dict[str, list[float]] = {}
    for write in writes:
        found.setdefault(write.number, []).append(write.at)
    spans = []
    for event in sorted(sent, key=lambda one: one.at):
        times = found.get(NUMBER.format(event.record), [])
        if times:
            spans.append(times.pop(0) - event.at)
    return spans


def in_ms(values: Sequence[float], part: float) -> float:
    """A quantile of seconds in milliseconds."""
    return 1000 * share(values, part)
