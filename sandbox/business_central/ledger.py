"""Customer and vendor ledger entries and their append-only detailed entries."""

from dataclasses import dataclass, field
from decimal import Decimal

from sandbox.business_central.fields import BLANK_DATE


@dataclass(slots=True)
class LedgerEntry:
    """One ledger entry of a customer or vendor: a posted invoice, payment, credit memo, refund or journal line.

    ``account_no`` is the number of the customer or vendor, ``rate`` is LCY per unit of the document currency;
    ``document`` is the id of the invoice or credit memo, if it is one.
    """

    entry_no: int
    account_no: str
    document_type: str
    document_no: str
    posting_date: str
    document_date: str
    due_date: str
    currency_code: str = ""
    rate: Decimal = Decimal(1)
    external_document_no: str = ""
    document: str = ""
    dimensions: dict[str, str] = field(default_factory=dict)
    payment_terms_code: str = ""
    discount_date: str = BLANK_DATE
    open: bool = True
    closed_at: str = BLANK_DATE


@dataclass(slots=True)
class DetailedEntry:
    """One detailed customer ledger entry; never changed after it was written, except the marks of being unapplied.

    An application row of the invoice names the applying entry in ``applied_entry_no``; on the applying side
    that is the entry itself (the mirror). ``application_no`` is 0 when applied while posting.
    """

    entry_no: int
    ledger_entry_no: int
    entry_type: str
    posting_date: str
    document_type: str
    document_no: str
    amount: Decimal
    amount_lcy: Decimal
    applied_entry_no: int = 0
    application_no: int = 0
    transaction_no: int = 0
    unapplied: bool = False
    unapplied_by: int = 0


@dataclass(slots=True)
class Ledger:
    """The customer or vendor ledger of one company; all entry numbers grow by one."""

    entries: dict[int, LedgerEntry] = field(default_factory=dict)
    details: list[DetailedEntry] = field(default_factory=list)
    last_transaction: int = 0
    last_application: int = 0
    by_entry: dict[int, list[DetailedEntry]] = field(default_factory=dict)
    by_document: dict[tuple[str, str], int] = field(default_factory=dict)
    by_account: dict[str, list[LedgerEntry]] = field(default_factory=dict)

    def next_entry_no(self) -> int:
        """The number that the next ledger entry must carry."""
        return len(self.entries) + 1

    def add(self, entry: LedgerEntry) -> LedgerEntry:
        """Records a ledger entry."""
        self.entries[entry.entry_no] = entry
        self.by_document[entry.document_type, entry.document_no] = entry.entry_no
        self.by_account.setdefault(entry.account_no, []).append(entry)
        return entry

    def append(self, detail: DetailedEntry) -> DetailedEntry:
        """Records a detailed entry under the next number."""
        detail.entry_no = len(self.details) + 1
        self.details.append(detail)
        self.by_entry.setdefault(detail.ledger_entry_no, []).append(detail)
        return detail

    def transaction(self) -> int:
        """The number of a new posting transaction."""
        self.last_transaction += 1
        return self.last_transaction

    def application(self) -> int:
        """The number of a new application of entries that were posted before."""
        self.last_application += 1
        return self.last_application

    def remaining(self, entry_no: int) -> Decimal:
        """The remaining amount of an entry in its own currency: the sum of its detailed entries."""
        return sum((item.amount for item in self.by_entry.get(entry_no, [])), Decimal(0))

    def remaining_lcy(self, entry_no: int) -> Decimal:
        """The remaining amount of an entry in LCY."""
        return sum((item.amount_lcy for item in self.by_entry.get(entry_no, [])), Decimal(0))

    def find(self, document_type: str, document_no: str) -> LedgerEntry | None:
        """The entry of a document."""
        number = self.by_document.get((document_type, document_no))
        return None if number is None else self.entries[number]
