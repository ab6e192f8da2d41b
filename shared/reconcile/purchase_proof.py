"""The penny proof of what is bought and spent: purchase invoices and journals, from what ConnectWise exported on."""

from collections.abc import Iterator
from decimal import Decimal

from shared.domain.money import cents
from shared.domain.records import Link
from shared.engine.kinds.journals import Journal
from shared.reconcile.documents import TOTAL
from shared.reconcile.journals import debit_of, document_number
from shared.reconcile.model import Period, RoundingStep
from shared.reconcile.proof import Proof, fact, lines_total
from shared.reconcile.purchases import Booked, booked, source_total
from shared.reconcile.snapshot import Snapshot


def purchase_proofs(taken: Snapshot, period: Period) -> Iterator[Proof]:
    """The proof of every purchase invoice and journal that is posted with a date in the period.

    What ConnectWise bills is what its accounting interface exported, as noted with the batch that marks it.
    """
    for entity in taken.purchases:
        for one in booked(taken, entity):
            day = str(one.target.get("postingDate", ""))
            if one.is_posted and one.target and period.covers(day):
                yield _of_invoice(taken, one, day)
    for journal in taken.journals:
        for record_id, _, link in taken.posted(journal.subject.name, journal.name):
            if period.covers(str(link.facts.get("posting_date", ""))):
                yield _of_journal(taken, journal, record_id, link)


def _of_invoice(taken: Snapshot, one: Booked, day: str) -> Proof:
    link, target = one.link, one.target
    currency = str(target.get("currencyCode") or taken.local_currency)
    return Proof(
        entity=one.entity,
        kind=one.entity,
        id=one.id,
        number=str(target[one.number_field]),
        batch=str(link.facts["batch"]),
        target_number=str(target["number"]),
        date=day[:10],
        currency=currency,
        sign=1,
        connectwise_total=cents(link.facts["total"]),
        source_total=source_total(taken, link),
        lines_total=lines_total(link),
        draft_total=fact(link, "draft_total"),
        posted_total=cents(target[TOTAL]),
        local=currency == taken.local_currency,
        rounding=[RoundingStep(*step) for step in link.facts.get("rounding", ())],
    )


def _of_journal(taken: Snapshot, entity: Journal, record_id: str, link: Link) -> Proof:
    number, total = document_number(link), cents(link.facts["total"])
    booked_debit = debit_of(taken.general_ledger.get(number, []))
    # A journal with expenses of either sign debits more than its total; what is booked too much shows all the same.
    posted: Decimal = total + booked_debit - cents(link.facts["turnover"])
    return Proof(
        entity=entity.name,
        kind=entity.name,
        id=record_id,
        number=number,
        batch=str(link.facts["batch"]),
        target_number=number,
        date=str(link.facts["posting_date"])[:10],
        currency=taken.local_currency,
        sign=1,
        connectwise_total=total,
        source_total=source_total(taken, link),
        lines_total=total,
        draft_total=None,
        posted_total=posted,
    )
