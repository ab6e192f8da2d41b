"""Passes at work together: bounded, all ended before the block does, no failure swallowed."""

import asyncio

import pytest

from shared.engine.passes import Passes

MOST = 3


async def test_no_more_are_at_work_than_allowed_and_all_end() -> None:
    running, most, ended = 0, 0, 0

    async def work() -> None:
        nonlocal running, most, ended
        running += 1
        most = max(most, running)
        await asyncio.sleep(0)
        running -= 1
        ended += 1

    async with Passes(MOST) as passes:
        for _ in range(4 * MOST):
            await passes.room()
            passes.begin(work())
    assert (most, ended) == (MOST, 4 * MOST)


async def test_a_failure_is_raised_once_the_others_have_ended() -> None:
    ended: list[int] = []
    free = asyncio.Event()

    async def fails() -> None:
        free.set()
        raise OSError("not stored")

    async def works(number: int) -> None:
        await free.wait()
        await asyncio.sleep(0)
        ended.append(number)

    passes = Passes(MOST)

    async def block() -> None:
        async with passes:
            for work in (works(1), fails(), works(2)):
                await passes.room()
                passes.begin(work)
            await free.wait()

    with pytest.raises(OSError, match="not stored"):
        await block()
    assert sorted(ended) == [1, 2]
    assert passes.failed


async def test_a_pass_that_was_stopped_from_elsewhere_is_a_failure() -> None:
    async def stopped() -> None:
        raise asyncio.CancelledError

    async def block() -> None:
        async with Passes(MOST) as passes:
            await passes.room()
            passes.begin(stopped())

    with pytest.raises(asyncio.CancelledError):
        await block()


async def test_what_the_block_raises_comes_before_what_a_pass_raises() -> None:
    async def fails() -> None:
        raise OSError("not stored")

    async def block() -> None:
        async with Passes(MOST) as passes:
            await passes.room()
            passes.begin(fails())
            raise LookupError("no next page")

    with pytest.raises(LookupError, match="no next page"):
        await block()


async def test_whoever_is_stopped_stops_its_passes() -> None:
    stopped: list[int] = []
    begun = asyncio.Event()

    async def waits(number: int) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            stopped.append(number)

    async def block() -> None:
        async with Passes(2) as passes:
            await passes.room()
            passes.begin(waits(1))
            await passes.room()
            passes.begin(waits(2))
            begun.set()
            await passes.room()
            passes.begin(waits(3))

    task = asyncio.ensure_future(block())
    await begun.wait()
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert sorted(stopped) == [1, 2]
