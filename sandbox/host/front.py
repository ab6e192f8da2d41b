"""The HTTP front: functions below the route prefix, and the host's own routes below ``/admin``."""

import json
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from aiohttp import web

from sandbox.host.dispatcher import Dispatcher
from sandbox.host.functions import Function, HttpTrigger, QueueTrigger, TimerTrigger
from sandbox.host.keys import AuthLevel, Keys
from sandbox.host.routing import RouteTable
from sandbox.host.runtime import Call, HttpCall, Outcome, QueueCall, http_answer
from sandbox.host.timers import timer_call

LARGEST_BODY_BYTES: Final = 100 * 2**20
_OWN_HEADERS: Final = {"content-length", "transfer-encoding", "connection"}


class Front:
    """An aiohttp application that serves the functions of one app."""

    def __init__(
        self, functions: Mapping[str, Function], routes: RouteTable, keys: Keys, runs: Dispatcher
    ) -> None:
        self._functions = functions
        self._routes = routes
        self._keys = keys
        self._dispatcher = runs
        self.app = web.Application(client_max_size=LARGEST_BODY_BYTES)
        self.app.router.add_get("/admin/host/ping", self._ping)
        self.app.router.add_get("/admin/host/status", self._status)
        self.app.router.add_post("/admin/functions/{name}", self._run_by_hand)
        self.app.router.add_route("*", "/{path:.*}", self._serve)

    async def _serve(self, request: web.Request) -> web.Response:
        match = self._routes.find(request.method, request.rel_url.raw_path)
        if match is None:
            return web.Response(status=404)
        if not self._may(request, match.trigger.level):
            return web.Response(status=401)
        call = HttpCall(
            request.method,
            str(request.url),
            _joined(request.headers, lower=True),
            _joined(request.query),
            match.parameters,
            await request.read(),
        )
        outcome = await self._dispatcher.run(match.function, call, request.headers.get("traceparent", ""))
        return _response(match.function, outcome)

    def _may(self, request: web.Request, level: AuthLevel) -> bool:
        offered = request.headers.get("x-functions-key") or request.query.get("code", "")
        return self._keys.allow(level, offered)

    async def _ping(self, _request: web.Request) -> web.Response:
        return web.Response()

    async def _status(self, request: web.Request) -> web.Response:
        """What is there and what it did; an extension of this host for development and tests."""
        if not self._may(request, AuthLevel.ADMIN):
            return web.Response(status=401)
        functions = [
            {"name": function.name, "disabled": function.disabled}
            | _describe(function)
            | self._dispatcher.record(function).to_json()
            for function in self._functions.values()
        ]
        return web.json_response(
            {"state": "Running", "inFlight": self._dispatcher.in_flight, "functions": functions}
        )

    async def _run_by_hand(self, request: web.Request) -> web.Response:
        """Starts any function, even a disabled one, with ``{"input": text}``; answers 202 before it has run."""
        if not self._may(request, AuthLevel.ADMIN):
            return web.Response(status=401)
        function = self._functions.get(request.match_info["name"])
        if function is None:
            return web.Response(status=404)
        try:
            body = json.loads(await request.read() or b"{}")
            value = body.get("input") or ""
        except (ValueError, AttributeError):
            return web.Response(status=400)
        if not isinstance(value, str):
            return web.Response(status=400)
        self._dispatcher.start(function, _by_hand(function, value))
        return web.Response(status=202)


def _describe(function: Function) -> dict[str, Any]:
    match function.trigger:
        case HttpTrigger() as trigger:
            return {"trigger": "http", "route": trigger.route, "methods": sorted(trigger.methods)}
        case QueueTrigger() as trigger:
            return {"trigger": "queue", "queue": trigger.queue.name}
        case TimerTrigger() as trigger:
            return {"trigger": "timer", "schedule": trigger.schedule.expression}


def _by_hand(function: Function, value: str) -> Call:
    now = datetime.now(UTC)
    match function.trigger:
        case HttpTrigger() as trigger:
            return HttpCall("POST", f"http://localhost/{trigger.route}", {}, {}, {}, value.encode())
        case QueueTrigger():
            moment = now.isoformat()
            metadata = {
                "Id": str(uuid.uuid4()),
                "DequeueCount": "1",
                "InsertionTime": moment,
                "PopReceipt": "",
            }
            return QueueCall(value, metadata)
        case TimerTrigger() as trigger:
            return timer_call(trigger, None, now)


def _joined(pairs: Mapping[str, str], *, lower: bool = False) -> dict[str, str]:
    """A multi-dictionary as Azure hands it on: repeated values joined by commas, header names in small letters."""
    joined: dict[str, str] = {}
    for name, value in pairs.items():
        key = name.lower() if lower else name
        joined[key] = f"{joined[key]},{value}" if key in joined else value
    return joined


def _response(function: Function, outcome: Outcome) -> web.Response:
    """The function's answer; a failed invocation is an empty 500, one without an HTTP output an empty 204."""
    if outcome.error is not None:
        return web.Response(status=500)
    output = outcome.outputs.get(function.http_output or "")
    if output is None:
        return web.Response(status=204)
    answer = http_answer(output)
    response = web.Response(status=answer.status, body=answer.body or None)
    for name, value in answer.headers:
        if name.lower() == "set-cookie":
            response.headers.add(name, value)
        elif name.lower() not in _OWN_HEADERS:
            response.headers[name] = value
    return response
