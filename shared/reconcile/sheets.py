"""Results as CSV for a spreadsheet: one part of a result is one sheet."""

import csv
import io
from collections.abc import Iterable
from decimal import Decimal
from typing import Any, Final

from shared.reconcile.model import Row

FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
"""What makes a spreadsheet read a text as a formula."""


def as_csv(rows: Iterable[Row]) -> str:
    """The rows with a header line; lists are joined, texts that a spreadsheet would run are defused."""
    flat = [_flat(row) for row in rows]
    names = list(dict.fromkeys(name for row in flat for name in row))
    out = io.StringIO()
    writer = csv.DictWriter(out, names, lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(flat)
    return out.getvalue()


def _flat(row: Row, prefix: str = "") -> dict[str, str]:
    cells: dict[str, str] = {}
    for name, value in row.items():
        if isinstance(value, dict) and name == "repair":
            cells |= _flat(value, "repair ")
        else:
            cells[f"{prefix}{name}"] = _cell(value)
    return cells


def _cell(value: Any) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case Decimal() | int():
            return str(value)
        case list() | tuple():
            return _text("; ".join(_text(one) for one in value))
        case dict():
            return _text(", ".join(f"{name}: {one}" for name, one in value.items()))
    return _text(str(value))


def _text(value: Any) -> str:
    text = _cell(value) if isinstance(value, dict) else str(value)
    return f"'{text}" if text.startswith(FORMULA) else text
