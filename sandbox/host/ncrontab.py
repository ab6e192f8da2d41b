"""Six-field NCRONTAB schedules: second minute hour day-of-month month day-of-week, in UTC."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final, Self

_MONTHS: Final = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
]
_DAYS: Final = ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"]
_LONGEST_GAP_DAYS: Final = 41 * 366
"""A leap day on a given weekday comes back after 40 years at most (2100 is no leap year)."""


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    least: int
    greatest: int
    names: tuple[str, ...] = ()

    def parse(self, text: str) -> tuple[int, ...]:
        values: set[int] = set()
        for part in text.split(","):
            values.update(self._parse_part(part))
        return tuple(sorted(values))

    def _parse_part(self, part: str) -> range:
        span, slash, step_text = part.partition("/")
        step = self._number(step_text) if slash else 1
        if step < 1:
            raise ValueError(f"{self.name}: the step in {part!r} must be at least 1")
        if span == "*":
            return range(self.least, self.greatest + 1, step)
        first_text, dash, last_text = span.partition("-")
        first = self._value(first_text)
        last = self._value(last_text) if dash else (self.greatest if slash else first)
        if last < first:
            raise ValueError(f"{self.name}: the range {span!r} runs backwards")
        return range(first, last + 1, step)

    def _value(self, text: str) -> int:
        if len(text) >= 3 and not text.isdigit():
            for index, name in enumerate(self.names):
                if name.startswith(text.lower()):
                    return index + self.least
        value = self._number(text)
        if not self.least <= value <= self.greatest:
            raise ValueError(f"{self.name}: {value} is not between {self.least} and {self.greatest}")
        return value

    def _number(self, text: str) -> int:
        if not (text.isascii() and text.isdigit()):
            raise ValueError(f"{self.name}: {text!r} is not a number")
        return int(text)


_FIELDS: Final = (
    _Field("second", 0, 59),
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day of month", 1, 31),
    _Field("month", 1, 12, tuple(_MONTHS)),
    _Field("day of week", 0, 6, tuple(_DAYS)),
)


@dataclass(frozen=True, slots=True)
class Ncrontab:
    """A parsed schedule. Day of month and day of week must both match, as in NCRONTAB (not either, as in cron)."""

    expression: str
    seconds: tuple[int, ...]
    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: tuple[int, ...]
    months: tuple[int, ...]
    weekdays: tuple[int, ...]

    @classmethod
    def parse(cls, expression: str) -> Self:
        """Reads a schedule such as ``0 */5 * * * *``; raises ``ValueError`` if it is malformed or can never fire."""
        parts = expression.split()
        if len(parts) != len(_FIELDS):
            raise ValueError(f"schedule {expression!r} must have six fields, it has {len(parts)}")
        try:
            fields = [field.parse(part) for field, part in zip(_FIELDS, parts, strict=True)]
        except ValueError as error:
            raise ValueError(f"schedule {expression!r}: {error}") from error
        schedule = cls(expression, *fields)
        schedule.next_after(datetime(2000, 1, 1, tzinfo=UTC))
        return schedule

    def next_after(self, moment: datetime) -> datetime:
        """The first fire time later than the moment (an aware datetime); raises ``ValueError`` if there is none."""
        moment = moment.astimezone(UTC)
        today = moment.date()
        for ahead in range(_LONGEST_GAP_DAYS):
            day = today + timedelta(days=ahead)
            if self._fires_on(day) and (at := self._first_time(moment.time() if ahead == 0 else None)):
                return datetime.combine(day, at, UTC)
        raise ValueError(f"schedule {self.expression!r} never fires")

    def _fires_on(self, day: date) -> bool:
        return day.month in self.months and day.day in self.days and day.isoweekday() % 7 in self.weekdays

    def _first_time(self, after: time | None) -> time | None:
        if after is None:
            return time(self.hours[0], self.minutes[0], self.seconds[0])
        candidates = (
            at
            for hour in self.hours
            if hour >= after.hour
            for minute in self.minutes
            if (hour, minute) >= (after.hour, after.minute)
            for second in self.seconds
            if (at := time(hour, minute, second)) > after
        )
        return next(candidates, None)
