"""Drifts of journals: what the general ledger holds under the document number of a record, against what was booked."""

from collections.abc import Iterator
from decimal import Decimal

from shared.domain.money import Money, cents
from shared.domain.records import Link
from shared.engine.kinds.journals import Journal
from shared.reconcile.model import Drift, DriftClass, Row
from shared.reconcile.numbers import Prefixes
from shared.reconcile.snapshot import POSTED, Snapshot


def debit_of(rows: list[Row]) -> Decimal:
    """What is debited under one document; a reversal changes it, whichever way it is booked."""
    return sum((cents(row.get("debitAmount") or 0) for row in rows), Decimal("0.00"))


def document_number(link: Link) -> str:
    """The number under which the record is booked, upper case as Business Central keeps it."""
    return str(link.facts.get("document") or "").upper()


class JournalDrifts:
    """Compares one journal entity."""

    def __init__(self, taken: Snapshot, entity: Journal) -> None:
        self.taken, self.entity, self.subject = taken, entity, entity.subject.name

    def find(self) -> Iterator[Drift]:
        """Every drift of what is linked, then what is booked under a number of ours without a link."""
        for record_id, _, link in self.taken.done(self.subject, self.entity.name):
            yield from self._linked(record_id, link)
        yield from self._strangers()

    def _linked(self, record_id: str, link: Link) -> Iterator[Drift]:
        number, posted = document_number(link), link.step in POSTED
        rows = self.taken.general_ledger.get(number, [])
        if record_id not in self.taken.sources[self.subject]:
            what = f"Deleted in ConnectWise; it is booked as {number}."
            yield self._drift(DriftClass.DELETED_IN_CONNECTWISE, record_id, what, link)
        elif any(self.taken.in_flight(row.get("lastModifiedDateTime")) for row in rows):
            return
        elif not posted and rows:
            what = f"The journal was posted in Business Central as {number}; nothing here knows yet."
            yield self._drift(DriftClass.CHANGED_IN_BUSINESS_CENTRAL, record_id, what, link)
        elif posted and not rows:
            what = f"Booked as {number}, of which the general ledger has nothing."
            yield self._drift(DriftClass.STALE_LINK, record_id, what, link)
        elif posted and debit_of(rows) != cents(link.facts["turnover"]):
            booked, expected = debit_of(rows), cents(link.facts["turnover"])
            currency = self.taken.local_currency
            what = (
                f"{Money(expected, currency)} were booked as {number}, the general ledger has {Money(booked, currency)} "
                f"under it: a difference of {Money(expected - booked, currency)}."
            )
            drift = self._drift(DriftClass.TOTAL_DIFFERS, record_id, what, link)
            drift.connectwise, drift.business_central = expected, booked
            yield drift

    def _strangers(self) -> Iterator[Drift]:
        every = [
            (record_id, link)
            for one in self.taken.journals
            for record_id, _, link in self.taken.linked(one.subject.name, one.name)
        ]
        known = {document_number(link) for _, link in every}
        own = [one for one in every if one[1].entity == self.entity.name]
        prefixes = Prefixes.learn((record_id, document_number(link)) for record_id, link in own)
        for number, rows in self.taken.general_ledger.items():
            source_id = prefixes.source_id(number)
            recent = any(self.taken.in_flight(row.get("lastModifiedDateTime")) for row in rows)
            open_ = self.taken.is_open(self.subject, source_id, self.entity.name)
            if number in known or not source_id or recent or open_:
                continue
            what = f"The general ledger has {debit_of(rows)} under {number}, a number of ours that nothing is linked to."
            drift = Drift(DriftClass.EXTRA, self.entity.name, self.subject, "", what)
            drift.number = drift.target_number = number
            drift.date, drift.facts = str(rows[0].get("postingDate", "")), {"posted": True}
            yield drift

    def _drift(self, kind: DriftClass, record_id: str, what: str, link: Link) -> Drift:
        return Drift(
            kind,
            self.entity.name,
            self.subject,
            record_id,
            what,
            number=document_number(link),
            target_id=str(link.target_id or ""),
            target_number=str(link.target_number or ""),
            date=str(link.facts.get("posting_date") or "")[:10],
            currency=self.taken.local_currency,
            facts={"posted": link.step in POSTED},
        )
