"""What carries the calls of httpx: connections of aiohttp, which read and write answers in C.

httpx alone takes twice the processor time for a call, and asks the state of every open connection for each. The
errors are httpx's own. What matters is where a call failed: one that never had a connection can be made again, of any
other it is not known whether it was carried out.
"""

import ssl
from collections.abc import Awaitable, Callable
from typing import Any, Final, override
from urllib.request import getproxies

import aiohttp
import httpx
from yarl import URL

MOST_CONNECTIONS: Final = 32
KEPT_SECONDS: Final = 5.0
"""How long a connection may be idle: most servers close theirs later, so none is closed while it is used again."""
_READ: Final = ((aiohttp.ServerTimeoutError, httpx.ReadTimeout), (aiohttp.ClientOSError, httpx.ReadError))
_OWN_HEADERS: Final = ("User-Agent", "Content-Type", "Accept", "Accept-Encoding")

type _Send = Callable[[aiohttp.ClientRequest], Awaitable[aiohttp.ClientResponse]]


def open_http(
    timeout: httpx.Timeout | float, trust: ssl.SSLContext | None = None, **options: Any
) -> httpx.AsyncClient:
    """A client for both systems. Where the environment names a proxy, httpx itself finds the way through it."""
    if getproxies():
        limits = httpx.Limits(max_connections=MOST_CONNECTIONS)
        return httpx.AsyncClient(timeout=timeout, limits=limits, verify=trust or True, **options)
    return httpx.AsyncClient(timeout=timeout, transport=WireTransport(trust), **options)


class WireTransport(httpx.AsyncBaseTransport):
    """Sends requests as they are and reads every answer to its end; follows nothing and repeats nothing."""

    def __init__(self, trust: ssl.SSLContext | None = None) -> None:
        self._trust = trust
        self._session: aiohttp.ClientSession | None = None

    def _open(self) -> aiohttp.ClientSession:
        """The session, which belongs to the loop that runs."""
        if self._session is None:
            connector = aiohttp.TCPConnector(
                limit=MOST_CONNECTIONS, keepalive_timeout=KEPT_SECONDS, ssl=self._trust or True
            )
            self._session = aiohttp.ClientSession(
                connector=connector,
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                skip_auto_headers=_OWN_HEADERS,
                middlewares=(_once,),
            )
        return self._session

    @override
    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """One call; raises the errors of httpx."""
        wait = request.extensions.get("timeout", {})
        try:
            async with self._open().request(
                request.method,
                # As it is: read anew it would be written in another way.
                URL(str(request.url), encoded=True),
                headers=[
                    (name.decode("ascii"), value.decode("latin-1")) for name, value in request.headers.raw
                ],
                data=await request.aread() or None,
                timeout=aiohttp.ClientTimeout(
                    connect=wait.get("pool"), sock_connect=wait.get("connect"), sock_read=wait.get("read")
                ),
                allow_redirects=False,
            ) as answer:
                content = await answer.read()
        except aiohttp.ClientError as error:
            raise _meaning(error)(f"{type(error).__name__} {error}", request=request) from error
        return httpx.Response(
            answer.status, headers=answer.raw_headers, stream=httpx.ByteStream(content), request=request
        )

    @override
    async def aclose(self) -> None:
        """Closes every connection."""
        if self._session is not None:
            await self._session.close()
            self._session = None


async def _once(request: aiohttp.ClientRequest, send: _Send) -> aiohttp.ClientResponse:
    """Aiohttp would send some calls again by itself: calls are counted, and who made them decides on a second."""
    try:
        return await send(request)
    except aiohttp.ConnectionTimeoutError as error:
        raise httpx.ConnectTimeout(str(error)) from error
    except aiohttp.ClientConnectorError as error:
        raise httpx.ConnectError(str(error)) from error
    except aiohttp.ClientError as error:
        raise _meaning(error)(f"{type(error).__name__} {error}") from error


def _meaning(error: aiohttp.ClientError) -> type[httpx.TransportError]:
    """What httpx calls a failure of a call that had its connection."""
    return next((kind for given, kind in _READ if isinstance(error, given)), httpx.RemoteProtocolError)
