"""Drifts of purchase records as such: those of which ConnectWise has something new that never arrived here."""

from collections.abc import Iterator, Sequence

from shared.domain.envelope import Envelope
from shared.domain.errors import HoldForPerson
from shared.domain.records import Link, Record
from shared.engine.connections.cutover import too_early, travels
from shared.engine.entity import Entity, Job
from shared.ports.storage import RecordStore
from shared.reconcile.compare import has_changed, left_out
from shared.reconcile.model import Drift, DriftClass, Row
from shared.reconcile.snapshot import Snapshot, version


class Arrivals:
    """Looks at one subject of the purchase side: one drift a record, whatever entities are made of it.

    Whether something of a record travels lies in its lines or entries, which no list of records has; so a record counts
    as missing only where its entities do not rule it out and this version of it was never looked at.
    """

    def __init__(self, taken: Snapshot, subject: str, store: RecordStore) -> None:
        self.taken, self.subject, self.store = taken, subject, store
        every = taken.registry.of_subject(subject)
        self.entities: Sequence[Entity] = sorted(every, key=lambda one: one.name != subject)

    def find(self) -> Iterator[Drift]:
        """Every record that is missing or newer in ConnectWise."""
        records = self.taken.records.get(self.subject, {})
        for record_id, row in self.taken.sources[self.subject].items():
            record = records.get(record_id)
            links = list(record.links.values()) if record else []
            if any(link.state.is_open for link in links):
                continue
            entity = next((one for one in self.entities if _is_linked(record, one)), None)
            if record is not None and entity is not None:
                if has_changed(self.taken, record, row, whole=False):
                    what = f"Changed in ConnectWise at {version(row)}; the version known here is older."
                    link = record.links[entity.name]
                    yield self._drift(DriftClass.CHANGED_IN_CONNECTWISE, entity, record_id, row, what, link)
            elif self._is_missing(record_id, record, row):
                what = "It was never looked at here, and nothing of it is in Business Central."
                yield self._drift(DriftClass.MISSING, self.entities[0], record_id, row, what)

    def _is_missing(self, record_id: str, record: Record | None, row: Row) -> bool:
        if record_id in self.taken.elsewhere.get(self.subject, ()) or self.taken.in_flight(version(row)):
            return False
        if left_out(record, row, whole=False):
            return False
        subject = self.taken.registry.subject(self.subject)
        listed = record_id in self.taken.backlogs.get(self.subject, {})
        # What is found by a list of its own alone is told by that list; an order is expected while it is open.
        if not listed and (subject.pending is not None or row.get("closedFlag")):
            return False
        return any(self._may_travel(entity, record_id, row) for entity in self.entities)

    def _may_travel(self, entity: Entity, record_id: str, row: Row) -> bool:
        reference = self.taken.ref(self.subject, record_id)
        hint = Envelope(reference.connection, self.subject, record_id, "reconciliation", self.taken.started)
        job = Job(self.taken.connection, self.store, hint, Record(reference), self.taken.started, source=row)
        try:
            return travels(entity, job) and too_early(entity, job) is None
        except HoldForPerson:
            return True

    def _drift(
        self, kind: DriftClass, entity: Entity, record_id: str, row: Row, what: str, link: Link | None = None
    ) -> Drift:
        day = str(row.get(self.taken.registry.subject(self.subject).date) or "")[:10]
        return Drift(
            kind,
            entity.name,
            self.subject,
            record_id,
            what,
            number=str(row.get("poNumber") or ""),
            target_id=str(link.target_id or "") if link else "",
            target_number=str(link.target_number or "") if link else "",
            date=day,
        )


def _is_linked(record: Record | None, entity: Entity) -> bool:
    link = record.links.get(entity.name) if record else None
    return link is not None and bool(link.target_id)
