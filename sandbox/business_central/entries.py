"""Opening an entry in the customer or vendor ledger, common to every posting."""

from decimal import Decimal

from sandbox.business_central.environment import rounded
from sandbox.business_central.fields import BLANK_DATE
from sandbox.business_central.ledger import DetailedEntry, Ledger, LedgerEntry

INITIAL = "Initial_x0020_Entry"


def opened(ledger: Ledger, entry: LedgerEntry, amount: Decimal) -> int:
    """Records an entry with its initial detailed entry; answers the transaction. Zero amounts are closed at once."""
    entry.open = bool(amount)
    entry.closed_at = BLANK_DATE if amount else entry.posting_date
    ledger.add(entry)
    transaction = ledger.transaction()
    ledger.append(
        DetailedEntry(
            entry_no=0,
            ledger_entry_no=entry.entry_no,
            entry_type=INITIAL,
            posting_date=entry.posting_date,
            document_type=entry.document_type,
            document_no=entry.document_no,
            amount=amount,
            amount_lcy=rounded(amount * entry.rate),
            transaction_no=transaction,
        )
    )
    return transaction
