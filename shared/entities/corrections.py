"""Which invoice a credit memo corrects, where that is certain.

A credit memo names what it belongs to (``applyToType``, ``applyToId``), not an invoice.
"""

from typing import Final

from shared.domain.errors import NotFound
from shared.domain.records import RecordRef
from shared.engine.entity import Job, JsonObject
from shared.engine.kinds.mapping_data import has_arrived
from shared.engine.kinds.receivable import header_of
from shared.entities.billing import CREDIT_MEMO
from shared.entities.subjects import INVOICE

REFERENCES: Final = {
    "Agreement": "agreement/id",
    "Project": "project/id",
    "ProjectPhase": "phase/id",
    "SalesOrder": "salesOrder/id",
    "Ticket": "ticket/id",
}
SALES_INVOICE: Final = "sales_invoice"


async def corrected_invoice(job: Job) -> int | None:
    """The one invoice that belongs to what the memo names, if the memo can still be applied to it."""
    memo = job.source or {}
    reference, reference_id = REFERENCES.get(str(memo.get("applyToType"))), memo.get("applyToId")
    if reference is None or not reference_id:
        return None
    rows = await job.connection.connectwise.select(
        "finance/invoices", {reference: int(reference_id), "company/id": int(memo["company"]["id"])}
    )
    invoices = [row for row in rows if row.get("type") != CREDIT_MEMO]
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
        return bool(link and link.step) or not invoice.get("glBatch")
    try:
        posted = await job.connection.business_central.read("salesInvoices", str(link.target_id))
    except NotFound:
        return False
    return bool(header_of(posted).remaining)


def _terms(document: JsonObject) -> tuple[object, object]:
    """Who pays, and in which currency."""
    payer = document.get("billToCompany") or document["company"]
    return payer["id"], (document.get("currency") or {}).get("id")
