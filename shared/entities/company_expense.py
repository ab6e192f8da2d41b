"""Approved expenses that the company paid itself become journal lines: expense account against how it was paid."""

from typing import Final

from shared.domain.plans import Action, Plan
from shared.engine.documents import Gathered, NothingToSend
from shared.engine.entity import Job
from shared.engine.journals import Journal
from shared.entities import expenses
from shared.entities.subjects import EXPENSE_REPORT


def judge(job: Job) -> Plan | None:
    """An approved report, once."""
    if job.link.step == "done":
        return Plan(Action.NOTHING, f"Posted as {job.link.target_number}.")
    return expenses.judge(job)


async def gather(job: Job) -> Gathered:
    """What was paid by company card or account, each row with its expense entry for the dimensions."""
    found = await expenses.open_expenses(job, "NonReimbursable")
    if not found:
        raise NothingToSend("The report has no company-paid expenses that are approved and not exported.")
    gathered = await expenses.gather(job, found, "C")
    by_text = {str(one["unposted"].get("chargeDescription")): one for one in found}
    for row in gathered.source["lines"]:
        row["expense"] = by_text.get(str(row["description"]), found[0])
    return gathered


ENTITY: Final = Journal(
    name="company_expense",
    title="Company-paid expenses",
    subject=EXPENSE_REPORT,
    judge=judge,
    gather=gather,
    accounting="expenses",
)
