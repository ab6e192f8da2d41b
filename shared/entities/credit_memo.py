"""Closed ConnectWise credit memos become posted Business Central sales credit memos.

A credit memo names what it belongs to (``applyToType``, ``applyToId``), not the invoice it corrects. Where
exactly one invoice of the company belongs to the same thing, the memo is applied to it as it is posted;
otherwise it stays unapplied, and applying it is a decision for the accounts.
"""

from typing import Final

from shared.domain.plans import Action, Plan
from shared.engine.documents import Document, Gathered
from shared.engine.entity import Job
from shared.entities import billing
from shared.entities.subjects import INVOICE

REFERENCES: Final = {
    "Agreement": "agreement/id",
    "Project": "project/id",
    "ProjectPhase": "phase/id",
    "SalesOrder": "salesOrder/id",
    "Ticket": "ticket/id",
}


def judge(job: Job) -> Plan | None:
    """Credit memos only."""
    if job.source is not None and job.source.get("type") != billing.CREDIT_MEMO:
        return Plan(Action.SKIP, "Not a credit memo.")
    return billing.judge(job)


async def gather(job: Job) -> Gathered:
    """The accounting transaction, with ``appliesTo``: the ConnectWise invoice that the memo corrects."""
    gathered = await billing.gather(job)
    gathered.source["appliesTo"] = await _corrected(job)
    return gathered


async def _corrected(job: Job) -> int | None:
    memo = job.source or {}
    reference, reference_id = REFERENCES.get(str(memo.get("applyToType"))), memo.get("applyToId")
    if reference is None or not reference_id:
        return None
    rows = await job.connection.connectwise.select(
        "finance/invoices", {reference: int(reference_id), "company/id": int(memo["company"]["id"])}
    )
    invoices = [row for row in rows if row.get("type") != billing.CREDIT_MEMO]
    return int(invoices[0]["id"]) if len(invoices) == 1 else None


ENTITY: Final = Document(
    name="credit_memo",
    title="Credit memo",
    subject=INVOICE,
    target="salesCreditMemos",
    lines="salesCreditMemoLines",
    number_field="externalDocumentNumber",
    judge=judge,
    gather=gather,
    confirm=billing.confirm,
)
