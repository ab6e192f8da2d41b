"""What the row of a record says of its lease, and what makes a pass needless."""

from datetime import datetime, timedelta
from typing import Final

from shared.adapters.storage.rows import Row
from shared.domain.errors import LOOKED_UP, UNANSWERED, RetryLater, is_unanswered
from shared.domain.records import Record
from shared.ports.storage import NEVER, Lease

CLOCK_MARGIN: Final = timedelta(seconds=5)
"""How far two processes' clocks may differ before a hint is wrongly taken as covered."""
MOST_NEEDED: Final = 5 / 6
"""The share of a lease that a write can ask for: of the usual 120 seconds the 100 that a call may take."""
PAST: Final = datetime.fromisoformat("2000-01-01T00:00:00+00:00")


def time_of(row: Row, name: str) -> datetime:
    """A moment that the row holds."""
    return datetime.fromisoformat(row[name].isoformat())


def lease_until(row: Row) -> datetime:
    """When the lease ends; a row that only notes who waits never had one."""
    return time_of(row, "until") if "until" in row else NEVER


def lease_row(owner: str, fence: int, now: datetime, lasts: timedelta) -> Row:
    """The lease as a row tells it."""
    return {"owner": owner, "fence": fence, "taken": now, "until": now + lasts, "dirty": False}


def released(lease: Lease) -> Row:
    """The row of a lease that was given back."""
    return {"owner": "", "fence": lease.fence, "taken": PAST, "until": PAST, "dirty": False}


def cleared(row: Row, lease_time: timedelta, operation_time: timedelta) -> datetime:
    """When the last write must be over of a pass whose process died; NEVER if its lease was given back.

    It began while its lease lasted as long as a call can take. Who waited for the answer is gone, but the system goes on.
    """
    return lease_until(row) - lease_time * MOST_NEEDED + operation_time if row.get("owner") else NEVER


def is_read_after(record: Record, hinted_at: datetime, *, same_clock: bool) -> bool:
    """Whether the record was read in full after the hint was made."""
    margin = timedelta(0) if same_clock else CLOCK_MARGIN
    return record.read_at is not None and record.read_at > hinted_at + margin


def is_covered(
    record: Record, hinted_at: datetime, now: datetime, *, same_clock: bool, impatient: bool
) -> bool:
    """Whether a hint needs no pass: the record was read after it, or a retry is planned for which it can wait.

    While a write may still be under way of which nobody knows how it ends, not even a person can hurry.
    """
    if is_read_after(record, hinted_at, same_clock=same_clock):
        return True
    rest = record.retry_at - now if record.retry_at is not None else timedelta(0)
    if rest > timedelta(0) and not impatient:
        return True
    # The planned retry is impatient too, and may come by another process's clock.
    return rest > CLOCK_MARGIN and is_unanswered(record)


def unfinished(lease: Lease, now: datetime) -> RetryLater:
    """The error of a pass that would write while what a dead one began may still be under way."""
    return RetryLater(
        UNANSWERED,
        "The process that worked on this record ended in the middle; what it began may still be under way. Whether it was "
        "carried out is looked up when that is over.",
        after=lease.clear_at - now,
        todo=LOOKED_UP,
    )


def lost(lease: Lease) -> RetryLater:
    """The error of a pass whose lease another one has."""
    return RetryLater("lease_lost", f"Another process took {lease.record.ref} while this one was at work.")
