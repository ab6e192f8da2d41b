"""Calls are counted where they are made and nowhere else."""

import asyncio

from shared.domain.calls import count_call, counted_calls


def test_outside_a_block_nothing_is_counted() -> None:
    count_call("ConnectWise")
    with counted_calls() as counter:
        pass
    assert not counter


def test_blocks_nest() -> None:
    with counted_calls() as outer:
        count_call("ConnectWise")
        with counted_calls() as inner:
            count_call("Business Central")
        count_call("ConnectWise")
    assert outer == {"ConnectWise": 2}
    assert inner == {"Business Central": 1}


async def test_passes_at_the_same_time_count_apart() -> None:
    async def work(times: int) -> int:
        with counted_calls() as counter:
            for _ in range(times):
                count_call("ConnectWise")
                await asyncio.sleep(0)
            return counter["ConnectWise"]

    assert await asyncio.gather(*(work(times) for times in range(5))) == [0, 1, 2, 3, 4]
