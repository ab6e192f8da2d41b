from datetime import UTC, datetime, timedelta, timezone

import pytest

from sandbox.host.ncrontab import Ncrontab


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("expression", "after", "expected"),
    [
        ("* * * * * *", "2026-01-01 00:00:00", "2026-01-01 00:00:01"),
        ("0 */5 * * * *", "2026-01-01 00:00:00", "2026-01-01 00:05:00"),
        ("0 */5 * * * *", "2026-01-01 23:57:13", "2026-01-02 00:00:00"),
        ("30 15 2 * * *", "2026-01-01 02:15:30", "2026-01-02 02:15:30"),
        ("0 0 2-6/2 * * *", "2026-01-01 02:00:00", "2026-01-01 04:00:00"),
        ("0 50/4 * * * *", "2026-01-01 00:54:00", "2026-01-01 00:58:00"),
        ("0 0 0 1 1,7 *", "2026-01-01 00:00:00", "2026-07-01 00:00:00"),
        ("0 0 9 * * Mon-Fri", "2026-01-02 09:00:00", "2026-01-05 09:00:00"),
        ("0 0 9 * * sunday", "2026-01-01 00:00:00", "2026-01-04 09:00:00"),
        ("0 0 0 * Feb *", "2026-03-01 00:00:00", "2027-02-01 00:00:00"),
        ("0 0 0 29 2 *", "2026-01-01 00:00:00", "2028-02-29 00:00:00"),
        ("0 0 0 13 * 5", "2026-01-01 00:00:00", "2026-02-13 00:00:00"),
        ("0 0 0 31 * *", "2026-01-31 00:00:00", "2026-03-31 00:00:00"),
    ],
)
def test_next_after(expression: str, after: str, expected: str) -> None:
    assert Ncrontab.parse(expression).next_after(moment(after)) == moment(expected)


def test_a_fraction_of_a_second_is_still_later() -> None:
    schedule = Ncrontab.parse("* * * * * *")
    assert schedule.next_after(moment("2026-01-01 00:00:00.999999")) == moment("2026-01-01 00:00:01")


def test_schedules_follow_utc() -> None:
    east = timezone(timedelta(hours=5))
    assert Ncrontab.parse("0 0 12 * * *").next_after(datetime(2026, 1, 1, 16, tzinfo=east)) == moment(
        "2026-01-01 12:00:00"
    )


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("* * * * *", "must have six fields, it has 5"),
        ("60 * * * * *", "second: 60 is not between 0 and 59"),
        ("0 0 0 0 * *", "day of month: 0 is not between 1 and 31"),
        ("0 0 0 * * 7", "day of week: 7 is not between 0 and 6"),
        ("0 */0 * * * *", "the step in '*/0' must be at least 1"),
        ("0 9-5 * * * *", "the range '9-5' runs backwards"),
        ("0 x * * * *", "minute: 'x' is not a number"),
        ("0 1,, * * * *", "minute: '' is not a number"),
        ("0 ² * * * *", "minute: '²' is not a number"),
        ("0 0 0 * Foo *", "month: 'Foo' is not a number"),
        ("0 0 0 31 2 *", "never fires"),
    ],
)
def test_malformed(expression: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason.replace("*", r"\*")):
        Ncrontab.parse(expression)
