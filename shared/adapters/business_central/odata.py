"""Builds OData texts; every value passes here, so that none can change a filter."""

from collections.abc import Iterable, Mapping


def text(value: str) -> str:
    """A string literal: quotes are doubled."""
    return "'" + value.replace("'", "''") + "'"


def all_equal(values: Mapping[str, str]) -> str:
    """Text fields that all equal their values."""
    return " and ".join(f"{field} eq {text(value)}" for field, value in values.items())


def any_number(field: str, numbers: Iterable[int]) -> str:
    """A number field that equals one of several numbers; ``or`` is allowed on one property only."""
    return " or ".join(f"{field} eq {int(number)}" for number in numbers)


def greater(field: str, number: int) -> str:
    """A number field that is greater than a number."""
    return f"{field} gt {int(number)}"


def any_text(field: str, values: Iterable[str]) -> str:
    """A text field that equals one of several values."""
    return " or ".join(f"{field} eq {text(value)}" for value in values)


def any_start(field: str, values: Iterable[str]) -> str:
    """A text field that begins with one of several values."""
    return " or ".join(f"startswith({field},{text(value)})" for value in values)


def key(entity_set: str, record_id: str) -> str:
    """A record's address: ``customers(id)``; raises ValueError when the id is not a GUID's characters."""
    if not record_id or not all(c in "0123456789abcdefABCDEF-" for c in record_id):
        raise ValueError(f"not a record id: {record_id!r}")
    return f"{entity_set}({record_id})"
