"""A proxy in front of one service of Azurite that counts calls by what they do and injects the faults of the kit."""

from collections.abc import AsyncIterator
from typing import Final

import aiohttp
from aiohttp import web
from yarl import URL

from sandbox.kit import StandIn
from shared.adapters.storage.transport import KEPT_SECONDS

_HOP: Final = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length"})
_NAMES: Final = ("records", "state", "sync-poison", "sweep-poison", "sync", "sweep")


class StorageProxy(StandIn):
    """Passes every call on to ``target``, the address of a service of the emulator."""

    def __init__(self, name: str, target: str) -> None:
        super().__init__(name)
        self._target = target
        self._http: aiohttp.ClientSession | None = None
        self.app.cleanup_ctx.append(self._session)
        self.app.router.add_route("*", "/{tail:.*}", self._forward)

    def route_name(self, request: web.Request) -> str:
        """The method with the kind of address: the table or queue without its prefix, keys as ``{key}``."""
        rest = request.path.split("/", 2)[-1]
        name, bracket, _ = rest.partition("(")
        place, _, below = name.partition("/")
        short = next((one for one in _NAMES if place.endswith(one)), place)
        shown = f"{short}/{below.split('/')[0]}" if below else short
        if not bracket:
            return f"{request.method} {shown}"
        return f"{request.method} {shown}({'{key}' if 'RowKey' in rest else ''})"

    async def _session(self, _app: web.Application) -> AsyncIterator[None]:
        connector = aiohttp.TCPConnector(keepalive_timeout=KEPT_SECONDS)
        async with aiohttp.ClientSession(auto_decompress=False, connector=connector) as self._http:
            yield

    async def _forward(self, request: web.Request) -> web.Response:
        if self._http is None:
            raise web.HTTPServiceUnavailable
        headers = {name: value for name, value in request.headers.items() if name.lower() not in _HOP}
        url = URL(self._target + request.raw_path, encoded=True)
        async with self._http.request(
            request.method,
            url,
            data=await request.read() or None,
            headers=headers,
            # The signature covers the content type.
            skip_auto_headers=("Content-Type",),
            allow_redirects=False,
        ) as answer:
            kept = {name: value for name, value in answer.headers.items() if name.lower() not in _HOP}
            return web.Response(body=await answer.read(), status=answer.status, headers=kept)
