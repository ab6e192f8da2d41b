"""What carries the calls of httpx: connections of aiohttp, which read and write answers in C.

httpx alone takes twice the processor time for a call, and asks the state of every open connection for each. The
errors are httpx's own. What matters is where a call failed: one that never had a connection can be made again, of any
other it is not known whether it was carried out.
"""

import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Final, override
from urllib.request import getproxies

import aiohttp
import httpx
from yarl import URL

MOST_CONNECTIONS: Final = 32
AT_ONCE_BYTES: Final = 64 * 1024
KEPT_SECONDS: Final = 5.0
"""How long a connection may be idle: most servers close theirs later, so none is closed while it is used again."""
_MEANINGS: Final[tuple[tuple[type[aiohttp.ClientError], type[httpx.TransportError]], ...]] = (
    (aiohttp.ConnectionTimeoutError, httpx.ConnectTimeout),
    (aiohttp.ClientConnectorError, httpx.ConnectError),
    (aiohttp.ServerTimeoutError, httpx.ReadTimeout),
    (aiohttp.ClientOSError, httpx.ReadError),
)
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
    """Sends requests and gives their answers as they are; follows nothing and repeats nothing."""

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
            answer = await self._open().request(
                request.method,
                # As it is: read anew it would be written in another way.
                URL(str(request.url), encoded=True),
                headers=[
                    (name.decode("ascii"), value.decode("latin-1")) for name, value in request.headers.raw
                ],
                data=await _content(request),
                timeout=aiohttp.ClientTimeout(
                    connect=wait.get("pool"), sock_connect=wait.get("connect"), sock_read=wait.get("read")
                ),
                allow_redirects=False,
            )
        except aiohttp.ClientError as error:
            raise _meaning(error) from error
        return httpx.Response(
            answer.status, headers=answer.raw_headers, stream=_Body(answer), request=request
        )

    @override
    async def aclose(self) -> None:
        """Closes every connection."""
        if self._session is not None:
            await self._session.close()
            self._session = None


async def _content(request: httpx.Request) -> Any:
    """What is sent: small bodies at once, large ones as the stream that they are, whose length the header tells."""
    size = int(request.headers.get("Content-Length", 0))
    if size <= AT_ONCE_BYTES and "Transfer-Encoding" not in request.headers:
        return await request.aread() or None
    return request.stream


class _Body(httpx.AsyncByteStream):
    """The body of an answer, piece by piece."""

    def __init__(self, answer: aiohttp.ClientResponse) -> None:
        self._answer = answer

    @override
    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for piece in self._answer.content.iter_any():
                yield piece
        except aiohttp.ClientError as error:
            raise _meaning(error) from error

    @override
    async def aclose(self) -> None:
        """Gives the connection back; one with an answer that was not read to its end is closed."""
        self._answer.release()


async def _once(request: aiohttp.ClientRequest, send: _Send) -> aiohttp.ClientResponse:
    """Keeps aiohttp from sending some calls again by itself: who made a call decides on a second one."""
    try:
        return await send(request)
    except aiohttp.ClientError as error:
        raise _meaning(error) from error


def _meaning(error: aiohttp.ClientError) -> httpx.TransportError:
    """What httpx calls the failure; only the first two say that the call was never sent."""
    kind = next((kind for given, kind in _MEANINGS if isinstance(error, given)), httpx.RemoteProtocolError)
    return kind(f"{type(error).__name__} {error}")
