"""One HTTP client for both systems: exact JSON, counted calls, bounded concurrency, errors by a table."""

import asyncio
import email.utils
import logging
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import httpx
import simplejson

from shared.adapters.pace import Pace, Turn
from shared.adapters.resolutions import Refusal, Resolution, resolve
from shared.domain.calls import Pulse, count_call
from shared.domain.errors import LOOKED_UP, UNANSWERED, OutcomeUnknown, RetryLater, SyncError
from shared.domain.tenure import LONGEST_OPERATION, require_tenure
from shared.ports.metrics import CALL_TIME, CALLS
from shared.ports.systems import Content
from shared.ports.telemetry import SILENT, Telemetry

type Headers = Mapping[str, str]
type Sink = Callable[[httpx.Response], Awaitable[None]]
"""Takes the body of a successful answer as it comes."""
type Authorize = Callable[[Headers | None], Awaitable[Headers]]

TIMEOUT: Final = httpx.Timeout(60.0, connect=10.0)
DEADLINE_SECONDS: Final = 100.0
"""How long a whole answer may take; the timeout above only bounds the silence between two of its pieces."""
WRITES: Final = frozenset({"PATCH", "PUT", "DELETE"})
"""What writes even where doing it twice is safe."""
LONGEST_WAIT: Final = timedelta(days=1)
"""No system is left alone for longer, whatever delay it names."""

_KEYS: Final = re.compile(r"\([^)]*\)|/\d[^/]*")
AWAY: Final = frozenset(
    {
        "unreachable",
        "answer_lost",
        UNANSWERED,
        "not_json",
        "not_a_file",
        "gateway",
        "unavailable",
        "timeout",
        "server_error",
    }
)
"""The causes of calls that a system which is away could not answer; any other answer shows that it is there."""

log = logging.getLogger("dynaconnect.http")


def dumps(value: Any) -> bytes:
    """JSON bytes with Decimal as plain numbers."""
    return simplejson.dumps(value, use_decimal=True).encode()


def loads(body: bytes) -> Any:
    """JSON with every fraction as Decimal; raises ``ValueError``."""
    return simplejson.loads(body, use_decimal=True)


@dataclass(frozen=True, slots=True)
class Answer:
    """A successful answer."""

    status: int
    body: Any
    headers: Mapping[str, str]


@dataclass(slots=True)
class JsonClient:
    """Sends JSON requests to one system and turns every failure into the error tree.

    ``authorize(refused)`` gives the headers of a call; after a 401 it is asked once more with those refused.
    ``table`` says what each refusal means, ``pace`` keeps the calls below a limit for a window, and ``operation_time`` is
    how long the system may go on with a call that was cut off.
    """

    system: str
    http: httpx.AsyncClient
    base_url: str
    authorize: Authorize
    table: Sequence[Resolution]
    headers: Mapping[str, str] = field(default_factory=dict)
    limit: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(4))
    telemetry: Telemetry = SILENT
    pace: Pace = field(default_factory=Pace)
    deadline: float = DEADLINE_SECONDS
    operation_time: timedelta = LONGEST_OPERATION
    pulse: Pulse = field(default_factory=lambda: Pulse(""))

    @property
    def base(self) -> httpx.URL:
        """The address that all calls have in common."""
        return httpx.URL(self.base_url)

    async def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        repeatable: bool | None = None,
        weight: int = 1,
        sink: Sink | None = None,
        turn: Turn | None = None,
    ) -> Answer:
        """One call. ``repeatable`` false means that doing it twice harms, as creating does.

        ``weight`` is how many calls it counts for where the system limits them within a window; ``turn`` is theirs
        where whoever calls has waited for it. A ``body`` that is ``Content`` is sent as it is, anything else as JSON;
        ``sink`` takes the body of an answer that is not JSON.

        A write of a pass is sent only while its lease lasts longer than the write can.

        Raises the errors of :mod:`shared.domain.errors`: OutcomeUnknown when a call that must not be repeated
        may have been carried out, RetryLater when trying again is safe.
        """
        safe = repeatable if repeatable is not None else method != "POST"
        try:
            answer = await self._request(method, path, params, body, headers, weight, sink, turn, safe=safe)
        except RetryLater as error:
            if error.cause in AWAY:
                self.pulse.miss(error.cause, error.operator)
            raise
        except SyncError:
            self.pulse.beat()
            raise
        self.pulse.beat()
        return answer

    async def _request(
        self,
        method: str,
        path: str,
        params: Mapping[str, str] | None,
        body: Any,
        headers: Mapping[str, str] | None,
        weight: int,
        sink: Sink | None,
        turn: Turn | None,
        *,
        safe: bool,
    ) -> Answer:
        given = await self.authorize(None)
        with nullcontext() if turn else await self.pace.turn(weight):
            answer = await self._send(
                method, path, params, body, {**given, **(headers or {})}, sink, safe=safe
            )
        if answer.status_code == httpx.codes.UNAUTHORIZED:
            given = await self.authorize(given)
            with await self.pace.turn(weight):
                answer = await self._send(
                    method, path, params, body, {**given, **(headers or {})}, sink, safe=safe
                )
        if answer.is_success:
            taken = None if sink else self._body(answer, safe=safe)
            return Answer(answer.status_code, taken, answer.headers)
        raise self._refused(method, path, answer, safe=safe)

    async def probe(self, path: str) -> Any:
        """One reading for a sign of life: never repeated, not counted, and a refusal renews no credentials."""
        given = await self.authorize(None)
        every = {"Accept": "application/json", **self.headers, **given}
        try:
            answer = await self.http.request("GET", f"{self.base_url}/{path}", headers=every)
        except httpx.RequestError as error:
            raise self._unreachable(error) from error
        if answer.is_success:
            return self._body(answer, safe=True)
        raise self._refused("GET", path, answer, safe=True)

    async def _send(
        self,
        method: str,
        path: str,
        params: Mapping[str, str] | None,
        body: Any,
        headers: Headers,
        sink: Sink | None,
        *,
        safe: bool,
    ) -> httpx.Response:
        every = {"Accept": "application/json", **self.headers, **headers}
        content: bytes | AsyncIterator[bytes] | None = None
        if isinstance(body, Content):
            content = body.pieces()
            every |= {"Content-Type": "application/octet-stream", "Content-Length": str(body.size)}
        elif body is not None:
            content = dumps(body)
            every["Content-Type"] = "application/json"
        request = self.http.build_request(
            method, f"{self.base_url}/{path}", params=params, content=content, headers=every
        )
        try:
            async with self.limit:
                if not safe or method in WRITES:
                    await require_tenure(timedelta(seconds=self.deadline))
                async with asyncio.timeout(self.deadline):
                    count_call(self.system)
                    return await self._observed(path, request, sink)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise self._unreachable(error) from error
        except (httpx.RequestError, TimeoutError) as error:
            if safe:
                raise self._unreachable(error) from error
            raise OutcomeUnknown(
                UNANSWERED,
                f"{self.system} did not answer a write; it may still be at work on it. Whether it was carried out is "
                "looked up when that is over.",
                after=self.operation_time,
                todo=LOOKED_UP,
                detail=f"{method} {path}: {type(error).__name__} {error}",
            ) from error

    async def _observed(self, path: str, request: httpx.Request, sink: Sink | None) -> httpx.Response:
        """Sends it within a span. Ids in the path are left out, and what is searched for: it can be an address."""
        route, status, began = route_of(path), 0, time.monotonic()
        with self.telemetry.span(
            f"{request.method} {self.system} {route}",
            "client",
            system=self.system,
            method=request.method,
            url=f"{self.base_url}/{route}",
            host=self.base.host,
            port=self.base.port or 443,
        ) as span:
            try:
                answer = await self.http.send(request, stream=True)
                status = answer.status_code
                span.note(status=status)
                if answer.is_error:
                    span.fail(str(status))
                try:
                    await (sink(answer) if sink and answer.is_success else answer.aread())
                finally:
                    await answer.aclose()
            finally:
                self.telemetry.record(CALLS, system=self.system, status=str(status))
                self.telemetry.record(CALL_TIME, time.monotonic() - began, system=self.system)
        return answer

    def _unreachable(self, error: Exception) -> RetryLater:
        return RetryLater(
            "unreachable",
            f"{self.system} cannot be reached.",
            todo="Nothing: it is tried again. If it lasts, check the system's address and availability.",
            detail=f"{type(error).__name__} {error}",
        )

    def _body(self, answer: httpx.Response, *, safe: bool) -> Any:
        if not answer.content:
            return None
        try:
            return loads(answer.content)
        except (ValueError, RecursionError) as error:
            kind = RetryLater if safe else OutcomeUnknown
            raise kind(
                "not_json",
                f"{self.system} answered with something that is not JSON.",
                detail=answer.text[:500],
            ) from error

    def _refused(self, method: str, path: str, answer: httpx.Response, *, safe: bool) -> Exception:
        refusal = Refusal.of(self.system, method, path, answer)
        after = retry_after(answer.headers.get("Retry-After"))
        error = resolve(self.table, refusal, after=after, safe=safe, open_for=self.operation_time)
        log.info(
            "%s %s %s: %s %s", self.system, method, route_of(path), answer.status_code, refusal.code[:100]
        )
        return error


def route_of(path: str) -> str:
    """A path as telemetry may tell it: what a record's key or a search could hold is left out."""
    return _KEYS.sub(lambda match: "({id})" if match[0].startswith("(") else "/{id}", path.partition("?")[0])


def retry_after(value: str | None) -> timedelta | None:
    """The delay a server asks for, in seconds or as an HTTP date; None when it names none that can be read."""
    text = (value or "").strip()
    try:
        if text.isascii() and text.isdigit():
            return min(timedelta(seconds=int(text)), LONGEST_WAIT)
        moment = email.utils.parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return min(max(timedelta(0), moment - datetime.now(UTC)), LONGEST_WAIT)
