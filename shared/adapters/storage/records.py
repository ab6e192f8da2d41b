"""Records under a lease in Table Storage.

A pass over a record that this process stored last costs two requests, take the lease and finish; so does one over a
record that is new. Any other reads the row before.
"""

import logging
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from azure.core import MatchConditions
from azure.core.exceptions import ResourceExistsError, ResourceModifiedError, ResourceNotFoundError
from azure.data.tables import TableTransactionError, UpdateMode
from azure.data.tables.aio import TableClient

from shared.adapters.storage import beside, limits, rows
from shared.adapters.storage.claims import TableClaims
from shared.adapters.storage.known import KnownRows
from shared.adapters.storage.leases import (
    MOST_NEEDED,
    cleared,
    is_covered,
    is_read_after,
    lease_row,
    lease_until,
    lost,
    released,
    time_of,
    unfinished,
)
from shared.adapters.storage.meanings import explained
from shared.adapters.storage.passes import OwnPasses
from shared.adapters.storage.rows import Row
from shared.domain.envelope import GUARD, Envelope
from shared.domain.errors import RetryLater
from shared.domain.records import Record, RecordRef
from shared.domain.tenure import LONGEST_OPERATION
from shared.ports.platform import Clock
from shared.ports.storage import NEVER, Attempt, Lease, OpenItem, Verdict, WorkQueue

MOST_TRIES: Final = 20
INDEX_BYTES: Final = limits.PROPERTY_BYTES
"""What the list of the rows beside a record may take in its own row."""

type Operation = tuple[str, Row]

log = logging.getLogger("dynaconnect.storage")


@explained
@dataclass(slots=True)
class TableRecordStore:
    """The record store of one table. ``owner`` names this process in leases."""

    table: TableClient
    queue: WorkQueue
    clock: Clock
    owner: str
    lease_time: timedelta = timedelta(seconds=120)
    operation_time: timedelta = LONGEST_OPERATION
    _known: KnownRows = field(default_factory=KnownRows)
    passes: OwnPasses = field(default_factory=OwnPasses)

    @property
    def claims(self) -> TableClaims:
        """Which source record a target belongs to, in the same table."""
        return TableClaims(self.table)

    async def begin(
        self, ref: RecordRef, hinted_at: datetime, *, same_clock: bool, impatient: bool, fresh: bool = False
    ) -> Lease | Verdict:
        """Takes the lease; a record that another pass holds is marked so that it runs once more."""
        begun = await self._begin_known(ref, hinted_at, same_clock=same_clock, fresh=fresh)
        if begun is not None:
            return begun
        for _ in range(MOST_TRIES):
            row = await self._row(ref)
            now = self.clock.now()
            if row is None:
                lease = await self._insert(ref, now)
            else:
                if is_covered(
                    rows.record_of(ref, row), hinted_at, now, same_clock=same_clock, impatient=impatient
                ):
                    return Verdict.COVERED
                if self._held(ref, row, now):
                    if await self._mark(ref, row, hinted_at, now):
                        return Verdict.COLLAPSED
                    continue
                lease = await self._take(ref, row, _etag(row), now)
            if lease is not None:
                return lease
        raise RetryLater("contended", f"Too many passes want {ref} at the same moment.")

    def _held(self, ref: RecordRef, row: Row, now: datetime) -> bool:
        """Whether a pass is at work: another process's while its lease lasts, one of this process until it ends."""
        if row.get("owner") == self.owner:
            return self.passes.at_work(ref, row)
        return lease_until(row) > now

    async def _begin_known(
        self, ref: RecordRef, hinted_at: datetime, *, same_clock: bool, fresh: bool
    ) -> Lease | Verdict | None:
        """Begins without reading the row where this process wrote it last, or where there is none yet.

        A row that another process has written since has another etag, and is then read. That a record was read after
        the hint stays true whoever writes; that a retry is planned does not, so only the row itself may say that.
        """
        now = self.clock.now()
        known = self._known.take(ref)
        if known is None:
            return await self._insert(ref, now) if fresh else None
        row, etag = known
        record = rows.record_of(ref, row)
        if is_read_after(record, hinted_at, same_clock=same_clock):
            self._known.keep(ref, row, etag)
            return Verdict.COVERED
        if record.retry_at is not None and record.retry_at > now:
            return None
        return await self._take(ref, row, etag, now)

    async def _row(self, ref: RecordRef) -> Row | None:
        try:
            return await self.table.get_entity(*_key(ref))
        except ResourceNotFoundError:
            return None

    async def _insert(self, ref: RecordRef, now: datetime) -> Lease | None:
        record = Record(ref)
        row = rows.record_row(record) | self._lease(1, now)
        with self.passes.asking(ref, 1):
            try:
                stored = await self.table.create_entity(row)
            except ResourceExistsError:
                return None
            lease = Lease(record, self.owner, 1, now + self.lease_time, str(stored["etag"]), taken=now)
            return self.passes.begin(lease)

    async def _take(self, ref: RecordRef, row: Row, etag: str, now: datetime) -> Lease | None:
        fence = int(row.get("fence") or 0) + 1
        change: Row = {
            "PartitionKey": row["PartitionKey"],
            "RowKey": row["RowKey"],
            **self._lease(fence, now),
        }
        # A pass of this process has ended together with its calls, and what it left is known here.
        own = row.get("owner") == self.owner
        clear_at = self.passes.clear_at(ref) if own else cleared(row, self.lease_time, self.operation_time)
        with self.passes.asking(ref, fence, clear_at):
            taken = await self._merge(change, etag)
            if taken is None:
                return None
            lease = Lease(
                rows.record_of(ref, row),
                self.owner,
                fence,
                now + self.lease_time,
                taken,
                awaited=bool(row.get("awaited")),
                indexed=frozenset(rows.unpack(row, "indexed")),
                taken=now,
                clear_at=clear_at,
            )
            return self.passes.begin(lease)

    def _lease(self, fence: int, now: datetime) -> Row:
        return lease_row(self.owner, fence, now, self.lease_time)

    async def _mark(self, ref: RecordRef, row: Row, hinted_at: datetime, now: datetime) -> bool:
        """Tells the pass at work to run once more; the first to do so leaves a guard behind before it does.

        The guard is a hint that becomes visible when the lease ends: should the process at work die, perhaps
        together with this one, a marked record is not forgotten.
        """
        if row.get("dirty") or (row.get("owner") == self.owner and time_of(row, "taken") > hinted_at):
            return True
        # Of this moment: what is hinted later, while the record is marked, leaves no guard of its own.
        guard = Envelope(ref.connection, ref.subject, ref.id, GUARD, now, origin=self.owner)
        rest = max(lease_until(row) - now, timedelta(0)) + timedelta(seconds=1)
        await self.queue.send(guard, delay=rest)
        change: Row = {"PartitionKey": row["PartitionKey"], "RowKey": row["RowKey"], "dirty": True}
        return await self._merge(change, _etag(row)) is not None

    async def _merge(self, change: Row, etag: str) -> str | None:
        try:
            stored = await self.table.update_entity(
                change, mode=UpdateMode.MERGE, etag=etag, match_condition=MatchConditions.IfNotModified
            )
        except (ResourceModifiedError, ResourceNotFoundError):
            return None
        return str(stored["etag"])

    async def checkpoint(self, lease: Lease) -> None:
        """Stores the record in the middle of a pass and extends the lease."""
        for _ in range(MOST_TRIES):
            now = self.clock.now()
            row = rows.record_row(lease.record) | self._lease(lease.fence, now)
            # The source was read when the pass began: hints made since then are not covered by this step.
            row |= {"taken": lease.taken, "dirty": lease.hinted, "awaited": lease.awaited}
            # Nor is what was read in step yet: should this pass die, a sweep must see that.
            row |= {"source_version": "", "source_digest": ""}
            rows.pack(row, "indexed", sorted(lease.indexed))
            limits.checked(row)
            try:
                stored = await self.table.update_entity(
                    row,
                    mode=UpdateMode.REPLACE,
                    etag=lease.token,
                    match_condition=MatchConditions.IfNotModified,
                )
            except (ResourceModifiedError, ResourceNotFoundError):
                await self._refresh(lease)
                continue
            lease.token, lease.until = str(stored["etag"]), now + self.lease_time
            return
        raise lost(lease)

    async def extend(self, lease: Lease, at_least: timedelta) -> None:
        """Takes the lease anew where its end is near: one request, and none in a pass that has just begun."""
        at_least = min(at_least, self.lease_time * MOST_NEEDED)
        for _ in range(MOST_TRIES):
            now = self.clock.now()
            if lease.clear_at > now:
                raise unfinished(lease, now)
            if lease.until - now >= at_least:
                return
            partition, key = _key(lease.record.ref)
            change: Row = {"PartitionKey": partition, "RowKey": key, "until": now + self.lease_time}
            extended = await self._merge(change, lease.token)
            if extended is not None:
                lease.token, lease.until = extended, now + self.lease_time
                return
            await self._refresh(lease)
        raise lost(lease)

    async def _refresh(self, lease: Lease) -> None:
        """Takes the newest etag if the lease is still ours, and notes whether a hint arrived meanwhile."""
        row = await self._row(lease.record.ref)
        if row is None or row.get("owner") != lease.owner or int(row.get("fence") or 0) != lease.fence:
            raise lost(lease)
        lease.token = _etag(row)
        lease.hinted = lease.hinted or bool(row.get("dirty"))
        lease.awaited = lease.awaited or bool(row.get("awaited"))

    async def finish(self, lease: Lease, attempts: Sequence[Attempt], *, keep_if_hinted: bool) -> bool:
        """One transaction: the record, its attempts, its place in the work list, its reverse look-ups.

        What is more than a transaction holds goes into several. Each leaves the record under its lease with what
        stands beside it so far, and the last one ends the pass: wherever it is cut off, the next pass goes on.
        """
        for _ in range(MOST_TRIES):
            hinted, now = lease.hinted, self.clock.now()
            kept = self._lease(lease.fence, now) if hinted and keep_if_hinted else released(lease)
            body = rows.record_row(lease.record)
            parts = list(limits.groups(self._operations(lease, attempts), limits.size(body) + INDEX_BYTES))
            part: list[Operation] = []
            try:
                for part in parts[:-1]:
                    mine = self._lease(lease.fence, now) | {"taken": lease.taken, "dirty": lease.hinted}
                    await self._transact(lease, body | mine, part)
                part = parts[-1]
                written = await self._transact(lease, body | kept, part)
            except TableTransactionError as error:
                if error.status_code not in (404, 412):
                    raise
                if error.index:
                    # A row beside the record that somebody deleted needs no deletion any more.
                    lease.indexed -= {str(part[error.index - 1][1]["RowKey"])}
                else:
                    await self._refresh(lease)
                continue
            lease.hinted, lease.taken = False, now
            if not (hinted and keep_if_hinted):
                lease.clear_at = NEVER
                self._known.keep(lease.record.ref, written, lease.token)
            return hinted
        raise lost(lease)

    def leave(self, lease: Lease) -> None:
        """Nobody works under the lease any more, however the pass ended."""
        self.passes.end(lease)

    def _operations(self, lease: Lease, attempts: Sequence[Attempt]) -> list[Operation]:
        """What is to be written and deleted beside the record."""
        record = lease.record
        operations: list[Operation] = []
        own = {"PartitionKey": _key(record.ref)[0]}
        for number, attempt in enumerate(attempts):
            operations.append(("upsert", rows.attempt_row(record.ref, attempt, number)))
        for link in record.links.values():
            if link.state.is_open:
                operations.append(("upsert", rows.open_row(record, link)))
            new = sorted(beside.target_keys(link) - lease.indexed)
            operations += [
                ("upsert", limits.checked({**own, "RowKey": key, "id": record.ref.id})) for key in new
            ]
        gone = sorted(lease.indexed - beside.index_of(record))
        return [*operations, *(("delete", {**own, "RowKey": key}) for key in gone)]

    async def _transact(self, lease: Lease, row: Row, operations: Sequence[Operation]) -> Row:
        """Writes the record if nobody else has, and with it the operations; returns the row as it is written."""
        index = set(lease.indexed)
        for kind, other in operations:
            if kind == "delete":
                index.discard(other["RowKey"])
            elif not other["RowKey"].startswith("a|"):
                index.add(other["RowKey"])
        condition = {
            "mode": UpdateMode.REPLACE,
            "etag": lease.token,
            "match_condition": MatchConditions.IfNotModified,
        }
        row = {**row, "awaited": lease.awaited}
        rows.pack(row, "indexed", sorted(index))
        changes: list[Any] = [("update", limits.checked(row), condition), *operations]
        results = await self.table.submit_transaction(changes)
        lease.token, lease.indexed = str(results[0]["etag"]), frozenset(index)
        return row

    async def get(self, ref: RecordRef) -> Record | None:
        """The record as it stands."""
        row = await self._row(ref)
        return rows.record_of(ref, row) if row else None

    async def by_target(self, connection: str, subject: str, key: str) -> RecordRef | None:
        """The source record linked to ``entity|id`` or ``entity|number``."""
        entity, _, target = key.partition("|")
        try:
            row = await self.table.get_entity(
                rows.partition(connection, subject), beside.target_key(entity, target)
            )
        except ResourceNotFoundError:
            return None
        return RecordRef(connection, subject, str(row["id"]))

    def require_room(self, record: Record) -> None:
        """Raises TooLarge for a record that cannot be stored."""
        rows.record_row(record)

    async def add_waiter(self, needed: RecordRef, waiter: RecordRef) -> None:
        """Remembers who goes on when ``needed`` is done, and notes it in that record's own row.

        The note changes the etag: a pass that is about to finish the needed record learns of it.
        """
        partition, key = _key(needed)
        note: Row = {"PartitionKey": partition, "RowKey": key, "awaited": True}
        waits = limits.checked(beside.waiter_row(needed, waiter))
        await self.table.submit_transaction([("upsert", waits), ("upsert", note)])

    async def take_waiters(self, needed: RecordRef) -> list[RecordRef]:
        """Who waits for the record."""
        prefix = f"w|{rows.safe(needed.id)}|"
        found = []
        async for row in self._range(needed.connection, needed.subject, prefix):
            subject, waiter_id = str(row["RowKey"])[len(prefix) :].split("|")
            found.append(RecordRef(needed.connection, rows.plain(subject), rows.plain(waiter_id)))
        return found

    async def forget_waiters(self, needed: RecordRef, waiters: Sequence[RecordRef]) -> None:
        """Removes waiters."""
        for waiter in waiters:
            await self.table.delete_entity(beside.waiter_row(needed, waiter))

    async def open_items(self, connection: str, subject: str) -> AsyncIterator[OpenItem]:
        """What waits, is retried or is held."""
        async for row in self._range(connection, subject, "o|"):
            yield rows.open_item(connection, subject, row)

    async def records(self, connection: str, subject: str) -> AsyncIterator[Record]:
        """Every record of a subject."""
        async for row in self._range(connection, subject, "r|"):
            yield rows.record_of(RecordRef(connection, subject, rows.plain(str(row["RowKey"])[2:])), row)

    async def attempts(self, ref: RecordRef) -> AsyncIterator[Row]:
        """The passes of one record, newest first."""
        async for row in self._range(ref.connection, ref.subject, f"a|{rows.safe(ref.id)}|"):
            yield rows.attempt_of(row)

    async def _range(self, connection: str, subject: str, prefix: str) -> AsyncIterator[Row]:
        """All rows whose key starts with the prefix, however the service cuts its pages."""
        last = prefix[:-1] + chr(ord(prefix[-1]) + 1)
        found = self.table.query_entities(
            "PartitionKey eq @partition and RowKey ge @first and RowKey lt @last",
            parameters={"partition": rows.partition(connection, subject), "first": prefix, "last": last},
        )
        async for row in found:
            yield row


def _key(ref: RecordRef) -> tuple[str, str]:
    return rows.partition(ref.connection, ref.subject), f"r|{rows.safe(ref.id)}"


def _etag(row: Row) -> str:
    return str(row.metadata["etag"])  # type: ignore[attr-defined]
