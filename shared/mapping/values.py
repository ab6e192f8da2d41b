"""Plain JSON values: what counts as empty, equal, text, number and date. Nothing here ever rounds silently."""

import re
from collections.abc import Callable
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Any, Final

type Json = Any
type Scalar = str | bool | int | Decimal
type Coercer = Callable[[Json], Json]

EXACT: Final = Context(prec=60, rounding=ROUND_HALF_UP)
LARGEST: Final = Decimal(10) ** 15
"""Business Central amounts have at most fifteen digits before the decimal point."""

_NUMBER: Final = re.compile(r"-?[0-9]{1,15}(?:\.[0-9]{1,20})?", re.ASCII)


class Unfit(ValueError):
    """A value does not fit its place: ``kind`` groups alike cases, ``what`` happened, ``todo`` says how to fix it."""

    def __init__(self, kind: str, what: str, todo: str) -> None:
        super().__init__(what)
        self.kind, self.what, self.todo = kind, what, todo


def is_empty(value: Json) -> bool:
    """Missing, null, blank text, an empty list or an empty object; zero and false are values."""
    if isinstance(value, str):
        return not value or value.isspace()
    return value is None or value == [] or value == {}


def fold(text: str) -> str:
    """The form in which texts are compared: without case, outer blanks and doubled blanks."""
    return " ".join(text.split()).casefold()


def number_text(value: Decimal | int) -> str:
    """A finite number in its shortest plain form: ``1.50`` is ``1.5`` and ``-0`` is ``0``; raises nothing."""
    number = Decimal(value)
    sign, digits, exponent = number.as_tuple()
    if not isinstance(exponent, int) or abs(exponent) > 40:
        return str(number)
    text = format(number.copy_abs(), "f")
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return f"-{text}" if sign and any(digits) else text


def show(value: Json) -> str:
    """A value as an operator reads it: quoted text, plain numbers, true and false, nothing for empty."""
    match value:
        case None:
            return "nothing"
        case bool():
            return "true" if value else "false"
        case str():
            return f'"{value if len(value) <= 120 else value[:117] + "..."}"'
        case int() | Decimal():
            text = number_text(value)
            return text if len(text) <= 40 else f"{text[:20]}... ({len(text)} digits)"
        case list():
            return "a list of " + str(len(value))
        case dict():
            return "an object"
    return f"a {type(value).__name__}"


def equal_to(wanted: Scalar) -> Callable[[Json], bool]:
    """A test for one wanted value. Text ignores case and extra blanks, numbers compare as numbers, flags as flags."""
    if isinstance(wanted, bool):
        return lambda value: value is wanted
    if isinstance(wanted, str):
        folded = fold(wanted)
        return lambda value: isinstance(value, str) and fold(value) == folded
    return lambda value: comparable(value) == wanted


def comparable(value: Json) -> Decimal | None:
    """The number in a source value for a condition, or None when it is no number."""
    match value:
        case bool():
            return None
        case int():
            return Decimal(value)
        case float():
            number = Decimal(repr(value))
            return number if number.is_finite() else None
        case Decimal():
            return value if value.is_finite() else None
    return None


def as_number(value: Json) -> Decimal:
    """The exact number in a value; text is taken when it is a plain number. Raises ``Unfit``, also for floats."""
    match value:
        case bool():
            number = None
        case int():
            number = Decimal(value)
        case Decimal():
            number = value if value.is_finite() else None
        case float():
            raise Unfit(
                "not_exact",
                "the number was read as a binary fraction, which is not exact",
                "Read the source with exact decimal numbers.",
            )
        case str():
            number = Decimal(value.strip()) if _NUMBER.fullmatch(value.strip()) else None
        case _:
            number = None
    if number is None:
        raise Unfit("not_a_number", f"{show(value)} is not a number", "Correct the value in the source.")
    if number.copy_abs() >= LARGEST:
        raise Unfit("too_large", "the number has more than 15 digits", "Correct the value in the source.")
    return number


def as_text(value: Json) -> str:
    """Text as it is and numbers in plain form. Raises ``Unfit`` for flags, lists, objects and broken characters."""
    match value:
        case str():
            if not value.isascii() and any("\ud800" <= char <= "\udfff" for char in value):
                raise Unfit("broken_text", "the text holds a broken character", "Retype it in the source.")
            return value
        case bool():
            pass
        case int():
            return str(value) if abs(value) < 10**30 else str(as_number(value))
        case Decimal():
            return number_text(as_number(value))
    raise Unfit("not_text", f"{show(value)} is not a text", "Choose a path that leads to one text or number.")


def as_date(value: Json) -> date:
    """The calendar day a text begins with, never moved by a time zone. Raises ``Unfit`` when it is no date."""
    try:
        return datetime.fromisoformat(as_text(value).strip()).date()
    except ValueError:
        raise Unfit("not_a_date", f"{show(value)} is not a date", "Correct the date in the source.") from None


def rounded(number: Decimal, places: int) -> Decimal:
    """The number with exactly ``places`` decimals, halves away from zero."""
    return number.quantize(Decimal(1).scaleb(-places), context=EXACT)


def _integer(value: Json) -> int:
    number = as_number(value)
    if number != number.to_integral_value():
        raise Unfit("not_whole", f"{show(value)} is not a whole number", "Correct the value in the source.")
    return int(number)


def _boolean(value: Json) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and fold(value) in ("true", "false"):
        return fold(value) == "true"
    raise Unfit("not_a_flag", f"{show(value)} is neither true nor false", "Correct the value in the source.")


def coercer(type_name: str, decimals: int | None) -> Coercer:
    """The function that brings a non-empty value to a type, or raises ``Unfit``.

    Types: ``text``, ``code`` (capitals without outer blanks, as Business Central keeps codes), ``money``
    (``decimals`` or 2), ``decimal`` (``decimals`` or as it is), ``integer``, ``boolean``, ``date`` (ISO text).
    """
    match type_name:
        case "money":
            return lambda value: rounded(as_number(value), 2 if decimals is None else decimals)
        case "decimal":
            return as_number if decimals is None else lambda value: rounded(as_number(value), decimals)
        case "integer":
            return _integer
        case "boolean":
            return _boolean
        case "date":
            return lambda value: as_date(value).isoformat()
        case "code":
            return lambda value: as_text(value).strip().upper()
    return as_text


def width(text: str) -> int:
    """How many characters Business Central counts: UTF-16 units, so an emoji counts twice."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def cut(text: str, length: int) -> str:
    """The longest beginning of the text that fits ``length``, never half a character."""
    if width(text) <= length:
        return text
    return text.encode("utf-16-le", "surrogatepass")[: 2 * length].decode("utf-16-le", "ignore").rstrip()
