"""The customer ledger of one company in memory: entries with what is initial, applied and remaining in local currency."""

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final, Self

from shared.domain.money import cents
from shared.engine.kinds.applications import APPLICATION, INITIAL, applied_entry, is_kind
from shared.reconcile.model import Row

FIELDS: Final = (
    "cleEntryNo",
    "dcleEntryNo",
    "dcleEntryType",
    "dcleDocumentType",
    "dcleDocumentNo",
    "dclePostingDate",
    "dcleAmountLCY",
    "dcleCustomerNo",
    "dcleAppliedCustLedgerEntryNo",
)
ZERO: Final = Decimal(0)


@dataclass(slots=True)
class Entry:
    """One ledger entry; ``rows`` are its detailed rows other than the initial one."""

    number: int
    customer: str = ""
    kind: str = ""
    document: str = ""
    date: str = ""
    initial: Decimal = ZERO
    remaining: Decimal = ZERO
    rows: list[Row] = field(default_factory=list)

    @property
    def others(self) -> dict[str, Decimal]:
        """What else changed the entry than applications, by kind: gains, losses, roundings, discounts."""
        sums: dict[str, Decimal] = {}
        for row in self.rows:
            if not is_kind(row["dcleEntryType"], APPLICATION):
                kind = _plain(row["dcleEntryType"])
                sums[kind] = sums.get(kind, ZERO) + Decimal(row["dcleAmountLCY"])
        return {kind: amount for kind, amount in sums.items() if amount}


@dataclass(slots=True)
class Ledger:
    """All entries, by number and by document; ``naming`` has the rows of other entries that name an entry."""

    entries: dict[int, Entry] = field(default_factory=dict)
    naming: dict[int, list[Row]] = field(default_factory=dict)
    documents: dict[tuple[str, str], Entry] = field(default_factory=dict)
    size: int = 0

    @classmethod
    async def read(cls, pages: AsyncIterator[list[Row]]) -> Self:
        """Builds the ledger from the pages of the detailed entries, in whatever order they come."""
        ledger = cls()
        async for page in pages:
            ledger._take(page)
        ledger.documents = {(one.kind, one.document): one for one in ledger.entries.values()}
        return ledger

    def _take(self, rows: Iterable[Row]) -> None:
        for row in rows:
            self.size += 1
            number, amount = int(row["cleEntryNo"]), Decimal(row["dcleAmountLCY"])
            entry = self.entries.setdefault(number, Entry(number))
            entry.customer = str(row["dcleCustomerNo"])
            entry.remaining += amount
            if is_kind(row["dcleEntryType"], INITIAL):
                entry.kind, entry.document = _plain(row["dcleDocumentType"]), str(row["dcleDocumentNo"])
                entry.date, entry.initial = str(row["dclePostingDate"])[:10], amount
            else:
                entry.rows.append(row)
                self.naming.setdefault(applied_entry(row), []).append(row)

    def find(self, kind: str, document: str) -> Entry | None:
        """The entry of a document such as ``Invoice`` 103001."""
        return self.documents.get((kind, document))

    def balances(self) -> dict[str, Decimal]:
        """What each customer owes, in local currency."""
        sums: dict[str, Decimal] = {}
        for entry in self.entries.values():
            sums[entry.customer] = sums.get(entry.customer, ZERO) + entry.remaining
        return {customer: cents(amount) for customer, amount in sums.items()}

    def remaining_at(self, entry: Entry, day: str) -> Decimal:
        """What was open of an entry at the end of a day (ISO), in local currency."""
        later = (
            Decimal(row["dcleAmountLCY"]) for row in entry.rows if str(row["dclePostingDate"])[:10] > day
        )
        return ZERO if entry.date > day else cents(entry.remaining - sum(later, ZERO))


def _plain(member: object) -> str:
    return str(member).replace("_x0020_", " ")
