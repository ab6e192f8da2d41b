"""Where the connection says so, approved reimbursable expenses become journal lines that credit the employee.

Business Central takes an employee in a journal line only as the balancing account (API page Journal Lines).
"""

from dataclasses import replace
from typing import Final

from shared.domain.errors import HoldForPerson
from shared.engine.entity import Job
from shared.engine.kinds.documents import Gathered, NothingToSend
from shared.engine.kinds.journals import Journal
from shared.entities import expenses
from shared.entities.subjects import EXPENSE_REPORT, MEMBER


async def gather(job: Job) -> Gathered:
    """What the employee is owed, with the member, whose vendor number is the employee's number."""
    if expenses.owed_by(job) != expenses.EMPLOYEE_EXPENSE:
        raise NothingToSend("What is owed is booked as a purchase invoice of the employee's vendor.")
    found = await expenses.open_expenses(job, "Reimbursable", require_number)
    gathered = await expenses.gather(job, found, "")
    member = (job.source or {})["member"]["id"]
    known = await job.connection.connectwise.read(f"{MEMBER.path}/{member}")
    return replace(gathered, source={**gathered.source, "member": known, "number": f"EXR-{job.ref.id}"})


async def require_number(job: Job) -> None:
    """Raises HoldForPerson: only a person knows which employee of Business Central the member is."""
    member = (job.source or {})["member"]
    raise HoldForPerson(
        "no_vendor_number",
        f"The member {member.get('name') or member['id']} has no vendor number in ConnectWise, so ConnectWise does not "
        "export what is owed.",
        todo="Enter the employee's number of Business Central as the member's vendor number; then retry.",
    )


ENTITY: Final = Journal(
    name=expenses.EMPLOYEE_EXPENSE,
    title="Employee's expenses",
    subject=EXPENSE_REPORT,
    judge=expenses.judge,
    gather=gather,
    accounting="expenses",
    attachments=expenses.attachments,
)
