"""Both systems' books of expenses and purchasing, each read once; what no oracle claimed stays in them."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Final

from sandbox.connectwise.ledger import ACCOUNTS
from sandbox.corpus.claims import ZERO, Claim, Found, Part
from sandbox.corpus.documents import cents
from sandbox.corpus.expenses import Expense
from sandbox.kit import Json
from tests.conformance.world import World

type Booked = tuple[int, Decimal, tuple[str, ...]]
"""How many documents, their total, and contradictions in the books."""

EXPENSE_ACCOUNTS: Final = frozenset(ACCOUNTS[kind] for kind in ("EE", "EI", "ET"))
UNCLAIMED: Final = "unclaimed"


def strays(*books: Mapping[str, Sequence[object]]) -> list[Part]:
    """One part, which is a problem, for each number under which something is left that nobody claimed."""
    nothing = Claim(UNCLAIMED, UNCLAIMED)
    return [
        Part("", UNCLAIMED, "", number, nothing, Found("", False, len(rows), ZERO, 0, ZERO))
        for one in books
        for number, rows in one.items()
    ]


class ExpenseBooks:
    """The books of expenses."""

    def __init__(self, world: World) -> None:
        self.posted: defaultdict[str, list[Json]] = defaultdict(list)
        for row in world.bc_records("purchaseInvoices"):
            if row["vendorInvoiceNumber"].startswith("EXP-"):
                self.posted[row["vendorInvoiceNumber"]].append(row)
        self.ledger: defaultdict[str, list[Json]] = defaultdict(list)
        for row in world.bc_records("generalLedgerEntries"):
            if row["documentNumber"].startswith(("EXP-", "EXR-")):
                self.ledger[row["documentNumber"]].append(row)
        self.batches: defaultdict[str, int] = defaultdict(int)
        for row in world.cw_records("AccountingBatch"):
            self.batches[row["batchIdentifier"].rpartition("-")[2]] += 1
        self.entries: defaultdict[str, list[Json]] = defaultdict(list)
        for row in world.cw_records("ExpenseEntry"):
            self.entries[str(row["expenseReport"]["id"])].append(row)
        self.journals = [
            row["code"] for row in world.bc_records("journals") if row["code"][:3] in ("EXP", "EXR")
        ]

    def invoices(self, number: str) -> Booked:
        """How many are posted under a number, and their total."""
        rows = [row for row in self.posted.pop(number, []) if row["status"] != "Draft"]
        return len(rows), sum((row["totalAmountIncludingTax"] for row in rows), ZERO), ()

    def journal(self, number: str, some: Sequence[Expense]) -> Booked:
        """How often a journal was posted under a number, and what it comes to on the expense accounts.

        Each expense and each of its taxes is a line, and each line two entries.
        """
        rows = self.ledger.pop(number, [])
        lines = sum(1 + len(one.taxes) for one in some if not one.rejected)
        amounts = [row["debitAmount"] - row["creditAmount"] for row in rows]
        own = [row for row in rows if row["accountNumber"] in EXPENSE_ACCOUNTS]
        faults = [f"the journal of {number} is out of balance"] if sum(amounts, ZERO) else []
        if len(rows) % (2 * lines or 1):
            faults.append(f"{len(rows)} ledger entries of {lines} lines")
        code = f"{number[:3]}{int(number[4:]):07}"
        faults += [f"the journal {code} is left over"] if rows and code in self.journals else []
        total = sum((row["debitAmount"] - row["creditAmount"] for row in own), ZERO)
        return -(-len(rows) // (2 * lines or 1)), total, tuple(faults)

    def left_over(self) -> list[Part]:
        """Documents that no claim asked for."""
        return strays(self.posted, self.ledger)


class PurchaseBooks:
    """The books of purchasing."""

    def __init__(self, world: World) -> None:
        self.lines: defaultdict[str, list[Json]] = defaultdict(list)
        self.ids: defaultdict[str, list[str]] = defaultdict(list)
        for row in world.bc_records("purchaseOrderLines"):
            if row["lineType"] != "Comment":
                self.lines[row["documentId"]].append(row)
            elif row["description"].startswith("CW PO "):
                self.ids[row["description"].removeprefix("CW PO ")].append(row["documentId"])
        self.numbers = {row["id"]: row["number"] for row in world.bc_records("purchaseOrders")}
        self.posted: defaultdict[str, list[str]] = defaultdict(list)
        for row in world.bc_records("purchaseReceipts"):
            self.posted[row["orderNumber"]].append(row["id"])
        self.came: defaultdict[str, Decimal] = defaultdict(Decimal)
        for row in world.bc_records("purchaseReceiptLines"):
            if row["lineType"] != "Comment":
                self.came[row["documentId"]] += row["quantity"]
        self.bills: defaultdict[str, list[Json]] = defaultdict(list)
        for row in world.bc_records("purchaseInvoices"):
            if row["status"] != "Draft" and row["vendorInvoiceNumber"].startswith("V-"):
                self.bills["-".join(row["vendorInvoiceNumber"].split("-")[:2])].append(row)
        self.batches: defaultdict[str, int] = defaultdict(int)
        for row in world.cw_records("AccountingBatch"):
            self.batches[row["batchIdentifier"].partition("-P")[2].split("-")[0]] += 1

    def ordered(self, number: str) -> Booked:
        """How many orders carry a ConnectWise number, and what they come to."""
        ids = self.ids[number]
        rows = [row for one in ids for row in self.lines[one]]
        faults = tuple(f"{row['lineObjectNumber']} is invoiced" for row in rows if row["invoicedQuantity"])
        return len(ids), sum((row["amountIncludingTax"] for row in rows), ZERO), faults

    def received(self, number: str) -> Booked:
        """How many receipts are posted on the order, and what was received at its cost."""
        ids = self.ids[number]
        rows = [row for one in ids for row in self.lines[one]]
        receipts = [at for one in ids for at in self.posted.pop(self.numbers[one], [])]
        total = sum((cents(row["receivedQuantity"] * row["directUnitCost"]) for row in rows), ZERO)
        on_lines, on_receipts = (
            sum(row["receivedQuantity"] for row in rows),
            sum(self.came[at] for at in receipts),
        )
        fault = f"{on_lines} received on the order, {on_receipts} on its receipts"
        return len(receipts), total, () if on_lines == on_receipts else (fault,)

    def billed(self, number: str) -> Booked:
        """How many bills are posted under the vendor's number, and their total."""
        rows = self.bills.pop(number, [])
        return len(rows), sum((row["totalAmountIncludingTax"] for row in rows), ZERO), ()

    def left_over(self) -> list[Part]:
        """Receipts and bills that no claim asked for."""
        return strays(self.posted, self.bills)
