"""The places where a process can die are found by watching: every await that waits, once each time it is reached."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import httpx
import pytest

from sandbox.crashes.points import ROOT, Watch, WatchedTransport
from shared.adapters.wire import WireTransport

PRODUCT = """
async def ended():
    return 1

async def step():
    await long()
    await ended()
    await long()

async def rows():
    for number in range(2):
        await long()
        yield number

async def work():
    await step()
    async for _ in rows():
        pass
    for _ in range(2):
        await step()

async def fails():
    try:
        await broken()
    finally:
        await long()
"""


async def long() -> None:
    """Of a library: waits twice."""
    await asyncio.sleep(0)
    await asyncio.sleep(0)


async def broken() -> None:
    await asyncio.sleep(0)
    raise ValueError("broken")


def product() -> dict[str, Callable[[], Coroutine[Any, Any, None]]]:
    """Coroutines that look as if they were of the product."""
    names: dict[str, Any] = {"long": long, "broken": broken}
    exec(compile(PRODUCT, f"{ROOT}sample.py", "exec"), names)
    return names


def told(watch: Watch) -> list[str]:
    return [f"{point.place.rpartition('sample.py:')[2]} {point.ordinal}" for point in watch.points]


async def test_every_await_that_waits_is_a_point_each_time() -> None:
    watch = Watch()
    await watch.drive(product()["work"]())
    steps = [[f"6 step {turn}", f"8 step {turn}"] for turn in (1, 2, 3)]
    assert told(watch) == [*steps[0], "12 rows 1", "12 rows 2", *steps[1], *steps[2]]
    assert watch.points[0].place == "work > sample.py:6 step"
    assert {point.kind for point in watch.points} == {"await"}


async def test_what_fails_fails_as_without_a_watch() -> None:
    watch = Watch()
    with pytest.raises(ValueError, match="broken"):
        await watch.drive(product()["fails"]())
    assert told(watch) == ["24 fails 1", "26 fails 1"]


async def test_a_cancelled_wait_is_cancelled_inside() -> None:
    watch = Watch()

    async def until_cancelled() -> None:
        await watch.drive(product()["work"]())

    task = asyncio.create_task(until_cancelled())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_writes_have_a_point_on_either_side_and_reads_have_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    watch = Watch()
    seen: list[str] = []

    async def send(_transport: WireTransport, request: httpx.Request) -> httpx.Response:
        seen.append(f"sent after {len(watch.points)}")
        return httpx.Response(200, request=request)

    monkeypatch.setattr(WireTransport, "handle_async_request", send)
    async with httpx.AsyncClient(transport=WatchedTransport(watch)) as client:
        await client.get("http://127.0.0.1/api/v2.0/companies(5)/customers")
        assert watch.points == []
        await client.post("http://127.0.0.1/api/v2.0/companies(5)/customers")
    assert seen == ["sent after 0", "sent after 1"]
    assert [(one.kind, one.place) for one in watch.points] == [
        ("before", "POST companies*/customers at outside"),
        ("after", "POST companies*/customers at outside"),
    ]
