"""Inventory adjustments and transfers: Business Central's standard API has no item journal, so a person books them.

Changing ``inventory`` on an item would post an adjustment of its own making (API page Items, Update Inventory).
"""

from decimal import Decimal
from typing import Final

from shared.domain.errors import HoldForPerson
from shared.domain.money import Money, cents
from shared.domain.plans import Action, Plan
from shared.engine.entity import Job, JsonObject
from shared.engine.kinds.by_hand import ByHand
from shared.engine.kinds.documents import Gathered, NothingToSend
from shared.entities.subjects import STOCK_ENTRY

KINDS: Final = ("Adjustment", "Transfer")


def judge(job: Job) -> Plan | None:
    """Every unposted adjustment and transfer; once batched it is gone from ConnectWise's list."""
    if job.link.step == "done" or (job.source is None and job.link.step == "released"):
        return Plan(Action.NOTHING, "Booked by hand and marked as exported.")
    if job.source is None:
        return Plan(Action.SKIP, "ConnectWise lists it no longer.")
    if job.source.get("procurementType") not in KINDS:
        return Plan(Action.SKIP, "Not an adjustment or a transfer.")
    return None


async def gather(job: Job) -> Gathered:
    """The entry in words, and the unposted rows that are one document; the first of them speaks for all."""
    source = job.source or {}
    key, connectwise = str(source["unpostedProductId"]), job.connection.connectwise
    rows = [
        row
        async for page in connectwise.scan(STOCK_ENTRY.path)
        for row in page
        if row.get("unpostedProductId") == key
    ]
    ids = sorted(int(row["id"]) for row in rows)
    if ids and ids[0] != int(job.ref.id):
        raise NothingToSend(f"Belongs to row {ids[0]}.")
    entry = entry_text(await connectwise.preview_export("products", [key]))
    if not entry:
        raise HoldForPerson(
            "no_gl_entries",
            f"ConnectWise lists {key} as not exported, but exports no item of it: a G/L mapping is missing.",
            todo="Complete the G/L mapping of inventory in ConnectWise; then retry.",
        )
    total = sum((cents(row.get("total") or 0) for row in rows), Decimal(0))
    return Gathered(
        source={"entry": entry, "rows": rows},
        total=Money(total, ""),
        entry_ids=tuple(ids),
        batch=f"{str(source.get('dateClosed') or '')[:10]}-S{key}"[:50],
    )


def entry_text(export: JsonObject) -> str:
    """The item journal lines to make, one sentence each."""
    sentences = []
    for adjustment in export.get("adjustmentTransactions") or ():
        day = str(adjustment.get("documentDate"))[:10]
        for detail in adjustment.get("adjustmentDetail") or ():
            quantity = Decimal(detail["quantity"])
            kind = "Positive" if quantity >= 0 else "Negative"
            sentences.append(
                f"Item journal of {day}: {kind} Adjmt. of {abs(quantity)} x {(detail.get('item') or {}).get('identifier')} "
                f"at unit cost {detail.get('cost')} ({adjustment.get('adjustmentDescription')})."
            )
    for transfer in export.get("inventoryTransfers") or ():
        day = str(transfer.get("documentDate"))[:10]
        start, end = transfer.get("transferFromBin") or {}, transfer.get("transferToBin") or {}
        sentences.append(
            f"Item reclassification journal of {day}: {transfer.get('quantity')} x "
            f"{(transfer.get('item') or {}).get('identifier')} from {start.get('name')} to {end.get('name')}."
        )
    return " ".join(sentences)


ENTITY: Final = ByHand(
    name="stock_entry",
    title="Inventory adjustment or transfer",
    subject=STOCK_ENTRY,
    judge=judge,
    gather=gather,
    accounting="products",
)
