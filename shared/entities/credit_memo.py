"""Closed ConnectWise credit memos become posted Business Central sales credit memos.

A credit memo names what it belongs to (``applyToType``, ``applyToId``), not the invoice it corrects. Where
exactly one invoice of the company belongs to the same thing and is still open, the memo is applied to it as it is
posted; otherwise it stays unapplied, and applying it is a decision for the accounts.
"""

from dataclasses import replace
from typing import Final

from shared.domain.errors import NotFound
from shared.domain.plans import Action, Plan
from shared.domain.records import RecordRef
from shared.engine.documents import Document, Gathered
from shared.engine.entity import Job, JsonObject
from shared.engine.mapping_data import has_arrived
from shared.engine.receivable import header_of
from shared.entities import billing
from shared.entities.subjects import INVOICE, SETTLEMENT

CORRECTS: Final = "corrects"
"""The tag that names the ConnectWise invoice to which the memo is applied."""
SALES_INVOICE: Final = "sales_invoice"

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
    corrected = await _corrected(job)
    gathered.source["appliesTo"] = corrected
    return replace(gathered, tags={**gathered.tags, CORRECTS: corrected}) if corrected else gathered


async def _corrected(job: Job) -> int | None:
    """The one invoice that belongs to what the memo names, if the memo can still be applied to it."""
    memo = job.source or {}
    reference, reference_id = REFERENCES.get(str(memo.get("applyToType"))), memo.get("applyToId")
    if reference is None or not reference_id:
        return None
    rows = await job.connection.connectwise.select(
        "finance/invoices", {reference: int(reference_id), "company/id": int(memo["company"]["id"])}
    )
    invoices = [row for row in rows if row.get("type") != billing.CREDIT_MEMO]
    if len(invoices) != 1 or not await _applicable(job, memo, invoices[0]):
        return None
    return int(invoices[0]["id"])


async def _applicable(job: Job, memo: JsonObject, invoice: JsonObject) -> bool:
    """Whether Business Central would apply the memo to the invoice, now or once the invoice has arrived there.

    It applies only within one customer and currency, and only to what is open; another accounting's invoice never
    arrives.
    """
    if _terms(memo) != _terms(invoice):
        return False
    record = await job.store.get(RecordRef(job.ref.connection, INVOICE.name, str(invoice["id"])))
    link = record.links.get(SALES_INVOICE) if record else None
    if link is None or not has_arrived(link):
        return not invoice.get("glBatch") or bool(link and link.step)
    try:
        posted = await job.connection.business_central.read("salesInvoices", str(link.target_id))
    except NotFound:
        return False
    return bool(header_of(posted).remaining)


def _terms(document: JsonObject) -> tuple[object, object]:
    """Who pays, and in which currency."""
    payer = document.get("billToCompany") or document["company"]
    return payer["id"], (document.get("currency") or {}).get("id")


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
