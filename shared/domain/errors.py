"""Errors grouped by what must happen next.

    SyncError
    ├── RetryLater            the same work succeeds by itself later: throttled, unavailable, contended
    │   └── OutcomeUnknown    a write whose answer was lost: the next try looks up before it writes
    ├── WaitForDependency     another record must be synced first
    ├── HoldForPerson         only a person can clear it: data, setup, a rule of the accounts
    │   └── TooLarge          what belongs to a record does not fit into its storage
    └── StopConnection        nothing of this connection can work: credentials, permissions, settings

Each carries a short ``cause`` code for grouping, a sentence for the operator, what to do, and a detail for
the engineer. Texts pass :func:`redact` so that no secret reaches a log or a table.
"""

import re
import traceback
from datetime import timedelta
from pathlib import PurePath
from typing import Final

from shared.domain.records import Record, RecordRef

_SECRETS: Final = re.compile(
    r"(?i)(?P<header>authorization[\"']?\s*[:=]\s*[\"']?)[^\s\"']+(?:\s+[^\s\"']+)?"
    r"|(?P<account>accountkey=)[^;\"']+"
    r"|(?P<query>(?:code|sig|secret|password|token|assertion|key)=)[^&\s\"']+"
    r"|(?P<member>(?:secret|password|token|assertion|key)[\"']\s*:\s*[\"'])[^\"']+"
    r"|(?:bearer|basic)\s+[a-z0-9+/=._~-]{8,}"
)
DETAIL_CAP: Final = 2_000
UNANSWERED: Final = "no_answer"
"""The cause of a write that the other side may still be carrying out."""
LOOKED_UP: Final = "Nothing: it is looked up and goes on in about ten minutes."
"""What there is to do about it."""
FRAMES: Final = 4
"""How much of the way to an error is told."""


def redact(text: str) -> str:
    """The text without credentials, cut at 2,000 characters."""

    def hide(match: re.Match[str]) -> str:
        kept = match[match.lastgroup] if match.lastgroup else ""
        return f"{kept}***"

    return _SECRETS.sub(hide, text)[:DETAIL_CAP]


class SyncError(Exception):
    """A record could not be brought in step; the subclass says what must happen next."""

    def __init__(self, cause: str, operator: str, *, todo: str = "", detail: str = "") -> None:
        super().__init__(redact(operator))
        self.cause = cause
        self.operator = redact(operator)
        self.todo = redact(todo)
        self.detail = redact(detail)


class RetryLater(SyncError):
    """The same work can succeed later without a person; ``after`` is the least delay if the server named one."""

    def __init__(
        self, cause: str, operator: str, *, after: timedelta | None = None, todo: str = "", detail: str = ""
    ) -> None:
        super().__init__(cause, operator, todo=todo, detail=detail)
        self.after = after


class OutcomeUnknown(RetryLater):
    """A write may or may not have happened; whoever retries must look the record up first.

    With the cause ``UNANSWERED`` it may still happen until ``after``: looking it up before tells nothing.
    """


def is_unanswered(record: Record) -> bool:
    """Whether a write for the record may still be under way of which nobody knows how it ends."""
    return any(link.cause == UNANSWERED for link in record.links.values())


class WaitForDependency(SyncError):
    """The record needs others to be synced first; it goes by itself when they arrive."""

    def __init__(self, needs: tuple[RecordRef, ...], operator: str) -> None:
        super().__init__("dependency", operator, todo="Nothing: it continues when the other record arrives.")
        self.needs = needs


class HoldForPerson(SyncError):
    """Only a person can clear this; the record stays in the work list with the reason until then."""


class TooLarge(HoldForPerson):
    """What is to be kept does not fit into its storage; raised before anything of it is kept."""


class StopConnection(SyncError):
    """No record of this connection can succeed until credentials, permissions or settings are mended."""


class FunctionFailed(Exception):
    """A function ends with an error nobody foresaw; the text has its kind and place, and nothing of the record."""


class NotFound(SyncError):
    """The addressed record does not exist; the caller decides what that means."""


class ChangedMeanwhile(SyncError):
    """The record changed since it was read (HTTP 409 or 412); the caller reads it again."""


class AlreadyExists(SyncError):
    """A record with the same key exists; the caller looks it up and links it."""


class BadRequest(Exception):
    """What a person asked for cannot be done; the text says why."""


def place_of(error: BaseException) -> str:
    """Kind and place of an error, without its text, which may quote what a record holds."""
    frames = traceback.extract_tb(error.__traceback__)[-FRAMES:]
    places = " < ".join(
        f"{PurePath(frame.filename).name}:{frame.lineno} {frame.name}" for frame in reversed(frames)
    )
    # What a service calls the error, such as AuthorizationFailure, is a code of its own and no text.
    code = getattr(error, "error_code", None)
    told = f" {getattr(code, 'value', code)}" if code else ""
    return f"{type(error).__name__}{told} at {places}"
