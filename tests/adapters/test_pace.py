"""The pace keeper: never above the limit within any window, and nothing of a window left over."""

import asyncio
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.adapters.pace import FEWEST, SHARE, Pace, Turn

WINDOW = 300.0


@dataclass
class Time:
    """Time that passes only while somebody sleeps; ``counted`` are the calls as the other side counts them."""

    now: float = 0.0
    counted: list[tuple[float, int]] = field(default_factory=list)

    async def sleep(self, seconds: float) -> None:
        self.now += max(seconds, 0.001)

    def call(self, turn: Turn, seconds: float) -> int:
        """A call that is counted at the very end, after a long way."""
        with turn:
            self.now += seconds
            self.counted.append((self.now, turn.calls))
        return turn.calls

    def most_within_a_window(self) -> int:
        moments = [at for at, _ in self.counted]
        return max(sum(n for at, n in self.counted if start <= at < start + WINDOW) for start in moments)


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    passing = Time()
    monkeypatch.setattr("shared.adapters.pace.asyncio.sleep", passing.sleep)
    return passing


async def _creations(time: Time, keeper: Pace, count: int, seconds: float = 0.0) -> None:
    while count:
        count -= time.call(await keeper.turn_of_some(min(100, count)), seconds)


@pytest.mark.parametrize(("limit", "count"), [(6_000, 20_000), (300, 1_000), (120, 500)])
async def test_creations_take_no_longer_than_the_limit_says(time: Time, limit: int, count: int) -> None:
    keeper = Pace(limit, WINDOW, lambda: time.now)
    await _creations(time, keeper, count)
    allowed = int(limit * SHARE)
    assert time.most_within_a_window() <= allowed
    assert time.now <= (-(-count // allowed) - 1) * WINDOW + 1
    assert all(some >= FEWEST for _, some in time.counted[:-1])


async def test_a_call_counts_until_a_window_after_its_answer(time: Time) -> None:
    keeper = Pace(300, WINDOW, lambda: time.now)
    for number in range(10):
        time.call(await keeper.turn(), 7.0 * number)
        await _creations(time, keeper, 100, seconds=11.0)
    assert time.most_within_a_window() <= 294


async def test_who_waits_for_calls_under_way_goes_on_when_they_end() -> None:
    keeper = Pace(10, 0.001)
    first = await keeper.turn(9)
    second = asyncio.create_task(keeper.turn(9))
    await asyncio.sleep(0)
    assert not second.done()
    first.end(first.calls)
    assert (await asyncio.wait_for(second, 5)).calls == 9


async def test_what_an_earlier_process_called_counts_too(time: Time) -> None:
    first = Pace(300, WINDOW, lambda: time.now)
    await _creations(time, first, 250)
    time.now += 10
    second = Pace(300, WINDOW, lambda: time.now)
    time.call(await second.turn(), 1.0)
    second.take_over()
    second.take_over()
    await _creations(time, second, 400)
    assert time.most_within_a_window() <= 294
    assert time.now <= 10 + 2 * WINDOW + 2
    before = time.now
    second.take_over()
    await _creations(time, second, 100)
    assert time.now <= before + 1


async def test_what_is_more_than_the_limit_goes_alone(time: Time) -> None:
    keeper = Pace(10, WINDOW, lambda: time.now)
    time.call(await keeper.turn(50), 0.0)
    time.call(await keeper.turn(50), 0.0)
    assert time.now >= WINDOW


async def test_without_a_limit_nobody_waits(time: Time) -> None:
    keeper = Pace(0, WINDOW, lambda: time.now)
    assert [(await keeper.turn_of_some(100)).calls for _ in range(1_000)] == [100] * 1_000
    assert time.now == 0.0


@given(st.lists(st.tuples(st.booleans(), st.integers(1, 100), st.floats(0, 50)), max_size=60))
def test_no_window_holds_more_than_the_limit(orders: list[tuple[bool, int, float]]) -> None:
    async def play() -> None:
        time = Time()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("shared.adapters.pace.asyncio.sleep", time.sleep)
            keeper = Pace(150, WINDOW, lambda: time.now)
            for some, calls, seconds in orders:
                turn = await (keeper.turn_of_some(calls) if some else keeper.turn(calls))
                assert 0 < time.call(turn, seconds) <= calls
        assert not time.counted or time.most_within_a_window() <= 147

    asyncio.run(play())
