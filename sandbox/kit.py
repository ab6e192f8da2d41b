"""What both stand-ins share: counted calls, faults, latency, broken-rule reports and the admin surface.

A stand-in is an aiohttp application. Every product call passes one middleware that counts it by route,
applies the faults that were asked for and hands it on. ``/admin/...`` is not counted and never faulted.
"""

import asyncio
import random
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final, Literal

import simplejson
from aiohttp import web

type Json = Any
type Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
type FaultKind = Literal["status", "reset", "hang", "cut", "slow", "lost", "html", "badjson", "latency"]

LONGEST_HANG_SECONDS: Final = 120.0
MOST_REQUEST_LINES: Final = 5_000
"""The newest request lines that a stand-in keeps, as any proxy on the way would log them."""
KEPT_HEADERS: Final = ("Content-Type", "ETag", "Link")
"""What a caller still sees of an answer that comes in pieces."""


def loads(text: str | bytes) -> Json:
    """Reads JSON with every fraction as Decimal; raises ``ValueError`` on malformed text."""
    return simplejson.loads(text, use_decimal=True)


def dumps(value: Json) -> str:
    """Writes JSON with Decimal as plain JSON numbers."""
    return simplejson.dumps(value, use_decimal=True, ensure_ascii=False)


def json_response(value: Json, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """An answer with a JSON body."""
    return web.Response(text=dumps(value), status=status, headers=headers, content_type="application/json")


@dataclass(slots=True)
class Fault:
    """One fault to inject: which calls it hits, what happens, how often.

    ``route`` is matched as a part of ``"METHOD /route/template"``; an empty text hits every call.
    ``kind`` ``lost`` runs the call and then drops the answer; ``cut`` sends half of it; ``slow`` sends it in
    ``pieces`` with ``seconds`` between them.
    """

    kind: FaultKind
    route: str = ""
    status: int = 503
    headers: dict[str, str] = field(default_factory=dict)
    body: str = ""
    times: int = 1_000_000_000
    skip: int = 0
    rate: float = 1.0
    seconds: float = 0.0
    pieces: int = 2
    carried_out: bool = False
    """A ``status`` that is answered although the call was carried out."""


class StandIn:
    """An aiohttp application that counts its calls, injects faults and reports broken rules."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.app = web.Application(middlewares=[self._middleware], client_max_size=64 * 2**20)
        self.calls: Counter[str] = Counter()
        self.request_lines: deque[str] = deque(maxlen=MOST_REQUEST_LINES)
        self.breaches: list[dict[str, str]] = []
        self.faults: list[Fault] = []
        self.latency_seconds = 0.0
        self.random = random.Random(1)
        self.witnesses: list[Callable[[web.Request, str], None]] = []
        """Told of every product call and the name of its route."""
        self._running: set[asyncio.Task[Any]] = set()
        self.admin("GET", "/admin/report", self._report)
        self.admin("POST", "/admin/report/clear", self._clear_report)
        self.admin("POST", "/admin/faults", self._set_faults)
        self.admin("POST", "/admin/latency", self._set_latency)
        self.admin("POST", "/admin/reset", self._reset)

    def route(self, method: str, path: str, handler: Handler) -> None:
        """Serves a product route; the path template is the name under which its calls are counted."""
        self.app.router.add_route(method, path, handler)

    def admin(self, method: str, path: str, handler: Handler) -> None:
        """Serves a route of the admin surface: what a person does in the product, and the test controls."""
        if not path.startswith("/admin/"):
            raise ValueError(f"an admin route must start with /admin/: {path}")
        self.app.router.add_route(method, path, handler)

    def restart(self) -> None:
        """Becomes as it was when it was made: without calls, faults or requests under way."""
        for task in self._running:
            task.cancel()
        self.calls.clear()
        self.request_lines.clear()
        self.breaches.clear()
        self.faults.clear()
        self.witnesses.clear()
        self.latency_seconds = 0.0
        self.random = random.Random(1)

    def breach(self, rule: str, detail: str) -> None:
        """Notes that the caller broke a documented rule; the demo and the tests fail on any."""
        self.breaches.append({"rule": rule, "detail": detail})

    def count(self, route: str) -> None:
        """Counts a call that the middleware cannot name, such as one operation inside a batch."""
        self.calls[route] += 1

    def route_name(self, request: web.Request) -> str:
        """The name under which a call is counted and faulted; overridden where routing is not aiohttp's."""
        resource = request.match_info.route.resource
        return f"{request.method} {resource.canonical if resource else request.path}"

    def report(self) -> dict[str, Json]:
        """What ``GET /admin/report`` answers; a stand-in adds its own figures by overriding it."""
        return {"calls": dict(self.calls), "total": sum(self.calls.values()), "breaches": self.breaches}

    @web.middleware
    async def _middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path.startswith("/admin/"):
            return await handler(request)
        task = asyncio.current_task()
        assert task is not None
        self._running.add(task)
        try:
            return await self._serve(request, handler)
        except ConnectionResetError:
            # The caller died in mid-request, which the crash tests do on purpose.
            return _drop(request)
        finally:
            self._running.discard(task)

    async def _serve(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        route = self.route_name(request)
        self.calls[route] += 1
        self.request_lines.append(f"{request.method} {request.path_qs}")
        for witness in self.witnesses:
            witness(request, route)
        if self.latency_seconds:
            await asyncio.sleep(self.latency_seconds)
        fault = self._fault_for(route)
        return await (handler(request) if fault is None else self._inject(fault, request, handler))

    def _fault_for(self, route: str) -> Fault | None:
        for fault in self.faults:
            if fault.route not in route or fault.times <= 0:
                continue
            if fault.skip > 0:
                fault.skip -= 1
                continue
            if fault.rate >= 1.0 or self.random.random() < fault.rate:
                fault.times -= 1
                return fault
        return None

    async def _inject(self, fault: Fault, request: web.Request, handler: Handler) -> web.StreamResponse:
        match fault.kind:
            case "latency":
                await asyncio.sleep(fault.seconds)
                return await handler(request)
            case "hang":
                await asyncio.sleep(fault.seconds or LONGEST_HANG_SECONDS)
                return _drop(request)
            case "reset":
                return _drop(request)
            case "lost":
                await handler(request)
                return _drop(request)
            case "status":
                if fault.carried_out:
                    await handler(request)
                return web.Response(
                    text=fault.body or dumps({"code": "Fault", "message": "injected"}),
                    status=fault.status,
                    headers=fault.headers,
                    content_type="application/json",
                )
            case "html":
                return web.Response(text="<html><body>Service page</body></html>", content_type="text/html")
            case "badjson":
                return web.Response(text='{"value": [', content_type="application/json")
            case "cut" | "slow":
                return await self._partial(fault, request, await handler(request))

    async def _partial(
        self, fault: Fault, request: web.Request, answer: web.StreamResponse
    ) -> web.StreamResponse:
        body = answer.body if isinstance(answer, web.Response) and isinstance(answer.body, bytes) else b"{}"
        headers = {name: answer.headers[name] for name in KEPT_HEADERS if name in answer.headers}
        stream = web.StreamResponse(status=answer.status, headers=headers)
        stream.content_length = len(body)
        await stream.prepare(request)
        piece = max(1, -(-len(body) // max(2, fault.pieces)))
        await stream.write(body[:piece])
        for start in range(piece, len(body), piece):
            if fault.kind == "cut":
                return _drop(request)
            await asyncio.sleep(fault.seconds)
            await stream.write(body[start : start + piece])
        await stream.write_eof()
        return stream

    async def _report(self, _request: web.Request) -> web.Response:
        return json_response(self.report())

    async def _clear_report(self, _request: web.Request) -> web.Response:
        self.calls.clear()
        self.breaches.clear()
        return json_response({})

    async def _set_faults(self, request: web.Request) -> web.Response:
        body = loads(await request.read())
        self.faults = [Fault(**_plain(item)) for item in body["faults"]]
        return json_response({"faults": len(self.faults)})

    async def _set_latency(self, request: web.Request) -> web.Response:
        self.latency_seconds = float(loads(await request.read())["seconds"])
        return json_response({"seconds": Decimal(str(self.latency_seconds))})

    async def _reset(self, _request: web.Request) -> web.Response:
        self.restart()
        return json_response({})


def _plain(item: dict[str, Json]) -> dict[str, Json]:
    return {key: float(value) if isinstance(value, Decimal) else value for key, value in item.items()}


def _drop(request: web.Request) -> web.StreamResponse:
    """Closes the connection without an answer, as a broken network does."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=500)
