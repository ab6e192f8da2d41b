"""Reads payment applications out of the customer ledger (base application, table 379 Detailed Cust. Ledg. Entry).

The ledger is a list of detailed entries. On the invoice's ledger entry, each row of type Application names
the entry that was applied to it; an unapplication is a row of the opposite sign, so a running sum per pair
of invoice entry and applying entry is what is applied now. A payment discount stands on the payment's own
entry: the invoice's Application row already carries the full amount.

Who applies the invoice to payments, instead of a payment to invoices, makes the invoice the applying entry: its own
row then names itself (a mirror), and the row of the payment names the invoice.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from shared.domain.money import cents

APPLICATION: Final = "Application"
INITIAL: Final = "Initial_x0020_Entry"
INVOICE: Final = "Invoice"
DISCOUNT: Final = "Payment Discount"
TOLERANCE: Final = "Payment Tolerance"


@dataclass(frozen=True, slots=True)
class Application:
    """What one ledger entry settles of one invoice now; the amount is in local currency."""

    invoice_entry: int
    applying_entry: int
    amount: Decimal
    date: str

    @property
    def key(self) -> str:
        """Stable name of the pair, which never changes in an append-only ledger."""
        return f"BC-{self.invoice_entry}-{self.applying_entry}"


@dataclass(frozen=True, slots=True)
class LedgerDocument:
    """The document behind a ledger entry."""

    entry: int
    kind: str
    number: str
    date: str


def is_kind(value: Any, kind: str) -> bool:
    """Compares an enum member, encoded or not (``Initial Entry`` and ``Initial_x0020_Entry``)."""
    return str(value).replace("_x0020_", " ") == kind.replace("_x0020_", " ")


def applied_entry(row: dict[str, Any]) -> int:
    """The entry that a row names as applied, 0 for none."""
    return int(row.get("dcleAppliedCustLedgerEntryNo") or 0)


def is_mirrored(rows: Iterable[dict[str, Any]], invoice_entry: int) -> bool:
    """True when the invoice was the applying entry, so that the rows of what it was applied to tell the other half."""
    return any(int(row["cleEntryNo"]) == applied_entry(row) == invoice_entry for row in rows)


def applications(rows: Iterable[dict[str, Any]], invoice_entry: int) -> list[Application]:
    """What is applied to the invoice's ledger entry now, by applying entry; sums of zero are reversals.

    Beside the rows of the invoice's entry these may be rows of others that name it.
    """
    sums: dict[int, Decimal] = {}
    dates: dict[int, str] = {}
    for row in sorted(rows, key=lambda row: int(row["dcleEntryNo"])):
        entry, named = int(row["cleEntryNo"]), applied_entry(row)
        if entry == named or invoice_entry not in (entry, named) or named == 0:
            continue
        if not is_kind(row["dcleEntryType"], APPLICATION):
            continue
        applying = named if entry == invoice_entry else entry
        amount = Decimal(row["dcleAmountLCY"]) * (-1 if entry == invoice_entry else 1)
        sums[applying] = sums.get(applying, Decimal(0)) + amount
        if amount > 0:
            dates[applying] = str(row["dclePostingDate"])[:10]
    return [
        Application(invoice_entry, applying, cents(amount), dates[applying])
        for applying, amount in sums.items()
        if cents(amount) > 0
    ]


def documents(rows: Iterable[dict[str, Any]]) -> dict[int, LedgerDocument]:
    """The document of each ledger entry whose initial row is among the rows."""
    return {
        int(row["cleEntryNo"]): LedgerDocument(
            int(row["cleEntryNo"]),
            str(row["dcleDocumentType"]).replace("_x0020_", " "),
            str(row["dcleDocumentNo"]),
            str(row["dclePostingDate"])[:10],
        )
        for row in rows
        if is_kind(row["dcleEntryType"], INITIAL)
    }


def granted(rows: Iterable[dict[str, Any]], kind: str) -> dict[int, Decimal]:
    """The discount or tolerance granted with each ledger entry: detailed rows on the paying entry itself.

    The types of a kind begin with its name: there are some for value added tax and for the tolerance of a discount.
    """
    sums: dict[int, Decimal] = {}
    for row in rows:
        if str(row["dcleEntryType"]).replace("_x0020_", " ").startswith(kind):
            entry = int(row["cleEntryNo"])
            sums[entry] = sums.get(entry, Decimal(0)) + abs(Decimal(row["dcleAmountLCY"]))
    return {entry: cents(amount) for entry, amount in sums.items()}


def in_document_currency(
    applied: list[Application], paid: Decimal, *, local: bool, settled: dict[str, Decimal]
) -> dict[str, Decimal]:
    """The amount of each application in the invoice's currency.

    ``paid`` is the invoice's total less its remaining amount. The ledger query has local currency only, so
    for a foreign invoice what is new is shared out in proportion and what was ``settled`` before keeps its
    amount; the last share takes the rest, so that the shares add up to ``paid`` to the cent.
    """
    if local:
        return {one.key: one.amount for one in applied}
    amounts = {one.key: settled[one.key] for one in applied if one.key in settled}
    new = [one for one in applied if one.key not in settled]
    rest = paid - sum(amounts.values(), Decimal(0))
    weight = sum((one.amount for one in new), Decimal(0))
    for position, one in enumerate(new):
        share = rest if position == len(new) - 1 else cents(rest * one.amount / weight)
        amounts[one.key] = share
        rest -= share
        weight -= one.amount
    return amounts
