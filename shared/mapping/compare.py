"""Compares payloads by meaning: 1.50 equals 1.5, a missing field equals null, text must match exactly."""

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from shared.mapping.values import Json


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One difference; ``field`` such as ``city`` or ``salesInvoiceLines[0].unitPrice``; None is missing."""

    field: str
    before: Any
    after: Any


def fingerprint(payload: Mapping[str, Any]) -> str:
    """A SHA-256 in hexadecimal of what the payload means. Raises ``TypeError`` for floats and other non-JSON values."""
    return hashlib.sha256(_canonical(dict(payload)).encode()).hexdigest()


def diff(
    before: Mapping[str, Any], after: Mapping[str, Any], fields: Collection[str] | None = None
) -> tuple[FieldChange, ...]:
    """What differs, in the order of ``after``, then of ``before``; ``fields`` restricts it to these top-level fields.

    Empty exactly when both have the same fingerprint. Raises ``TypeError`` like ``fingerprint``.
    """
    names = dict.fromkeys([*after, *before])
    return tuple(
        change
        for name in names
        if fields is None or name in fields
        for change in _changes(name, before.get(name), after.get(name))
    )


def _changes(field: str, before: Json, after: Json) -> Iterator[FieldChange]:
    if isinstance(before, dict) and isinstance(after, dict):
        for name in dict.fromkeys([*after, *before]):
            yield from _changes(f"{field}.{name}", before.get(name), after.get(name))
    elif isinstance(before, list | tuple) and isinstance(after, list | tuple):
        for index in range(max(len(before), len(after))):
            place = f"{field}[{index}]"
            if index < min(len(before), len(after)):
                yield from _changes(place, before[index], after[index])
            else:
                yield FieldChange(
                    place, *((before[index], None) if index < len(before) else (None, after[index]))
                )
    elif _canonical(before) != _canonical(after):
        yield FieldChange(field, before, after)


def _canonical(value: Json) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int() | Decimal():
            return _number(Decimal(value))
        case str():
            return json.dumps(value)
        case list() | tuple():
            return f"[{','.join(map(_canonical, value))}]"
        case dict():
            members = sorted(
                (json.dumps(str(key)), _canonical(item)) for key, item in value.items() if item is not None
            )
            return f"{{{','.join(f'{key}:{item}' for key, item in members)}}}"
    msg = f"a {type(value).__name__} has no exact JSON form"
    raise TypeError(msg)


def _number(value: Decimal) -> str:
    """Digits and exponent without trailing zeros, so that no precision is lost and no zeros are spelled out."""
    sign, digits, exponent = value.as_tuple()
    if not isinstance(exponent, int):
        msg = f"{value} has no exact JSON form"
        raise TypeError(msg)
    text = "".join(map(str, digits)).lstrip("0")
    kept = text.rstrip("0")
    return f"{'-' if sign else ''}{kept}e{exponent + len(text) - len(kept)}" if kept else "0e0"
