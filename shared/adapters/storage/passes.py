"""Which leases of this process somebody is at work on.

When the answer to taking a lease is lost, or a pass fails before it could give its lease back, the row still says that
this process has the record. Without this, the next hint would be left to a pass that is not there. And a pass that
waits for its turn longer than its lease lasts is there all the same.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from shared.adapters.storage.rows import Row
from shared.domain.records import RecordRef
from shared.ports.storage import Lease

type _Pass = tuple[RecordRef, int]


@dataclass(slots=True)
class OwnPasses:
    """Passes by record and fence, from right before the lease is asked for until its holder leaves it."""

    _asking: list[_Pass] = field(default_factory=list)
    _working: set[_Pass] = field(default_factory=set)

    @contextmanager
    def asking(self, ref: RecordRef, fence: int) -> Iterator[None]:
        """While the lease is asked for."""
        self._asking.append((ref, fence))
        try:
            yield
        finally:
            self._asking.remove((ref, fence))

    def begin(self, lease: Lease) -> Lease:
        """Notes a lease that was taken."""
        self._working.add((lease.record.ref, lease.fence))
        return lease

    def end(self, lease: Lease) -> None:
        """Forgets a lease."""
        self._working.discard((lease.record.ref, lease.fence))

    def at_work(self, ref: RecordRef, row: Row) -> bool:
        """Whether somebody here works on the record under the lease that its row tells of, which is this process's."""
        own = ref, int(row.get("fence") or 0)
        return own in self._working or own in self._asking
