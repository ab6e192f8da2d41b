"""Drifts of purchase invoices: what became one, a vendor's bill or an expense report, against what was recorded of it."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from shared.domain.money import Money, cents
from shared.domain.records import Link, State
from shared.engine.kinds.documents import DRAFT, Document
from shared.engine.kinds.parts import KEPT, PARTS, Parts
from shared.reconcile.documents import CANCELLED, TOTAL
from shared.reconcile.model import Drift, DriftClass, Row
from shared.reconcile.numbers import Prefixes
from shared.reconcile.snapshot import POSTED, Snapshot


@dataclass(frozen=True, slots=True)
class Booked:
    """One purchase invoice that we made of a record: its link, with the state of the whole record, and both rows.

    ``row`` is None when ConnectWise has no such record any more, ``target`` empty when Business Central has not.
    """

    entity: str
    subject: str
    id: str
    link: Link
    row: Row | None
    target: Row
    number_field: str

    @property
    def is_posted(self) -> bool:
        """True once it was posted, as far as we know."""
        return self.link.step in POSTED


def document_of(entity: Document | Parts) -> Document:
    """The declaration of the purchase invoice."""
    return entity.document if isinstance(entity, Parts) else entity


def booked(taken: Snapshot, entity: Document | Parts) -> Iterator[Booked]:
    """Every purchase invoice that is linked, whatever its state; the parts of a record one by one."""
    document, subject = document_of(entity), entity.subject.name
    for record_id, _, whole in taken.linked(subject, entity.name):
        for link in _parts(entity, whole) if isinstance(entity, Parts) else (whole,):
            target = taken.targets.get(document.target, {}).get(str(link.target_id), {})
            row = taken.sources[subject].get(record_id)
            yield Booked(entity.name, subject, record_id, link, row, target, document.number_field)


def _parts(entity: Parts, whole: Link) -> Iterator[Link]:
    for part in whole.facts.get(PARTS, {}).values():
        link = Link(entity.name, state=whole.state)
        for name in KEPT:
            setattr(link, name, part.get(name))
        if link.target_id:
            yield link


def source_total(taken: Snapshot, link: Link) -> Decimal | None:
    """What the expense entries of a document come to in ConnectWise now; None where the document has none."""
    ids = link.facts.get("tags", {}).get("expenses")
    if not ids:
        return None
    return sum((taken.expenses.get(str(one), Decimal(0)) for one in ids), Decimal("0.00"))


class PurchaseDrifts:
    """Compares the purchase invoices of one entity."""

    def __init__(self, taken: Snapshot, entity: Document | Parts) -> None:
        self.taken, self.entity, self.document = taken, entity, document_of(entity)
        self.booked = list(booked(taken, entity))
        self.bases = set(self._numbers_of_orders())

    def _numbers_of_orders(self) -> Iterator[tuple[str, str]]:
        """Vendor and number of the orders that travel as bills and of which nothing waits or is held."""
        for one in self.booked:
            number = str((one.row or {}).get(self.document.number_field) or "").strip().upper()
            if number and one.link.state is State.DONE and isinstance(self.entity, Parts):
                yield str(one.link.facts.get("owner_number")), number

    def find(self) -> Iterator[Drift]:
        """Every drift of what is linked, then what nobody here is linked to."""
        for one in self.booked:
            if one.link.state is State.DONE:
                yield from self._linked(one)
        yield from self._strangers()

    def _linked(self, one: Booked) -> Iterator[Drift]:
        number, target = one.link.target_number, one.target
        if one.row is None:
            what = f"Deleted in ConnectWise; Business Central has {number}."
            yield self._drift(DriftClass.DELETED_IN_CONNECTWISE, one, what)
        elif not target:
            what = f"Linked to {number}, which Business Central no longer has."
            yield self._drift(DriftClass.STALE_LINK, one, what)
        elif self.taken.in_flight(target.get("lastModifiedDateTime")):
            return
        elif not one.is_posted and target["status"] != DRAFT:
            what = f"The draft was posted in Business Central as {target['number']}; nothing here knows yet."
            yield self._drift(DriftClass.CHANGED_IN_BUSINESS_CENTRAL, one, what)
        elif target["status"] in CANCELLED and one.link.facts.get("status") != target["status"]:
            what = f"{number} is {target['status'].lower()} in Business Central."
            yield self._drift(DriftClass.CHANGED_IN_BUSINESS_CENTRAL, one, what, cancelled=True)
        else:
            yield from self._total(one)
            yield from self._fields(one)

    def _total(self, one: Booked) -> Iterator[Drift]:
        recorded, posted = cents(one.link.facts["total"]), cents(one.target[TOTAL])
        now, currency = source_total(self.taken, one.link), str(one.target.get("currencyCode", ""))
        if recorded != posted:
            what = (
                f"ConnectWise exported {Money(recorded, currency)}, {one.target['number']} in Business Central says "
                f"{Money(posted, currency)}: a difference of {Money(recorded - posted, currency)}."
            )
        elif now is not None and now != recorded:
            what = (
                f"ConnectWise exported {Money(recorded, currency)}, its expenses come to {Money(now, currency)} now: "
                f"a difference of {Money(now - recorded, currency)}."
            )
        else:
            return
        drift = self._drift(DriftClass.TOTAL_DIFFERS, one, what)
        drift.connectwise, drift.business_central = recorded if recorded != posted else now, posted
        yield drift

    def _fields(self, one: Booked) -> Iterator[Drift]:
        facts, target = one.link.facts, one.target
        recorded = {self.document.owner_field: facts.get("owner_number")}
        if one.is_posted:
            recorded |= {"postingDate": facts.get("posting_date"), "dueDate": facts.get("due_date")}
        differing = {name: value for name, value in recorded.items() if value and value != target.get(name)}
        if differing:
            what = f"Changed in Business Central: {', '.join(differing)}."
            drift = self._drift(DriftClass.CHANGED_IN_BUSINESS_CENTRAL, one, what)
            drift.connectwise = differing
            drift.business_central = {name: target.get(name) for name in differing}
            yield drift

    def _strangers(self) -> Iterator[Drift]:
        """Purchase invoices that no link knows, though they carry a number of ours."""
        field, owner = self.document.number_field, self.document.owner_field
        known = {
            str(one.link.target_id) for entity in self.taken.purchases for one in booked(self.taken, entity)
        }
        ours = {(one.target[owner], one.target[field]): one for one in self.booked if one.target}
        prefixes = Prefixes.learn((one.id, str(one.target[field])) for one in self.booked if one.target)
        for target_id, row in self.taken.targets.get(self.document.target, {}).items():
            recent = self.taken.in_flight(row.get("lastModifiedDateTime"))
            if target_id in known or recent or row["status"] in CANCELLED:
                continue
            number = str(row[field])
            if twin := ours.get((row[owner], number)):
                what = f"Business Central has {row['number']} beside {twin.link.target_number} for {number}."
                drift = self._drift(DriftClass.DUPLICATE, twin, what)
            elif self._is_ours(row, prefixes):
                what = f"{row['number']} carries {number}, a number of ours, and nothing is linked to it."
                drift = Drift(DriftClass.EXTRA, self.entity.name, self.entity.subject.name, "", what)
                drift.number, drift.target_number = number, str(row["number"])
                drift.currency = str(row.get("currencyCode", ""))
            else:
                continue
            drift.target_id, drift.date = target_id, str(row.get("postingDate", ""))
            drift.facts = {"number": row["number"], "posted": row["status"] != DRAFT}
            yield drift

    def _is_ours(self, row: Row, prefixes: Prefixes) -> bool:
        """A number made of an id, or the vendor's own number of an order that travels as bills.

        What waits or is held is not known to be too much: whoever settles it meets the document.
        """
        number = str(row[self.document.number_field])
        if isinstance(self.entity, Parts):
            owner = row[self.document.owner_field]
            return any((owner, base) in self.bases for base in _bases_of(number))
        source_id = prefixes.source_id(number)
        return bool(source_id) and not self._is_under_way(source_id)

    def _is_under_way(self, record_id: str) -> bool:
        """True for a record that is in the work list, or that is reported as missing already."""
        subject = self.entity.subject.name
        if self.taken.is_open(subject, record_id, self.entity.name):
            return True
        listed = record_id in self.taken.backlogs.get(subject, {})
        return listed and not self.taken.records.get(subject, {}).get(record_id)

    def _drift(self, kind: DriftClass, one: Booked, what: str, **facts: bool) -> Drift:
        return Drift(
            kind,
            one.entity,
            one.subject,
            one.id,
            what,
            number=str(one.target.get(one.number_field) or one.link.facts.get("batch") or ""),
            target_id=str(one.link.target_id),
            target_number=str(one.link.target_number or ""),
            date=str(one.target.get("postingDate") or one.link.facts.get("posting_date") or "")[:10],
            currency=str(one.target.get("currencyCode", "")),
            facts={"posted": one.is_posted, **facts},
        )


def _bases_of(number: str) -> Iterator[str]:
    """The vendor's numbers to which this one may belong: itself, or what stands before a packing slip or a count."""
    parts = number.upper().split("-")
    return ("-".join(parts[:count]) for count in range(len(parts), 0, -1))
