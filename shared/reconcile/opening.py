"""Opening balances at a cut-over: what each customer owes at a date in both systems, before anything is synced.

Customers are matched by the account number in ConnectWise, because there are no links yet.
"""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from shared.domain.money import cents
from shared.reconcile.ledger import Ledger
from shared.reconcile.model import Row
from shared.reconcile.snapshot import Snapshot, payer_of

ZERO: Final = Decimal("0.00")


@dataclass(slots=True)
class Opening:
    """One customer at the date, in local currency; ``foreign`` names what is open in other currencies."""

    customer: str
    name: str = ""
    connectwise: Decimal = ZERO
    business_central: Decimal = ZERO
    foreign: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def difference(self) -> Decimal:
        """What Business Central shows more than ConnectWise."""
        return self.business_central - self.connectwise

    def shown(self) -> Row:
        """As plain values for a report."""
        return {
            "customer": self.customer,
            "name": self.name,
            "connectwise": self.connectwise,
            "business_central": self.business_central,
            "difference": self.difference,
            "foreign": self.foreign,
            "notes": self.notes,
        }


def opening_balances(taken: Snapshot, day: str) -> list[Opening]:
    """Balances at the end of a day (ISO date); customers with nothing on either side are left out.

    ConnectWise has no balance of a past day: it is today's, with the payments added back that came later and
    are known here. A payment entered there by hand has no known date, which is noted.
    """
    rows: dict[str, Opening] = {}
    _read_connectwise(taken, day, rows)
    if taken.ledger is not None:
        _read_ledger(taken, taken.ledger, day, rows)
    return [rows[key] for key in sorted(rows) if _says_something(rows[key])]


def _says_something(row: Opening) -> bool:
    return bool(row.connectwise or row.business_central or row.foreign)


def _read_connectwise(taken: Snapshot, day: str, rows: dict[str, Opening]) -> None:
    companies = taken.sources.get("company", {})
    for record_id, invoice in taken.sources.get("invoice", {}).items():
        if not (invoice.get("status") or {}).get("isClosed") or str(invoice.get("date", ""))[:10] > day:
            continue
        company = companies.get(payer_of(invoice), {})
        number = str(company.get("accountNumber") or f"(company {payer_of(invoice)})")
        row = rows.setdefault(number, Opening(number))
        row.name = str(company.get("name", ""))
        later, known = _later(taken, record_id, day)
        balance = cents(invoice.get("balance", 0)) + later
        reference = invoice.get("currency") or {}
        currency = str(reference.get("currencyCode") or reference.get("name") or "")
        if currency not in ("", taken.local_currency):
            if balance:
                row.foreign.append(f"ConnectWise {invoice.get('invoiceNumber')}: {balance} {currency}")
            continue
        row.connectwise += balance
        paid = cents(invoice.get("payments", 0))
        if paid != known:
            row.notes.append(
                f"Invoice {invoice.get('invoiceNumber')}: {paid - known} paid on an unknown date."
            )


def _later(taken: Snapshot, record_id: str, day: str) -> tuple[Decimal, Decimal]:
    """What came in after the day, and all payments whose date is known."""
    later = known = ZERO
    for settlement in taken.settlements:
        link = taken.link(settlement.subject.name, record_id, settlement.name)
        for payment in (link.facts.get("payments", {}) if link else {}).values():
            amount = cents(payment["amount"])
            later += amount if str(payment.get("date", "")) > day else ZERO
            known += ZERO if payment.get("credit") else amount
    return later, known


def _read_ledger(taken: Snapshot, ledger: Ledger, day: str, rows: dict[str, Opening]) -> None:
    foreign = {
        str(row.get("number")): str(row["currencyCode"])
        for entity in taken.documents
        for row in taken.targets[entity.target].values()
        if row.get("currencyCode") not in ("", None, taken.local_currency)
    }
    for entry in ledger.entries.values():
        remaining = ledger.remaining_at(entry, day)
        row = rows.setdefault(entry.customer, Opening(entry.customer))
        if entry.document in foreign:
            if remaining:
                row.foreign.append(f"Business Central {entry.document}: {remaining} local")
            continue
        row.business_central += remaining
