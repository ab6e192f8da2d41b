"""How records are laid out in Table Storage.

One partition holds all rows of one subject of one connection, so that a record, its attempt, its place in the
work list and the reverse look-ups are written in one transaction:

    partition  {connection}|{subject}
    r|{id}                  the record: lease and the body with its links
    t|{entity}|{target}     reverse look-up: a target's id or number to the source id
    o|{id}|{entity}         the work list: what waits, is retried or is held
    w|{id}|{subject}|{id}   who waits for the record
    a|{id}|{newest first}   attempts

What does not fit is cut where it is only for people's eyes, compressed where it is not, and refused beyond
that; the limits are those of ``limits``.
"""

import zlib
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import quote, unquote

import simplejson

from shared.adapters.storage.limits import checked, cut, too_large
from shared.domain.records import Link, Record, RecordRef, State
from shared.ports.storage import Attempt, OpenItem

type Row = dict[str, Any]

CHUNK: Final = 30_000
"""Characters of text in one property: 64 KiB are 32 Ki UTF-16 characters."""
MOST_CHUNKS: Final = 14
"""14 chunks are 840 KB of UTF-16, which leaves room below 1 MiB."""
PLAIN_CHUNKS: Final = 4
"""So much stays text that a person can read in the table; what is longer is compressed."""
CHANGE_CHARACTERS: Final = 2_000
CHANGES_CHARACTERS: Final = 100_000
"""What an attempt shows of one changed field, and of all."""
LATEST_TICKS: Final = 10**13


def partition(connection: str, subject: str) -> str:
    """The partition of one subject of one connection."""
    return f"{safe(connection)}|{safe(subject)}"


def safe(text: str) -> str:
    """Text as a part of a key: what keys forbid and our separator are percent-encoded."""
    return quote(text, safe=".,;:@()$*'_+~-")


def plain(part: str) -> str:
    """Undoes :func:`safe`."""
    return unquote(part)


def pack(row: Row, name: str, value: Any) -> None:
    """Puts a JSON value into as many properties as it needs; raises TooLarge beyond the entity's limit."""
    text = simplejson.dumps(value, use_decimal=True, ensure_ascii=True, default=_moment)
    chunks: list[str] | list[bytes] = _cut_up(text, CHUNK)
    if len(chunks) > PLAIN_CHUNKS:
        chunks = _cut_up(zlib.compress(text.encode("ascii")), 2 * CHUNK)
    if len(chunks) > MOST_CHUNKS:
        raise too_large(f"{name} of {len(text):,} characters does not fit into a table row")
    for number, chunk in enumerate(chunks):
        row[f"{name}{number or ''}"] = chunk


def _cut_up[T: (str, bytes)](whole: T, length: int) -> list[T]:
    return [whole[start : start + length] for start in range(0, len(whole), length)] or [whole]


def unpack(row: Row, name: str) -> Any:
    """Reads what :func:`pack` wrote."""
    chunks: list[Any] = [row.get(name) or ""]
    while f"{name}{len(chunks)}" in row:
        chunks.append(row[f"{name}{len(chunks)}"])
    packed = isinstance(chunks[0], bytes)
    text = zlib.decompress(b"".join(chunks)).decode("ascii") if packed else "".join(chunks)
    return simplejson.loads(text, use_decimal=True) if text else {}


def record_row(record: Record) -> Row:
    """The record as a row, without its lease."""
    ref = record.ref
    row: Row = {
        "PartitionKey": partition(ref.connection, ref.subject),
        "RowKey": f"r|{safe(ref.id)}",
        "states": " ".join(f"{link.entity}={link.state}" for link in record.links.values()),
        "source_version": record.source_version,
        "source_digest": record.source_digest,
    }
    body = {
        "read_at": record.read_at,
        "retry_at": record.retry_at,
        "trace": record.trace,
        "links": [asdict(link) for link in record.links.values()],
    }
    pack(row, "body", body)
    return checked(row)


def record_of(ref: RecordRef, row: Row) -> Record:
    """Reads what :func:`record_row` wrote."""
    body = unpack(row, "body")
    links = {}
    for values in body.get("links", ()):
        values["state"] = State(values["state"])
        for name in ("open_since", "synced_at"):
            values[name] = _time(values[name])
        links[values["entity"]] = Link(**values)
    return Record(
        ref,
        source_version=str(row.get("source_version") or ""),
        source_digest=str(row.get("source_digest") or ""),
        read_at=_time(body.get("read_at")),
        retry_at=_time(body.get("retry_at")),
        trace=str(body.get("trace") or ""),
        links=links,
    )


def open_key(ref: RecordRef, entity: str) -> str:
    """The row key of an entity's place in the work list."""
    return f"o|{safe(ref.id)}|{entity}"


def open_row(record: Record, link: Link) -> Row:
    """The link's place in the work list."""
    ref = record.ref
    return checked(
        {
            "PartitionKey": partition(ref.connection, ref.subject),
            "RowKey": open_key(ref, link.entity),
            "state": link.state.value,
            "since": link.open_since or datetime.now(UTC),
            "cause": link.cause,
            "reason": cut(link.reason),
            "todo": cut(link.todo),
            "attempts": link.attempts,
        }
    )


def open_item(connection: str, subject: str, row: Row) -> OpenItem:
    """Reads what :func:`open_row` wrote."""
    _, record_id, entity = str(row["RowKey"]).split("|")
    return OpenItem(
        RecordRef(connection, subject, plain(record_id)),
        entity,
        State(row["state"]),
        datetime.fromisoformat(row["since"].isoformat()),
        str(row["cause"]),
        str(row["reason"]),
        str(row["todo"]),
        int(row["attempts"]),
    )


def attempt_row(ref: RecordRef, attempt: Attempt, number: int) -> Row:
    """One attempt; the key sorts newest first, ``number`` keeps apart those of one moment."""
    ticks = LATEST_TICKS - int(attempt.at.timestamp() * 1000)
    row: Row = {
        "PartitionKey": partition(ref.connection, ref.subject),
        "RowKey": f"a|{safe(ref.id)}|{ticks:013d}{number}{attempt.entity}",
        "entity": attempt.entity,
        "at": attempt.at,
        "why": attempt.why,
        "action": attempt.action,
        "result": attempt.result,
        "state": attempt.state.value,
        "duration_ms": attempt.duration_ms,
        "calls": sum(attempt.calls.values()),
        "correlation": attempt.correlation,
        "reason": cut(attempt.reason),
        "cause": attempt.cause,
        "todo": cut(attempt.todo),
        "detail": cut(attempt.detail),
    }
    pack(row, "calls_by_system", attempt.calls)
    pack(row, "changes", _shown(attempt.changes))
    return checked(row)


def _shown(changes: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The changes as far as they are shown; what is left out is said."""
    shown: list[dict[str, Any]] = []
    left = CHANGES_CHARACTERS
    for number, change in enumerate(changes):
        kept = {name: _short(value) for name, value in change.items()}
        left -= len(simplejson.dumps(kept, use_decimal=True, default=str))
        if left < 0:
            return [*shown, {"field": "...", "because": f"and {len(changes) - number:,} changes more"}]
        shown.append(kept)
    return shown


def _short(value: Any) -> Any:
    text = simplejson.dumps(value, use_decimal=True, ensure_ascii=False, default=str)
    return value if len(text) <= CHANGE_CHARACTERS else cut(text, CHANGE_CHARACTERS)


def attempt_of(row: Row) -> Row:
    """The attempt's row as plain values for a person's eyes."""
    values = {k: v for k, v in row.items() if k not in ("PartitionKey", "RowKey")}
    values["calls_by_system"] = unpack(row, "calls_by_system")
    values["changes"] = unpack(row, "changes")
    return {
        k: v for k, v in values.items() if not (k[:-1] in ("changes", "calls_by_system") and k[-1].isdigit())
    }


def _moment(value: Any) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"cannot store a {type(value).__name__}")


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
