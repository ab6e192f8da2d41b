"""Expense entries: each belongs to the report of its member and month, and takes its status from there."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from sandbox.connectwise.crud import Collection, replace
from sandbox.connectwise.errors import ApiError, FieldError, invalid_field, invalid_object
from sandbox.connectwise.expense_ledger import ExpenseSource
from sandbox.connectwise.expense_reports import EDITABLE, ExpenseReports
from sandbox.connectwise.invoice_lines import ZERO, cents
from sandbox.connectwise.service import Service
from sandbox.connectwise.store import Record
from sandbox.kit import Json

ENTITY: Final = "ExpenseEntry"
# What may not change once the report is submitted.
_ACCOUNTED: Final = (
    "type",
    "amount",
    "date",
    "member",
    "company",
    "chargeToId",
    "chargeToType",
    "paymentMethod",
    "classification",
    "billableOption",
    "taxes",
    "currency",
    "agreement",
    "locationId",
    "businessUnitId",
)


class Expenses:
    """The expense entries. A record holds, unseen by callers, its ledger ``entries`` and its ``unpostedId``.

    ``amount`` includes the taxes.
    """

    def __init__(self, service: Service, source: ExpenseSource, reports: ExpenseReports) -> None:
        self.service = service
        self.store = service.store
        self.source = source
        self.reports = reports
        self.collection = Collection(
            service,
            "expense/entries",
            ENTITY,
            complete=self.complete,
            added=self.added,
            update=self.update,
            delete=self.delete,
            kept=(
                "member",
                "paymentMethod",
                "classification",
                "billableOption",
                "currency",
                "locationId",
                "businessUnitId",
            ),
        )
        self.store.computed[ENTITY] = self._computed

    def complete(self, values: Record) -> None:
        """Fills what a new entry does not name and finds its report; raises 400 when that is submitted."""
        self._charge(values)
        self._check_amounts(values)
        values.setdefault(
            "member", self.store.resolve("MemberReference", {"identifier": self.service.member})
        )
        methods = list(self.store.rows("PaymentType"))
        default = next((row for row in methods if row["defaultFlag"]), methods[0])
        values.setdefault("paymentMethod", {"id": default["id"]})
        method = self.store.get("PaymentType", values["paymentMethod"]["id"])
        values.setdefault("classification", method["classification"])
        values.setdefault(
            "billableOption", self.store.get("ExpenseType", values["type"]["id"])["billExpenses"]
        )
        values.setdefault("currency", {"id": next(row["id"] for row in self.store.rows("Finance.Currency"))})
        values.setdefault("locationId", 1)
        values.setdefault("businessUnitId", 1)
        report = self.reports.of(values["member"]["id"], values["date"])
        if report["status"] not in EDITABLE:
            raise invalid_field(ENTITY, "date", "the expense report of this time is submitted")
        values |= {"expenseReport": {"id": report["id"]}, "status": report["status"], "entries": []}
        values["unpostedId"] = self.store.next_id("UnpostedExpense")

    def added(self, expense: Record, member: str) -> None:
        """Puts a new entry into its report and makes its ledger entries."""
        self.store.get("ExpenseReport", expense["expenseReport"]["id"])["entryIds"].append(expense["id"])
        self.source.sync(expense, member)

    def update(self, expense: Record, changed: Record, member: str) -> None:
        """Puts a change into effect; raises 400 for amounts and the like of a submitted entry."""
        before = {name: expense.get(name) for name in _ACCOUNTED}
        if before == {name: changed.get(name) for name in _ACCOUNTED}:
            replace(expense, changed)
            return
        self._refuse_submitted(expense)
        self._charge(changed)
        self._check_amounts(changed)
        if changed["member"] != expense["member"] or changed["date"][:7] != expense["date"][:7]:
            raise invalid_field(ENTITY, "date", "an entry stays in the report of its member and month")
        replace(expense, changed)
        self.source.sync(expense, member)

    def delete(self, expense: Record, member: str) -> None:
        """Deletes an entry whose report is not submitted."""
        self._refuse_submitted(expense)
        self.store.get("ExpenseReport", expense["expenseReport"]["id"])["entryIds"].remove(expense["id"])
        for number in expense["entries"]:
            self.store.remove("GLEntry", number, member)
        self.store.remove(ENTITY, expense["id"], member)

    def _status(self, expense: Record) -> str:
        return str(self.store.get("ExpenseReport", expense["expenseReport"]["id"])["status"])

    def _refuse_submitted(self, expense: Record) -> None:
        if self._status(expense) not in EDITABLE:
            raise ApiError(400, "InvalidObject", "the expense entry is submitted")

    def _charge(self, values: Record) -> None:
        """Completes whom an expense is charged to; a company alone is enough."""
        if "chargeToType" not in values and "company" in values:
            values |= {"chargeToType": "Company", "chargeToId": values["company"]["id"]}
        if "chargeToType" not in values:
            text = "company or chargeToType is required"
            raise invalid_object(ENTITY, [FieldError("MissingRequiredField", text, "chargeToType")])
        number = values.get("chargeToId")
        match values["chargeToType"]:
            case "Company":
                if self.store.find("Company", number) is None:
                    raise invalid_field(ENTITY, "chargeToId", "the company does not exist", "NotFound")
                values["company"] = {"id": number}
            case "ServiceTicket" | "ProjectTicket":
                values["ticket"] = {"id": number}
            case "ChargeCode":
                values.pop("company", None)

    def _check_amounts(self, values: Record) -> None:
        taxes = values.get("taxes", [])
        if any(not isinstance(tax.get("amount"), int | Decimal) for tax in taxes):
            raise invalid_field(ENTITY, "taxes", "a tax has an amount")
        amounts = [Decimal(values["amount"]), *(Decimal(tax["amount"]) for tax in taxes)]
        if any(amount != cents(amount) for amount in amounts):
            raise invalid_field(ENTITY, "amount", "an amount has at most two decimals")
        if sum(amounts[1:], ZERO) > amounts[0] > 0:
            raise invalid_field(ENTITY, "taxes", "the taxes are part of the amount")
        values["amount"] = cents(amounts[0])

    def _computed(self, expense: Record) -> Mapping[str, Json]:
        billable = expense["billableOption"] == "Billable"
        return {"billAmount": expense["amount"] if billable else ZERO}
