"""What a refusal means, as data: HTTP status and error code to the kind of error and the words for it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, Self

import httpx
import simplejson

from shared.domain.errors import (
    LOOKED_UP,
    UNANSWERED,
    AlreadyExists,
    ChangedMeanwhile,
    HoldForPerson,
    NotFound,
    OutcomeUnknown,
    RetryLater,
    StopConnection,
    SyncError,
)
from shared.domain.tenure import LONGEST_OPERATION

_CORRELATION: Final = re.compile(r"\s*CorrelationId:\s*[0-9a-fA-F-]{36}\.?\s*$")


@dataclass(frozen=True, slots=True)
class Refusal:
    """A call that was refused, with what the answer says in its own words."""

    system: str
    method: str
    path: str
    status: int
    code: str
    message: str
    raw: str
    is_page: bool = False
    """The answer is no JSON: something before the API spoke."""

    @classmethod
    def of(cls, system: str, method: str, path: str, answer: httpx.Response) -> Self:
        """Reads both systems' error bodies; what is not JSON is kept as raw text."""
        code, message, is_page = "", "", not answer.content
        try:
            body: Any = simplejson.loads(answer.text) if answer.content else {}
        except (ValueError, RecursionError):
            body, is_page = {}, True
        if isinstance(body, dict):
            inner, errors = body.get("error"), body.get("errors")
            if isinstance(inner, dict):
                code, message = str(inner.get("code") or ""), str(inner.get("message") or "")
            else:
                code, message = str(body.get("code") or inner or ""), str(body.get("message") or "")
                parts = (
                    [part for part in errors if isinstance(part, dict)] if isinstance(errors, list) else []
                )
                if parts:
                    code = str(parts[0].get("code") or code)
                    message = " ".join(
                        f"{part.get('field') or ''}: {part.get('message') or ''}".strip(": ")
                        for part in parts
                    )
        return cls(
            system,
            method,
            path,
            answer.status_code,
            code,
            _CORRELATION.sub("", message),
            answer.text[:1000],
            is_page,
        )


@dataclass(frozen=True, slots=True)
class Resolution:
    """One row: if status, code and text match, this is the error, its cause and its words.

    ``says`` and ``todo`` may use ``{system}``, ``{message}`` and ``{status}``. An empty ``code`` or ``text``
    matches all; ``status`` 0 matches every status.
    """

    status: int
    error: type[SyncError]
    cause: str
    says: str
    todo: str = ""
    code: str = ""
    text: str = ""
    page: bool = False
    """Only an answer that is no JSON."""
    unsure: bool = False
    """The call may have been carried out although it was refused."""
    open: bool = False
    """Somebody before the system has given up on it, as at a gateway's time limit: it may still be at work."""

    def fits(self, refusal: Refusal) -> bool:
        """True when this row speaks of the refusal."""
        return (
            self.status in (0, refusal.status)
            and (refusal.is_page or not self.page)
            and self.code.casefold() in refusal.code.casefold()
            and self.text.casefold() in f"{refusal.message} {refusal.raw}".casefold()
        )


def resolve(
    table: Sequence[Resolution],
    refusal: Refusal,
    *,
    after: timedelta | None,
    safe: bool,
    open_for: timedelta = LONGEST_OPERATION,
) -> SyncError:
    """The error of the first row that fits; the table's last row fits everything.

    What must not be done twice and may still be under way rests for ``open_for``.
    """
    row = next(row for row in table if row.fits(refusal))
    words = {"system": refusal.system, "message": refusal.message, "status": refusal.status}
    detail = f"{refusal.method} {refusal.path}: {refusal.status} {refusal.code} {refusal.raw}"
    says, todo = row.says.format(**words).strip(), row.todo.format(**words)
    if row.open and not safe:
        says = f"{says} It may still be at work on a write; whether that was carried out is looked up when it is over."
        rest = max(open_for, after or open_for)
        return OutcomeUnknown(UNANSWERED, says, after=rest, todo=LOOKED_UP, detail=detail)
    kind = OutcomeUnknown if row.unsure and not safe else row.error
    if issubclass(kind, RetryLater):
        return kind(row.cause, says, after=after, todo=todo, detail=detail)
    return kind(row.cause, says, todo=todo, detail=detail)


AGAIN: Final = "Nothing: it is tried again by itself."

TRANSIENT: Final = (
    Resolution(429, RetryLater, "throttled", "{system} asks for fewer calls.", AGAIN),
    Resolution(408, RetryLater, "timeout", "{system} ran out of time.", AGAIN, open=True),
    Resolution(502, RetryLater, "gateway", "{system} is not available (502).", AGAIN, open=True),
    Resolution(503, RetryLater, "unavailable", "{system} is not available (503).", AGAIN),
    Resolution(504, RetryLater, "timeout", "{system} ran out of time (504).", AGAIN, open=True),
)

NO_API_404: Final = Resolution(
    404,
    RetryLater,
    "gateway",
    "The API of {system} was not reached: something before it answers 404.",
    "Nothing: it is tried again. If it lasts, check the system's address.",
    page=True,
)
"""Taken for a record that is gone, it would leave out what is still there."""

CATCH_ALL: Final = (
    Resolution(500, RetryLater, "server_error", "{system} failed (500): {message}", AGAIN, unsure=True),
    Resolution(
        0,
        HoldForPerson,
        "refused",
        "{system} refused the record ({status}): {message}",
        "Mend what the message names, in the record or in the mapping; then retry.",
    ),
)

__all__ = [
    "AGAIN",
    "CATCH_ALL",
    "NO_API_404",
    "TRANSIENT",
    "AlreadyExists",
    "ChangedMeanwhile",
    "NotFound",
    "Refusal",
    "Resolution",
    "StopConnection",
    "resolve",
]
