"""Durable state as the engine sees it: records under a lease, the work list, watermarks, the queue."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Final, Protocol

from shared.domain.envelope import Envelope
from shared.domain.records import Record, RecordRef, State

STORAGE: Final = "storage"
"""The cause of a failure of storage itself."""
SYNC_QUEUE: Final = "dynaconnect-sync"
SWEEP_QUEUE: Final = "dynaconnect-sweep"
"""The names of the two work queues: the adapter sends to them, the queue triggers listen to them."""


class Verdict(StrEnum):
    """Why a pass does not begin."""

    COVERED = "covered"
    """The record was read in full after the hint was made."""
    COLLAPSED = "collapsed"
    """Another pass has the lease and was told to run once more."""


NEVER: Final = datetime(1, 1, 1, tzinfo=UTC)


@dataclass(slots=True)
class Lease:
    """The right to work on one record until ``until``; ``record`` is its state when the lease was taken.

    ``hinted`` is set when a hint arrived during the pass, ``taken`` is when it began: hints made before are
    covered by it. ``clear_at`` is when everything must be over that a pass before began and did not live to end; until
    then nothing is written. ``awaited`` says that another record has ever waited for this one. The rest is the store's
    own bookkeeping.
    """

    record: Record
    owner: str
    fence: int
    until: datetime
    token: str = field(default="", repr=False)
    hinted: bool = False
    indexed: frozenset[str] = frozenset()
    taken: datetime = NEVER
    clear_at: datetime = NEVER
    awaited: bool = False


@dataclass(frozen=True, slots=True)
class Attempt:
    """What one pass did for one entity, as a row that a person can read."""

    entity: str
    at: datetime
    why: str
    action: str
    result: str
    state: State
    duration_ms: int
    calls: dict[str, int]
    correlation: str
    reason: str = ""
    cause: str = ""
    todo: str = ""
    detail: str = ""
    changes: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class OpenItem:
    """A record that waits, is retried or is held, as the work list shows it."""

    ref: RecordRef
    entity: str
    state: State
    since: datetime
    cause: str
    reason: str
    todo: str
    attempts: int


class Claims(Protocol):
    """Which source record a target belongs to. A claim is made before the target is made or adopted.

    Two source records that look alike can be in work at the same moment; the claim decides between them.
    """

    async def claim(self, ref: RecordRef, target_set: str, key: str) -> RecordRef:
        """Takes a target (its id or number) for a record unless it is taken; returns whose it is."""
        ...

    async def owner(self, connection: str, target_set: str, key: str) -> RecordRef | None:
        """Whose target it is, None while it is nobody's."""
        ...


class RecordStore(Protocol):
    """Records, links, attempts and the work list. One pass works on one record at a time."""

    @property
    def claims(self) -> Claims:
        """Which source record a target belongs to."""
        ...

    async def begin(
        self, ref: RecordRef, hinted_at: datetime, *, same_clock: bool, impatient: bool, fresh: bool = False
    ) -> Lease | Verdict:
        """Takes the lease, or says why no pass is needed.

        ``same_clock`` is true when the hint was made by this process; otherwise a margin for the difference
        between clocks is kept before a hint counts as covered. ``impatient`` hints do not wait for a retry
        that is already planned; others count as covered by it. ``fresh`` says that the record is probably new.
        """
        ...

    async def checkpoint(self, lease: Lease) -> None:
        """Stores the record in the middle of a pass, so that a crash resumes after this step; extends the lease."""
        ...

    async def extend(self, lease: Lease, at_least: timedelta) -> None:
        """Makes sure that the lease lasts so long, as far as a lease ever does.

        Raises RetryLater when another process has it, or what a dead one began may still be under way.
        """
        ...

    async def finish(self, lease: Lease, attempts: Sequence[Attempt], *, keep_if_hinted: bool) -> bool:
        """Stores the record and the attempts and gives the lease back, in one transaction.

        True means that a hint arrived meanwhile and another pass must run; the lease is then kept if
        ``keep_if_hinted``. Raises RetryLater when the lease was lost to another process.
        """
        ...

    def require_room(self, record: Record) -> None:
        """Raises TooLarge for a record that is more than can be stored; checkpoint and finish would do the same."""
        ...

    def leave(self, lease: Lease) -> None:
        """Tells that nobody works under the lease any more, however the pass ended."""
        ...

    async def get(self, ref: RecordRef) -> Record | None:
        """The record as it stands, without a lease."""
        ...

    async def by_target(self, connection: str, subject: str, key: str) -> RecordRef | None:
        """The source record that is linked to a target id or number."""
        ...

    async def add_waiter(self, needed: RecordRef, waiter: RecordRef) -> None:
        """Remembers that ``waiter`` goes on when ``needed`` is done."""
        ...

    async def take_waiters(self, needed: RecordRef) -> list[RecordRef]:
        """Who waits for the record; they stay listed until :meth:`forget_waiters`."""
        ...

    async def forget_waiters(self, needed: RecordRef, waiters: Sequence[RecordRef]) -> None:
        """Removes waiters that have been put back on the queue."""
        ...

    def open_items(self, connection: str, subject: str) -> AsyncIterator[OpenItem]:
        """What waits, is retried or is held."""
        ...

    def records(self, connection: str, subject: str) -> AsyncIterator[Record]:
        """Every record of a subject."""
        ...

    def attempts(self, ref: RecordRef) -> AsyncIterator[dict[str, Any]]:
        """The passes of one record, newest first."""
        ...


class StateStore(Protocol):
    """Small values of a connection: watermarks, hook registrations, when something last succeeded."""

    async def load(self, connection: str, name: str) -> dict[str, Any]:
        """The stored value, empty when there is none."""
        ...

    async def save(self, connection: str, name: str, value: dict[str, Any]) -> None:
        """Replaces the stored value."""
        ...

    async def remove(self, connection: str, name: str) -> None:
        """Deletes a stored value; one that is already gone is success."""
        ...

    def named(self, connection: str, prefix: str) -> AsyncIterator[tuple[str, dict[str, Any]]]:
        """Names and values whose name starts with the prefix."""
        ...


class WorkQueue(Protocol):
    """The durable queue of hints, and the one of sweeps."""

    async def send(self, envelope: Envelope, *, delay: timedelta = timedelta(0)) -> None:
        """Puts a hint on the queue; it becomes visible after the delay."""
        ...

    async def send_sweep(self, envelope: Envelope, *, delay: timedelta = timedelta(0)) -> None:
        """Puts a sweep on its own queue, so that a long sweep never delays a record."""
        ...


class QueueLengths(Protocol):
    """How much the queues hold."""

    async def lengths(self) -> dict[str, int]:
        """About how many messages each queue holds, by name; those of messages set aside too."""
        ...
