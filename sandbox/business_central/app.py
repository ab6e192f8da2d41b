"""The factory: one strict Business Central environment as an aiohttp application."""

from collections.abc import Mapping
from copy import deepcopy
from typing import Final
from urllib.parse import parse_qsl

from aiohttp import web

from sandbox.business_central import batch, seed
from sandbox.business_central.admin import Admin
from sandbox.business_central.auth import Auth
from sandbox.business_central.calls import Answer, Call, is_stream
from sandbox.business_central.environment import Environment
from sandbox.business_central.errors import ApiError, bad_request
from sandbox.business_central.limits import Limits
from sandbox.business_central.odatav4 import PageServices
from sandbox.business_central.paths import ODATA_V4, resolved
from sandbox.business_central.service import Service
from sandbox.business_central.settings import Settings
from sandbox.business_central.store import Company
from sandbox.business_central.subscriptions import Subscriptions
from sandbox.business_central.webhooks import Webhooks
from sandbox.kit import Handler, Json, StandIn, json_response, loads

_ROUTES: Final = ("/api/", f"/{ODATA_V4}/")


class BusinessCentral(StandIn):
    """The stand-in with all its services; ``app`` is the application to run."""

    def __init__(self, settings: Settings | None = None) -> None:
        super().__init__("business-central")
        self._initial = settings or Settings()
        self.environment = Environment(self.breach, deepcopy(self._initial))
        self.auth = Auth(self.environment)
        self.limits = Limits(self.environment)
        self.webhooks = Webhooks(self.environment)
        self.subscriptions = Subscriptions(self.environment, self.webhooks)
        self.service = Service(self.environment)
        self.pages = PageServices(self.environment)
        self.app.middlewares.insert(0, self._limited)
        self.auth.serve(self)
        Admin(self.environment, self.auth, self.webhooks).serve(self)
        self.route("*", "/{tail:.*}", self._handle)
        self.app.on_cleanup.append(self._close)
        seed.companies(self.environment)
        self.keep()

    @property
    def company(self) -> Company:
        """The first company, which is the one that most tests use."""
        return next(iter(self.environment.store.companies.values()))

    def route_name(self, request: web.Request) -> str:
        """The method with the address template, keys replaced by ``{id}``."""
        if not request.path.startswith(_ROUTES):
            return super().route_name(request)
        try:
            return f"{request.method} {resolved(request.path, {}).template}"
        except ApiError:
            return f"{request.method} {request.path}"

    def report(self) -> dict[str, Json]:
        """Adds concurrency, rejected calls, postings per external document number and undelivered notifications."""
        return super().report() | {
            "maxRunning": self.limits.max_running,
            "maxInFlight": self.limits.max_in_flight,
            "rejected": self.limits.rejected,
            "postings": dict(self.environment.postings),
            "pendingNotifications": self.webhooks.pending(),
        }

    @web.middleware
    async def _limited(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if not request.path.startswith(_ROUTES):
            return await handler(request)
        try:
            name = self.auth.principal(request.headers.get("Authorization", ""))
            async with self.limits.slot(name):
                return await handler(request)
        except ApiError as error:
            self.count(self.route_name(request))
            return _error(error)

    async def _handle(self, request: web.Request) -> web.Response:
        try:
            answer = await self._answer(await self._call(request))
        except ApiError as error:
            return _error(error)
        headers = {"OData-Version": "4.0"} | answer.headers
        if answer.content is not None:
            return web.Response(body=answer.content, status=answer.status, headers=headers)
        if answer.body is None:
            return web.Response(status=answer.status, headers=headers)
        return json_response(answer.body, answer.status, headers)

    async def _call(self, request: web.Request) -> Call:
        query = dict(parse_qsl(request.rel_url.raw_query_string, keep_blank_values=True))
        target = resolved(request.path, query)
        headers = {name.lower(): value for name, value in request.headers.items()}
        content = await request.read()
        body = content if is_stream(target) else _json(content, headers)
        base = f"{request.scheme}://{request.host}"
        return Call(request.method, target, request.path, query, headers, body, base)

    async def _answer(self, call: Call) -> Answer:
        first = call.target.steps[0].name if call.target.steps else ""
        if first == "subscriptions" and call.target.route == "api/v2.0":
            return await self.subscriptions.answer(call)
        if call.target.route == ODATA_V4:
            return self.pages.answer(call)
        if first == "$batch" and call.method == "POST":
            if self.environment.settings.batch_counts_operations:
                requests = call.body.get("requests") if isinstance(call.body, dict) else None
                more = len(requests) - 1 if isinstance(requests, list) else 0
                self.limits.charge(self.auth.principal(call.headers.get("authorization", "")), more)
            return batch.run(self.service, call, self.count)
        return self.service.answer(call)

    def keep(self) -> None:
        """Makes the present companies those to which a restart returns."""
        self._kept = self.environment.store.kept()

    def restart(self) -> None:
        """As it was made, without subscriptions and with the kept companies."""
        super().restart()
        self.environment.settings = deepcopy(self._initial)
        self.environment.postings.clear()
        self.environment.web_services.clear()
        self.webhooks.clear()
        self.auth.revoke()
        self.limits.reset()
        self.environment.store.bring_back(self._kept)

    async def _close(self, _app: web.Application) -> None:
        await self.webhooks.close()


def create(settings: Settings | None = None) -> BusinessCentral:
    """A stand-in with two seeded companies, see ``seed.py``."""
    return BusinessCentral(settings)


def _json(content: bytes, headers: Mapping[str, str]) -> Json:
    if not content:
        return None
    if "json" not in headers.get("content-type", ""):
        raise ApiError(415, "BadRequest", "The content type must be application/json.")
    try:
        return loads(content)
    except ValueError as error:
        raise bad_request(f"The request body is not valid JSON: {error}") from error


def _error(error: ApiError) -> web.Response:
    return json_response(error.body(), error.status, error.headers)
