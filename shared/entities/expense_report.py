"""Approved reimbursable expenses become a purchase invoice of the employee's vendor, one for each report.

The report's number is the vendor invoice number, which Business Central accepts once for each vendor.
"""

from typing import Final

from shared.engine.entity import Job
from shared.engine.kinds.documents import Document, Gathered, NothingToSend
from shared.entities import expenses
from shared.entities.subjects import EXPENSE_REPORT


async def gather(job: Job) -> Gathered:
    """What the employee is owed."""
    if expenses.owed_by(job) != expenses.EXPENSE_REPORT:
        raise NothingToSend("What is owed is booked by journal.")
    found = await expenses.open_expenses(job, "Reimbursable")
    await expenses.require_employee(job)
    return await expenses.gather(job, found, "")


ENTITY: Final = Document(
    name=expenses.EXPENSE_REPORT,
    title="Expense report",
    subject=EXPENSE_REPORT,
    target="purchaseInvoices",
    number_field="vendorInvoiceNumber",
    judge=expenses.judge,
    gather=gather,
    confirm=expenses.confirm,
    lines="purchaseInvoiceLines",
    price_field="unitCost",
    owner_field="vendorNumber",
    accounting="expenses",
    attachments=expenses.attachments,
)
