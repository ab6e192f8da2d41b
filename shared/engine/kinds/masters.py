"""Master data: one source record becomes one target record that is created, adopted or changed.

The default promise: an existing record is adopted by rule and never duplicated; a record that did not change
causes no write; a change sends only the fields that differ and only if nobody changed the target meanwhile.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from shared.domain.errors import AlreadyExists, ChangedMeanwhile, HoldForPerson, NotFound, OutcomeUnknown
from shared.domain.plans import Action, Plan
from shared.domain.records import Payload, RecordRef
from shared.engine.entity import Job, JsonObject, Subject
from shared.engine.kinds.dimensions import (
    DIMENSIONS,
    VALUE_OF,
    apply_dimensions,
    check_dimensions,
    keep_value,
)
from shared.engine.kinds.mapped import changes_between, map_source, plan_of_findings, warnings_of
from shared.engine.kinds.mapping_data import same
from shared.mapping import Mapped, fingerprint
from shared.ports.systems import Lookup

ETAG: Final = "@odata.etag"
KEPT: Final = "kept"
"""The fact of a creation that says what the link keeps of it: what later changes are compared with."""
WRITING_BACK: Final = "writing_back"
"""The step of a record whose number ConnectWise does not show yet: it exports no document that needs the record."""


@dataclass(frozen=True, slots=True)
class MasterData:
    """The declaration of a master data entity.

    ``target`` is the Business Central set, ``adopt`` the target fields by which an existing record is found,
    best first: a match counts only if it is the only one. ``write_back`` names the ConnectWise field that
    holds the target's number afterwards. ConnectWise exports no document of a company or member without one, so what
    needs the record waits for that; it does not where ``exports_by_number`` is false.
    ``enrich`` adds values of other source records to what the mapping sees. ``dimension`` is the option that
    names a dimension in which the record is a value too. ``when_needed`` leaves a record alone until another
    one waits for it or a person asks for it.
    """

    name: str
    title: str
    subject: Subject
    target: str
    adopt: tuple[str, ...]
    write_back: str = ""
    exports_by_number: bool = True
    enrich: Callable[[Job], Awaitable[JsonObject]] | None = None
    dimension: str = ""
    when_needed: bool = False

    async def plan(self, job: Job) -> Plan:
        """Create, adopt, change or nothing, with the differences field by field."""
        if job.source is None:
            return Plan(Action.SKIP, f"{self.title} {job.ref.id} no longer exists in ConnectWise.")
        if self.when_needed and not await self._is_needed(job):
            return Plan(Action.SKIP, f"Becomes a record when something needs this {self.title.lower()}.")
        mapped = await self._map(job)
        stopped = plan_of_findings(job, mapped)
        if stopped is not None:
            return stopped
        await check_dimensions(job, mapped.create)
        if job.link.target_id and job.verifies:
            return await self._plan_verified(job, mapped)
        if job.link.target_id:
            return self._plan_linked(job, mapped)
        return await self._plan_unlinked(job, mapped)

    async def _is_needed(self, job: Job) -> bool:
        """Whether somebody or another record wants this one; who waits is known whatever became of the hint."""
        known = job.link.target_id or job.on_demand or job.needed
        return bool(known or await job.store.take_waiters(job.ref))

    async def _map(self, job: Job) -> Mapped:
        """The mapped source; default dimensions, being rows, are part of what a change may touch."""
        extra = await self.enrich(job) if self.enrich else {}
        mapped = await map_source(job, self.name, {**(job.source or {}), **extra})
        if DIMENSIONS in mapped.create:
            mapped.change[DIMENSIONS] = mapped.create[DIMENSIONS]
        return mapped

    async def _plan_verified(self, job: Job, mapped: Mapped) -> Plan:
        """Compares with the target as it is; one that is gone is found or made again."""
        try:
            current = await job.connection.business_central.read(self.target, str(job.link.target_id))
        except NotFound:
            job.connection.forget_target(self.name, job.ref.id)
            job.link.target_id = job.link.target_number = job.link.target_etag = None
            job.link.facts.pop(DIMENSIONS, None)
            return await self._plan_unlinked(job, mapped)
        known = {DIMENSIONS: job.link.written.get(DIMENSIONS)}
        return self._plan_linked(job, mapped, {**current, **known})

    def _plan_linked(self, job: Job, mapped: Mapped, current: Payload | None = None) -> Plan:
        """What to change in the linked target; ``current`` is the target as read, else what was written last."""
        before = job.link.written if current is None else current
        changes = changes_between(before, mapped.change, mapped)
        number = job.link.target_number or ""
        if not changes and not self._write_back_due(job, number) and not self._value_due(job):
            job.link.step = ""
            return Plan(Action.NOTHING, "Nothing that travels has changed.")
        return Plan(
            Action.CHANGE,
            payload=mapped.change,
            changes=changes,
            steps=self._steps(job, number, "change" if changes else ""),
            warnings=warnings_of(mapped),
        )

    async def _plan_unlinked(self, job: Job, mapped: Mapped) -> Plan:
        found = await self._find(job, mapped)
        if found is None:
            return Plan(
                Action.CREATE,
                payload=mapped.create,
                changes=changes_between({}, mapped.create, mapped),
                steps=self._steps(job, str(mapped.create.get("number", "")), "create"),
                warnings=warnings_of(mapped),
                facts={KEPT: mapped.change},
            )
        changes = changes_between(found, mapped.change, mapped)
        number = str(found.get("number", ""))
        return Plan(
            Action.CHANGE,
            f"Adopts the existing {self.title.lower()} {number}.",
            payload=mapped.change,
            changes=changes,
            target=found,
            steps=("adopt", *self._steps(job, number, "change" if changes else "")),
            warnings=warnings_of(mapped),
        )

    def _steps(self, job: Job, number: str, first: str) -> tuple[str, ...]:
        back = f"write number to ConnectWise {self.write_back}" if self._write_back_due(job, number) else ""
        value = f"add it to dimension {self._dimension(job)}" if self._value_due(job) else ""
        return tuple(step for step in (first, value, back) if step)

    def _write_back_due(self, job: Job, number: str) -> bool:
        """Whether ConnectWise lacks the number, or shows another and this connection is the one that writes it."""
        shown = (job.source or {}).get(self.write_back)
        return bool(self.write_back) and shown != number and (job.leads or not shown)

    async def _find(self, job: Job, mapped: Mapped) -> Payload | None:
        """The existing target by the adoption rules; raises HoldForPerson when it belongs to another record.

        A text that was cut to fit says too little to recognise a record by.
        """
        payload, cut = mapped.create, {finding.where for finding in mapped.warnings}
        fields = [field for field in self.adopt if payload.get(field) and field not in cut]
        lookups = [Lookup(self.target, field, str(payload[field])) for field in fields]
        if not lookups:
            return None
        for field, rows in zip(fields, await job.connection.business_central.find(lookups), strict=True):
            free = [row for row in rows if await self._owner(job, row) in (None, job.ref)]
            if field == "number" and rows and not free:
                raise self._taken(job, str(payload[field]), await self._owner(job, rows[0]))
            if len(free) == 1 and len(rows) == 1:
                return free[0]
            if len(free) > 1:
                raise HoldForPerson(
                    "ambiguous_match",
                    f"{len(free)} {self.title.lower()} records in Business Central have {field} "
                    f'"{payload[field]}": which one is meant cannot be told.',
                    todo=f"Write the right number into the ConnectWise field {self.write_back or 'number'}, "
                    "or make the names unique; then retry.",
                )
        return None

    def _taken(self, job: Job, number: str, owner: RecordRef | None) -> HoldForPerson:
        whose = f"ConnectWise {owner.subject} {owner.id}" if owner else "another record"
        return HoldForPerson(
            "number_taken",
            f"{self.title} number {number} in Business Central already belongs to {whose}.",
            todo="Give one of the two another number, or merge them in ConnectWise; then retry.",
        )

    async def _owner(self, job: Job, row: Payload) -> RecordRef | None:
        """Whose target a record is: by the stored link or, while it is still being made or adopted, by a claim."""
        connection = job.ref.connection
        for subject, entity in job.connection.makers.get(self.target, ()):
            linked = await job.store.by_target(connection, subject, f"{entity}|{row['id']}")
            if linked is not None:
                return linked
        for key in (str(row["id"]), str(row.get("number") or "")):
            owner = await job.store.claims.owner(connection, self.target, key) if key else None
            if owner is not None:
                return owner
        return None

    async def _claim(self, job: Job, number: str, record_id: str = "") -> None:
        """Takes the target for this record before it is made or adopted; raises HoldForPerson when it is taken.

        The number is what all contend for, by whatever rule they found the target; only a target that has none
        is taken by its id. So a pass that repeats what another left half done leaves the same claim.
        """
        key = number or record_id
        owner = await job.store.claims.claim(job.ref, self.target, key) if key else job.ref
        if owner != job.ref:
            raise self._taken(job, key, owner)

    async def apply(self, job: Job, plan: Plan) -> None:
        """Writes, reads back and links."""
        stored: Payload | None
        if plan.action is Action.CREATE:
            stored = await self._create(job, plan.payload)
        elif job.link.target_id:
            stored = await self._change_linked(job, plan)
        else:
            await self._claim(job, str(plan.target.get("number") or ""), str(plan.target["id"]))
            stored = await self._change(job, plan.target, plan.payload) if plan.changes else plan.target
        if stored:
            kept: Payload = plan.facts.get(KEPT, plan.payload)
            self._link(job, stored, _own_fields(kept))
            await apply_dimensions(job, self.target, plan.payload)
            # Only now: a pass that ends before its dimensions are written must find them missing.
            self._link(job, stored, kept)
        if self._value_due(job):
            await keep_value(job, self._dimension(job), plan.payload)
        if self._note_standing(job):
            await self._write_back(job)
            job.link.step = ""

    def _dimension(self, job: Job) -> str:
        return str(getattr(job.connection.options, self.dimension)) if self.dimension else ""

    def _value_due(self, job: Job) -> bool:
        """True while the record is no value of the dimension that the options name for it."""
        return bool(self._dimension(job)) and job.link.facts.get(VALUE_OF) != self._dimension(job)

    async def _write_back(self, job: Job) -> None:
        """Writes the target's number into ConnectWise; our own change is then no reason to look again."""
        path = f"{self.subject.path}/{job.ref.id}"
        stored = await job.connection.connectwise.change(path, {self.write_back: job.link.target_number})
        own = {self.write_back, "_info"}
        source = job.source or {}
        if all(stored.get(name) == value for name, value in source.items() if name not in own):
            job.note_source(stored)

    def _link(self, job: Job, stored: Payload, payload: Payload) -> None:
        """Notes what the target now holds of us; create-only fields are no part of it."""
        link = job.link
        link.target_id = str(stored["id"])
        link.target_number = str(stored.get("number", ""))
        link.target_etag = str(stored.get(ETAG, ""))
        link.written = {name: value for name, value in payload.items() if name != "number"}
        link.fingerprint = fingerprint(link.written)
        self._note_standing(job)

    def _note_standing(self, job: Job) -> bool:
        """Notes whether ConnectWise still has to learn the number: nobody may build on the record before."""
        due = self._write_back_due(job, job.link.target_number or "")
        job.link.step = WRITING_BACK if due and self.exports_by_number else ""
        return due

    async def _create(self, job: Job, payload: Payload) -> Payload:
        system, number = job.connection.business_central, str(payload.get("number") or "")
        await self._claim(job, number)
        try:
            stored = await system.create(self.target, _own_fields(payload))
        except (AlreadyExists, OutcomeUnknown) as refused:
            # Somebody, perhaps an earlier try of ours, was first: link what is there instead of a second one.
            [found] = await system.find([Lookup(self.target, "number", number)]) if number else [[]]
            if not found:
                raise
            stored = found[0]
            owner = await self._owner(job, stored)
            if owner not in (None, job.ref):
                # Another record is linked to it and it was given this number since.
                raise self._taken(job, number, owner) from refused
            return await self._change(job, stored, {k: v for k, v in payload.items() if k != "number"})
        given = str(stored.get("number") or "")
        if not number or given != number:
            # Until the link is stored, nothing else would say whose the record of another number is.
            await self._claim(job, given, str(stored["id"]))
        return stored

    async def _change_linked(self, job: Job, plan: Plan) -> Payload | None:
        if not plan.changes:
            return None
        system, link = job.connection.business_central, job.link
        values = {change.field: change.after for change in plan.changes}
        sent = _own_fields(values)
        if not sent:
            return {"id": link.target_id, "number": link.target_number, ETAG: link.target_etag}
        try:
            return await system.change(self.target, str(link.target_id), sent, link.target_etag or "*")
        except ChangedMeanwhile:
            current = await system.read(self.target, str(link.target_id))
            return await self._change(job, current, plan.payload)
        except NotFound:
            return await self._relink(job, plan.payload)

    async def _change(self, job: Job, current: Payload, payload: Payload) -> Payload:
        """Brings an existing target to the payload, sending only what differs."""
        values = {
            name: value for name, value in _own_fields(payload).items() if not same(current.get(name), value)
        }
        if not values:
            return current
        system = job.connection.business_central
        return await system.change(self.target, str(current["id"]), values, str(current.get(ETAG, "*")))

    async def _relink(self, job: Job, payload: Payload) -> Payload:
        """The linked target was deleted in Business Central: find or make it again."""
        job.connection.forget_target(self.name, job.ref.id)
        job.link.target_id = job.link.target_number = job.link.target_etag = None
        job.link.facts.pop(DIMENSIONS, None)
        mapped = await self._map(job)
        found = await self._find(job, mapped)
        if found is None:
            return await self._create(job, mapped.create)
        await self._claim(job, str(found.get("number") or ""), str(found["id"]))
        return await self._change(job, found, payload)


def _own_fields(payload: Payload) -> Payload:
    """The payload without what travels by calls of its own."""
    return {name: value for name, value in payload.items() if name != DIMENSIONS}
