"""Closed ConnectWise invoices become posted Business Central sales invoices."""

from typing import Final

from shared.domain.plans import Action, Plan
from shared.engine.entity import Job
from shared.engine.kinds.documents import Document
from shared.entities import billing
from shared.entities.subjects import INVOICE


def judge(job: Job) -> Plan | None:
    """Every type but credit memos, which have an entity of their own."""
    if job.source is not None and job.source.get("type") == billing.CREDIT_MEMO:
        return Plan(Action.SKIP, "A credit memo is not a sales invoice.")
    return billing.judge(job)


ENTITY: Final = Document(
    name="sales_invoice",
    title="Sales invoice",
    subject=INVOICE,
    target="salesInvoices",
    number_field="externalDocumentNumber",
    judge=judge,
    gather=billing.gather,
    confirm=billing.confirm,
)
