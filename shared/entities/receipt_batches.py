"""Marks receipts as exported in ConnectWise: one accounting batch for each unposted product id.

Only what Business Central has received is marked, and only if ConnectWise exports exactly the lines that were read.
A batch is stored before it is made, so that a crash finds it again under its name.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Final

from shared.domain.errors import RetryLater
from shared.domain.money import cents
from shared.engine.entity import Job, JsonObject
from shared.engine.kinds.receiving import Problem
from shared.entities import purchasing

UNPOSTED: Final = "finance/accounting/unpostedprocurement"
MOST_IDENTIFIER: Final = 50
FREIGHT_TYPES: Final = ("PF", "FT")
NOT_EXPORTED: Final = Problem(
    "ConnectWise exports no general ledger entries for a receipt: a G/L mapping was missing when its line was "
    "closed, or the vendor has no vendor number.",
    "Complete the G/L mapping in ConnectWise, undo the receipt of the line and receive it again.",
    cause="no_gl_entries",
)


def due_lines(job: Job, lines: Sequence[JsonObject]) -> list[JsonObject]:
    """The received lines that ConnectWise exports and that are in no batch."""
    left_out = set(purchasing.foreign_lines(job, lines))
    return [
        line
        for line in lines
        if purchasing.is_received(line)
        and line.get("closedFlag")
        and not line.get("batchedFlag")
        and line["id"] not in left_out
    ]


def is_worth(line: JsonObject) -> bool:
    """False for a line that comes to nothing: whether ConnectWise makes ledger entries for it is unproven."""
    return bool(line.get("extCost") or line.get("tax"))


def has_freight(transaction: JsonObject) -> bool:
    """True when the transaction exports the order's freight or its tax."""
    return any(detail.get("glTypeId") in FREIGHT_TYPES for detail in details_of(transaction))


def freight_due(job: Job, lines: Sequence[JsonObject]) -> bool:
    """True while the freight of a closed order that was received is in no batch of ours."""
    source = job.source or {}
    if not source.get("closedFlag") or not Decimal(source.get("freightCost") or 0):
        return False
    batches = job.link.facts.get("batches", {}).values()
    marked = any(one["freight"] and one["done"] for one in batches)
    return any(map(purchasing.is_received, lines)) and not marked


async def unposted(job: Job) -> list[JsonObject]:
    """The transactions that ConnectWise would export for the order, one for each unposted product id."""
    connectwise = job.connection.connectwise
    rows = await connectwise.select(UNPOSTED, {"purchaseOrder/id": int(job.ref.id)})
    keys = [str(row["unpostedProductId"]) for row in rows if row.get("procurementType") == "Purchase"]
    if not keys:
        return []
    export = await connectwise.preview_export("products", list(dict.fromkeys(keys)))
    return [one for one in export.get("purchaseTransactions") or () if str(one["id"]) in keys]


def details_of(transaction: JsonObject) -> list[JsonObject]:
    """Every ledger entry of a transaction: goods, freight and their taxes."""
    return [*(transaction.get("purchaseDetail") or ()), *(transaction.get("purchaseDetailTax") or ())]


def entry_ids(transaction: JsonObject) -> list[int]:
    """The ids that a batch must name; what is left out would stay unposted (finance/accounting/batches)."""
    return list(dict.fromkeys(int(detail["id"]) for detail in details_of(transaction)))


def slip_of(record: JsonObject) -> str:
    """The packing slip of a line or a transaction."""
    return str(record.get("packingSlip") or "")


def lines_behind(transaction: JsonObject, due: Iterable[JsonObject]) -> list[JsonObject]:
    """The lines that the transaction exports.

    Raises RetryLater when ConnectWise exports other quantities than were read, because somebody is receiving now.
    """
    exported: defaultdict[int, Decimal] = defaultdict(Decimal)
    for detail in transaction.get("purchaseDetail") or ():
        if detail.get("glTypeId") not in FREIGHT_TYPES:
            exported[int((detail.get("item") or {}).get("id") or 0)] += Decimal(detail["quantity"])
    lines = [line for line in due if slip_of(line) == slip_of(transaction)]
    read: defaultdict[int, Decimal] = defaultdict(Decimal)
    for line in lines:
        read[int(line["product"]["id"])] += Decimal(line["quantity"])
    if {k: v for k, v in exported.items() if v} != {k: v for k, v in read.items() if v}:
        raise RetryLater(
            "receipt_moving",
            f"ConnectWise exports other quantities for {transaction['id']} than its lines showed: somebody is at work.",
            todo="Nothing: it is read again. If it lasts, compare the lines of the order with the unposted receipt.",
        )
    return lines


def marked_lines(job: Job) -> dict[int, str]:
    """The lines in batches that were made for this entity, with the batch's name."""
    return {
        int(number): name
        for name, batch in job.link.facts.get("batches", {}).items()
        if batch["done"]
        for number in batch["lines"]
    }


def begun(job: Job) -> bool:
    """True while it is not known of a batch whether it was made: the process ended in between."""
    return any(not batch["done"] for batch in job.link.facts.get("batches", {}).values())


def taken_out(job: Job, lines: Iterable[JsonObject]) -> list[Problem]:
    """Lines that were taken out of their batch after they were posted: probably edited, never posted again silently."""
    done, last = marked_lines(job), job.link.target_number
    return [
        Problem(
            f'Line {line["lineNumber"]} ("{line["description"]}") was taken out of batch {done[line["id"]]} in '
            f"ConnectWise after it was posted (last as {last}); it may have been edited.",
            "Put it back with Rebatch; or correct what is posted in Business Central by hand and mark the line in a "
            "batch of your own. Then retry.",
            cause="unbatched",
            key=purchasing.line_key(line),
        )
        for line in lines
        if line["id"] in done and not line.get("batchedFlag")
    ]


def identifier(transaction: JsonObject, taken: Iterable[str]) -> str:
    """The batch's name, such as ``2026-11-20-P1001-S1``, at most 50 characters and used once."""
    date, number, slip = (
        str(transaction.get("documentDate") or "")[:10],
        str(transaction.get("documentNumber") or transaction["id"]),
        slip_of(transaction),
    )
    base, used = f"{date}-P{number}{'-' if slip else ''}{slip}", set(taken)
    for count in range(1, len(used) + 2):
        name = base if count == 1 else f"{base}-{count}"
        if len(name) > MOST_IDENTIFIER:
            code = hashlib.sha256(name.encode()).hexdigest()[:8]
            name = f"{name[: MOST_IDENTIFIER - 9]}-{code}"
        if name not in used:
            return name
    raise AssertionError("one more name than batches is always free")


async def mark(job: Job, blocked: frozenset[str]) -> None:
    """Makes the batches that are due; positions with a key in ``blocked`` are not received, so theirs wait."""
    batches: dict[str, JsonObject] = job.link.facts.setdefault("batches", {})
    await _finish_begun(job, batches)
    lines = await purchasing.order_lines(job)
    due, done = due_lines(job, lines), marked_lines(job)
    left = {int(line["id"]) for line in due if is_worth(line) and line["id"] not in done}
    for transaction in await unposted(job):
        behind = lines_behind(transaction, due)
        left -= {int(line["id"]) for line in behind}
        freight = has_freight(transaction)
        keys = {purchasing.line_key(line) for line in behind} | ({purchasing.FREIGHT} if freight else set())
        if not keys & blocked and not any(line["id"] in done for line in behind):
            await _commit(job, batches, transaction, behind, freight=freight)
    if left:
        raise RetryLater(NOT_EXPORTED.cause, NOT_EXPORTED.reason, todo=NOT_EXPORTED.todo)


async def _finish_begun(job: Job, batches: dict[str, JsonObject]) -> None:
    """Batches that an earlier pass began: made, or nothing happened and they are made anew."""
    for name in [name for name, batch in batches.items() if not batch["done"]]:
        if await job.connection.connectwise.find_batch(name) is None:
            del batches[name]
        else:
            batches[name]["done"] = True


async def _commit(
    job: Job,
    batches: dict[str, JsonObject],
    transaction: JsonObject,
    lines: list[JsonObject],
    *,
    freight: bool,
) -> None:
    name = identifier(transaction, batches)
    batches[name] = {
        "key": str(transaction["id"]),
        "lines": [int(line["id"]) for line in lines],
        "freight": freight,
        "total": cents(transaction.get("total") or 0),
        "done": False,
    }
    await job.checkpoint("batching")
    await job.connection.connectwise.commit_batch(
        name, job.connection.options.gl_interface, "products", entry_ids(transaction)
    )
    batches[name]["done"] = True
    await job.checkpoint("batched")
