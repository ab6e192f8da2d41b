"""The kinds of source records that hints are about."""

from typing import Final

from shared.engine.entity import Subject
from shared.ports.systems import ConnectWise

COMPANY: Final = Subject("company", path="company/companies", callback="company")
CATALOG_ITEM: Final = Subject("catalog_item", path="procurement/catalog", callback="productcatalog")
INVOICE: Final = Subject(
    "invoice",
    path="finance/invoices",
    callback="invoice",
    backlog="finance/accounting/unpostedinvoices",
    backlog_id="billingLogId",
    backlog_date="invoiceDate",
    date="date",
)
PROJECT: Final = Subject("project", path="project/projects", callback="project")
AGREEMENT: Final = Subject("agreement", path="finance/agreements", callback="agreement", daily=True)
"""ConnectWise tells nobody of changed additions and adjustments (its developer guide, Callbacks: types)."""
MEMBER: Final = Subject("member", path="system/members", callback="member")
UNPOSTED_EXPENSES: Final = "finance/accounting/unpostedexpenses"


async def reports_with_open_expenses(connectwise: ConnectWise) -> list[tuple[str, str]]:
    """Id and last day of the reports with expenses that are not exported; a row names member and day only."""
    names = ("id", "member", "dateExpense", "classification")
    rows = [row async for page in connectwise.scan(UNPOSTED_EXPENSES, fields=names) for row in page]
    days = {
        (int(row["member"]["id"]), str(row["dateExpense"])[:10])
        for row in rows
        if row.get("classification") != "Personal"
    }
    if not days:
        return []
    names = ("id", "member", "dateStart", "dateEnd")
    reports = [row async for page in connectwise.scan("expense/reports", fields=names) for row in page]
    return [
        (str(row["id"]), str(row["dateEnd"])[:10])
        for row in reports
        if any(
            member == int(row["member"]["id"])
            and str(row["dateStart"])[:10] <= day <= str(row["dateEnd"])[:10]
            for member, day in days
        )
    ]


EXPENSE_REPORT: Final = Subject(
    "expense_report", path="expense/reports", date="dateEnd", pending=reports_with_open_expenses
)
"""ConnectWise has no callback for reports (its developer guide, Callbacks: types): they are found by the sweep."""
STOCK_ENTRY: Final = Subject("stock_entry", path="finance/accounting/unpostedprocurement")
"""Adjustments and transfers; ConnectWise serves transfers nowhere else."""
PURCHASE_ORDER: Final = Subject(
    "purchase_order",
    path="procurement/purchaseorders",
    callback="purchaseorder",
    backlog="finance/accounting/unpostedprocurement",
    backlog_id="purchaseOrder/id",
    backlog_date="purchaseDate",
    date="poDate",
)
"""Whether a receipt on a line fires the callback is undocumented: the backlog finds it too."""
SETTLEMENT: Final = Subject("settlement", business_central="salesInvoices")
"""What was paid on one invoice; the id is the ConnectWise invoice's."""
