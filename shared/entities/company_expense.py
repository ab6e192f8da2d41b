"""Approved expenses that the company paid itself become journal lines: expense account against how it was paid."""

from typing import Final

from shared.engine.entity import Job
from shared.engine.kinds.documents import Gathered
from shared.engine.kinds.journals import Journal
from shared.entities import expenses
from shared.entities.subjects import EXPENSE_REPORT


async def gather(job: Job) -> Gathered:
    """What was paid by company card or account, each row with its expense entry for account and dimensions."""
    found = await expenses.open_expenses(job, "NonReimbursable")
    return await expenses.gather(job, found, "C")


ENTITY: Final = Journal(
    name="company_expense",
    title="Company-paid expenses",
    subject=EXPENSE_REPORT,
    judge=expenses.judge,
    gather=gather,
    accounting="expenses",
)
