"""The kinds of source records that hints are about."""

from typing import Final

from shared.engine.entity import Subject

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
AGREEMENT: Final = Subject("agreement", path="finance/agreements", callback="agreement")
MEMBER: Final = Subject("member", path="system/members", callback="member")
EXPENSE_REPORT: Final = Subject("expense_report", path="expense/reports", date="dateEnd")
"""ConnectWise has no callback for reports (connectwise.md 3.2): they are found by the sweep."""
SETTLEMENT: Final = Subject("settlement", business_central="salesInvoices")
"""What was paid on one invoice; the id is the ConnectWise invoice's."""
