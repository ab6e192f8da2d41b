"""Which leases of this process somebody is at work on.

When the answer to taking a lease is lost, or a pass fails before it could give its lease back, the row still says that
this process has the record. Without this, the next hint would be left to a pass that is not there.
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

    def lack(self, owner: str, ref: RecordRef, row: Row) -> bool:
        """Whether a row says that the process ``owner``, this one, has the record, but nobody here works on it."""
        own = ref, int(row.get("fence") or 0)
        return row.get("owner") == owner and own not in self._working and own not in self._asking
