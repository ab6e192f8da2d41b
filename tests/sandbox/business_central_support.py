"""A running Business Central stand-in for tests: an API caller, the admin surface, a webhook receiver."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx
from aiohttp import web

from sandbox.business_central.app import BusinessCentral, create
from sandbox.business_central.settings import DEFAULT_USER, Settings
from sandbox.kit import Json, dumps, loads
from shared.app import trust

KEY = "web-service-key"


@dataclass
class Case:
    """The stand-in and its callers; ``call`` works inside the first company and checks the status."""

    stand_in: BusinessCentral
    url: str
    api: httpx.AsyncClient

    @property
    def company(self) -> str:
        return next(iter(self.stand_in.environment.store.companies))

    async def send(
        self, method: str, path: str, body: Json = None, headers: dict[str, str] | None = None, **query: Json
    ) -> httpx.Response:
        """One call; a path without a leading slash lies under the first company of API v2.0."""
        if not path.startswith("/"):
            path = f"/api/v2.0/companies({self.company})/{path}"
        own = {"Content-Type": "application/json"} if body is not None else {}
        if method in ("PATCH", "DELETE"):
            own["If-Match"] = "*"
        own |= headers or {}
        own = {name: value for name, value in own.items() if value}
        content = None if body is None else dumps(body)
        return await self.api.request(
            method, f"{self.url}{path}", content=content, headers=own, params=query or None
        )

    async def call(self, method: str, path: str, body: Json = None, status: int = 0, **query: Json) -> Json:
        answer = await self.send(method, path, body, **query)
        expected = {status} if status else {200, 201, 204}
        assert answer.status_code in expected, answer.text
        return loads(answer.content) if answer.content else None

    async def get(self, path: str, **query: Json) -> Json:
        return await self.call("GET", path, **query)

    async def rows(self, path: str, filter_text: str = "", **query: Json) -> list[Json]:
        if filter_text:
            query["$filter"] = filter_text
        rows: list[Json] = (await self.get(path, **query))["value"]
        return rows

    async def fails(self, method: str, path: str, body: Json = None, **query: Json) -> tuple[str, str]:
        """Code and text of an error, without the correlation id that every text ends with."""
        answer = await self.send(method, path, body, **query)
        assert answer.status_code >= 400, answer.text
        error = loads(answer.content)["error"]
        text, mark, correlation = error["message"].partition("  CorrelationId:  ")
        assert mark
        assert len(correlation) == 37
        return error["code"], text

    async def admin(self, path: str, body: Json = None, status: int = 200) -> Json:
        answer = await self.api.post(f"{self.url}/admin/{path}", content=dumps({} if body is None else body))
        assert answer.status_code == status, answer.text
        return loads(answer.content)

    async def report(self) -> Json:
        return loads((await self.api.get(f"{self.url}/admin/report")).content)

    async def breaches(self) -> list[str]:
        return [item["rule"] for item in (await self.report())["breaches"]]

    async def settled(self) -> int:
        answer = await self.api.get(f"{self.url}/admin/webhooks/pending", params={"wait": "20"})
        pending: int = loads(answer.content)["pending"]
        return pending

    async def invoice(self, customer: str = "C1", amount: str = "100", **values: Json) -> Json:
        """A draft of one untaxed line on the service revenue account; creates the customer if needed."""
        if not await self.rows("customers", f"number eq '{customer}'"):
            await self.call("POST", "customers", {"number": customer, "displayName": customer})
        line = {"lineType": "Account", "lineObjectNumber": "40100", "quantity": 1, "taxCode": "NONTAXABLE"}
        body = {"customerNumber": customer, "salesInvoiceLines": [line | {"unitPrice": loads(amount)}]}
        return await self.call("POST", "salesInvoices", body | values)

    async def posted(self, customer: str = "C1", amount: str = "100", **values: Json) -> Json:
        """A posted invoice, read back."""
        draft = await self.invoice(customer, amount, **values)
        await self.call("POST", f"salesInvoices({draft['id']})/Microsoft.NAV.post", status=204)
        return await self.get(f"salesInvoices({draft['id']})")


@dataclass
class Receiver:
    """A notification url: answers the handshake and collects notifications; ``first`` are its first answers, ``status`` all others."""

    url: str = ""
    status: int = 202
    first: list[int] = field(default_factory=list)
    content_type: str = "text/plain"
    methods: list[str] = field(default_factory=list)
    posts: list[list[Json]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)

    async def handle(self, request: web.Request) -> web.Response:
        token = request.query.get("validationToken")
        if token is not None:
            self.methods.append(request.method)
            return web.Response(text=token, content_type=self.content_type)
        self.posts.append(loads(await request.read())["value"])
        self.headers.append(dict(request.headers))
        return web.Response(status=self.first.pop(0) if self.first else self.status)


@asynccontextmanager
async def serving(app: web.Application) -> AsyncIterator[str]:
    """Serves an application on a free loopback port; yields its address."""
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0][:2]
        yield f"http://{host}:{port}"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def running(settings: Settings | None = None) -> AsyncIterator[Case]:
    """A fresh stand-in, called with Basic authentication."""
    stand_in = create(settings)
    async with (
        serving(stand_in.app) as url,
        httpx.AsyncClient(auth=(DEFAULT_USER, KEY), timeout=30, verify=trust()) as api,
    ):
        yield Case(stand_in, url, api)


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    """A running receiver of notifications."""
    receiver = Receiver()
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", receiver.handle)
    async with serving(app) as url:
        receiver.url = f"{url}/notify?code=key"
        yield receiver
