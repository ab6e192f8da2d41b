"""Drifts of payments: what Business Central applied to an invoice against what ConnectWise shows as paid and credited."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from shared.domain.money import Money, cents
from shared.domain.records import Link
from shared.engine.kinds.applications import applications as applied_to
from shared.engine.kinds.applications import in_document_currency
from shared.engine.kinds.receivable import CREDIT_MEMO, PAYMENT
from shared.engine.kinds.settlements import Settlement
from shared.reconcile.ledger import Entry, Ledger
from shared.reconcile.model import Drift, DriftClass, Row
from shared.reconcile.snapshot import Snapshot

ZERO: Final = Decimal(0)


@dataclass(frozen=True, slots=True)
class Settled:
    """One application in the invoice's currency; ``shown`` is whether ConnectWise can show it."""

    key: str
    kind: str
    reference: str
    amount: Decimal
    shown: bool


@dataclass(frozen=True, slots=True)
class Standing:
    """How an invoice is settled in Business Central now."""

    total: Decimal
    remaining: Decimal
    settled: tuple[Settled, ...]

    def expected(self, kind: str) -> dict[str, Decimal]:
        """What ConnectWise should show, by key; ``kind`` is payments or credit memos."""
        return {one.key: one.amount for one in self.settled if one.shown and one.kind == kind}


class PaymentDrifts:
    """Compares the settlements of one entity's documents."""

    def __init__(self, taken: Snapshot, entity: Settlement, ledger: Ledger) -> None:
        self.taken, self.entity, self.ledger = taken, entity, ledger
        self.sources = taken.sources[entity.document_subject]
        self.targets = taken.targets[entity.target]
        self.memos = {
            str(link.target_number): record_id
            for record_id, _, link in taken.posted(entity.document_subject, entity.credit_entity)
        }

    def only_there(self) -> dict[str, Decimal]:
        """What is settled in Business Central and cannot be shown in ConnectWise, by id, signed as balances are."""
        sums: dict[str, Decimal] = {}
        subject, entity = self.entity.document_subject, self.entity.document_entity
        for record_id, _, document in self.taken.posted(subject, entity):
            standing = self.standing(record_id, document)
            for one in standing.settled if standing else ():
                if not one.shown:
                    sums[record_id] = sums.get(record_id, ZERO) + one.amount
                    if one.kind == CREDIT_MEMO and (memo := self.memos.get(one.reference)):
                        sums[memo] = sums.get(memo, ZERO) - one.amount
        return sums

    def standing(self, record_id: str, document: Link) -> Standing | None:
        """The standing of a posted invoice; None where the ledger does not show it."""
        target = self.targets.get(str(document.target_id))
        entry = self.ledger.find("Invoice", str(document.target_number))
        if target is None or entry is None or "remainingAmount" not in target:
            return None
        total, remaining = cents(target["totalAmountIncludingTax"]), cents(target["remainingAmount"])
        local = str(target.get("currencyCode") or "") in ("", self.taken.local_currency)
        known = self._known(record_id)
        naming = [row for row in self.ledger.naming.get(entry.number, ()) if row not in entry.rows]
        applied = applied_to([*entry.rows, *naming], entry.number)
        kept = {
            key: cents(value["amount"])
            for key, value in known.get("payments", {}).items()
            if any(one.key == key and one.amount == value.get("local") for one in applied)
        }
        amounts = in_document_currency(applied, total - remaining, local=local, settled=kept)
        settled = [
            self._settled(one.key, self.ledger.entries.get(one.applying_entry), amounts[one.key], known)
            for one in applied
        ]
        return Standing(total, remaining, tuple(settled))

    def _known(self, record_id: str) -> Row:
        link = self.taken.link(self.entity.subject.name, record_id, self.entity.name)
        return link.facts if link else {}

    def _settled(self, key: str, origin: Entry | None, amount: Decimal, known: Row) -> Settled:
        kind, reference = (origin.kind, origin.document) if origin else ("", "")
        shown = kind == PAYMENT or (kind == CREDIT_MEMO and reference in self.memos)
        return Settled(key, kind, reference, amount, shown and key not in known.get("noted", ()))

    def find(self) -> Iterator[Drift]:
        """Every invoice whose payments or credits differ in sum."""
        subject, entity = self.entity.document_subject, self.entity.document_entity
        for record_id, _, document in self.taken.posted(subject, entity):
            row = self.sources.get(record_id)
            if row is None or document.step != "done":
                continue
            if self.taken.is_open(self.entity.subject.name, record_id, self.entity.name):
                continue
            standing = self.standing(record_id, document)
            if standing is not None:
                yield from self._compare(record_id, row, document, standing)

    def _compare(self, record_id: str, row: Row, document: Link, standing: Standing) -> Iterator[Drift]:
        ours = self._known(record_id).get("payments", {})
        target = self.targets[str(document.target_id)]
        currency = str(target.get("currencyCode", ""))
        for kind, field, word in ((PAYMENT, "payments", "payments"), (CREDIT_MEMO, "credits", "credits")):
            expected, actual = standing.expected(kind), cents(row.get(field, 0))
            due = sum(expected.values(), ZERO)
            if due == actual:
                continue
            known = {
                key: cents(one["amount"]) for key, one in ours.items() if one.get("kind", PAYMENT) == kind
            }
            how, words = _difference(expected, known, actual, due)
            drift = Drift(
                DriftClass.PAYMENT_DIFFERS,
                self.entity.name,
                self.entity.subject.name,
                record_id,
                f"Business Central has {word} of {Money(due, currency)}, ConnectWise shows "
                f"{Money(actual, currency)}: {words}.",
                number=str(row.get("invoiceNumber", "")),
                target_id=str(document.target_id),
                target_number=str(document.target_number),
                date=str(row.get("date", ""))[:10],
                currency=currency,
                connectwise=actual,
                business_central=due,
                facts={"how": how, "caught_up": set(expected) == set(known), "known": ours},
            )
            yield drift


def _difference(
    expected: dict[str, Decimal], known: dict[str, Decimal], actual: Decimal, due: Decimal
) -> tuple[str, str]:
    """Missing, extra or another amount; ``known`` is what was brought to ConnectWise before."""
    new, old = sorted(set(expected) - set(known)), sorted(set(known) - set(expected))
    if new and actual == sum(known.values(), ZERO):
        return "missing", f"{', '.join(new)} not yet there"
    if old and actual == sum(known.values(), ZERO):
        return "extra", f"{', '.join(old)} no longer applied in Business Central"
    gone = [key for key, amount in known.items() if amount == due - actual]
    if gone:
        return "missing", f"{gone[0]} is gone from ConnectWise"
    if actual > due:
        return "extra", f"{actual - due} more than was paid"
    return "amount", f"{due - actual} less than was paid"
