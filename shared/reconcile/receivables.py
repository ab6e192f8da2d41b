"""The receivables tie-out: what each customer owes by the ledger, against the balances of ConnectWise's invoices.

What is open in the ledger but not from ConnectWise is listed beside it, so that every cent of the ledger's balance is
either compared or named.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from shared.domain.money import cents
from shared.domain.records import Link
from shared.reconcile.ledger import Entry, Ledger
from shared.reconcile.model import Row
from shared.reconcile.proof import KINDS
from shared.reconcile.snapshot import Snapshot

ZERO: Final = Decimal("0.00")


@dataclass(slots=True)
class Balance:
    """One customer's open balance in one currency; ``ledger`` figures are in local currency.

    ``other_entries`` are open ledger entries that are not documents of ConnectWise, ``only_there`` what
    settles an invoice in Business Central and cannot be shown in ConnectWise.
    """

    customer: str
    currency: str
    business_central: Decimal = ZERO
    connectwise: Decimal = ZERO
    only_there: Decimal = ZERO
    ledger: Decimal = ZERO
    other_entries: list[str] = field(default_factory=list)
    other_ledger: Decimal = ZERO
    documents: list[str] = field(default_factory=list)

    @property
    def difference(self) -> Decimal:
        """What Business Central shows as open and ConnectWise does not, and nothing explains."""
        return self.business_central + self.only_there - self.connectwise

    def shown(self) -> Row:
        """As plain values for a report."""
        return {
            "customer": self.customer,
            "currency": self.currency,
            "business_central": self.business_central,
            "connectwise": self.connectwise,
            "only_in_business_central": self.only_there,
            "difference": self.difference,
            "ledger_local": self.ledger,
            "other_ledger_local": self.other_ledger,
            "other_entries": self.other_entries,
            "documents_that_differ": self.documents,
        }


def tie_out(taken: Snapshot, only_there: dict[str, Decimal]) -> list[Balance]:
    """Balances by customer and currency; empty where there is no ledger to read.

    ``only_there`` is, by ConnectWise id of the invoice, what settles it in Business Central alone.
    """
    ledger = taken.ledger
    if ledger is None:
        return []
    balances: dict[tuple[str, str], Balance] = {}

    def of(customer: str, currency: str) -> Balance:
        return balances.setdefault((customer, currency), Balance(customer, currency))

    ours: set[int] = set()
    for record_id, entity_set, link, row in _posted(taken):
        target = taken.targets[entity_set].get(str(link.target_id), {})
        entry = ledger.find(KINDS[entity_set], str(link.target_number))
        if entry is None:
            continue
        ours.add(entry.number)
        currency = str(target.get("currencyCode") or taken.local_currency)
        balance = of(entry.customer, currency)
        open_there = _open(target, entry, sign=-1 if entity_set == "salesCreditMemos" else 1)
        open_here, explained = cents(row.get("balance", 0)), only_there.get(record_id, ZERO)
        balance.business_central += open_there
        balance.connectwise += open_here
        balance.only_there += explained
        balance.ledger += cents(entry.remaining)
        if open_there + explained != open_here:
            balance.documents.append(f"{row.get('invoiceNumber')}: {open_there + explained} and {open_here}")
    for entry in _others(ledger, ours):
        balance = of(entry.customer, taken.local_currency)
        balance.other_ledger += cents(entry.remaining)
        balance.other_entries.append(f"{entry.kind} {entry.document}: {cents(entry.remaining)}")
    return [balances[key] for key in sorted(balances)]


def _posted(taken: Snapshot) -> Iterator[tuple[str, str, Link, Row]]:
    """The posted documents that ConnectWise still has."""
    for entity in taken.documents:
        if entity.target in KINDS:
            for record_id, _, link in taken.posted(entity.subject.name, entity.name):
                row = taken.sources[entity.subject.name].get(record_id)
                if row is not None:
                    yield record_id, entity.target, link, row


def _open(target: Row, entry: Entry, *, sign: int) -> Decimal:
    """What is open of a document in its currency.

    Business Central gives credit memos no remaining amount: theirs is in proportion to the ledger's.
    """
    if "remainingAmount" in target:
        return cents(target["remainingAmount"])
    total = sign * cents(target.get("totalAmountIncludingTax", 0))
    return cents(total * entry.remaining / entry.initial) if entry.initial else ZERO


def _others(ledger: Ledger, ours: set[int]) -> Iterator[Entry]:
    return (one for one in ledger.entries.values() if one.remaining and one.number not in ours)
