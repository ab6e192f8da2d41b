"""Files from one system to the other: whole, within their limit, sent again after a renewed sign-in."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from tempfile import SpooledTemporaryFile

import httpx
import pytest
from aiohttp import web

from sandbox.kit import Fault, StandIn
from shared.adapters import files
from shared.adapters.files import IN_MEMORY, PIECE, downloaded
from shared.adapters.http import Headers, JsonClient
from shared.app import trust
from shared.domain.errors import HoldForPerson, RetryLater
from tests.adapters.support import serving
from tests.adapters.test_http import TABLE

LARGE = bytes(range(256)) * (2 * IN_MEMORY // 256)


class Shelf(StandIn):
    """A system that holds one file, and refuses the first write as one with stale credentials."""

    def __init__(self, content: bytes = b"", kind: str = "application/octet-stream") -> None:
        super().__init__("shelf")
        self.content, self.kind = content, kind
        self.received: list[tuple[str, str, bytes]] = []
        self.route("GET", "/file", self._read)
        self.route("PATCH", "/file", self._write)

    async def _read(self, _request: web.Request) -> web.Response:
        return web.Response(body=self.content, content_type=self.kind)

    async def _write(self, request: web.Request) -> web.Response:
        length = request.headers["Content-Length"]
        self.received.append((request.content_type, length, await request.read()))
        return web.Response(status=401 if len(self.received) == 1 else 204)


async def no_credentials(_refused: Headers | None) -> Headers:
    return {}


@asynccontextmanager
async def client_of(shelf: Shelf) -> AsyncIterator[JsonClient]:
    async with serving(shelf.app) as url, httpx.AsyncClient(verify=trust()) as http:
        yield JsonClient("Shelf", http, url, no_credentials, TABLE)


async def test_a_large_file_is_on_disk_and_is_sent_again_after_a_renewed_sign_in(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made: list[SpooledTemporaryFile[bytes]] = []

    def noted(max_size: int) -> SpooledTemporaryFile[bytes]:
        made.append(SpooledTemporaryFile(max_size=max_size))  # noqa: SIM115 - the code under test closes it
        return made[-1]

    monkeypatch.setattr(files, "SpooledTemporaryFile", noted)
    shelf = Shelf(LARGE)
    async with (
        client_of(shelf) as client,
        downloaded(client, "file", most=len(LARGE), page=False) as content,
    ):
        assert content.size == len(LARGE)
        assert [len(piece) async for piece in content.pieces()] == [PIECE] * (len(LARGE) // PIECE)
        assert made[0]._rolled  # type: ignore[attr-defined]
        await client.request("PATCH", "file", body=content)
    assert shelf.received == [("application/octet-stream", str(len(LARGE)), LARGE)] * 2
    assert made[0].closed


async def test_more_than_the_limit_is_refused_while_it_comes() -> None:
    async with client_of(Shelf(LARGE)) as client:
        with pytest.raises(HoldForPerson, match="more than"):
            async with downloaded(client, "file", most=len(LARGE) - 1, page=False):
                pass


async def test_a_web_page_is_no_file_unless_it_is_one() -> None:
    async with client_of(Shelf(b"<html></html>", "text/html")) as client:
        with pytest.raises(RetryLater) as raised:
            async with downloaded(client, "file", most=100, page=False):
                pass
        assert raised.value.cause == "not_a_file"
        async with downloaded(client, "file", most=100, page=True) as content:
            assert content.size == 13


async def test_half_a_file_is_none() -> None:
    shelf = Shelf(LARGE)
    shelf.faults = [Fault("cut", times=1)]
    async with client_of(shelf) as client:
        with pytest.raises(RetryLater) as raised:
            async with downloaded(client, "file", most=len(LARGE), page=False):
                pass
        assert raised.value.cause == "unreachable"
