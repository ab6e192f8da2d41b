"""Where a process can die: at every await of the product that waits, and on both sides of every write that leaves it.

Nothing is listed by hand. A coroutine is driven step by step, and each time it waits the innermost await of the
product is looked up; writes are seen where httpx and the storage libraries hand them to the network.
"""

import gc
import os
import re
import signal
import sys
from collections import Counter
from collections.abc import Coroutine, Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import AsyncGeneratorType, CodeType, CoroutineType, FrameType, GeneratorType
from typing import Any, Final, Literal

import httpx
from azure.core.pipeline.transport import AioHttpTransport

import shared
from shared.adapters.wire import WireTransport

type Kind = Literal["await", "before", "after", "handled"]

ROOT: Final = str(Path(shared.__file__).parent) + os.sep
ADAPTERS: Final = ROOT + "adapters" + os.sep
READS: Final = frozenset({"GET", "HEAD"})
_KEYS: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}|\([^)]*\)|\bt[0-9a-f]{16}|\d+")


@dataclass(frozen=True, slots=True, order=True)
class Point:
    """A moment of a pass: at an await, before or after a write, or when a message was handled but is not deleted.

    ``place`` is where in the product, ``ordinal`` how often the pass came there.
    """

    kind: Kind
    place: str
    ordinal: int

    def __str__(self) -> str:
        return f"{self.kind} {self.place} #{self.ordinal}"


class Watch:
    """Notes every point that is reached; the process dies at the fatal one."""

    def __init__(self, fatal: Point | None = None) -> None:
        self.fatal = fatal
        self.points: list[Point] = []
        self._counts: Counter[tuple[Kind, str]] = Counter()

    def reach(self, kind: Kind, place: str) -> None:
        """Notes a point. At the fatal one nothing follows: no handler, no finally, no flush."""
        self._counts[kind, place] += 1
        point = Point(kind, place, self._counts[kind, place])
        self.points.append(point)
        if point == self.fatal:
            os.kill(os.getpid(), signal.SIGKILL)

    def drive[T](self, work: Coroutine[Any, Any, T]) -> "Driven[T]":
        """The same work, watched at every await."""
        return Driven(self, work)

    def storage(self) -> None:
        """Watches every write of this process to tables and queues."""
        send = AioHttpTransport.send

        async def watched(transport: AioHttpTransport, request: Any, **options: Any) -> Any:
            if request.method in READS:
                return await send(transport, request, **options)
            place = _of_write(request.method, request.url)
            self.reach("before", place)
            answer = await send(transport, request, **options)
            self.reach("after", place)
            return answer

        AioHttpTransport.send = watched


class WatchedTransport(WireTransport):
    """The transport of the calls to both systems."""

    def __init__(self, watch: Watch) -> None:
        super().__init__()
        self._watch = watch

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Sends a call; the answer to a write is read to its end before the point after it."""
        if request.method in READS:
            return await super().handle_async_request(request)
        place = _of_write(request.method, str(request.url))
        self._watch.reach("before", place)
        answer = await super().handle_async_request(request)
        await answer.aread()
        self._watch.reach("after", place)
        return answer


class Driven[T]:
    """An awaitable that runs a coroutine and tells the watch of each await at which it waits, once for each."""

    def __init__(self, watch: Watch, work: Coroutine[Any, Any, T]) -> None:
        self._watch, self._work = watch, work
        self._last: tuple[FrameType, int, object] | None = None

    def __await__(self) -> Generator[Any, Any, T]:
        work = self._work
        step, value = work.send, None
        while True:
            try:
                waits_for = step(value)
            except StopIteration as end:
                result: T = end.value
                return result
            self._waits()
            try:
                value = yield waits_for
                step = work.send
            except BaseException as error:
                step, value = work.throw, error

    def _waits(self) -> None:
        chain = list(_chain(self._work))
        if not chain:
            return
        # The same await that waits again, as a call does for its answer, is one point. The object that it waits
        # for is kept, so that no other can get its identity.
        frame, waits_for = chain[-1]
        now = frame, frame.f_lasti, waits_for
        if self._last is None or any(a is not b for a, b in zip(now[::2], self._last[::2], strict=True)):
            self._watch.reach("await", _place([frame for frame, _ in reversed(chain)]))
        self._last = now


def _chain(work: object) -> Iterator[tuple[FrameType, object]]:
    """The frames of the product in which the work stands, outermost first, each with what it waits for."""
    while True:
        frame: FrameType | None
        match work:
            case CoroutineType():
                frame, code, inner = work.cr_frame, work.cr_code, work.cr_await
            case GeneratorType():
                frame, code, inner = work.gi_frame, work.gi_code, work.gi_yieldfrom
            case AsyncGeneratorType():
                frame, code, inner = work.ag_frame, work.ag_code, work.ag_await
            case _:
                # A step of an asynchronous generator does not name its generator, but refers to it.
                made = [one for one in gc.get_referents(work) if isinstance(one, AsyncGeneratorType)]
                if type(work).__name__ != "async_generator_asend" or not made:
                    return
                work = made[0]
                continue
        if frame is not None and _is_ours(code):
            yield frame, inner
        work = inner


def _is_ours(code: CodeType) -> bool:
    return code.co_filename.startswith(ROOT)


def _of_write(method: str, url: str) -> str:
    """Method and address of a write, without keys, and the line that makes it."""
    path = _KEYS.sub("*", httpx.URL(url).path.rsplit("/3.0/")[-1].rsplit("/v2.0/")[-1])
    frames = []
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001 - the documented way to the caller's frame
    while frame is not None:
        if _is_ours(frame.f_code):
            frames.append(frame)
        frame = frame.f_back
    return f"{method} {path} at {_place(frames)}"


def _place(frames: list[FrameType]) -> str:
    """How the product came here: its calls, the innermost line outside its adapters, and the innermost of all."""
    if not frames:
        return "outside"
    outer = [one for one in frames if not one.f_code.co_filename.startswith(ADAPTERS)] or frames[:1]
    calls = [one.f_code.co_name for one in reversed(outer[1:])]
    lines = [
        f"{one.f_code.co_filename.removeprefix(ROOT)}:{one.f_lineno} {one.f_code.co_name}"
        for one in dict.fromkeys((outer[0], frames[0]))
    ]
    return " > ".join([*calls, *lines])
