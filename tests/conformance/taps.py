"""A tap on a port: lets a test act, or a process die, right before or after a named call, or during a write."""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final, Literal

import httpx
import pytest

from shared.adapters.http import JsonClient
from tests.conformance.traffic import is_write

WRITES: Final = frozenset({"create", "change", "remove", "act", "fill", "commit_batch"})
"""The methods of both systems' ports that write."""
KEEPS: Final = frozenset({"checkpoint", "finish"})
"""The methods of the record store that keep a step."""

type Watch = Callable[[str], Awaitable[None]]


class Crash(BaseException):
    """The process is gone: nothing that it was about to do happens."""


async def _nothing(_call: str) -> None:
    return


class Tap:
    """Passes every call on to the port; writes and kept steps are told to ``before`` and ``after``.

    Both get the name of the call, such as ``business_central.create``.
    """

    def __init__(self, name: str, port: Any, *, before: Watch = _nothing, after: Watch = _nothing) -> None:
        self._name, self._port, self._before, self._after = name, port, before, after

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._port, name)
        if name not in WRITES | KEEPS:
            return method

        async def tapped(*values: Any, **options: Any) -> Any:
            await self._before(f"{self._name}.{name}")
            result = await method(*values, **options)
            await self._after(f"{self._name}.{name}")
            return result

        return tapped


class Fuse:
    """Lets the process die after its ``steps``-th write or kept step; ``burnt`` names the one, if it came to it."""

    def __init__(self, steps: int) -> None:
        self.left = steps
        self.burnt = ""

    async def step(self, call: str) -> None:
        """Counts a step; raises Crash at the last one and at every later one: a dead process does nothing."""
        self.left -= 1
        if self.left <= 0:
            self.burnt = self.burnt or call
            raise Crash(call)


class Once:
    """Acts at the first call whose name ends with ``call``."""

    def __init__(self, call: str, action: Callable[[], Awaitable[None]]) -> None:
        self.call, self.action, self.done = call, action, False

    async def step(self, call: str) -> None:
        """Acts if this is the call."""
        if not self.done and call.endswith(self.call):
            self.done = True
            await self.action()


type Parting = Literal["death", "silence", "reset", "gateway"]
"""How a caller and its call part: the process dies, it waits no longer, the connection breaks, a gateway answers 504."""


class Orphan:
    """A write that goes on when nobody waits for it any more: the ``position``-th.

    ``request`` is the one, if it came to it.
    """

    def __init__(self, position: int, parting: Parting) -> None:
        self.left, self.parting = position, parting
        self.request: httpx.Request | None = None

    async def begin(self, request: httpx.Request) -> httpx.Response | None:
        """Takes a call that would leave now: an answer or an error at the write, Crash there and at all that follow."""
        self.left -= is_write(f"{request.method} {request.url.path}")
        if self.left > 0:
            return None
        first = self.request is None
        if first:
            await request.aread()
            self.request = request
        if self.parting == "death":
            raise Crash(str(request.url))
        if not first:
            return None
        match self.parting:
            case "silence":
                raise httpx.ReadTimeout("as long as anybody waits", request=request)
            case "reset":
                raise httpx.ReadError("reset by peer", request=request)
            case _:
                return httpx.Response(504, text="<html>Gateway time-out</html>", request=request)


@contextmanager
def orphaned(position: int, parting: Parting) -> Iterator[Orphan]:
    """Inside the block the write of that position goes on when its caller is gone."""
    orphan, observed = Orphan(position, parting), JsonClient._observed

    async def late(self: JsonClient, path: str, request: httpx.Request, sink: Any) -> httpx.Response:
        return await orphan.begin(request) or await observed(self, path, request, sink)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(JsonClient, "_observed", late)
        yield orphan
