"""The penny proof: one row per posted document, from ConnectWise's total to the ledger and what is left to pay."""

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from decimal import Decimal
from typing import Any, Final

from shared.domain.money import cents
from shared.domain.records import Link
from shared.engine.kinds.documents import PENNY, Document
from shared.reconcile.documents import TOTAL, total_of
from shared.reconcile.ledger import Entry, Ledger
from shared.reconcile.model import Period, RoundingStep, Row
from shared.reconcile.payments import PaymentDrifts, Standing
from shared.reconcile.snapshot import Snapshot

SALES: Final = "sales"
"""The kind of invoices and credit memos, which stand in one line of the statement; others are named by their entity."""
KINDS = {"salesInvoices": "Invoice", "salesCreditMemos": "Credit Memo"}
"""The document type in the ledger, by set."""


@dataclass(slots=True)
class Proof:
    """Every amount of one document. None is an amount that is not known; ``equal`` looks at those that are.

    Amounts are in ``currency``, except ``ledger_amount`` and ``ledger_expected``, which are in local currency. A
    credit memo's amounts are positive, and its ``sign`` is -1.
    """

    entity: str
    id: str
    number: str
    target_number: str
    date: str
    currency: str
    sign: int
    connectwise_total: Decimal
    lines_total: Decimal | None
    draft_total: Decimal | None
    posted_total: Decimal
    ledger_amount: Decimal | None = None
    remaining_ledger: Decimal | None = None
    source_total: Decimal | None = None
    paid_business_central: Decimal | None = None
    paid_connectwise: Decimal | None = None
    remaining_business_central: Decimal | None = None
    remaining_connectwise: Decimal | None = None
    local: bool = True
    rounding: list[RoundingStep] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    kind: str = SALES
    batch: str = ""

    @property
    def difference(self) -> Decimal:
        """What Business Central has more than ConnectWise bills."""
        return self.posted_total - self.connectwise_total

    @property
    def equal(self) -> bool:
        """True when every known amount on the way is the same, and payments agree."""
        totals = {self.connectwise_total, self.lines_total, self.draft_total, self.posted_total}
        totals.add(self.source_total)
        if self.local:
            totals.add(None if self.ledger_amount is None else abs(self.ledger_amount))
        paid = {self.paid_business_central, self.paid_connectwise} - {None}
        return len(totals - {None}) == 1 and len(paid) <= 1

    def shown(self) -> Row:
        """As plain values for a report."""
        row = asdict(self)
        row |= {"difference": self.difference, "equal": self.equal}
        return row


def proofs(taken: Snapshot, period: Period) -> Iterator[Proof]:
    """The proof of every posted document dated in the period."""
    payments = [PaymentDrifts(taken, one, taken.ledger) for one in taken.settlements if taken.ledger]
    for entity in taken.documents:
        settled = next((one for one in payments if one.entity.document_entity == entity.name), None)
        for record_id, _, link in taken.posted(entity.subject.name, entity.name):
            row = taken.sources[entity.subject.name].get(record_id)
            target = taken.targets[entity.target].get(str(link.target_id))
            if row is None or target is None:
                continue
            if period.covers(str(row.get("date", ""))):
                standing = settled.standing(record_id, link) if settled else None
                yield _proof(taken, entity, (record_id, row, target), link, standing)


def _proof(
    taken: Snapshot, entity: Document, rows: tuple[str, Row, Row], link: Link, standing: Standing | None
) -> Proof:
    record_id, row, target = rows
    entry = _entry(taken.ledger, entity, link)
    currency = str(target.get("currencyCode") or taken.local_currency)
    proof = Proof(
        entity=entity.name,
        id=record_id,
        number=str(row.get("invoiceNumber", "")),
        target_number=str(target.get("number", "")),
        date=str(row.get("date", ""))[:10],
        currency=currency,
        sign=-1 if row.get("type") == "CreditMemo" else 1,
        connectwise_total=total_of(row),
        lines_total=lines_total(link),
        draft_total=fact(link, "draft_total"),
        posted_total=cents(target[TOTAL]),
        ledger_amount=cents(entry.initial) if entry else None,
        remaining_ledger=cents(entry.remaining) if entry else None,
        local=currency == taken.local_currency,
        rounding=[RoundingStep(*step) for step in link.facts.get("rounding", ())],
        batch=str(link.facts.get("batch", "")),
    )
    proof.remaining_connectwise = proof.sign * cents(row.get("balance", 0))
    if standing is not None:
        proof.paid_business_central = sum((s.amount for s in standing.settled if s.shown), Decimal(0))
        proof.paid_connectwise = cents(row.get("payments", 0)) + cents(row.get("credits", 0))
        proof.remaining_business_central = standing.remaining
        proof.notes += [
            f"Settled in Business Central by {one.kind} {one.reference}: {one.amount}; ConnectWise cannot show it."
            for one in standing.settled
            if not one.shown
        ]
    if entry is not None:
        _convert(proof, entry)
    return proof


def _convert(proof: Proof, entry: Entry) -> None:
    """Names the steps that lie between the document's currency and the ledger."""
    if not proof.local:
        what = f"from {proof.currency} to local currency at the rate of the posting date"
        proof.rounding.append(RoundingStep("ledger", what, proof.posted_total, cents(abs(entry.initial))))
        if proof.paid_business_central:
            what = "applied in local currency, shared out in the document's currency; the last share takes the rest"
            proof.rounding.append(RoundingStep("payments", what, None, proof.paid_business_central))
    for kind, amount in entry.others.items():
        proof.rounding.append(RoundingStep("ledger", kind, None, cents(amount)))


def _entry(ledger: Ledger | None, entity: Document, link: Link) -> Entry | None:
    return ledger.find(KINDS.get(entity.target, ""), str(link.target_number)) if ledger else None


def fact(link: Link, name: str) -> Decimal | None:
    """An amount that was noted with the link; None where it never was."""
    value: Any = link.facts.get(name)
    return None if value is None else cents(value)


def lines_total(link: Link) -> Decimal | None:
    """What was mapped, with the line on the rounding account where one was needed."""
    mapped = fact(link, "lines_total")
    return None if mapped is None else mapped + (fact(link, PENNY) or Decimal(0))


def statement(rows: Iterable[Proof]) -> list[Row]:
    """One row per day, kind and currency: how many documents, their total in ConnectWise, the difference.

    Credit memos count negative.
    """
    days: dict[tuple[str, str, str], Row] = {}
    for proof in rows:
        row = days.setdefault(
            (proof.date, proof.kind, proof.currency),
            {
                "date": proof.date,
                "kind": proof.kind,
                "currency": proof.currency,
                "documents": 0,
                "connectwise": Decimal("0.00"),
                "business_central": Decimal("0.00"),
                "difference": Decimal("0.00"),
                "unequal": 0,
            },
        )
        row["documents"] += 1
        row["connectwise"] += proof.sign * proof.connectwise_total
        row["business_central"] += proof.sign * proof.posted_total
        row["difference"] += proof.sign * proof.difference
        row["unequal"] += not proof.equal
    return [days[key] for key in sorted(days)]
