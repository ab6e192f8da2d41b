"""What purchase orders, their receipts and their bills have in common: the lines, gathered into positions.

The key of a position is product, unit cost, unit of measure and description: a partial receipt copies all four to
the line for the rest (ConnectWise API, receivedStatus of a line). So two lines that agree in all of them are one
line in Business Central, and a line whose cost or description is changed after a partial receipt is another
position from then on.
"""

import hashlib
from collections.abc import Iterable
from decimal import Decimal
from typing import Any, Final

from shared.domain.money import Money, cents
from shared.engine.entity import Job, JsonObject
from shared.engine.kinds.parts import PARTS
from shared.engine.kinds.positions import Position, placed
from shared.engine.kinds.receipt_posting import POSTING

ORDER: Final = "purchase_order"
RECEIPT: Final = "purchase_receipt"
BILL: Final = "vendor_bill"
PURCHASE_INVOICE: Final = "purchase_invoice"
"""The policy by which each receipt becomes a purchase invoice and nothing is received on the order."""
RECEIVED: Final = (POSTING, "received", "receipts", "batches")
"""The facts of a receipt of which any one says that something was received on the order, or is being received."""
WAITING: Final = "Waiting"
FREIGHT: Final = "freight"
FOREIGN: Final = "foreign"
"""The fact of an order that names the lines which another export had booked before DynaConnect knew the order."""
_LINES: Final = "lineItems"


async def order_lines(job: Job) -> list[JsonObject]:
    """All lines of the order, read once in a pass for every entity made of it."""
    source = job.source or {}
    if _LINES not in source:
        path = f"procurement/purchaseorders/{job.ref.id}/lineitems"
        source[_LINES] = [row async for page in job.connection.connectwise.scan(path) for row in page]
    lines: list[JsonObject] = source[_LINES]
    return lines


def header(job: Job) -> JsonObject:
    """The order without what was added to it here."""
    return {name: value for name, value in (job.source or {}).items() if name != _LINES}


def by_invoices(job: Job) -> bool:
    """True when receipts travel as purchase invoices; an order stays with the policy by which it was first received."""
    receipt, bill = job.record.links.get(RECEIPT), job.record.links.get(BILL)
    if receipt is not None and any(receipt.facts.get(name) for name in RECEIVED):
        return False
    if bill is not None and bill.facts.get(PARTS):
        return True
    return job.connection.options.vendor_bills == PURCHASE_INVOICE


def own_batched(job: Job) -> frozenset[int]:
    """The lines whose receipts DynaConnect has marked as exported, or was about to."""
    found: set[int] = set()
    for name in (RECEIPT, BILL):
        link = job.record.links.get(name)
        for batch in (link.facts.get("batches", {}) if link else {}).values():
            found |= {int(line) for line in batch["lines"]}
    return frozenset(found)


def foreign_lines(job: Job, lines: Iterable[JsonObject]) -> list[int]:
    """The lines that were exported before DynaConnect knew the order; they stay with who exported them."""
    link = job.record.links.get(ORDER)
    if link is not None and FOREIGN in link.facts:
        return [int(number) for number in link.facts[FOREIGN]]
    own = own_batched(job)
    return sorted(int(line["id"]) for line in lines if line.get("batchedFlag") and line["id"] not in own)


def positions(job: Job, lines: Iterable[JsonObject]) -> tuple[Position, ...]:
    """The order's positions with the lines of Business Central that they have so far.

    A closed order expects nothing more, so what is not received by then is not ordered any longer. Where receipts
    travel as purchase invoices, the order is what is still expected.
    """
    source, every = job.source or {}, list(lines)
    left_out, closed = set(foreign_lines(job, every)), bool(source.get("closedFlag"))
    groups: dict[str, list[JsonObject]] = {}
    for line in every:
        if not line.get("canceledFlag") and line["id"] not in left_out:
            groups.setdefault(line_key(line), []).append(line)
    found = [_position(key, group, closed=closed, rest=by_invoices(job)) for key, group in groups.items()]
    found = [position for position in found if position.quantity or position.received]
    freight = _freight(job, found, closed=closed)
    link = job.record.links.get(ORDER)
    return placed([*found, *freight], link.facts.get("positions", {}) if link else {})


def line_key(line: JsonObject) -> str:
    """What of a line survives a partial receipt, as a short code."""
    parts = (
        (line.get("product") or {}).get("id"),
        f"{Decimal(line.get('unitCost') or 0).normalize():f}",
        (line.get("unitOfMeasure") or {}).get("id"),
        line.get("description"),
    )
    return hashlib.sha256("|".join(map(str, parts)).encode()).hexdigest()[:16]


def is_received(line: JsonObject) -> bool:
    """True for a line of which something has come."""
    return line.get("receivedStatus", WAITING) != WAITING and not line.get("canceledFlag")


def _position(key: str, lines: list[JsonObject], *, closed: bool, rest: bool) -> Position:
    first, came = lines[0], [line for line in lines if is_received(line)]
    ordered = [
        line for line in lines if not (rest and is_received(line)) and not (closed and line not in came)
    ]
    name = str((first.get("product") or {}).get("identifier") or "")
    return Position(
        key=key,
        text=f"{name} {first.get('description') or ''}".strip(),
        quantity=sum((Decimal(line["quantity"]) for line in ordered), Decimal(0)),
        received=Decimal(0)
        if rest
        else sum((Decimal(line["receivedQuantity"]) for line in came), Decimal(0)),
        cost=Decimal(first.get("unitCost") or 0),
        lines=tuple(int(line["id"]) for line in lines),
        received_on=max((str(line.get("dateReceived") or "")[:10] for line in came), default=""),
    )


def _freight(job: Job, found: list[Position], *, closed: bool) -> list[Position]:
    """The freight as a position of its own; it comes with the last receipt, as ConnectWise exports it."""
    source, cost = job.source or {}, Decimal((job.source or {}).get("freightCost") or 0)
    if not (cost and found and job.connection.options.freight_account) or by_invoices(job):
        return []
    came = Decimal(closed and any(position.received for position in found))
    day = max(position.received_on for position in found)
    return [Position(FREIGHT, f"Freight of {source.get('poNumber')}", Decimal(1), came, cost, (), day)]


def mapped_source(job: Job, lines: Iterable[JsonObject], found: Iterable[Position]) -> JsonObject:
    """What the mapping of an order sees: ``order``, ``positions``, ``freight`` and ``freightNote``."""
    by_id = {int(line["id"]): line for line in lines}
    rows: list[JsonObject] = []
    freight: list[JsonObject] = []
    for one in found:
        values: dict[str, Any] = {"sequence": one.sequence, "quantity": one.quantity, "unitCost": one.cost}
        if one.key == FREIGHT:
            account = job.connection.options.freight_account
            freight.append({**values, "accountNumber": account, "description": one.text})
        else:
            rows.append({**by_id[one.lines[0]], **values})
    source = header(job)
    note = Decimal(source.get("freightCost") or 0) if not freight else Decimal(0)
    return {
        "order": source,
        "positions": rows,
        "freight": freight,
        "freightNote": [{"cost": note}] if note else [],
    }


def total_of(job: Job, lines: Iterable[JsonObject], found: Iterable[Position]) -> Money:
    """What ConnectWise's own lines of these positions add up to, each rounded to the cent, and their currency."""
    numbers = {number for one in found for number in one.lines}
    amounts = [
        cents(Decimal(line["quantity"]) * Decimal(line.get("unitCost") or 0))
        for line in lines
        if int(line["id"]) in numbers
    ]
    amounts += [cents(one.cost) for one in found if one.key == FREIGHT]
    currency = (job.source or {}).get("currency") or {}
    code = currency.get("currencyCode") or currency.get("name") or ""
    return Money(sum(amounts, Decimal("0.00")), str(code))
