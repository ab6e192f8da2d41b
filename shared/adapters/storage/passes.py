"""Which leases of this process somebody is at work on.

When the answer to taking a lease is lost, or a pass fails before it could give its lease back, the row still says that
this process has the record. Without this, the next hint would be left to a pass that is not there. And a pass that
waits for its turn longer than its lease lasts is there all the same.

And it knows of which records a write may still be under way although no pass is: the row does not say that.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from shared.adapters.storage.rows import Row
from shared.domain.records import RecordRef
from shared.ports.storage import NEVER, Lease

type _Pass = tuple[RecordRef, int]


@dataclass(slots=True)
class OwnPasses:
    """Passes by record and fence, from right before the lease is asked for until its holder leaves it."""

    _asking: list[_Pass] = field(default_factory=list)
    _working: set[_Pass] = field(default_factory=set)
    _clear: dict[RecordRef, datetime] = field(default_factory=dict)

    @contextmanager
    def asking(self, ref: RecordRef, fence: int, clear_at: datetime = NEVER) -> Iterator[None]:
        """While the lease is asked for; until ``clear_at`` nothing may be written under it."""
        self._asking.append((ref, fence))
        if clear_at > NEVER:
            self._clear[ref] = clear_at
        try:
            yield
        finally:
            self._asking.remove((ref, fence))

    def begin(self, lease: Lease) -> Lease:
        """Notes a lease that was taken."""
        self._working.add((lease.record.ref, lease.fence))
        return lease

    def end(self, lease: Lease) -> None:
        """Forgets a lease, but not what may be under way since one that was not given back."""
        self._working.discard((lease.record.ref, lease.fence))
        self._clear.pop(lease.record.ref, None)
        if lease.clear_at > NEVER:
            self._clear[lease.record.ref] = lease.clear_at

    def clear_at(self, ref: RecordRef) -> datetime:
        """When everything must be over that a pass of this process leaves behind."""
        return self._clear.get(ref, NEVER)

    def at_work(self, ref: RecordRef, row: Row) -> bool:
        """Whether somebody here works on the record under the lease that its row tells of, which is this process's."""
        own = ref, int(row.get("fence") or 0)
        return own in self._working or own in self._asking
