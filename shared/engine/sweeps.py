"""The safety net: sweeps that find what no hint told of, from stored watermarks.

A sweep never syncs a record itself. It queues a hint for each record that looks different from what is
stored, and moves its watermark only when every hint is durably queued: from then on the record's own row
keeps it in view, whatever happens to it, so the watermark never passes a record that could be lost.
"""

import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from shared.domain.envelope import BACKLOG, Envelope
from shared.domain.errors import StopConnection
from shared.domain.money import cents
from shared.domain.records import Record, RecordRef, State, digest
from shared.engine.connections.connection import Connection, Connections, Site
from shared.engine.connections.cutover import first_day
from shared.engine.connections.routing import HOME, ROUTING
from shared.engine.entity import Subject
from shared.engine.kinds.applications import INVOICE, applied_entry, documents
from shared.engine.kinds.settlements import NO_LEDGER
from shared.engine.registry import Registry
from shared.engine.telling import LED_BY
from shared.ports.platform import Clock
from shared.ports.storage import RecordStore, StateStore, WorkQueue
from shared.ports.telemetry import SILENT, Telemetry

OVERLAP: Final = timedelta(minutes=2)
"""Read again before the watermark: ConnectWise stamps whole seconds and commits out of order."""
LEDGER_OVERLAP: Final = 300
"""Ledger entry numbers read again below the watermark: numbers are given before they are committed."""
DAILY: Final = timedelta(hours=24)
IN_FULL: Final = "in_full"
PATIENCE: Final = timedelta(minutes=10)
"""How long a waiting record rests before the sweep asks for it again."""

log = logging.getLogger("dynaconnect.sweep")


@dataclass(slots=True)
class Sweeper:
    """Finds changed records and queues hints for them."""

    connections: Connections
    registry: Registry
    store: RecordStore
    state: StateStore
    queue: WorkQueue
    clock: Clock
    origin: str
    telemetry: Telemetry = SILENT

    async def catch_up(self, connection_name: str, subject_name: str, *, everything: bool = False) -> int:
        """Queues what changed in ConnectWise since the watermark; returns how many hints.

        ``everything`` ignores the watermark, and queues a record even if its version is the stored one. Where
        several connections share a site, the first one sweeps; the others only ask again for what waits.
        """
        connection = await self.connections.get(connection_name)
        subject = self.registry.subject(subject_name)
        if not subject.path:
            return 0
        site = await self.connections.site(connection_name)
        if site.first.name != connection_name and not everything:
            return await self._nudge(connection_name, subject)
        name = f"watermark|{subject.name}"
        stored = await self.state.load(connection_name, name)
        started = self.clock.now()
        everything = everything or self._is_due_in_full(subject, stored)
        since = None if everything else stored.get("at")
        changed_since = datetime.fromisoformat(since) - OVERLAP if since else None
        sent = 0
        seen: set[str] = set()
        newest = datetime.fromisoformat(stored["at"]) if stored.get("at") else None
        async for row in _rows(connection, subject, changed_since):
            record_id, version = str(row["id"]), str((row.get("_info") or {}).get("lastUpdated", ""))
            if version:
                moment = datetime.fromisoformat(version)
                newest = max(newest or moment, moment)
            if everything or await self._differs(
                RecordRef(connection_name, subject.name, record_id), row, version
            ):
                seen.add(record_id)
                await self._hint(RecordRef(connection_name, subject.name, record_id), "catch up")
                sent += 1
        if subject.callback and sent and since:
            log.warning("no callback told of %d changes of %s", sent, subject.name)
        sent += await self._backlog(site, connection, subject, seen)
        sent += await self._nudge(connection_name, subject)
        # The newest version seen is the other side's own clock; ours would skip what it stamps behind us.
        if newest is not None:
            swept = {"at": newest.isoformat(), "swept": started.isoformat(), "sent": sent}
            in_full = {IN_FULL: swept["swept"] if everything else stored[IN_FULL]} if subject.daily else {}
            await self.state.save(connection_name, name, swept | in_full)
        log.info("%s %s: %d hints", connection_name, subject.name, sent)
        return sent

    def _is_due_in_full(self, subject: Subject, stored: dict[str, Any]) -> bool:
        """Whether the records of a daily subject were not all looked at for a day."""
        return subject.daily and (
            IN_FULL not in stored or datetime.fromisoformat(stored[IN_FULL]) + DAILY <= self.clock.now()
        )

    async def _differs(self, ref: RecordRef, row: dict[str, Any], version: str) -> bool:
        record = await self.store.get(ref)
        if record is None or record.read_at is None:
            return record is None or not any(link.state.is_open for link in record.links.values())
        return is_newer(record, row, version)

    async def _backlog(self, site: Site, connection: Connection, subject: Subject, seen: set[str]) -> int:
        """Records that ConnectWise still lists as to be exported and that nobody here is looking at."""
        sent = 0
        start = first_day(site.members, self.registry.of_subject(subject.name))
        async for record_id, day in _listed(connection, subject):
            if not record_id or record_id in seen or (start and day and day < str(start)):
                continue
            record = await self._at_home(RecordRef(connection.name, subject.name, record_id))
            if record is None or not any(link.state.is_open for link in record.links.values()):
                seen.add(record_id)
                await self._hint(RecordRef(connection.name, subject.name, record_id), BACKLOG)
                sent += 1
        return sent

    async def _at_home(self, ref: RecordRef) -> Record | None:
        """The record in the connection to which the routing gave it."""
        record = await self.store.get(ref)
        placed = record.links.get(ROUTING) if record else None
        home = str(placed.facts.get(HOME, "")) if placed else ""
        return await self.store.get(RecordRef(home, ref.subject, ref.id)) if home else record

    async def _nudge(self, connection: str, subject: Subject) -> int:
        """Asks again for records that have waited long; their dependency may have come by another way."""
        sent = 0
        limit = self.clock.now() - PATIENCE
        async for item in self.store.open_items(connection, subject.name):
            if item.state is State.WAITING and item.since < limit:
                await self._hint(item.ref, "still waiting")
                sent += 1
        return sent

    async def payments(self, connection_name: str, *, full: bool = False) -> int:
        """Queues the invoices whose applications changed in the customer ledger since the watermark.

        ``full`` also compares every open invoice's remaining amount, which finds what a ledger that is
        behind or absent did not show. Without a ledger that is all there is: each settlement then says what to do.
        """
        connection = await self.connections.get(connection_name)
        stored = await self.state.load(connection_name, "watermark|ledger")
        mark = int(stored.get("entry", 0))
        seen = set(stored.get("seen", ()))
        try:
            rows = await connection.business_central.ledger_after(max(0, mark - LEDGER_OVERLAP))
        except StopConnection as stop:
            if stop.cause != NO_LEDGER or not full:
                raise
            log.error("%s has no ledger to read: %s", connection_name, stop.cause)
            return await self._compare_open(connection)
        new = [row for row in rows if int(row["dcleEntryNo"]) not in seen]
        sent = 0
        settled, unknown = await self._settled_by(connection, new)
        for ref in settled:
            await self._hint(ref, "ledger")
            sent += 1
        if full:
            sent += await self._compare_open(connection)
        highest = max([mark, *(int(row["dcleEntryNo"]) for row in rows)])
        recent = sorted({int(row["dcleEntryNo"]) for row in rows} | seen)
        keep = [entry for entry in recent if entry > highest - LEDGER_OVERLAP and entry not in unknown]
        if new or not stored:
            await self.state.save(connection_name, "watermark|ledger", {"entry": highest, "seen": keep})
        return sent

    async def _settled_by(
        self, connection: Connection, rows: list[dict[str, Any]]
    ) -> tuple[list[RecordRef], set[int]]:
        """The invoices of ours to which one of the rows applies something, or which it applies to something.

        Also the rows of invoices that are not ours, which are looked at again: an invoice can be paid before
        the pass that posted it has stored its number.
        """
        pairs = {int(row["dcleEntryNo"]): {int(row["cleEntryNo"]), applied_entry(row)} for row in rows}
        applied = {entry for pair in pairs.values() if len(pair) == 2 and 0 not in pair for entry in pair}
        known = documents(rows)
        missing = sorted(applied - set(known))
        if missing:
            known |= documents(await connection.business_central.ledger_of_entries(missing))
        refs: dict[RecordRef, None] = {}
        foreign: set[int] = set()
        for entry in sorted(applied):
            document = known.get(entry)
            if document is None or document.kind != INVOICE:
                continue
            ref = await self.store.by_target(connection.name, "invoice", f"sales_invoice|{document.number}")
            if ref is None:
                foreign.add(entry)
            else:
                refs[RecordRef(connection.name, "settlement", ref.id)] = None
        return list(refs), {number for number, pair in pairs.items() if pair & foreign}

    async def _compare_open(self, connection: Connection) -> int:
        sent = 0
        async for page in connection.business_central.scan(
            "salesInvoices", equal={"status": "Open"}, select=("id", "number", "remainingAmount")
        ):
            for row in page:
                ref = await self.store.by_target(connection.name, "invoice", f"sales_invoice|{row['id']}")
                if ref is not None and await self._remaining(ref) != cents(row["remainingAmount"]):
                    await self._hint(RecordRef(connection.name, "settlement", ref.id), "remaining amount")
                    sent += 1
        return sent

    async def _remaining(self, invoice: RecordRef) -> Decimal | None:
        """What we last saw as open on an invoice: after its settlement, else its total."""
        settlement = await self.store.get(RecordRef(invoice.connection, "settlement", invoice.id))
        for link in settlement.links.values() if settlement else ():
            if "remaining" in link.facts:
                return cents(link.facts["remaining"])
        record = await self.store.get(invoice)
        link_of = record.links.get("sales_invoice") if record else None
        return cents(link_of.facts["bc_total"]) if link_of and "bc_total" in link_of.facts else None

    async def notified(self, connection_name: str, record_id: str) -> int:
        """Turns a Business Central notification about a sales invoice into a hint, if the invoice is ours."""
        ref = await self.store.by_target(connection_name, "invoice", f"sales_invoice|{record_id}")
        if ref is None:
            return 0
        record = await self.store.get(ref)
        link = record.links.get("sales_invoice") if record else None
        if link is not None and (link.state, link.step) == (State.DONE, "drafted"):
            # Left as a draft on purpose: an accountant may just have posted it.
            await self._hint(ref, "notification", traced=self.telemetry.current())
        settlement = RecordRef(connection_name, "settlement", ref.id)
        await self._hint(settlement, "notification", traced=self.telemetry.current())
        return 1

    async def _hint(self, ref: RecordRef, why: str, *, traced: str = "") -> None:
        """Unless it goes on in the trace ``traced``, each record gets one of its own, which names the sweep.

        All records of a sweep in one trace could not be read.
        """
        sweep = "" if traced else self.telemetry.current()
        hint = Envelope(ref.connection, ref.subject, ref.id, why, self.clock.now(), origin=self.origin)
        options = {LED_BY: sweep} if sweep else {}
        await self.queue.send(replace(hint, traceparent=traced, options=options))


def is_newer(record: Record, row: dict[str, Any], version: str, *, whole: bool = True) -> bool:
    """True when ConnectWise's row of this version is another one than was read; ``whole`` false: a row cut to fields."""
    if record.source_version != version:
        return True
    # ConnectWise stamps whole seconds: a change in the second in which we read carries the same stamp. Its clock is
    # not ours, so what was read soon after its stamp counts as read in that second.
    read_at = record.read_at
    near = bool(version and read_at and datetime.fromisoformat(version) + OVERLAP > read_at)
    return whole and near and record.source_digest != digest(row)


async def _listed(connection: Connection, subject: Subject) -> AsyncIterator[tuple[str, str]]:
    """The records of a subject that ConnectWise lists as not exported, each with its day where that is known."""
    if subject.pending is not None:
        for record_id, day in await subject.pending(connection.connectwise):
            yield record_id, day
    if not subject.backlog:
        return
    fields = tuple(name for name in ("id", subject.backlog_id, subject.backlog_date) if name)
    async for page in connection.connectwise.scan(subject.backlog, fields=fields):
        for row in page:
            yield backlog_id(row, subject), str(row.get(subject.backlog_date) or "")[:10]


def backlog_id(row: dict[str, Any], subject: Subject) -> str:
    """The record that a row of the backlog names; empty where the row names it by a reference and has none."""
    name, _, inner = subject.backlog_id.partition("/")
    if inner:
        return str((row.get(name) or {}).get(inner) or "")
    return str(row.get(name) or row["id"])


async def _rows(
    connection: Connection, subject: Subject, changed_since: datetime | None
) -> AsyncIterator[dict[str, Any]]:
    async for page in connection.connectwise.scan(subject.path, changed_since=changed_since):
        for row in page:
            yield row
