"""What a cut-over would leave out, shown before anybody sets it. Reads only."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from shared.domain.envelope import Envelope
from shared.domain.errors import BadRequest, HoldForPerson, WaitForDependency
from shared.domain.money import cents
from shared.domain.plans import Action
from shared.domain.records import Record, RecordRef
from shared.engine.connections.connection import Connection, Connections
from shared.engine.connections.cutover import travels
from shared.engine.connections.routing import Router, begun
from shared.engine.entity import Entity, Job, JsonObject, Subject
from shared.engine.registry import Registry
from shared.engine.sweeps import backlog_id
from shared.ports.platform import Clock
from shared.ports.storage import RecordStore


@dataclass(slots=True)
class CutoverPreview:
    """Looks through ConnectWise's lists of what is not exported yet, which have a date and a total per row."""

    connections: Connections
    registry: Registry
    store: RecordStore
    clock: Clock
    router: Router

    async def show(self, connection_name: str, entity: str = "", start: date | None = None) -> dict[str, Any]:
        """Per entity the start, ids, count and totals per currency of what would be left out.

        Without ``start`` the stored one counts. Raises BadRequest for a connection or entity that is not there.
        """
        if connection_name not in await self.connections.names():
            raise BadRequest(f"there is no connection {connection_name}")
        connection = await self.connections.get(connection_name)
        listed = [one for one in self.registry.entities() if one.subject.backlog_date or one.subject.pending]
        if entity and entity not in {one.name for one in listed}:
            known = ", ".join(one.name for one in listed)
            raise BadRequest(f"ConnectWise lists nothing as not exported for {entity}; it does for {known}")
        starts = {
            one.name: start or connection.cutover.get(one.name) for one in listed if entity in ("", one.name)
        }
        return {
            "connection": connection_name,
            "entities": [
                await self._entity(connection, one, starts[one.name]) for one in listed if one.name in starts
            ],
        }

    async def _entity(self, connection: Connection, entity: Entity, start: date | None) -> dict[str, Any]:
        rows = await self._left_out(connection, entity, start) if start else {}
        totals: defaultdict[str, Decimal] = defaultdict(Decimal)
        for row in (row for listed in rows.values() for row in listed):
            currency = row.get("currency") or {}
            name = str(currency.get("currencyCode") or currency.get("name") or "")
            totals[name] += cents(row.get("total") or 0)
        return {
            "entity": entity.name,
            "start": start.isoformat() if start else None,
            "count": len(rows),
            "totals": [{"currency": name, "total": total} for name, total in sorted(totals.items())],
            "ids": sorted(rows, key=int),
        }

    async def _left_out(
        self, connection: Connection, entity: Entity, start: date
    ) -> Mapping[str, list[JsonObject]]:
        """The unposted rows by record id: dated before the start, of this entity and connection, not begun."""
        subject = entity.subject
        if subject.pending is not None:
            return await self._pending(
                connection, entity, await subject.pending(connection.connectwise), start
            )
        early: defaultdict[str, list[JsonObject]] = defaultdict(list)
        async for page in connection.connectwise.scan(subject.backlog):
            for row in page:
                if str(row.get(subject.backlog_date) or start)[:10] < start.isoformat():
                    early[backlog_id(row, subject)].append(row)
        found: dict[str, list[JsonObject]] = {}
        if not early:
            return found
        async for page in connection.connectwise.scan(subject.path):
            for source in page:
                record_id = str(source["id"])
                if record_id in early and await self._would_travel(connection, entity, subject, source):
                    found[record_id] = early[record_id]
        return found

    async def _pending(
        self, connection: Connection, entity: Entity, listed: list[tuple[str, str]], start: date
    ) -> Mapping[str, list[JsonObject]]:
        """As :meth:`_left_out` where no row names the record: what the entity itself would plan, with its total.

        A record that would be held or wait is counted without a total.
        """
        early = {record_id for record_id, day in listed if day < start.isoformat()}
        found: dict[str, list[JsonObject]] = {}
        if not early:
            return found
        async for page in connection.connectwise.scan(entity.subject.path):
            for source in page:
                record_id = str(source["id"])
                if record_id not in early or not await self._would_travel(
                    connection, entity, entity.subject, source
                ):
                    continue
                job = self._job(connection, entity.subject, source)
                try:
                    plan = await entity.plan(job)
                except (HoldForPerson, WaitForDependency):
                    found[record_id] = []
                    continue
                if plan.action.writes:
                    currency = {"currencyCode": plan.facts["currency"]}
                    found[record_id] = [{"total": plan.facts["total"], "currency": currency}]
                elif plan.action is not Action.SKIP:
                    found[record_id] = []
        return found

    def _job(self, connection: Connection, subject: Subject, source: JsonObject) -> Job:
        ref = RecordRef(connection.name, subject.name, str(source["id"]))
        hint = Envelope(connection.name, subject.name, ref.id, "preview", self.clock.now())
        return Job(connection, self.store, hint, Record(ref), self.clock.now(), source)

    async def _would_travel(
        self, connection: Connection, entity: Entity, subject: Subject, source: JsonObject
    ) -> bool:
        ref = RecordRef(connection.name, subject.name, str(source["id"]))
        record = await self.store.get(ref) or Record(ref)
        receivers = await self.router.receivers(connection, subject.name, source)
        if begun(record) or (receivers is not None and connection.name not in receivers):
            return False
        job = self._job(connection, subject, source)
        job.record = record
        return travels(entity, job)
