"""Expenses on the screens: reports with entries, submission, approval, rejection, and the setup tables."""

from typing import Final

from sandbox.connectwise.crud import Collection
from sandbox.connectwise.errors import ApiError
from sandbox.connectwise.expense_ledger import ExpenseSource
from sandbox.connectwise.expense_reports import ExpenseReports
from sandbox.connectwise.expenses import Expenses
from sandbox.connectwise.schema import fields
from sandbox.connectwise.screens import Screen
from sandbox.connectwise.service import ADMIN_MEMBER, Service
from sandbox.connectwise.store import Record, now_text
from sandbox.connectwise.validate import stored

_SETUP: Final = {
    "expenseTypes": ("types", "ExpenseType", "GET POST PUT PATCH DELETE"),
    "paymentTypes": ("paymentTypes", "PaymentType", "GET POST PUT PATCH DELETE"),
    "classifications": ("classifications", "Classification", "GET"),
}


class ExpenseScreen:
    """All of expenses: the ``source`` for the accounting interface and what a person does."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.store = service.store
        self.source = ExpenseSource(service)
        self.reports = ExpenseReports(service, self.source)
        self.expenses = Expenses(service, self.source, self.reports)

    def screens(self) -> dict[str, Screen]:
        """The screens by name."""
        setup = {
            name: Screen(Collection(self.service, f"expense/{path}", entity, methods))
            for name, (path, entity, methods) in _SETUP.items()
        }
        actions = (self.submit, self.approve, self.reject, self.reverse)
        return {
            **setup,
            "expenses": Screen(self.expenses.collection, actions=(self.unbatch,)),
            "expenseReports": Screen(self.reports.collection, self.enter, actions),
        }

    def enter(self, values: Record) -> Record:
        """Creates a report: ``{member, date?, entries}``; entries take member and date from it unless they name them."""
        entity = "ExpenseEntry"
        member = stored(self.store, entity, fields(entity)["member"], values.get("member") or {})
        date = values.get("date") or f"{now_text()[:10]}T00:00:00Z"
        report = self.reports.of(member["id"], date)
        for entry in values.get("entries", []):
            self.expenses.collection.create({"member": member, "date": date, **entry}, ADMIN_MEMBER)
        return report

    def unbatch(self, expense: Record, _body: Record) -> None:
        """Takes an expense out of its batch, which only the screen can do; the batch itself stays."""
        batched = {row["batchId"] for row in self.source.entries(expense["id"]) if row["isBatched"]}
        if not batched:
            raise ApiError(400, "InvalidObject", "the expense is not batched")
        for number in batched:
            self.source.unbatched(expense["id"], {"id": number}, ADMIN_MEMBER)

    def submit(self, report: Record, body: Record) -> None:
        """Hands a report in."""
        self.reports.submit(report, body, ADMIN_MEMBER)

    def approve(self, report: Record, body: Record) -> None:
        """Approves a report by ``{approvalType}``, else by every tier that the tenant has."""
        self.reports.approve(report, body, ADMIN_MEMBER)
        while not body and not self.source.approved(report["status"]):
            self.reports.approve(report, body, ADMIN_MEMBER)

    def reject(self, report: Record, body: Record) -> None:
        """Sends a report back to its member."""
        self.reports.reject(report, body, ADMIN_MEMBER)

    def reverse(self, report: Record, body: Record) -> None:
        """Takes the last step back."""
        self.reports.reverse(report, body, ADMIN_MEMBER)
