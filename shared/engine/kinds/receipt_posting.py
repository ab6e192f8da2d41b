"""Posts one receipt of an order: enters the quantities, verifies every line, posts, reads back, records.

``receiveAndInvoice`` is the only action of an order; with nothing to invoice on any line it posts a receipt alone
(base application, codeunit Purch.-Post). Setting the quantity to receive starts the quantity to invoice over, so
all lines get the first, then all lines the second, and every line is read again before the action.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from shared.domain.errors import HoldForPerson, OutcomeUnknown, RetryLater, SyncError
from shared.engine.entity import Job, JsonObject
from shared.engine.kinds.documents import ETAG
from shared.engine.kinds.order_lines import COMMENT, received_of
from shared.engine.kinds.order_writing import OrderSets
from shared.engine.kinds.receiving import Due
from shared.ports.systems import Lookup

ACTION: Final = "Microsoft.NAV.receiveAndInvoice"
POSTING: Final = "posting"
"""The fact that a posting was begun and when; it is gone once its outcome is known."""
POSTING_REST: Final = timedelta(minutes=10)
"""How long a posting whose answer was lost may still be carried out: Business Central ends calls after eight."""


async def post_receipt(job: Job, sets: OrderSets, stored: JsonObject, due: Due) -> JsonObject:
    """Receives the quantities that are due and returns the order as it is afterwards.

    Raises RetryLater while an earlier posting may still be carried out, and HoldForPerson when Business Central did
    anything but receive these quantities.
    """
    facts, number, order_id = job.link.facts, str(stored["number"]), str(stored["id"])
    anew = POSTING in facts
    if anew:
        rest = datetime.fromisoformat(facts[POSTING]["at"]) + POSTING_REST - job.now
        if rest > timedelta(0):
            raise _unknown(number, rest)
    await _enter(job, sets, stored, due, anew=anew)
    before = await _read(job, sets, order_id)
    _require_entered(before, before[sets.lines], due)
    facts[POSTING] = {"at": job.now.isoformat(), "quantities": due.quantities}
    await job.checkpoint(POSTING)
    try:
        await job.connection.business_central.act(sets.orders, order_id, ACTION)
    except OutcomeUnknown as lost:
        after = await _read(job, sets, order_id)
        if received_by_line(after[sets.lines]) == received_by_line(before[sets.lines]):
            raise _unknown(number, POSTING_REST) from lost
    except SyncError:
        facts.pop(POSTING)
        raise
    else:
        after = await _read(job, sets, order_id)
    _require_posted(before[sets.lines], after[sets.lines], due, number)
    return after


async def record_receipts(job: Job, sets: OrderSets, stored: JsonObject) -> None:
    """Notes what is received by now and under which receipt numbers."""
    link, facts = job.link, job.link.facts
    lookup = Lookup(sets.receipts, "orderNumber", str(stored["number"]))
    [rows] = await job.connection.business_central.find([lookup])
    facts["receipts"] = [
        {"number": str(row["number"]), "id": str(row["id"]), "date": str(row.get("postingDate", ""))}
        for row in sorted(rows, key=lambda row: str(row["number"]))
    ]
    if facts["receipts"]:
        link.target_id, link.target_number = (facts["receipts"][-1][name] for name in ("id", "number"))
    facts["received"] = received_by_line(stored[sets.lines])
    facts.pop(POSTING, None)
    await job.checkpoint("received")


def received_by_line(lines: Sequence[JsonObject]) -> dict[str, Decimal]:
    """What is received of each line of which anything is, by the line's id."""
    return {str(line["id"]): received_of(line) for line in lines if received_of(line)}


async def _read(job: Job, sets: OrderSets, order_id: str) -> JsonObject:
    return await job.connection.business_central.read(sets.orders, order_id, expand=sets.lines)


async def _enter(job: Job, sets: OrderSets, stored: JsonObject, due: Due, *, anew: bool) -> None:
    """Enters the posting date, then the quantities to receive on all lines, then nothing to invoice on all.

    ``anew`` enters even what is there already, by way of zero: should a posting whose answer was lost still be
    under way, these lines are another version afterwards and are refused.
    """
    system = job.connection.business_central
    if due.day and stored.get("postingDate") != due.day:
        await system.change(sets.orders, str(stored["id"]), {"postingDate": due.day}, str(stored[ETAG]))
    entered = []
    for line in stored[sets.lines]:
        if line["lineType"] == COMMENT:
            continue
        wanted = due.quantities.get(str(line["id"]), Decimal(0))
        cleared = await _set(job, sets, line, "receiveQuantity", Decimal(0)) if anew and wanted else line
        entered.append(await _set(job, sets, cleared, "receiveQuantity", wanted))
    for line in entered:
        await _set(job, sets, line, "invoiceQuantity", Decimal(0))


async def _set(job: Job, sets: OrderSets, line: JsonObject, name: str, value: Decimal) -> JsonObject:
    if Decimal(line[name]) == value:
        return line
    system = job.connection.business_central
    return await system.change(sets.lines, str(line["id"]), {name: value}, str(line[ETAG]))


def _require_entered(order: JsonObject, lines: Sequence[JsonObject], due: Due) -> None:
    """Raises RetryLater when a line says something else than was entered."""
    for line in lines:
        wanted = due.quantities.get(str(line["id"]), Decimal(0))
        if line["lineType"] != COMMENT and (line["receiveQuantity"], line["invoiceQuantity"]) != (wanted, 0):
            raise RetryLater(
                "lines_moving",
                f"Somebody is working on {order['number']}: line {line['sequence']} would receive "
                f"{line['receiveQuantity']} and invoice {line['invoiceQuantity']} instead of {wanted} and 0.",
                todo="Nothing: it is tried again by itself.",
            )


def _require_posted(before: list[JsonObject], after: list[JsonObject], due: Due, number: str) -> None:
    """Raises HoldForPerson when the posting did anything but receive the quantities."""
    then = {str(line["id"]): line for line in before}
    for line in after:
        old = then.get(str(line["id"]), line)
        expected = received_of(old) + due.quantities.get(str(line["id"]), Decimal(0))
        if received_of(line) != expected or line["invoicedQuantity"] != old["invoicedQuantity"]:
            raise HoldForPerson(
                "receipt_differs",
                f"After the receipt line {line['sequence']} of {number} says received {received_of(line)} and "
                f"invoiced {line['invoicedQuantity']}, expected were {expected} and {old['invoicedQuantity']}.",
                todo="Compare the posted receipts of the order with ConnectWise and correct them by hand; then retry.",
            )


def _unknown(number: str, rest: timedelta) -> RetryLater:
    return RetryLater(
        "posting_unknown",
        f"Whether the receipt on {number} is posted is not known yet; it is looked up before anything is posted.",
        after=rest,
        todo="Nothing: it goes on by itself.",
    )
