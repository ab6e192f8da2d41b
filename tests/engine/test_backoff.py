"""How long a failed record rests."""

import random
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from shared.engine.backoff import Backoff

SEEDS = st.integers(0, 2**32)
ATTEMPTS = st.integers(0, 10_000)
WAITS = st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=7))


@given(SEEDS, ATTEMPTS)
def test_a_rest_doubles_within_a_fifth_up_to_the_cap(seed: int, attempt: int) -> None:
    backoff = Backoff(chance=random.Random(seed))
    seconds = backoff.delay(attempt).total_seconds()
    middle = 2.0 * 2.0 ** min(attempt, 20)
    assert min(middle * 0.8, 900.0) - 1e-6 <= seconds <= min(middle * 1.2, 900.0) + 1e-6


@given(SEEDS, ATTEMPTS, WAITS)
def test_what_the_server_asks_for_is_the_least(seed: int, attempt: int, after: timedelta) -> None:
    delay = Backoff(chance=random.Random(seed)).delay(attempt, after)
    assert delay >= after
    assert delay <= max(after * 1.2, timedelta(seconds=900)) + timedelta(microseconds=1)


def test_rests_of_many_records_spread() -> None:
    backoff = Backoff(chance=random.Random(1))
    assert len({backoff.delay(3) for _ in range(50)}) > 40


def test_all_tries_together_last_about_three_days() -> None:
    backoff = Backoff(chance=random.Random(1))
    rests = (backoff.delay(attempt) for attempt in range(backoff.most_attempts))
    assert timedelta(days=2) < sum(rests, timedelta(0)) < timedelta(days=4)
