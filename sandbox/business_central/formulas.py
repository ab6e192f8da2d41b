"""Date formulas of payment terms, such as ``30D``, ``1M`` or ``CM+15D``."""

import calendar
import re
from datetime import date, timedelta
from typing import Final

_TERM: Final = re.compile(r"([+-]?)(?:C([DWMY])|(\d+)([DWMY]))")


def is_formula(text: str) -> bool:
    """Whether the text is blank or a date formula."""
    return re.fullmatch(rf"(?:{_TERM.pattern})*", text.upper()) is not None


def after(start: str, formula: str) -> str:
    """The date that a formula gives from an ISO start date; a blank formula gives the start itself."""
    day = date.fromisoformat(start)
    for sign, current, count, unit in _TERM.findall(formula.upper()):
        day = _end_of(day, current) if current else _add(day, int(f"{sign}{count}"), unit)
    return day.isoformat()


def _add(day: date, count: int, unit: str) -> date:
    if unit in "DW":
        return day + timedelta(days=count * (7 if unit == "W" else 1))
    months = day.year * 12 + day.month - 1 + count * (12 if unit == "Y" else 1)
    year, month = divmod(months, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def _end_of(day: date, unit: str) -> date:
    match unit:
        case "W":
            return day + timedelta(days=6 - day.weekday())
        case "M":
            return day.replace(day=calendar.monthrange(day.year, day.month)[1])
        case "Y":
            return day.replace(month=12, day=31)
        case _:
            return day
