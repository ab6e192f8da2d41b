"""ConnectWise purchase orders become Business Central purchase orders, one line for each position."""

from typing import Final

from shared.engine.entity import Job
from shared.engine.kinds.order_writing import Ordered
from shared.engine.kinds.orders import Order
from shared.entities import purchasing
from shared.entities.subjects import PURCHASE_ORDER


async def gather(job: Job) -> Ordered:
    """The positions of the order, or why there are none."""
    if job.source is None:
        return Ordered({}, (), "The order was deleted in ConnectWise.")
    lines = await purchasing.order_lines(job)
    found, foreign = purchasing.positions(job, lines), purchasing.foreign_lines(job, lines)
    if not found:
        return Ordered({}, (), why_not(job, foreign))
    return Ordered(
        purchasing.mapped_source(job, lines, found),
        found,
        total=purchasing.total_of(job, lines, found),
        facts={purchasing.FOREIGN: foreign},
    )


def why_not(job: Job, foreign: list[int]) -> str:
    """Why an order has nothing that could be ordered."""
    lines = (job.source or {}).get("lineItems", ())
    if purchasing.by_invoices(job) and any(map(purchasing.is_received, lines)):
        return "Nothing more is expected: what was received is on purchase invoices."
    if foreign:
        return "What is received was already exported to accounting, and nothing more is expected."
    if (job.source or {}).get("closedFlag"):
        return "The order is closed in ConnectWise and nothing of it was received."
    return "Nothing is on order: the order has no open lines in ConnectWise."


ENTITY: Final = Order(
    name=purchasing.ORDER,
    title="Purchase order",
    subject=PURCHASE_ORDER,
    gather=gather,
)
