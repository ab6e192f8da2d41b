"""Drifts of documents: sales invoices and credit memos, drafted and posted."""

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Final

from shared.domain.envelope import Envelope
from shared.domain.errors import HoldForPerson
from shared.domain.money import Money, cents
from shared.domain.plans import Action, Plan
from shared.domain.records import Link, Record
from shared.engine.connections.cutover import too_early
from shared.engine.entity import Job
from shared.engine.kinds.documents import DRAFT, Document
from shared.ports.storage import RecordStore
from shared.reconcile.compare import has_changed, left_out
from shared.reconcile.model import Drift, DriftClass, Row
from shared.reconcile.numbers import shape
from shared.reconcile.snapshot import Snapshot, version

CANCELLED: Final = frozenset({"Canceled", "Corrective"})
TOTAL: Final = "totalAmountIncludingTax"


def total_of(row: Row) -> Decimal:
    """The total of a ConnectWise document as accounting counts it: positive, whatever its kind."""
    total = cents(row.get("total", 0))
    return -total if row.get("type") == "CreditMemo" else total


class DocumentDrifts:
    """Compares one document entity. Whether a document travels is asked of the entity itself."""

    def __init__(self, taken: Snapshot, entity: Document, store: RecordStore) -> None:
        self.taken, self.entity, self.store = taken, entity, store
        self.subject = entity.subject.name
        self.sources = taken.sources[self.subject]
        self.targets = taken.targets[entity.target]
        self.by_number: dict[str, list[Row]] = {}
        for row in self.targets.values():
            if row.get("status") not in CANCELLED:
                self.by_number.setdefault(str(row.get(entity.number_field) or ""), []).append(row)

    def find(self) -> Iterator[Drift]:
        """Every drift of the entity."""
        for record_id, row in self.sources.items():
            record = self.taken.records[self.subject].get(record_id)
            link = record.links.get(self.entity.name) if record else None
            if link is None or not link.target_id:
                yield from self._missing(record_id, row, record, link)
        for record_id, record, link in self.taken.done(self.subject, self.entity.name):
            yield from self._linked(record_id, record, link)
        yield from self._strangers()

    def verdict(self, record_id: str, link: Link) -> Plan | None:
        """What the entity says about the document as it stands; None is that it is to be posted."""
        job = self._job(record_id, link)
        try:
            return self.entity.judge(job) or too_early(self.entity, job)
        except HoldForPerson:
            return None

    def _job(self, record_id: str, link: Link) -> Job:
        reference = self.taken.ref(self.subject, record_id)
        envelope = Envelope(
            reference.connection, self.subject, record_id, "reconciliation", self.taken.started
        )
        job = Job(self.taken.connection, self.store, envelope, Record(reference), self.taken.started)
        job.source, job.link = self.sources.get(record_id), link
        return job

    def _missing(self, record_id: str, row: Row, record: Record | None, link: Link | None) -> Iterator[Drift]:
        if (link is not None and link.state.is_open) or record_id in self.taken.elsewhere.get(
            self.subject, ()
        ):
            return
        if self.taken.in_flight(version(row)) or left_out(record, row, whole=False):
            return
        if self.verdict(record_id, Link(self.entity.name)) is None:
            found = self.by_number.get(str(row.get("invoiceNumber")), [])
            what = "Closed in ConnectWise, but not in Business Central."
            if found:
                what = f"Business Central has {found[0].get('number')} under this number, but nothing links the two."
            yield self._drift(DriftClass.MISSING, record_id, what)

    def _linked(self, record_id: str, record: Record, link: Link) -> Iterator[Drift]:
        row, target = self.sources.get(record_id), self.targets.get(str(link.target_id))
        if row is None:
            what = f"Deleted in ConnectWise; Business Central has {link.target_number}."
            yield self._drift(DriftClass.DELETED_IN_CONNECTWISE, record_id, what, link)
        elif target is None:
            what = f"Linked to {link.target_number}, which Business Central no longer has."
            yield self._drift(DriftClass.STALE_LINK, record_id, what, link, posted=link.step == "done")
        elif link.step == "done":
            # A batched document is locked: what can differ is compared by value, not by version.
            yield from self._posted(record_id, row, link, target)
        elif target.get("status") != DRAFT and not self.taken.in_flight(target.get("lastModifiedDateTime")):
            what = f"The draft was posted in Business Central as {target.get('number')}; ConnectWise does not know yet."
            yield self._drift(DriftClass.CHANGED_IN_BUSINESS_CENTRAL, record_id, what, link)
        elif has_changed(self.taken, record, row, whole=False):
            what = f"Changed in ConnectWise at {version(row)}; the version known here is older."
            yield self._drift(DriftClass.CHANGED_IN_CONNECTWISE, record_id, what, link)

    def _posted(self, record_id: str, row: Row, link: Link, target: Row) -> Iterator[Drift]:
        verdict = self.verdict(record_id, link)
        if verdict is not None and verdict.action is Action.HOLD and not self.taken.in_flight(version(row)):
            drift = self._drift(DriftClass.UNBATCHED, record_id, verdict.reason, link)
            drift.facts = {"todo": verdict.todo}
            yield drift
        expected, actual = total_of(row), cents(target[TOTAL])
        if expected != actual:
            currency = str(target.get("currencyCode", ""))
            what = (
                f"ConnectWise bills {Money(expected, currency)}, {link.target_number} in Business Central says "
                f"{Money(actual, currency)}: a difference of {Money(expected - actual, currency)}."
            )
            drift = self._drift(DriftClass.TOTAL_DIFFERS, record_id, what, link)
            drift.connectwise, drift.business_central = expected, actual
            yield drift
        notes, number = str(row.get("internalNotes") or ""), str(link.target_number)
        if not re.search(rf"(?<!\w){re.escape(number)}(?!\w)", notes) and not self.taken.in_flight(
            version(row)
        ):
            what = f"The internal notes in ConnectWise do not show {number}."
            drift = self._drift(DriftClass.UNCONFIRMED, record_id, what, link)
            drift.facts = {"settlement": self._settlement(record_id)}
            yield drift
        yield from self._changed_there(record_id, link, target)

    def _changed_there(self, record_id: str, link: Link, target: Row) -> Iterator[Drift]:
        """A posted document can only be cancelled or get another due date; anything else would be tampering."""
        if self.taken.in_flight(target.get("lastModifiedDateTime")):
            return
        facts, status = link.facts, str(target.get("status"))
        if status in CANCELLED and facts.get("status") != status and not self._is_known(record_id, status):
            what = f"{link.target_number} is {status.lower()} in Business Central."
            drift = self._drift(DriftClass.CHANGED_IN_BUSINESS_CENTRAL, record_id, what, link, cancelled=True)
            yield drift
            return
        written = {
            "number": link.target_number,
            self.entity.owner_field: facts.get("owner_number"),
            "postingDate": facts.get("posting_date"),
            "dueDate": facts.get("due_date"),
        }
        differing = {name: value for name, value in written.items() if value and value != target.get(name)}
        if differing:
            what = f"Changed in Business Central: {', '.join(differing)}."
            drift = self._drift(DriftClass.CHANGED_IN_BUSINESS_CENTRAL, record_id, what, link)
            drift.connectwise = differing
            drift.business_central = {name: target.get(name) for name in differing}
            yield drift

    def _settlement(self, record_id: str) -> str:
        """The subject whose pass writes the whole standing, where one has written it before."""
        for one in self.taken.settlements:
            link = self.taken.link(one.subject.name, record_id, one.name)
            if one.document_entity == self.entity.name and link is not None and link.facts.get("standing"):
                return one.subject.name
        return ""

    def _is_known(self, record_id: str, status: str) -> bool:
        """True when the cancellation has been carried to ConnectWise already, with the settlement."""
        for settlement in self.taken.settlements:
            link = self.taken.link(settlement.subject.name, record_id, settlement.name)
            if link is not None and link.facts.get("status") == status:
                return True
        return False

    def _strangers(self) -> Iterator[Drift]:
        """Documents of Business Central that nobody here is linked to, though their numbers look like ours."""
        links = {str(one[2].target_id): one for one in self.taken.linked(self.subject, self.entity.name)}
        owners: dict[tuple[str, str], tuple[str, Link]] = {}
        for target_id, (record_id, _, link) in links.items():
            row = self.targets.get(target_id)
            if row is not None:
                owners[self._key(row)] = (record_id, link)
        shapes = {shape(number) for number, _ in owners if number}
        numbers = {str(row.get("invoiceNumber")) for row in self.sources.values()}
        for rows in self.by_number.values():
            for row in rows:
                number, recent = str(row.get(self.entity.number_field)), row.get("lastModifiedDateTime")
                if str(row["id"]) in links or self.taken.in_flight(recent):
                    continue
                if self._key(row) in owners:
                    record_id, link = owners[self._key(row)]
                    what = (
                        f"Business Central has {row.get('number')} beside {link.target_number} for {number}."
                    )
                    drift = self._drift(DriftClass.DUPLICATE, record_id, what, link)
                elif number not in numbers and shape(number) in shapes:
                    what = f"{row.get('number')} carries {number}, a number like ours that ConnectWise does not have."
                    drift = self._drift(DriftClass.EXTRA, "", what)
                    drift.number, drift.target_number = number, str(row.get("number"))
                else:
                    continue
                drift.target_id, drift.date = str(row["id"]), str(row.get("postingDate", ""))
                drift.facts = {"number": row.get("number"), "posted": row.get("status") != DRAFT}
                yield drift

    def _key(self, row: Row) -> tuple[str, str]:
        return str(row.get(self.entity.number_field)), str(row.get(self.entity.owner_field))

    def _drift(
        self, kind: DriftClass, record_id: str, what: str, link: Link | None = None, **facts: bool
    ) -> Drift:
        row = self.sources.get(record_id, {})
        target = self.targets.get(str(link.target_id), {}) if link else {}
        return Drift(
            kind,
            self.entity.name,
            self.subject,
            record_id,
            what,
            number=str(row.get("invoiceNumber") or target.get(self.entity.number_field) or ""),
            target_id=str(link.target_id or "") if link else "",
            target_number=str(link.target_number or "") if link else "",
            date=str(row.get("date") or target.get("postingDate") or "")[:10],
            currency=str(target.get("currencyCode", "")),
            facts=facts,
        )
