"""Expenses in the accounting interface: bills per member and report, or single rows with their offsets.

An expense brings its net amount (EE, or EI against a charge code) and its taxes (ET), each with an offset: payable
to the member (P), or the account of a company-paid method (EO). A batch takes both sides.
"""

from collections.abc import Iterable
from decimal import Decimal
from typing import Final

from sandbox.connectwise.expense_export import ExpenseExport
from sandbox.connectwise.invoice_lines import ZERO
from sandbox.connectwise.ledger import ACCOUNTS, Key, Pairs, Sections, Source, new_entry, within
from sandbox.connectwise.service import Service
from sandbox.connectwise.store import Record

_APPROVED: Final = {"ApprovedByTierTwo", "ReadyToBill", "Billed", "WrittenOff", "BilledAgreement"}


class ExpenseSource(Source):
    """Approved expense entries, by id; the interface calls the id ``expenseDetailId``."""

    kind = "expense"
    flag = "exportExpensesFlag"

    def __init__(self, service: Service) -> None:
        super().__init__(service.store)
        self.service = service
        self.export = ExpenseExport(service.store)

    def approved(self, status: str) -> bool:
        """Whether a status stands for an approval by all tiers that the tenant has."""
        one_tier = self.service.settings.expense_approval_tiers == 1
        return status in _APPROVED or (one_tier and status == "ApprovedByTierOne")

    def sync(self, expense: Record, member: str) -> None:
        """Makes the ledger entries of an expense anew; only for one that is in no batch."""
        for number in expense["entries"]:
            self.store.remove("GLEntry", number, member)
        taxes = [Decimal(tax["amount"]) for tax in expense.get("taxes", [])]
        company_paid = self.store.get("PaymentType", expense["paymentMethod"]["id"])["companyFlag"]
        main = "EI" if expense["chargeToType"] == "ChargeCode" else "EE"
        rows = [(main, expense["amount"] - sum(taxes, ZERO)), *(("ET", amount) for amount in taxes)]
        expense["entries"] = []
        for gl_type, amount in rows:
            entry = self._entry(expense, gl_type, amount, ACCOUNTS[gl_type], 0, member)
            offset, account = ("EO", ACCOUNTS["EO"]) if company_paid else ("P", ACCOUNTS["AP"])
            other = self._entry(expense, offset, -amount, account, entry["id"], member)
            expense["entries"] += [entry["id"], other["id"]]

    def is_batched(self, expense: Record) -> bool:
        """Whether any ledger entry of the expense is in a batch."""
        return any(entry["isBatched"] for entry in self.entries(expense["id"]))

    def wanted(self, body: Record) -> Iterable[Key]:
        every = (row["id"] for row in self.store.rows("ExpenseEntry"))
        for number in dict.fromkeys(body.get("includedExpenseIds") or every):
            expense = self.store.find("ExpenseEntry", number)
            if (
                expense
                and number not in body.get("excludedExpenseIds", [])
                and within(body, expense["locationId"], expense["date"])
            ):
                yield number

    def entries(self, key: Key) -> list[Record]:
        return [self.store.get("GLEntry", number) for number in self._expense(key)["entries"]]

    def visible(self, key: Key) -> bool:
        """Approved, unless unapproved ones leak; what the member is owed needs the member's vendor number."""
        expense = self._expense(key)
        if not (self.approved(expense["status"]) or self._leaks(expense)):
            return False
        member = self.store.get("Member", expense["member"]["id"])
        return self._classification(expense) != "Reimbursable" or bool(member.get("vendorNumber"))

    def behind(self, key: Key) -> Iterable[tuple[str, Record]]:
        return [("ExpenseEntry", self._expense(key))]

    def sections(self, pairs: Pairs) -> Sections:
        return self.export.sections([(self._expense(key), entries) for key, entries in pairs])

    def rows(self) -> list[Record]:
        """The unposted rows, one per expense entry."""
        rows = [self._row(row) for row in self.store.rows("ExpenseEntry") if self.open_entries(row["id"])]
        return sorted(rows, key=lambda row: int(row["id"]))

    def _expense(self, key: Key) -> Record:
        return self.store.get("ExpenseEntry", int(key))

    def _leaks(self, expense: Record) -> bool:
        """Unapproved expenses show by setting, and for projects that bill unapproved time and expense."""
        project = self.store.find("Project", expense.get("project", {}).get("id")) or {}
        leaks = self.service.settings.leak_unapproved_expenses
        return bool(leaks or project.get("billUnapprovedTimeAndExpense"))

    def _classification(self, expense: Record) -> str:
        return str(self.store.get("Classification", expense["classification"]["id"])["name"])

    def _entry(
        self, expense: Record, gl_type: str, amount: Decimal, account: str, offset_of: int, member: str
    ) -> Record:
        kind = self.store.get("ExpenseType", expense["type"]["id"])
        return new_entry(
            self.store,
            self.kind,
            expense["id"],
            gl_type,
            amount,
            expense.get("notes") or kind["name"],
            {"expense": {"id": expense["id"]}},
            member,
            segment1=account,
            offsetOf=offset_of,
        )

    def _row(self, expense: Record) -> Record:
        main, offset = self.entries(expense["id"])[:2]
        kind = self.store.get("ExpenseType", expense["type"]["id"])
        billable = expense["billableOption"] == "Billable"
        return {
            "id": expense["unpostedId"],
            "locationId": expense["locationId"],
            "departmentId": expense["businessUnitId"],
            "company": expense.get("company"),
            "accountNumber": main["segment1"],
            "creditAccount": offset["segment1"],
            "expenseDetailId": expense["id"],
            "expenseType": expense["type"],
            "classification": self._classification(expense),
            "glType": main["type"],
            "member": expense["member"],
            "dateExpense": expense["date"],
            "chargeDescription": expense.get("notes") or kind["name"],
            "inPolicy": not kind.get("maxAmount") or expense["amount"] <= kind["maxAmount"],
            "paymentMethod": expense["paymentMethod"],
            "currency": expense["currency"],
            "total": expense["amount"],
            "billableAmount": expense["amount"] if billable else ZERO,
            "nonBillableAmount": ZERO if billable else expense["amount"],
            "agreement": expense.get("agreement"),
            "ticket": expense.get("ticket"),
            "project": expense.get("project"),
            "projectPhase": expense.get("phase"),
            "avalaraTaxFlag": False,
            "salesTaxAmount": sum((Decimal(tax["amount"]) for tax in expense.get("taxes", [])), ZERO),
            "dateClosed": expense.get("dateApproved"),
            "_info": expense["_info"],
        }
