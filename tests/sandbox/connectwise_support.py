"""A running ConnectWise stand-in for tests: an API caller, the admin surface, and a receiver of callbacks."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal

import httpx
from aiohttp import web

from sandbox.connectwise.app import ConnectWise, create
from sandbox.connectwise.service import BASE
from sandbox.kit import Json, dumps, loads
from shared.app import trust

ITEM = {
    "identifier": "CABLE",
    "description": "Cable",
    "customerDescription": "A cable",
    "subcategory": {"name": "Cabling"},
    "type": {"name": "Hardware"},
}


@dataclass
class Tenant:
    """The stand-in and its callers. ``call`` returns JSON and fails on an unexpected status."""

    stand_in: ConnectWise
    url: str
    api: httpx.AsyncClient

    async def call(
        self, method: str, path: str, body: Json = None, status: int = 200, **options: Json
    ) -> Json:
        answer = await self.send(method, path, body, **options)
        assert answer.status_code == status, answer.text
        return loads(answer.content) if answer.content else None

    async def send(self, method: str, path: str, body: Json = None, **options: Json) -> httpx.Response:
        content = None if body is None else dumps(body)
        return await self.api.request(method, f"{self.url}{BASE}{path}", content=content, **options)

    async def get(self, path: str, **query: str) -> Json:
        return await self.call("GET", path, params=query)

    async def ids(self, path: str, conditions: str, **query: str) -> list[int]:
        return [row["id"] for row in await self.get(path, conditions=conditions, **query)]

    async def patch(self, path: str, status: int = 200, /, **values: Json) -> Json:
        steps = [{"op": "replace", "path": name, "value": value} for name, value in values.items()]
        return await self.call("PATCH", path, steps, status)

    async def admin(self, path: str, body: Json = None, status: int | None = None) -> Json:
        answer = await self.api.post(f"{self.url}/admin/{path}", content=dumps({} if body is None else body))
        assert answer.status_code in ({status} if status else {200, 201}), answer.text
        return loads(answer.content)

    async def settled(self) -> None:
        answer = await self.api.get(f"{self.url}/admin/callbacks/pending", params={"wait": "20"})
        assert answer.json() == {"pending": 0}

    async def company(self, **values: Json) -> Json:
        base = {"identifier": "Acme", "name": "Acme Ltd", "accountNumber": "C0001"}
        return await self.admin("companies", base | values)

    async def invoice(self, lines: list[Json], *, close: bool = True, **values: Json) -> Json:
        companies = await self.get("/company/companies", pageSize="1")
        company = companies[0] if companies else await self.company()
        invoice = await self.admin("invoices", {"company": {"id": company["id"]}, "lines": lines} | values)
        return await self.admin(f"invoices/{invoice['id']}/close") if close else invoice

    @property
    def breaches(self) -> list[str]:
        """The rules broken so far, by name."""
        return [breach["rule"] for breach in self.stand_in.breaches]


@asynccontextmanager
async def running() -> AsyncIterator[Tenant]:
    """Serves a fresh tenant on a free port."""
    stand_in = create()
    async with _serving(stand_in.app) as url:
        auth, headers = ("acme+public", "private"), {"clientId": stand_in.credentials.client_id}
        async with httpx.AsyncClient(auth=auth, headers=headers, timeout=30, verify=trust()) as api:
            yield Tenant(stand_in, url, api)


@dataclass
class Receiver:
    """An endpoint for callbacks: ``answers`` are used up first, then every message is answered with 200."""

    url: str = ""
    answers: list[int] = field(default_factory=list)
    requests: list[tuple[str, bytes, str]] = field(default_factory=list)
    hold: asyncio.Event | None = None

    async def receive(self, request: web.Request) -> web.Response:
        body = await request.read()
        self.requests.append((request.raw_path, body, request.headers["x-content-signature"]))
        if self.hold:
            await self.hold.wait()
        return web.Response(status=self.answers.pop(0) if self.answers else 200)

    @property
    def messages(self) -> list[Json]:
        """The payloads received, in order of arrival."""
        return [loads(body) for _, body, _ in self.requests]


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    """Serves a receiver of callbacks; its ``url`` ends with ``recordId=``."""
    receiver = Receiver()
    app = web.Application()
    app.router.add_post("/hook", receiver.receive)
    async with _serving(app) as url:
        receiver.url = f"{url}/hook?code=k%2B1&recordId="
        yield receiver


@asynccontextmanager
async def _serving(app: web.Application) -> AsyncIterator[str]:
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def product(quantity: int, price: str, **values: Json) -> Json:
    """A product line as a person enters it."""
    return {"kind": "product", "quantity": quantity, "unitPrice": Decimal(price), **values}


def record_ids(transaction: Json) -> list[int]:
    """The ledger entry ids of an exported transaction, header and detail."""
    header = [int(text) for text in transaction["glEntryIds"].split(",")]
    return header + [row["id"] for row in transaction["detail"]]
