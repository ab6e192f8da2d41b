"""The rows that this process wrote last, so that the next pass over a record need not read its row first.

What is remembered may be old: it is only good for a write that carries its etag, and for what never changes back.
"""

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Final

from shared.adapters.storage.rows import CHUNK, Row
from shared.domain.records import RecordRef

MOST_ROWS: Final = 500
"""Enough for what people work on at the same time. Of at most one chunk each: about 15 MB in the worst case."""


@dataclass(slots=True)
class KnownRows:
    """The newest rows by record; the one that was not used for the longest time goes first."""

    _rows: OrderedDict[RecordRef, tuple[Row, str]] = field(default_factory=OrderedDict)

    def take(self, ref: RecordRef) -> tuple[Row, str] | None:
        """The row and its etag; from then on it is not known, because whoever asks is about to change it."""
        return self._rows.pop(ref, None)

    def keep(self, ref: RecordRef, row: Row, etag: str) -> None:
        """Remembers a row as it was stored; a long one is not worth its memory."""
        self._rows.pop(ref, None)
        if "body1" in row or len(str(row.get("body"))) > CHUNK:
            return
        self._rows[ref] = row, etag
        if len(self._rows) > MOST_ROWS:
            self._rows.popitem(last=False)
