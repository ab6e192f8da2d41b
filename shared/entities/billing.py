"""What sales invoices and credit memos have in common: both are ConnectWise invoices.

The amounts come from ConnectWise's accounting interface, the only place that has its own account mapping, tax
levels and offsets (ConnectWise API, finance/accounting/export), and the batch of that interface is what marks them
as exported.
"""

from typing import Any, Final

from shared.domain.errors import HoldForPerson, WaitForDependency
from shared.domain.money import Money, cents
from shared.domain.plans import Action, Plan
from shared.domain.records import RecordRef
from shared.engine.entity import Job, JsonObject
from shared.engine.kinds.documents import Gathered
from shared.engine.kinds.mapping_data import linked_target
from shared.engine.kinds.taxes import tax_facts, taxed_source
from shared.entities.standing import posted_line, with_line
from shared.entities.subjects import COMPANY

CREDIT_MEMO: Final = "CreditMemo"


def judge(job: Job) -> Plan | None:
    """Only a closed document travels, once; what happens to it afterwards in ConnectWise is a person's case."""
    source, link = job.source, job.link
    begun = bool(link.step)
    if source is None:
        if begun:
            return hold(
                "source_deleted",
                f"The document was deleted in ConnectWise, but Business Central has {link.target_number}.",
                "Credit or delete the document in Business Central.",
            )
        return Plan(Action.SKIP, "The document no longer exists in ConnectWise.")
    batch = source.get("glBatch")
    if link.step == "done":
        if batch:
            return Plan(Action.NOTHING, f"Posted as {link.target_number}.")
        return hold(
            "unbatched",
            f"The document was taken out of its accounting batch in ConnectWise after it was posted as "
            f"{link.target_number}; it may have been edited.",
            "Put it back into its batch, or cancel the posted document in Business Central and have it sent anew.",
        )
    if link.step in ("posted", "batched"):
        return None
    if batch:
        if begun:
            return hold(
                "batched_elsewhere",
                f"Batch {batch.get('name')} exported this document while its draft was being made here.",
                "Keep one of the two and delete the other; then retry.",
            )
        return Plan(Action.SKIP, f"Already exported to accounting in batch {batch.get('name')}.")
    if not (source.get("status") or {}).get("isClosed"):
        return Plan(Action.SKIP, "The document is not closed in ConnectWise yet.")
    return None


async def require_customer(job: Job) -> str:
    """The ConnectWise id of who pays; ConnectWise exports nothing while that company has no account number."""
    invoice: dict[str, Any] = job.source or {}
    payer = str((invoice.get("billToCompany") or invoice["company"])["id"])
    if await linked_target(job.connection, job.store, COMPANY.name, "customer", payer) is None:
        needed = RecordRef(job.ref.connection, COMPANY.name, payer)
        record = await job.store.get(needed)
        left_out = record is not None and record.read_at is not None and "customer" not in record.links
        why = " The mapping leaves that company out: is its type right?" if left_out else ""
        raise WaitForDependency((needed,), f"Waits for customer {payer} to be in Business Central.{why}")
    return payer


async def gather(job: Job) -> Gathered:
    """The accounting transaction with the document's total, positive for invoices and credit memos alike."""
    await require_customer(job)
    export = await job.connection.connectwise.preview_export("invoices", [int(job.ref.id)])
    transactions = [one for one in export.get("transactions") or () if int(one["id"]) == int(job.ref.id)]
    if not transactions:
        raise HoldForPerson(
            "no_gl_entries",
            "ConnectWise exports no general ledger entries for this document: a G/L mapping was missing when it "
            "was closed, or its company has no account number.",
            todo="Complete the G/L mapping in ConnectWise, set the document to an open status and close it again.",
        )
    transaction: JsonObject = transactions[0]
    invoice = job.source or {}
    header = [int(part) for part in str(transaction.get("glEntryIds") or "").split(",") if part.strip()]
    details = [int(detail["id"]) for detail in transaction.get("detail") or ()]
    currency = transaction.get("currency") or invoice.get("currency") or {}
    sign = -1 if invoice.get("type") == CREDIT_MEMO else 1
    mode, source = job.connection.options.tax_mode, {"invoice": invoice, "transaction": transaction}
    return Gathered(
        source=taxed_source(mode, source),
        total=Money(
            sign * cents(transaction["total"]),
            str(currency.get("currencyCode") or currency.get("name") or ""),
        ),
        entry_ids=tuple(dict.fromkeys([*header, *details])),
        batch=f"{str(transaction['documentDate'])[:10]}-I{transaction['documentNumber']}",
        tags={name: invoice[name]["id"] for name in ("agreement", "project") if invoice.get(name)},
        tax=tax_facts(mode, source),
    )


async def confirm(job: Job) -> None:
    """Writes the posted number where ConnectWise allows it on a closed document: its internal notes."""
    facts = job.link.facts
    notes = str((job.source or {}).get("internalNotes") or "")
    number = str(job.link.target_number)
    if f"[Business Central {number}," in notes:
        return
    line = posted_line(number, str(facts["posting_date"]), str(facts["due_date"]))
    stored = await job.connection.connectwise.change(
        f"finance/closedInvoices/{job.ref.id}", {"internalNotes": with_line(notes, line)}
    )
    job.note_source(stored, whole=False)


def hold(cause: str, reason: str, todo: str) -> Plan:
    """A plan that waits for a person."""
    return Plan(Action.HOLD, reason, cause=cause, todo=todo)
