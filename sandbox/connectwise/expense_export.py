"""The expense part of the accounting export: bills per member and report, or rows with offsets, as the setup says."""

from collections.abc import Sequence
from typing import Final

from sandbox.connectwise.invoice_lines import ZERO
from sandbox.connectwise.ledger import ACCOUNTS, Sections
from sandbox.connectwise.store import Record, Store
from sandbox.kit import Json

_CLASS: Final = "Main"


class ExpenseExport:
    """Builds export rows from expense entries and a choice of their ledger entries."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def sections(self, pairs: Sequence[tuple[Record, list[Record]]]) -> Sections:
        """``expenseBills`` or ``expenses``, by transferExpensesAsBillFlag, and the members as vendors."""
        setup = next(iter(self.store.rows("AccountingPackageSetup")))
        members = dict.fromkeys(expense["member"]["id"] for expense, _ in pairs)
        vendors = [self._vendor(self.store.get("Member", number)) for number in members]
        if not setup["transferExpensesAsBillFlag"]:
            rows = [self._row(expense, *sides) for expense, entries in pairs for sides in _sides(entries)]
            return {"vendors": vendors, "expenses": rows}
        reports: dict[int, list[tuple[Record, list[Record]]]] = {}
        for expense, entries in pairs:
            reports.setdefault(expense["expenseReport"]["id"], []).append((expense, entries))
        return {"vendors": vendors, "expenseBills": [self._bill(*item) for item in reports.items()]}

    def _vendor(self, member: Record) -> Json:
        values = {"member": {"id": member["id"]}, "vendorNumber": member.get("vendorNumber")}
        return self.store.render("GLExportVendor", values)

    def _bill(self, report_id: int, pairs: Sequence[tuple[Record, list[Record]]]) -> Json:
        report = self.store.get("ExpenseReport", report_id)
        first = pairs[0][0]
        details = [self._bill_detail(expense, *sides) for expense, rows in pairs for sides in _sides(rows)]
        values = {
            "id": first["unpostedId"],
            "documentDate": report["dateEnd"],
            "documentType": "BILL",
            "documentNumber": f"EXP-{report_id}",
            "memo": report["name"],
            "glClass": _CLASS,
            "apAccountNumber": ACCOUNTS["AP"],
            "member": first["member"],
            "vendorNumber": self.store.get("Member", first["member"]["id"]).get("vendorNumber"),
            "currency": first["currency"],
            "total": sum((detail["total"] for detail in details), ZERO),
            "detail": details,
        }
        return self.store.render("GLExportExpenseBill", values)

    def _bill_detail(self, expense: Record, entry: Record, offset: Record | None) -> Json:
        method = self.store.get("PaymentType", expense["paymentMethod"]["id"])
        classification = self.store.get("Classification", expense["classification"]["id"])
        values = {
            "id": [entry["id"], *([offset["id"]] if offset else [])],
            "documentDate": expense["date"],
            "glTypeId": entry["type"],
            "memo": entry["description"],
            "company": expense.get("company"),
            "accountNumber": f"{entry['segment1']}:{_CLASS}",
            "expenseClass": expense["classification"],
            "currency": expense["currency"],
            "total": entry["amount"],
            "billable": expense["billableOption"] == "Billable",
            "reimbursable": classification["name"] == "Reimbursable",
            "companyAdvance": method["companyFlag"],
        }
        return self.store.render("GLExportExpenseBillDetail", values)

    def _row(self, expense: Record, entry: Record, offset: Record | None) -> Json:
        report = self.store.get("ExpenseReport", expense["expenseReport"]["id"])
        company = self.store.find("Company", expense.get("company", {}).get("id")) or {}
        values = {
            **self._common(expense, entry),
            "apAccountNumber": ACCOUNTS["AP"],
            "apClass": _CLASS,
            "periodStartDate": report["dateStart"],
            "periodEndDate": report["dateEnd"],
            "vendorNumber": self.store.get("Member", expense["member"]["id"]).get("vendorNumber"),
            "company": expense.get("company"),
            "companyAccountNumber": company.get("accountNumber"),
            "project": expense.get("project"),
            "currency": expense["currency"],
        }
        if offset:
            shown = self.store.render("GLExportExpenseOffset", self._common(expense, offset))
            values["offset"] = shown
        return self.store.render("GLExportExpense", values)

    def _common(self, expense: Record, entry: Record) -> Record:
        return {
            "id": entry["id"],
            "documentDate": expense["date"],
            "documentType": "EXPENSE",
            "accountNumber": entry["segment1"],
            "glClass": _CLASS,
            "glTypeId": entry["type"],
            "memo": entry["description"],
            "description": entry["description"],
            "member": expense["member"],
            "total": entry["amount"],
        }


def _sides(entries: Sequence[Record]) -> list[tuple[Record, Record | None]]:
    """The entries in pairs: each with its offset, where that is among them."""
    offsets = {entry["offsetOf"]: entry for entry in entries if entry["offsetOf"]}
    return [(entry, offsets.get(entry["id"])) for entry in entries if not entry["offsetOf"]]
