"""Writes an order line by line, reads it back and notes which line is which.

An order has no field for a number of another system: its first line, a comment, is what it is found by.
"""

from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Final

from shared.domain.errors import HoldForPerson, NotFound, OutcomeUnknown
from shared.domain.money import Money, cents
from shared.domain.records import Payload
from shared.engine.entity import Job, JsonObject
from shared.engine.kinds.documents import DRAFT, ETAG
from shared.engine.kinds.mapping_data import same
from shared.engine.kinds.order_lines import COMMENT, LineStep, WantedLine, paired, received_of
from shared.engine.kinds.positions import Position, kept
from shared.mapping import fingerprint

CHANGING: Final = "changing"
"""The step of an order that is being written: until it is done, an equal content proves nothing."""


ACCEPTED: Final = "accepted"
"""The fact of an order that a person took as it is: by line, the values of the fields in :data:`SETTLED`."""
SETTLED: Final = ("quantity", "directUnitCost")


@dataclass(frozen=True, slots=True)
class OrderSets:
    """The sets of Business Central that make up an order, and the field that names whose it is."""

    orders: str = "purchaseOrders"
    lines: str = "purchaseOrderLines"
    receipts: str = "purchaseReceipts"
    owner: str = "vendorNumber"


PURCHASE_ORDERS: Final = OrderSets()


@dataclass(frozen=True, slots=True)
class Ordered:
    """What the source orders now: what the mapping sees, the positions, or ``why`` there are none.

    ``total`` is the source's own total of the positions; ``facts`` is kept with the link.
    """

    source: JsonObject
    positions: tuple[Position, ...]
    why: str = ""
    total: Money = field(default_factory=lambda: Money(Decimal(0), ""))
    facts: JsonObject = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class OrderWork:
    """What a plan found out, for its application.

    ``stored`` is the order as it is, ``steps`` and ``header`` what differs, ``remake`` that it is made anew,
    ``accepted`` that a person has settled the difference, so nothing is written or compared.
    """

    ordered: Ordered
    payload: Payload
    lines: tuple[WantedLine, ...]
    stored: JsonObject | None = None
    steps: tuple[LineStep, ...] = ()
    header: Payload = field(default_factory=dict)
    remake: bool = False
    accepted: bool = False


async def read_order(job: Job, sets: OrderSets, order_id: str) -> JsonObject | None:
    """The order with its lines, None when it is gone."""
    try:
        return await job.connection.business_central.read(sets.orders, order_id, expand=sets.lines)
    except NotFound:
        return None


async def find_order(job: Job, sets: OrderSets, work: OrderWork) -> JsonObject | None:
    """The owner's order whose comment is ours; raises HoldForPerson when there are several."""
    mark, owner = work.lines[0].payload["description"], str(work.payload.get(sets.owner, ""))
    found = [
        row
        async for page in job.connection.business_central.scan(
            sets.orders, equal={sets.owner: owner}, expand=sets.lines
        )
        for row in page
        if any(
            line["lineType"] == COMMENT and same(line.get("description"), mark) for line in row[sets.lines]
        )
    ]
    if len(found) > 1:
        raise HoldForPerson(
            "several_documents",
            f'Business Central has {len(found)} orders of {owner} with the line "{mark}": '
            f"{', '.join(str(row['number']) for row in found)}.",
            todo="Delete the ones that are too many; then retry.",
        )
    return found[0] if found else None


async def write_order(job: Job, sets: OrderSets, work: OrderWork) -> None:
    """Makes or changes the order, reads it back, compares every line and links it."""
    stored = work.stored
    if work.accepted:
        await _accept(job, sets, work)
        return
    if stored is not None and not work.remake:
        await _begin(job, stored)
        await _change(job, sets, work, stored)
    else:
        if stored is not None:
            await remove_order(job, sets, stored)
        await _begin(job, await _create(job, sets, work))
    system = job.connection.business_central
    stored = await system.read(sets.orders, str(job.link.target_id), expand=sets.lines)
    differing = _link(job, sets, work, stored)
    if differing:
        facts = job.link.facts
        expected, total = (Money(facts[name], facts["currency"]) for name in ("total", "bc_total"))
        raise HoldForPerson(
            "total_differs",
            f"ConnectWise orders {expected}, {stored['number']} in Business Central says {total}: "
            f"{'; '.join(differing)}.",
            todo="Compare the lines of both; mend the mapping, the tax setup or the order; then retry.",
        )
    job.link.step = "done"


async def forget_order(job: Job, sets: OrderSets, stored: JsonObject) -> None:
    """Deletes the order, unless it is gone already, and everything that is known of it."""
    if stored:
        await remove_order(job, sets, stored)
    link = job.link
    link.target_id = link.target_number = link.target_etag = None
    link.fingerprint, link.written, link.facts, link.step = "", {}, {}, ""


async def remove_order(job: Job, sets: OrderSets, stored: JsonObject) -> None:
    """Deletes the order; Business Central refuses once something of it is received."""
    await job.connection.business_central.remove(sets.orders, str(stored["id"]), str(stored[ETAG]))


async def _begin(job: Job, stored: JsonObject) -> None:
    """Stores which order it is, and that it is being written, before anything else is."""
    job.link.target_id, job.link.target_number = str(stored["id"]), str(stored["number"])
    await job.checkpoint(CHANGING)


async def _create(job: Job, sets: OrderSets, work: OrderWork) -> JsonObject:
    job.link.facts = {}
    try:
        return await job.connection.business_central.create(sets.orders, work.payload)
    except OutcomeUnknown:
        stored = await find_order(job, sets, work)
        if stored is None:
            raise
        return stored


async def _change(job: Job, sets: OrderSets, work: OrderWork, stored: JsonObject) -> None:
    system = job.connection.business_central
    if work.header:
        await system.change(sets.orders, str(stored["id"]), work.header, str(stored[ETAG]))
    for step in work.steps:
        if step.do == "add":
            await system.create(f"{sets.orders}({stored['id']})/{sets.lines}", step.payload)
        elif step.do == "remove":
            await system.remove(sets.lines, str(step.stored["id"]), str(step.stored[ETAG]))
        else:
            await system.change(sets.lines, str(step.stored["id"]), step.payload, str(step.stored[ETAG]))


async def _accept(job: Job, sets: OrderSets, work: OrderWork) -> None:
    """Takes the order as it is for what the source orders, because a person said so, and notes how it is."""
    lines: list[JsonObject] = []
    if work.stored is not None:
        _link(job, sets, work, work.stored)
        lines = [line for line in work.stored[sets.lines] if line["lineType"] != COMMENT]
    job.link.facts[ACCEPTED] = {str(line["id"]): [line[name] for name in SETTLED] for line in lines}
    job.link.written, job.link.fingerprint = work.payload, content_of(sets, work.payload)
    job.link.step = "done"


def _link(job: Job, sets: OrderSets, work: OrderWork, stored: JsonObject) -> list[str]:
    """Notes which line is which; returns the lines that do not say what the source says, to the cent."""
    link, ordered = job.link, work.ordered
    pairs, _ = paired(work.lines, stored[sets.lines], link.facts.get("comments", ()), adopting=False)
    positions: list[Position] = []
    comments: list[str] = []
    differing: list[str] = []
    total = Decimal("0.00")
    for wanted, line in pairs:
        position = wanted.position
        if position is None:
            comments += [str(line["id"])] if line else []
            continue
        if line is None:
            positions.append(replace(position, line_id=""))
            differing.append(f"{position.text} {position.amount} and no line")
            continue
        amount = cents(line["amountIncludingTax"])
        total += amount
        if amount != position.amount or line["quantity"] != position.quantity:
            differing.append(f"{position.text} {position.amount} and {amount}")
        positions.append(replace(position, sequence=int(line["sequence"]), line_id=str(line["id"])))
    link.facts.pop(ACCEPTED, None)
    link.target_number, link.target_etag = str(stored["number"]), str(stored.get(ETAG, ""))
    link.facts |= {
        "positions": kept(positions),
        "comments": comments,
        "total": sum((one.amount for one in positions), Decimal("0.00")),
        "source_total": ordered.total.amount,
        "bc_total": total,
        "currency": ordered.total.currency,
        **ordered.facts,
    }
    link.written, link.fingerprint = work.payload, content_of(sets, work.payload)
    return differing


def content_of(sets: OrderSets, payload: Payload) -> str:
    """What the payload orders; line numbers are Business Central's in the end and no part of it."""
    rows = [
        {name: value for name, value in row.items() if name != "sequence"}
        for row in payload.get(sets.lines, [])
    ]
    return fingerprint({**payload, sets.lines: rows})


def is_frozen(sets: OrderSets, stored: JsonObject) -> bool:
    """True once the order is released or something of it is received: the API can no longer change its lines."""
    return stored.get("status") != DRAFT or any(received_of(line) for line in stored[sets.lines])
