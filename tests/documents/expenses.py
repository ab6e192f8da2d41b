"""What the tests of expenses look at: lines of the purchase invoice, balances of the journal, one entry's status."""

from collections import defaultdict
from decimal import Decimal

from sandbox.kit import Json
from tests.conformance.expensing import Expensing


def lines(expenses: Expensing, record: str) -> list[tuple[str, Decimal]]:
    """Account and amount of each line of the purchase invoice."""
    [document] = expenses.invoices(record)
    rows = expenses.world.bc_records("purchaseInvoiceLines", documentId=document["id"])
    return [(row["lineObjectNumber"], row["unitCost"]) for row in rows]


def balances(expenses: Expensing, record: str) -> dict[str, Decimal]:
    """Debits less credits of the report's journal, by account."""
    sums: defaultdict[str, Decimal] = defaultdict(Decimal)
    for row in expenses.booked(record):
        sums[row["accountNumber"]] += row["debitAmount"] - row["creditAmount"]
    return dict(sums)


def set_status(expenses: Expensing, entry: Json, status: str) -> None:
    """Gives one entry a status of its own, as an approver does who rejects a single expense."""
    expenses.world.connectwise.store.get("ExpenseEntry", entry["id"])["status"] = status
