"""What reimbursable and company-paid expenses have in common: both are entries of one expense report.

The accounting interface lists unapproved expenses too when a ticket or project bills them (ConnectWise API,
unpostedexpenses), so approval is read from each entry, never from the interface. It hides what is owed to a member
without a vendor number.
"""

from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any, Final, Literal

from shared.domain.envelope import BACKLOG
from shared.domain.errors import HoldForPerson, WaitForDependency
from shared.domain.money import Money, cents
from shared.domain.plans import Action, Plan
from shared.domain.records import RecordRef, digest
from shared.engine.entity import Job, JsonObject
from shared.engine.kinds.attachments import Owner
from shared.engine.kinds.documents import Gathered, NothingToSend
from shared.engine.kinds.mapping_data import linked_target
from shared.entities.billing import hold
from shared.entities.subjects import MEMBER, UNPOSTED_EXPENSES

type Classification = Literal["Reimbursable", "NonReimbursable"]

APPROVED: Final = frozenset({"ApprovedByTierTwo", "ReadyToBill", "Billed", "BilledAgreement", "WrittenOff"})
EXPENSE_REPORT: Final = "expense_report"
EMPLOYEE_EXPENSE: Final = "employee_expense"
JOURNAL: Final = "journal"
"""The option by which owed expenses are booked by journal, with the employee as the balancing account."""
FIRST_TIER: Final = "ApprovedByTierOne"
OWED_TO_NOBODY: Final = frozenset({"NonReimbursable", "Personal"})
SEEN: Final = "seen"
"""The fact that holds the digest of the report when its open expenses were last looked for."""
EXPENSES: Final = "expenses"
"""The tag that names the expense entries of a document."""


def approved(job: Job, status: object) -> bool:
    """Whether a status is final: the second tier's approval, or the first's where a site has only one."""
    return status in APPROVED or (status == FIRST_TIER and job.connection.options.expense_tiers == 1)


def judge(job: Job) -> Plan | None:
    """Only an approved report travels, once; an expense that appears in it later is a person's case."""
    source, link = job.source, job.link
    if source is None:
        if link.step:
            return hold(
                "source_deleted",
                f"The expense report was deleted in ConnectWise, but Business Central has {link.target_number}.",
                "Reverse the document in Business Central.",
            )
        return Plan(Action.SKIP, "The expense report no longer exists in ConnectWise.")
    if link.step in ("posted", "batched"):
        return None
    if not approved(job, source.get("status")):
        if link.step == "done":
            return hold(
                "approval_reversed",
                f"The approval was reversed in ConnectWise after {link.target_number} was posted.",
                "Approve the report again, or reverse the document in Business Central.",
            )
        return Plan(Action.SKIP, "The expense report is not approved yet.")
    asked = job.on_demand or job.verifies or job.envelope.why == BACKLOG
    if link.step == "done" and link.facts.get(SEEN) == digest(source) and not asked:
        return Plan(Action.NOTHING, f"Posted as {link.target_number}.")
    return None


async def open_expenses(
    job: Job, classification: Classification, require: Callable[[Job], Awaitable[None]] | None = None
) -> list[JsonObject]:
    """The report's approved, unexported expenses of one classification, each with its ``unposted`` row.

    Raises NothingToSend when there are none, HoldForPerson for expenses that appear after the report was posted.
    The interface hides what is owed to a member without a vendor number: ``require`` is asked then, and raises what
    keeps the report until there is one.
    """
    report = job.source or {}
    connectwise = job.connection.connectwise
    entries = await connectwise.select("expense/entries", {"expenseReport/id": int(job.ref.id)})
    rows = await connectwise.select(UNPOSTED_EXPENSES, {"member/id": int(report["member"]["id"])})
    by_detail = {int(row["expenseDetailId"]): row for row in rows}
    final = [entry for entry in entries if approved(job, entry.get("status"))]
    if classification == "Reimbursable" and any(
        int(entry["id"]) not in by_detail and _may_be_owed(entry) for entry in final
    ):
        await (require or require_employee)(job)
    found = [
        {**entry, "unposted": by_detail[int(entry["id"])]}
        for entry in final
        if int(entry["id"]) in by_detail
        and by_detail[int(entry["id"])].get("classification") == classification
    ]
    if job.link.step == "done" and found:
        raise _late(job, found)
    job.link.facts[SEEN] = digest(report)
    if job.link.step == "done":
        raise NothingToSend(f"Posted as {job.link.target_number}.")
    if not found:
        kind = "reimbursable" if classification == "Reimbursable" else "company-paid"
        raise NothingToSend(f"The report has no {kind} expenses that are approved and not exported.")
    return found


def _may_be_owed(entry: JsonObject) -> bool:
    return (entry.get("classification") or {}).get("name") not in OWED_TO_NOBODY


def _late(job: Job, found: list[JsonObject]) -> HoldForPerson:
    """Why a posted report cannot take what ConnectWise lists as not exported."""
    known = set(job.link.facts.get("tags", {}).get(EXPENSES, ()))
    total = _sum([one["unposted"] for one in found])
    number = job.link.target_number
    if any(int(one["id"]) in known for one in found):
        return HoldForPerson(
            "unbatched",
            f"Expenses of {total} were taken out of their accounting batch in ConnectWise after they were posted as "
            f"{number}; they may have been edited.",
            todo="Put them back into a batch, or reverse the document in Business Central.",
        )
    return HoldForPerson(
        "late_expenses",
        f"Expenses of {total} were approved in this report after it was posted as {number}.",
        todo="Book them by hand in Business Central and batch them in ConnectWise; then retry.",
    )


async def gather(job: Job, expenses: list[JsonObject], suffix: str) -> Gathered:
    """The accounting rows of the expenses, whether ConnectWise exports them as bills or one by one.

    A row does not name its expense, so each expense is asked for by itself: what a row is for decides who paid it
    and which dimensions it gets.
    """
    report = job.source or {}
    currency = _currency(expenses)
    rows: list[JsonObject] = []
    for one in expenses:
        export = await job.connection.connectwise.preview_export("expenses", [int(one["id"])])
        own = [*_of_bills(export), *_of_expenses(export)]
        total, expected = _sum(own), cents(one["unposted"]["total"])
        if total != expected:
            raise HoldForPerson(
                "no_gl_entries",
                f"ConnectWise exports {total} of {expected} for the expense {one['id']}: a G/L mapping is missing, or "
                "the member has no vendor number.",
                todo="Complete the G/L mapping of the expense types in ConnectWise, then reverse and approve the report.",
            )
        rows += [{**row, "expense": one} for row in own]
    number = f"EXP-{job.ref.id}"
    total = _sum(rows)
    return Gathered(
        source={
            "report": report,
            "number": number,
            "lines": rows,
            "currency": currency,
            "expenses": expenses,
            "total": total,
        },
        total=Money(total, str(currency.get("currencyCode") or currency.get("name") or "")),
        entry_ids=tuple(dict.fromkeys(number for row in rows for number in row["ids"])),
        batch=f"{str(report.get('dateEnd') or '')[:10]}-E{job.ref.id}{suffix}",
        tags={EXPENSES: [int(one["id"]) for one in expenses]},
    )


def _currency(expenses: list[JsonObject]) -> JsonObject:
    """The one currency of the expenses; amounts of several are never added up."""
    found = {str((one.get("currency") or {}).get("id")): one.get("currency") or {} for one in expenses}
    if len(found) > 1:
        names = ", ".join(str(one.get("currencyCode") or one.get("name") or "?") for one in found.values())
        raise HoldForPerson(
            "currency",
            f"The report has expenses in several currencies ({names}); one document has one currency.",
            todo="Reject the report and have each currency handed in by itself, or book it by hand and batch it.",
        )
    return dict(next(iter(found.values())))


def _sum(rows: list[JsonObject]) -> Decimal:
    return sum((cents(row["total"]) for row in rows), Decimal("0.00"))


def _of_bills(export: JsonObject) -> list[JsonObject]:
    """Rows of ``expenseBills``, where an account carries its class behind a colon (GLExportExpenseBill)."""
    return [
        _row(detail, [int(one) for one in detail["id"]], {})
        for bill in export.get("expenseBills") or ()
        for detail in bill.get("detail") or ()
    ]


def _of_expenses(export: JsonObject) -> list[JsonObject]:
    rows = []
    for row in export.get("expenses") or ():
        offset = row.get("offset") or {}
        rows.append(_row(row, [int(row["id"]), *([int(offset["id"])] if offset else [])], offset))
    return rows


def _row(detail: JsonObject, ids: list[int], offset: dict[str, Any]) -> JsonObject:
    account, _, account_class = str(detail.get("accountNumber") or "").partition(":")
    return {
        "ids": ids,
        "account": account,
        "class": account_class or detail.get("glClass"),
        "glTypeId": detail.get("glTypeId"),
        "description": detail.get("memo") or detail.get("description"),
        "date": detail.get("documentDate"),
        "company": detail.get("company"),
        "project": detail.get("project"),
        "total": cents(detail["total"]),
        "offsetAccount": offset.get("accountNumber"),
    }


async def require_employee(job: Job) -> None:
    """The member must be a vendor first; ConnectWise exports nothing owed to one without a vendor number."""
    member = str((job.source or {})["member"]["id"])
    if await linked_target(job.connection, job.store, MEMBER.name, "employee", member) is None:
        needed = RecordRef(job.ref.connection, MEMBER.name, member)
        raise WaitForDependency((needed,), f"Waits for member {member} to be a vendor in Business Central.")


def owed_by(job: Job) -> str:
    """The entity that books what is owed: that which began with the report, else that of the options."""
    links = job.record.links
    begun = [name for name in (EXPENSE_REPORT, EMPLOYEE_EXPENSE) if name in links and links[name].step]
    by_option = EMPLOYEE_EXPENSE if job.connection.options.expense_reports == JOURNAL else EXPENSE_REPORT
    return begun[0] if begun else by_option


def attachments(source: JsonObject) -> list[Owner]:
    """Receipts are attached to the entries; a report has no record type of its own (ConnectWise API, system/documents)."""
    return [Owner("Expense", int(one["id"])) for one in source["expenses"]]


async def confirm(job: Job) -> None:
    """ConnectWise has no field on a report that could take the number; the batch is the confirmation."""
