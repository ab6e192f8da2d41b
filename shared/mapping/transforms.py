"""The named transforms a rule may apply, one after the other. Each is pure, typed and small.

A transform is never asked about an empty value. One that takes text also takes a number in plain form; one that
takes a number also takes a text that is a plain number. Whatever does not fit raises ``Unfit``.
"""

import inspect
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Final, Literal, NewType, cast

from shared.mapping.paths import Getter, compile_path, parse_path
from shared.mapping.problems import did_you_mean
from shared.mapping.values import (
    EXACT,
    Json,
    Scalar,
    Unfit,
    as_date,
    as_number,
    as_text,
    cut,
    rounded,
    show,
    width,
)

type Kind = Literal["text", "number", "list"]
type Applied = Callable[[Json, Json, Json], Json]
"""A transform with its arguments; called with the value, the current line (or record) and the record."""

QUOTIENT: Final = Context(prec=28, rounding=ROUND_HALF_UP)
"""Quotients that never end are kept to 28 digits; round them after."""

Size = NewType("Size", int)
"""An argument from 1 to 10,000."""
Places = NewType("Places", int)
"""An argument from 0 to 10."""
Operand = NewType("Operand", Decimal)
"""An argument that is a number, or the path of one."""


@dataclass(frozen=True, slots=True)
class Transform:
    """A registered transform: what it takes, its arguments with their annotations, and which of them are optional."""

    name: str
    takes: Kind
    function: Callable[..., Json]
    arguments: Mapping[str, object]
    optional: frozenset[str]

    @property
    def help(self) -> str:
        """One line for the people who write mappings."""
        return inspect.getdoc(self.function) or ""


TRANSFORMS: Final[dict[str, Transform]] = {}


def _transform[F: Callable[..., Json]](takes: Kind) -> Callable[[F], F]:
    def register(function: F) -> F:
        parameters = list(inspect.signature(function).parameters.values())[1:]
        name = function.__name__.rstrip("_")
        TRANSFORMS[name] = Transform(
            name,
            takes,
            function,
            {one.name.rstrip("_"): one.annotation for one in parameters},
            frozenset(one.name.rstrip("_") for one in parameters if one.default is not one.empty),
        )
        return function

    return register


def argument_problem(name: str, arguments: Mapping[str, Scalar]) -> str:
    """What is wrong with a transform and its arguments, or an empty text."""
    transform = TRANSFORMS.get(name)
    if transform is None:
        return f"unknown transform '{name}'{did_you_mean(name, TRANSFORMS)}"
    for argument, value in arguments.items():
        if argument not in transform.arguments:
            return f"transform '{name}' has no '{argument}'{did_you_mean(argument, transform.arguments)}"
        if wrong := _wrong(transform.arguments[argument], value):
            return f"transform '{name}' needs {wrong} as '{argument}'"
    missing = [one for one in transform.arguments if one not in arguments and one not in transform.optional]
    return f"transform '{name}' needs '{missing[0]}'" if missing else ""


def _wrong(annotation: object, value: Scalar) -> str:
    whole = isinstance(value, int) and not isinstance(value, bool)
    if annotation is Size:
        return "" if whole and 1 <= cast("int", value) <= 10_000 else "a whole number from 1 to 10000"
    if annotation is Places:
        return "" if whole and 0 <= cast("int", value) <= 10 else "a whole number from 0 to 10"
    if annotation is int:
        return "" if whole and abs(cast("int", value)) <= 10_000 else "a whole number up to 10000"
    if annotation is str:
        return "" if isinstance(value, str) else "a text"
    if annotation is Operand:
        if isinstance(value, str):
            try:
                parse_path(value)
            except ValueError as error:
                return f"a number or a path ({error})"
        return "a number or a path" if isinstance(value, bool) else ""
    return ""


def bind(name: str, arguments: Mapping[str, Scalar]) -> Applied:
    """The transform with its arguments (checked before by ``argument_problem``)."""
    transform = TRANSFORMS[name]
    named = {_parameter(transform, key): value for key, value in arguments.items()}
    getters: dict[str, Getter] = {
        key: compile_path(parse_path(value))
        for key, value in named.items()
        if isinstance(value, str) and transform.arguments[key.rstrip("_")] is Operand
    }
    prepare: Callable[[Json], Json] = {"text": as_text, "number": as_number, "list": _as_list}[
        transform.takes
    ]
    function = transform.function
    if not named:
        return lambda value, here, root: function(prepare(value))
    if not getters:
        return lambda value, here, root: function(prepare(value), **named)
    return lambda value, here, root: function(
        prepare(value), **(named | {key: _operand(key, get(here, root)) for key, get in getters.items()})
    )


def _parameter(transform: Transform, argument: str) -> str:
    names = list(inspect.signature(transform.function).parameters)[1:]
    return next(one for one in names if one.rstrip("_") == argument)


def _operand(name: str, value: Json) -> Decimal:
    if value is None:
        raise Unfit(
            "operand_missing", f"the number to calculate with ('{name}') is empty", "Fill it in the source."
        )
    return as_number(value)


def _as_list(value: Json) -> list[Json]:
    if isinstance(value, list):
        return value
    raise Unfit("not_a_list", f"{show(value)} is not a list", "Use a path with [] before this transform.")


@_transform("text")
def trim(value: str) -> str:
    """Takes blanks off both ends."""
    return value.strip()


@_transform("text")
def upper(value: str) -> str:
    """Writes capitals."""
    return value.upper()


@_transform("text")
def lower(value: str) -> str:
    """Writes small letters."""
    return value.lower()


@_transform("text")
def collapse_spaces(value: str) -> str:
    """Turns every run of blanks and line ends into one blank and trims."""
    return " ".join(value.split())


@_transform("text")
def strip_invisible(value: str) -> str:
    """Removes invisible characters (zero-width, direction marks, byte order mark, control); line ends turn to blanks."""
    return "".join(
        " " if char in "\t\n\r" else char
        for char in value
        if char in "\t\n\r" or unicodedata.category(char) not in ("Cc", "Cf")
    )


@_transform("text")
def ascii_code(value: str) -> str:
    """Writes a Business Central code: capitals, accents removed, A-Z 0-9 . / _ - and blanks, a dash for other signs.

    Empty when a letter or digit has no ASCII form, so that two names in another script never share a code.
    """
    plain = [char for char in unicodedata.normalize("NFKD", value) if not unicodedata.combining(char)]
    if any(char.isalnum() and not char.isascii() for char in plain):
        return ""
    code = "".join(char if char.isalnum() or char in "./_- " else "-" for char in plain).upper()
    return " ".join(code.split()).strip("- ")


@_transform("text")
def digits(value: str) -> str:
    """Keeps only the digits 0 to 9."""
    return "".join(char for char in value if char in "0123456789")


@_transform("text")
def phone(value: str) -> str:
    """Keeps the first stretch with digits and without letters, because Business Central refuses letters in phone numbers."""
    stretches = "".join("\n" if char.isalpha() else char for char in value).splitlines()
    return next((text.strip(" .,:;#/-") for text in stretches if any(char.isdigit() for char in text)), "")


@_transform("text")
def truncate(value: str, length: Size) -> str:
    """Cuts to a length without a warning."""
    return cut(value, length)


@_transform("text")
def empty_if_longer(value: str, length: Size) -> str:
    """Gives nothing when the text is longer than a length, so that the next choice is taken."""
    return value if width(value) <= length else ""


@_transform("text")
def prefix(value: str, text: str) -> str:
    """Puts a text before."""
    return text + value


@_transform("text")
def suffix(value: str, text: str) -> str:
    """Puts a text after."""
    return value + text


@_transform("text")
def replace(value: str, find: str, with_: str) -> str:
    """Replaces every occurrence of a text."""
    return value.replace(find, with_) if find else value


@_transform("text")
def pad_left(value: str, width: Size, fill: str = "0") -> str:
    """Fills up on the left to a width, with zeros unless told otherwise."""
    return value.rjust(width, (fill or " ")[0])


@_transform("text")
def first_line(value: str) -> str:
    """Keeps the first line that is not blank."""
    return next((line.strip() for line in value.splitlines() if line.strip()), "")


@_transform("number")
def negate(value: Decimal) -> Decimal:
    """Changes the sign."""
    return value.copy_negate() if value else value


@_transform("number")
def absolute(value: Decimal) -> Decimal:
    """Drops the sign."""
    return value.copy_abs()


@_transform("number")
def round_(value: Decimal, places: Places) -> Decimal:
    """Rounds to a number of decimals, halves away from zero."""
    return rounded(value, places)


@_transform("number")
def multiply(value: Decimal, by: Operand) -> Decimal:
    """Multiplies by a number or by the number at a path."""
    return EXACT.multiply(value, as_number(by))


@_transform("number")
def divide(value: Decimal, by: Operand) -> Decimal:
    """Divides by a number or by the number at a path."""
    divisor = as_number(by)
    if not divisor:
        raise Unfit(
            "division_by_zero", "the number to divide by is zero", "Correct it in the source or the mapping."
        )
    return QUOTIENT.divide(value, divisor)


@_transform("number")
def default_if_zero(value: Decimal, value_: Scalar) -> Json:
    """Puts another value in place of zero."""
    return value or value_


@_transform("text")
def date_only(value: str) -> str:
    """Keeps the calendar day of a date with time, without moving it to another time zone."""
    return as_date(value).isoformat()


@_transform("text")
def add_days(value: str, days: int) -> str:
    """Moves a date by whole days."""
    try:
        return (as_date(value) + timedelta(days=days)).isoformat()
    except OverflowError:
        raise Unfit("not_a_date", "the date leaves the calendar", "Correct the date in the source.") from None


@_transform("list")
def join(value: list[Json], separator: str = ", ") -> str:
    """Writes the elements of a list one after the other."""
    return separator.join(as_text(item) for item in value)


@_transform("list")
def first(value: list[Json]) -> Json:
    """Takes the first element of a list."""
    return value[0]
