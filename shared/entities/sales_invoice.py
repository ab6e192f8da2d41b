"""Closed ConnectWise invoices become posted Business Central sales invoices.

The amounts come from ConnectWise's accounting interface, the only place that has its own account mapping,
tax levels and offsets (connectwise.md 4.5), and the batch of that interface is what marks them as exported.
"""

from typing import Any, Final

from shared.domain.errors import HoldForPerson, WaitForDependency
from shared.domain.money import Money, cents
from shared.domain.plans import Action, Plan
from shared.domain.records import RecordRef
from shared.engine.documents import Document, Gathered
from shared.engine.entity import Job
from shared.engine.mapping_data import linked_target
from shared.entities.subjects import COMPANY, INVOICE


def judge(job: Job) -> Plan | None:
    """Only a closed invoice travels, once; what happens to it afterwards in ConnectWise is a person's case."""
    source, link = job.source, job.link
    begun = bool(link.step)
    if source is None:
        if begun:
            return _hold(
                "source_deleted",
                f"The invoice was deleted in ConnectWise, but Business Central has {link.target_number}.",
                "Credit or delete the document in Business Central.",
            )
        return Plan(Action.SKIP, "The invoice no longer exists in ConnectWise.")
    batch = source.get("glBatch")
    if link.step == "done":
        if batch:
            return Plan(Action.NOTHING, f"Posted as {link.target_number}.")
        return _hold(
            "unbatched",
            f"The invoice was taken out of its accounting batch in ConnectWise after it was posted as "
            f"{link.target_number}; it may have been edited.",
            "Put it back into its batch, or cancel the posted invoice in Business Central and have it sent anew.",
        )
    if link.step in ("posted", "batched"):
        return None
    if batch:
        if begun:
            return _hold(
                "batched_elsewhere",
                f"Batch {batch.get('name')} exported this invoice while its draft was being made here.",
                "Keep one of the two and delete the other; then retry.",
            )
        return Plan(Action.SKIP, f"Already exported to accounting in batch {batch.get('name')}.")
    if source.get("type") == "CreditMemo":
        return Plan(Action.SKIP, "A credit memo is not a sales invoice.")
    if not (source.get("status") or {}).get("isClosed"):
        return Plan(Action.SKIP, "The invoice is not closed in ConnectWise yet.")
    return None


async def gather(job: Job) -> Gathered:
    """The accounting transaction. ConnectWise exports none while the customer has no account number."""
    invoice: dict[str, Any] = job.source or {}
    payer = str((invoice.get("billToCompany") or invoice["company"])["id"])
    if await linked_target(job.connection, job.store, COMPANY.name, "customer", payer) is None:
        needed = RecordRef(job.ref.connection, COMPANY.name, payer)
        raise WaitForDependency((needed,), f"Waits for customer {payer} to be in Business Central.")
    transaction = await job.connection.connectwise.preview_export(int(job.ref.id))
    if transaction is None:
        raise HoldForPerson(
            "no_gl_entries",
            "ConnectWise exports no general ledger entries for this invoice: a G/L mapping was missing when it "
            "was closed, or its company has no account number.",
            todo="Complete the G/L mapping in ConnectWise, set the invoice to an open status and close it again.",
        )
    header = [int(part) for part in str(transaction.get("glEntryIds") or "").split(",") if part.strip()]
    details = [int(detail["id"]) for detail in transaction.get("detail") or ()]
    currency = transaction.get("currency") or invoice.get("currency") or {}
    return Gathered(
        source={"invoice": invoice, "transaction": transaction},
        total=Money(
            cents(transaction["total"]), str(currency.get("currencyCode") or currency.get("name") or "")
        ),
        entry_ids=tuple(dict.fromkeys([*header, *details])),
        batch=f"{str(transaction['documentDate'])[:10]}-I{transaction['documentNumber']}",
    )


async def confirm(job: Job) -> None:
    """Writes the posted number where ConnectWise allows it on a closed invoice: its internal notes."""
    notes = str((job.source or {}).get("internalNotes") or "")
    marker = f"Business Central {job.link.target_number}"
    if marker in notes:
        return
    line = f"{marker} posted {job.link.facts['posting_date']}, due {job.link.facts['due_date']}."
    stored = await job.connection.connectwise.change(
        f"finance/closedInvoices/{job.ref.id}", {"internalNotes": f"{notes} {line}".strip()}
    )
    job.note_source(stored, whole=False)


def _hold(cause: str, reason: str, todo: str) -> Plan:
    return Plan(Action.HOLD, reason, cause=cause, todo=todo)


ENTITY: Final = Document(
    name="sales_invoice",
    title="Sales invoice",
    subject=INVOICE,
    target="salesInvoices",
    number_field="externalDocumentNumber",
    judge=judge,
    gather=gather,
    confirm=confirm,
)
