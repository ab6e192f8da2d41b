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
)
PROJECT: Final = Subject("project", path="project/projects", callback="project")
AGREEMENT: Final = Subject("agreement", path="finance/agreements", callback="agreement")
SETTLEMENT: Final = Subject("settlement", business_central="salesInvoices")
"""What was paid on one invoice; the id is the ConnectWise invoice's."""
