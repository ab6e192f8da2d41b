"""Approved reimbursable expenses become a purchase invoice of the employee's vendor, one for each report.

The report's number is the vendor invoice number, which Business Central accepts once for each vendor.
"""

from typing import Final

from shared.domain.plans import Action, Plan
from shared.engine.documents import Document, Gathered, NothingToSend
from shared.engine.entity import Job
from shared.entities import expenses
from shared.entities.subjects import EXPENSE_REPORT


def judge(job: Job) -> Plan | None:
    """An approved report, once."""
    if job.link.step == "done":
        return Plan(Action.NOTHING, f"Posted as {job.link.target_number}.")
    return expenses.judge(job)


async def gather(job: Job) -> Gathered:
    """What the employee is owed."""
    found = await expenses.open_expenses(job, "Reimbursable")
    if not found:
        raise NothingToSend("The report has no reimbursable expenses that are approved and not exported.")
    await expenses.require_employee(job)
    return await expenses.gather(job, found, "")


ENTITY: Final = Document(
    name="expense_report",
    title="Expense report",
    subject=EXPENSE_REPORT,
    target="purchaseInvoices",
    number_field="vendorInvoiceNumber",
    judge=judge,
    gather=gather,
    confirm=expenses.confirm,
    lines="purchaseInvoiceLines",
    owner_field="vendorNumber",
    accounting="expenses",
)
