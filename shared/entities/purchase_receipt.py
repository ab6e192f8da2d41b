"""What ConnectWise has received of a purchase order is received on the order in Business Central."""

from collections import defaultdict
from decimal import Decimal
from typing import Final

from shared.engine.entity import Job
from shared.engine.kinds.receipts import Arrived, Receipt
from shared.entities import purchasing, receipt_batches
from shared.entities.subjects import PURCHASE_ORDER


async def gather(job: Job) -> Arrived:
    """What is received in all, and which of it is not marked as exported."""
    if purchasing.by_invoices(job):
        return Arrived(why="Receipts travel as purchase invoices of the vendor.")
    if job.source is None:
        return Arrived(why="The order was deleted in ConnectWise.")
    lines = await purchasing.order_lines(job)
    marked = receipt_batches.marked_lines(job)
    unbatched = {
        purchasing.line_key(line)
        for line in receipt_batches.due_lines(job, lines)
        if receipt_batches.is_worth(line) and line["id"] not in marked
    }
    if receipt_batches.freight_due(job, lines):
        unbatched.add(purchasing.FREIGHT)
    unmarked: defaultdict[str, Decimal] = defaultdict(Decimal, {purchasing.FREIGHT: Decimal(1)})
    for line in lines:
        if purchasing.is_received(line) and not line.get("batchedFlag"):
            unmarked[purchasing.line_key(line)] += Decimal(line["receivedQuantity"])
    return Arrived(
        positions=purchasing.positions(job, lines),
        unbatched=frozenset(unbatched),
        unmarked=unmarked,
        begun=receipt_batches.begun(job),
        problems=tuple(receipt_batches.taken_out(job, lines)),
    )


ENTITY: Final = Receipt(
    name=purchasing.RECEIPT,
    title="Purchase receipt",
    subject=PURCHASE_ORDER,
    gather=gather,
    batch=receipt_batches.mark,
)
