"""Closed ConnectWise credit memos become posted Business Central sales credit memos.

Where exactly one invoice of the company belongs to the same thing as the memo and is still open, the memo is
applied to it as it is posted; otherwise it stays unapplied, and applying it is a decision for the accounts.
"""

from dataclasses import replace
from typing import Final

from shared.domain.plans import Action, Plan
from shared.domain.records import RecordRef
from shared.engine.entity import Job
from shared.engine.kinds.documents import Document, Gathered
from shared.entities import billing
from shared.entities.corrections import corrected_invoice
from shared.entities.subjects import INVOICE, SETTLEMENT

CORRECTS: Final = "corrects"
"""The tag that names the ConnectWise invoice to which the memo is applied."""


def judge(job: Job) -> Plan | None:
    """Credit memos only."""
    if job.source is not None and job.source.get("type") != billing.CREDIT_MEMO:
        return Plan(Action.SKIP, "Not a credit memo.")
    return billing.judge(job)


async def gather(job: Job) -> Gathered:
    """The accounting transaction, with ``appliesTo``: the ConnectWise invoice that the memo corrects."""
    gathered = await billing.gather(job)
    corrected = await corrected_invoice(job)
    gathered.source["appliesTo"] = corrected
    return replace(gathered, tags={**gathered.tags, CORRECTS: corrected}) if corrected else gathered


async def confirm(job: Job) -> None:
    """Writes the posted number back, and has the invoice's settlement looked at as soon as the memo is known.

    Business Central applied the memo as it was posted; a settlement that was looked at before that moment could
    not tell whose memo it is.
    """
    await billing.confirm(job)
    corrected = job.link.facts.get("tags", {}).get(CORRECTS)
    if corrected:
        await job.store.add_waiter(job.ref, RecordRef(job.ref.connection, SETTLEMENT.name, str(corrected)))


ENTITY: Final = Document(
    name="credit_memo",
    title="Credit memo",
    subject=INVOICE,
    target="salesCreditMemos",
    lines="salesCreditMemoLines",
    number_field="externalDocumentNumber",
    judge=judge,
    gather=gather,
    confirm=confirm,
)
