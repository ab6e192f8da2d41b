"""One client for both systems: exact JSON, and every way in which a call can fail has its one meaning."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from email.utils import format_datetime
from typing import Any

import httpx
import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from sandbox.kit import Fault, FaultKind, StandIn, loads
from shared.adapters.http import LONGEST_WAIT, Headers, JsonClient, retry_after
from shared.adapters.resolutions import CATCH_ALL, TRANSIENT, Resolution
from shared.adapters.wire import open_http
from shared.domain.calls import counted_calls
from shared.domain.errors import (
    UNANSWERED,
    HoldForPerson,
    OutcomeUnknown,
    RetryLater,
    StopConnection,
    SyncError,
)
from shared.domain.tenure import LONGEST_OPERATION
from tests.adapters.support import serving

SECRET = "s3cr3t-t0ken-0123456789"
TABLE = (Resolution(401, StopConnection, "credentials", "{system} refuses."), *TRANSIENT, *CATCH_ALL)


@dataclass
class Keys:
    """Gives the same headers each time and remembers which were refused."""

    refused: list[Headers | None] = field(default_factory=list)

    async def __call__(self, refused: Headers | None) -> Headers:
        self.refused.append(refused)
        return {"Authorization": f"Bearer {SECRET}{len(self.refused)}"}


@dataclass
class Echo:
    """A system that answers with what it was sent, under faults; ``seen`` are the requests it carried out."""

    client: JsonClient
    system: StandIn
    keys: Keys
    seen: list[dict[str, Any]] = field(default_factory=list)
    status: int = 200
    answer_headers: dict[str, str] = field(default_factory=dict)
    raw: bytes | None = None
    running: int = 0
    most: int = 0

    async def handle(self, request: web.Request) -> web.Response:
        self.running += 1
        self.most = max(self.most, self.running)
        body = await request.read()
        self.seen.append(
            {
                "method": request.method,
                "path": request.path_qs,
                "headers": dict(request.headers),
                "body": body,
            }
        )
        await asyncio.sleep(0)
        self.running -= 1
        content = body if self.raw is None else self.raw
        return web.Response(body=content, status=self.status, headers=self.answer_headers)

    def fail(self, kind: FaultKind, **values: Any) -> None:
        self.system.faults = [Fault(kind, **values)]


@pytest.fixture(scope="module")
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with open_http(httpx.Timeout(0.5, connect=2.0)) as client:
        yield client


@asynccontextmanager
async def echoing(http: httpx.AsyncClient) -> AsyncIterator[Echo]:
    system, keys = StandIn("echo"), Keys()
    client = JsonClient("Echo", http, "", keys, TABLE, headers={"Accept-Language": "en-US"})
    echo = Echo(client, system, keys)
    system.route("*", "/api/{tail:.*}", echo.handle)
    async with serving(system.app) as url:
        client.base_url = f"{url}/api"
        yield echo


@pytest.fixture
async def echo(http: httpx.AsyncClient) -> AsyncIterator[Echo]:
    async with echoing(http) as running:
        yield running


async def fails(echo: Echo, method: str = "GET", **options: Any) -> SyncError:
    body = {"a": 1} if method != "GET" else None
    with pytest.raises(SyncError) as caught:
        await echo.client.request(method, "things/1", body=body, **options)
    return caught.value


async def test_numbers_travel_exactly_in_both_directions(echo: Echo) -> None:
    body = {"total": Decimal("10.10"), "tiny": Decimal("0.000000000000000001"), "count": 3, "text": "Ž☃"}
    answer = await echo.client.request("POST", "things", body=body)
    assert answer.body == body
    assert isinstance(answer.body["total"], Decimal)
    assert b"10.10" in echo.seen[0]["body"]


async def test_a_call_carries_its_headers_and_parameters(echo: Echo) -> None:
    await echo.client.request("GET", "things", params={"$filter": "a eq 'b&c +%'"}, headers={"If-Match": "*"})
    [seen] = echo.seen
    assert seen["path"] == "/api/things?%24filter=a+eq+%27b%26c+%2B%25%27"
    headers = seen["headers"]
    assert headers["Authorization"] == f"Bearer {SECRET}1"
    assert (headers["Accept"], headers["Accept-Language"]) == ("application/json", "en-US")
    assert headers["If-Match"] == "*"
    assert "Content-Type" not in headers


async def test_a_body_of_any_size_arrives_whole_and_names_its_length(echo: Echo) -> None:
    for size in (1, 70_000, 2_000_000):
        await echo.client.request("POST", "things", body={"text": "x" * size})
        seen = echo.seen[-1]
        assert seen["headers"]["Content-Length"] == str(len(seen["body"]))
        assert "Transfer-Encoding" not in seen["headers"]
        assert len(seen["body"]) > size


async def test_an_address_in_place_of_a_path_gets_no_credentials(echo: Echo, http: httpx.AsyncClient) -> None:
    async with echoing(http) as foreign:
        await echo.client.request("GET", f"{foreign.client.base_url}/things", repeatable=True)
        assert not foreign.seen


async def test_an_empty_answer_is_none(echo: Echo) -> None:
    echo.raw, echo.status = b"", 204
    assert (await echo.client.request("DELETE", "things/1")).body is None


WRITE_LOST = [("POST", OutcomeUnknown), ("GET", RetryLater), ("PATCH", RetryLater), ("DELETE", RetryLater)]


@pytest.mark.parametrize(("method", "kind"), WRITE_LOST)
@pytest.mark.parametrize("fault", ["reset", "hang", "cut", "lost"])
async def test_a_lost_answer(echo: Echo, method: str, kind: type[SyncError], fault: FaultKind) -> None:
    echo.raw = b"[1, 2, 3]"
    echo.fail(fault, seconds=0.6)
    error = await fails(echo, method)
    assert type(error) is kind
    if isinstance(error, OutcomeUnknown):
        assert (error.cause, error.after) == (UNANSWERED, LONGEST_OPERATION)
    else:
        assert error.cause == "unreachable"


@pytest.mark.parametrize(("method", "kind"), WRITE_LOST[:2])
async def test_an_answer_that_drips_without_end(echo: Echo, method: str, kind: type[SyncError]) -> None:
    """No silence in it is long enough for a timeout, but the whole has a deadline."""
    echo.raw, echo.client.deadline = b"[1, 2, 3, 4, 5, 6]", 0.4
    echo.fail("slow", seconds=0.15, pieces=9)
    error = await fails(echo, method)
    assert type(error) is kind
    if isinstance(error, OutcomeUnknown):
        assert (error.cause, error.after) == (UNANSWERED, LONGEST_OPERATION)


@pytest.mark.parametrize(("method", "kind"), WRITE_LOST)
@pytest.mark.parametrize("fault", ["html", "badjson"])
async def test_an_answer_that_is_not_json(
    echo: Echo, method: str, kind: type[SyncError], fault: FaultKind
) -> None:
    echo.fail(fault)
    error = await fails(echo, method)
    assert type(error) is kind
    assert error.cause == "not_json"


@pytest.mark.parametrize(
    "raw",
    [
        b"[" * 200_000,
        b"NaN",
        b'{"a": Infinity}',
        b"\xff\xfe\x00",
        b'"\xc3',
        b"{'a': 1}",
        b"1 2",
        b"9" * 9_000,
    ],
)
async def test_no_answer_is_strange_enough_to_break_the_client(echo: Echo, raw: bytes) -> None:
    echo.raw = raw
    assert type(await fails(echo, "POST")) is OutcomeUnknown
    assert type(await fails(echo, "GET")) is RetryLater
    echo.status = 400
    assert type(await fails(echo, "GET")) is HoldForPerson


@pytest.mark.parametrize(("method", "kind"), WRITE_LOST)
async def test_a_body_that_cannot_be_decompressed(echo: Echo, method: str, kind: type[SyncError]) -> None:
    echo.answer_headers, echo.raw = {"Content-Encoding": "gzip"}, b"certainly not gzip"
    assert type(await fails(echo, method)) is kind


async def test_what_never_left_is_safe_to_repeat(http: httpx.AsyncClient, echo: Echo) -> None:
    async with echoing(http) as gone:
        address = gone.client.base_url
    echo.client.base_url = address
    error = await fails(echo, "POST")
    assert type(error) is RetryLater
    assert error.cause == "unreachable"


async def test_a_write_that_harms_nobody_twice_may_be_declared_so(echo: Echo) -> None:
    echo.fail("lost")
    assert type(await fails(echo, "POST", repeatable=True)) is RetryLater
    assert type(await fails(echo, "PATCH", repeatable=False)) is OutcomeUnknown


async def test_a_refused_call_is_repeated_once_with_new_headers(echo: Echo) -> None:
    echo.fail("status", status=401, times=1)
    assert (await echo.client.request("POST", "things", body={"a": 1})).body == {"a": 1}
    assert echo.keys.refused == [None, {"Authorization": f"Bearer {SECRET}1"}]
    assert [seen["headers"]["Authorization"] for seen in echo.seen] == [f"Bearer {SECRET}2"]


async def test_a_call_refused_twice_stops_the_connection(echo: Echo) -> None:
    echo.fail("status", status=401)
    error = await fails(echo)
    assert type(error) is StopConnection
    assert len(echo.keys.refused) == 2
    assert sum(echo.system.calls.values()) == 2


async def test_a_redirect_is_not_followed(echo: Echo, http: httpx.AsyncClient) -> None:
    async with echoing(http) as elsewhere:
        echo.status, echo.answer_headers = 307, {"Location": f"{elsewhere.client.base_url}/things"}
        assert type(await fails(echo, "POST")) is HoldForPerson
        assert not elsewhere.seen


async def test_calls_at_the_same_time_are_limited(echo: Echo) -> None:
    echo.client.limit = asyncio.Semaphore(3)
    await asyncio.gather(*(echo.client.request("POST", "things", body=n) for n in range(30)))
    assert echo.most <= 3


async def test_every_call_is_counted_refused_ones_too(echo: Echo) -> None:
    echo.fail("status", status=401, times=1)
    with counted_calls() as counter:
        await echo.client.request("POST", "things", body=1)
    assert counter == {"Echo": 2}


@pytest.mark.parametrize("status", [400, 401, 403, 404, 429, 500, 503])
async def test_no_credential_shows_in_an_error(echo: Echo, status: int) -> None:
    """The system repeats in its answer everything that it was sent, as some gateways do."""
    text = f"Authorization: Bearer {SECRET}1 was sent to https://host/x?code={SECRET}"
    answer = {"error": {"code": "Oops", "message": text}, "sent": {"access_token": SECRET}}
    echo.fail("status", status=status, body=json.dumps(answer))
    error = await fails(echo, "POST")
    chain = [error, *filter(None, [error.__cause__, error.__context__])]
    shown = " ".join(f"{one!r} {one}" for one in chain) + error.operator + error.todo + error.detail
    assert SECRET not in shown
    assert error.detail


async def test_what_the_system_said_is_kept_for_the_engineer(echo: Echo) -> None:
    echo.fail("status", status=422, body='{"code": "InvalidObject", "message": "the date is wrong"}')
    error = await fails(echo, "PATCH")
    assert error.operator == "Echo refused the record (422): the date is wrong"
    assert error.detail.startswith("PATCH things/1: 422 InvalidObject {")


@pytest.mark.parametrize(
    ("status", "headers", "after"),
    [
        (429, {"Retry-After": "30"}, timedelta(seconds=30)),
        (429, {}, None),
        (503, {"Retry-After": " 7 "}, timedelta(seconds=7)),
        (503, {"Retry-After": "soon"}, None),
        (502, {"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}, timedelta(0)),
        (503, {"Retry-After": "Wed, 21 Oct 9015 07:28:00 GMT"}, LONGEST_WAIT),
    ],
)
async def test_a_refusal_carries_the_delay_that_the_system_names(
    echo: Echo, status: int, headers: dict[str, str], after: timedelta | None
) -> None:
    echo.fail("status", status=status, headers=headers)
    error = await fails(echo)
    assert isinstance(error, RetryLater)
    assert error.after == after


def test_a_delay_may_be_a_moment() -> None:
    moment = datetime.now(UTC) + timedelta(seconds=90)
    delay = retry_after(format_datetime(moment, usegmt=True))
    assert delay is not None
    assert timedelta(seconds=85) < delay <= timedelta(seconds=90)


@pytest.mark.parametrize("text", [None, "", "  ", "-5", "1.5", "²", "٣", "soon", "Wed, 99 Oct", "9" * 5_000])
def test_a_delay_that_cannot_be_read_is_none(text: str | None) -> None:
    assert retry_after(text) is None


@given(st.text() | st.integers().map(str) | st.datetimes().map(lambda value: f"{value:%a, %d %b} {value}"))
def test_any_text_names_a_reasonable_delay_or_none(text: str) -> None:
    delay = retry_after(text)
    assert delay is None or timedelta(0) <= delay <= LONGEST_WAIT


def test_the_sandbox_reads_what_the_product_writes() -> None:
    assert loads('{"total": 10.10}') == {"total": Decimal("10.10")}
