"""What Table Storage can hold, enforced here because the emulator does not enforce it all.

A row has at most 252 properties of our own, each text or block of bytes at most 64 KiB, all together at most
1 MiB; partition and row key have at most 1 KiB each. A transaction has at most 100 operations and 4 MiB
(https://learn.microsoft.com/rest/api/storageservices/understanding-the-table-service-data-model).
Text counts two bytes for every UTF-16 unit.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from shared.domain.errors import TooLarge

PROPERTIES: Final = 252
PROPERTY_BYTES: Final = 64 * 1024
ENTITY_BYTES: Final = 1024 * 1024
KEY_BYTES: Final = 1024
OPERATIONS: Final = 100
TRANSACTION_BYTES: Final = 3 * 1024 * 1024
"""A transaction holds 4 MiB as it is sent, where bytes are base64 and every operation has a head of its own."""
KEYS: Final = ("PartitionKey", "RowKey")
TEXT: Final = 30_000
"""UTF-16 units of a text for people; what is longer is cut."""


def text_bytes(text: str) -> int:
    """What a text takes."""
    if text.isascii():
        return 2 * len(text)
    return len(text.encode("utf-16-le", "surrogatepass"))


def cut(text: str, units: int = TEXT) -> str:
    """A text for people, at most so many UTF-16 units long; where something is missing it says so."""
    if text_bytes(text) <= 2 * units:
        return text
    note = f" ... (cut; {len(text):,} characters in all)"
    kept = text.encode("utf-16-le", "replace")[: 2 * (units - len(note))]
    return kept.decode("utf-16-le", "ignore") + note


def size(row: Mapping[str, Any]) -> int:
    """What a row takes in the service, in bytes."""
    return 4 + sum(_bytes(name, value) for name, value in row.items())


def _bytes(name: str, value: object) -> int:
    head = 8 + text_bytes(name)
    match value:
        case str():
            return head + 4 + text_bytes(value)
        case bytes():
            return head + 4 + len(value)
        case bool():
            return head + 1
        case int() | float() | datetime():
            return head + 8
        case None:
            return 0
    raise TypeError(f"cannot store a {type(value).__name__}")


def checked[R: Mapping[str, Any]](row: R) -> R:
    """The row, if the service takes it; raises TooLarge with the limit that it exceeds."""
    for name in KEYS:
        _within(text_bytes(row[name]), KEY_BYTES, f"the {name} {row[name][:40]}", "bytes")
    properties = {name: value for name, value in row.items() if name not in KEYS}
    _within(len(properties), PROPERTIES, "the row", "properties")
    for name, value in properties.items():
        if isinstance(value, str | bytes):
            taken = len(value) if isinstance(value, bytes) else text_bytes(value)
            _within(taken, PROPERTY_BYTES, f"the property {name}", "bytes")
    _within(size(row), ENTITY_BYTES, "the row", "bytes")
    return row


def _within(found: int, most: int, what: str, unit: str) -> None:
    if found > most:
        raise too_large(f"{what} has {found:,} {unit} of at most {most:,}")


def too_large(detail: str) -> TooLarge:
    """The error for what does not fit."""
    return TooLarge(
        "too_much_to_keep",
        "More belongs to this than DynaConnect can keep in one place in its storage.",
        todo="Divide it in the source, or let the mapping take less of it over; then retry.",
        detail=detail,
    )


def groups[O: tuple[str, Mapping[str, Any]]](operations: Sequence[O], first_bytes: int) -> Iterator[list[O]]:
    """The operations in as few groups as one transaction each can hold, beside one more row of ``first_bytes``."""
    group: list[O] = []
    taken = first_bytes
    for operation in operations:
        own = size(operation[1])
        if group and (len(group) + 1 >= OPERATIONS or taken + own > TRANSACTION_BYTES):
            yield group
            group, taken = [], first_bytes
        group.append(operation)
        taken += own
    yield group
