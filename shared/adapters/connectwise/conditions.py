"""Builds ConnectWise condition texts; every value passes here, so that none can change a condition."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

_NOT_PLAIN: Final = re.compile(r"[^\w .,:;/#+&-]")


def equal(field: str, value: str) -> str:
    """Records whose text field equals the value, and perhaps a few more: the caller compares once more.

    How a literal spells quotes is not documented, so what is not plain becomes a wildcard (developer guide,
    Conditions).
    """
    pattern = _NOT_PLAIN.sub("%", value)
    return f'{field} {"=" if pattern == value else "like"} "{pattern}"'


def moment(value: datetime) -> str:
    """A time literal: whole seconds in UTC."""
    return f"[{value.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}]"


def changed_since(value: datetime) -> str:
    """Records changed after the moment; ``lastUpdated`` can be asked of every entity."""
    return f"lastUpdated > {moment(value)}"


def all_equal(values: Mapping[str, int | bool]) -> str:
    """Fields that all equal their values; the field names are the program's own, never data."""
    return " and ".join(f"{name}={value}" for name, value in values.items())
