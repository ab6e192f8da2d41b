"""Receipts: what the source has received of an order is received in the target, once, and nothing is invoiced.

``receiveAndInvoice`` is the only action of an order; with nothing to invoice on any line it posts a receipt alone
(business-central.md 0.10). Setting the quantity to receive starts the quantity to invoice over, so all lines get
the first, then all lines the second, and every line is read again before the action.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from shared.domain.errors import HoldForPerson, NotFound, OutcomeUnknown, RetryLater, SyncError
from shared.domain.plans import Action, Change, Plan
from shared.domain.records import Link
from shared.engine.by_hand import BY_HAND
from shared.engine.documents import ETAG, RELEASE
from shared.engine.entity import Job, JsonObject, Subject
from shared.engine.ledger_setup import check_posting_date
from shared.engine.order_lines import COMMENT, received_of
from shared.engine.positions import Position
from shared.engine.receiving import Due, Problem, compare, hold_of
from shared.ports.systems import Lookup

POSTING: Final = "posting"
"""The fact that a posting was begun and when; it is gone once its outcome is known."""
POSTING_REST: Final = timedelta(minutes=10)
"""How long a posting whose answer was lost may still be carried out: Business Central ends calls after eight."""


@dataclass(frozen=True, slots=True)
class Arrived:
    """What the source has received: the positions, or ``why`` nothing is to be done.

    ``unbatched`` are the keys of positions whose receipts are not marked as exported, ``elsewhere`` of those that
    another export marked; ``problems`` are known without looking at the target.
    """

    positions: tuple[Position, ...] = ()
    why: str = ""
    unbatched: frozenset[str] = frozenset()
    elsewhere: frozenset[str] = frozenset()
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class _Work:
    """What a plan found out, for its application."""

    due: Due
    order: JsonObject | None = None
    batch: bool = False
    settled: Mapping[str, Decimal] | None = None


@dataclass(frozen=True, slots=True)
class Receipt:
    """The declaration of receipts of an order of the same subject, which is planned before.

    ``gather`` reads what the source has received; ``batch`` marks receipts as exported, but none of the positions
    with the given keys.
    """

    name: str
    title: str
    subject: Subject
    gather: Callable[[Job], Awaitable[Arrived]]
    batch: Callable[[Job, frozenset[str]], Awaitable[None]]
    order_entity: str = "purchase_order"
    target: str = "purchaseOrders"
    lines: str = "purchaseOrderLines"
    receipts: str = "purchaseReceipts"

    async def plan(self, job: Job) -> Plan:
        """Receive the difference, finish what was begun, hold, or nothing."""
        order = job.record.links.get(self.order_entity)
        if order is None or not order.target_id:
            return Plan(Action.SKIP, "The order is not in Business Central.")
        if order.step != "done":
            return Plan(Action.SKIP, "The order is not complete in Business Central yet.")
        arrived = await self.gather(job)
        if arrived.why:
            return Plan(Action.SKIP, arrived.why)
        work = await self._look(job, order, arrived)
        due, facts = work.due, job.link.facts
        blocked = {problem.key for problem in due.problems}
        work = replace(work, batch=bool(arrived.unbatched - blocked))
        known = {str(key): Decimal(value) for key, value in facts.get("received", {}).items()}
        if not (due.quantities or work.batch or POSTING in facts) and work.settled in (None, known):
            if due.problems:
                held = hold_of(due.problems)
                return Plan(Action.HOLD, held.operator, cause=held.cause, todo=held.todo)
            if not known and not any(position.received for position in arrived.positions):
                return Plan(Action.SKIP, "Nothing is received yet.")
            return Plan(Action.NOTHING, "Everything received is received and marked in both systems.")
        names = {position.line_id: position.text for position in arrived.positions}
        steps = (
            *(f"receive {quantity:f} of {names[line]}" for line, quantity in due.quantities.items()),
            "record the receipt" if work.order is not None else "",
            "batch in ConnectWise" if work.batch else "",
        )
        return Plan(
            Action.CHANGE if facts.get("receipts") else Action.CREATE,
            payload={"receive": due.quantities, "posting_date": due.day},
            changes=tuple(
                Change(
                    f"received {names[line]}",
                    known.get(line, Decimal(0)),
                    known.get(line, Decimal(0)) + quantity,
                )
                for line, quantity in due.quantities.items()
            ),
            steps=tuple(step for step in steps if step),
            target=work.order or {},
            warnings=tuple(problem.reason for problem in due.problems),
            facts={"work": work},
        )

    async def _look(self, job: Job, order: Link, arrived: Arrived) -> _Work:
        """Compares with Business Central, unless all that is received was received when we last looked."""
        facts = job.link.facts
        known = {str(key): Decimal(value) for key, value in facts.get("received", {}).items()}
        equal = all(one.received == known.get(one.line_id, Decimal(0)) for one in arrived.positions)
        equal = equal and known.keys() <= {one.line_id for one in arrived.positions}
        due = Due(problems=list(arrived.problems))
        if equal and POSTING not in facts and not (job.verifies and known):
            return _Work(due)
        try:
            stored = await job.connection.business_central.read(
                self.target, str(order.target_id), expand=self.lines
            )
        except NotFound:
            return self._gone(job, order, arrived, due)
        found = compare(arrived.positions, stored, stored[self.lines], arrived.elsewhere, known)
        found.problems = [*arrived.problems, *found.problems]
        if found.quantities:
            await check_posting_date(job.connection.business_central, found.day or None)
        return _Work(found, stored, settled=_received(stored[self.lines]))

    def _gone(self, job: Job, order: Link, arrived: Arrived, due: Due) -> _Work:
        """The order is gone: invoiced in full, or deleted. What was received meanwhile only a person can tell."""
        settled = {one.line_id: one.received for one in arrived.positions if one.line_id and one.received}
        if not arrived.unbatched or job.envelope.options.get(RELEASE):
            job.link.facts.pop(POSTING, None)
            return _Work(due, settled=settled)
        texts = ", ".join(one.text for one in arrived.positions if one.received)
        due.problems += [
            Problem(
                BY_HAND,
                f"{order.target_number} is no longer an order in Business Central, so what ConnectWise received of "
                f"{texts} cannot be received on it.",
                "Check in Business Central that it was received, or book it there; then release this record, and "
                "the receipts are marked as exported in ConnectWise.",
                key,
            )
            for key in sorted(arrived.unbatched)
        ]
        return _Work(due)

    async def apply(self, job: Job, plan: Plan) -> None:
        """Receives, verifies, records the receipt, marks it in ConnectWise; each step is recorded."""
        work: _Work = plan.facts["work"]
        if work.order is not None:
            stored = work.order
            if work.due.quantities:
                stored = await self._receive(job, stored, work.due)
            await self._record(job, stored)
        elif work.settled is not None:
            job.link.facts["received"] = dict(work.settled)
        if work.batch:
            await self.batch(job, frozenset(problem.key for problem in work.due.problems))
        if work.due.problems:
            raise hold_of(work.due.problems)
        job.link.step = "done"

    async def _receive(self, job: Job, stored: JsonObject, due: Due) -> JsonObject:
        """Posts the receipt and returns the order as it is afterwards."""
        facts, number = job.link.facts, str(stored["number"])
        anew = POSTING in facts
        if anew:
            rest = datetime.fromisoformat(facts[POSTING]["at"]) + POSTING_REST - job.now
            if rest > timedelta(0):
                raise _unknown(number, rest)
        await self._enter(job, stored, due, anew=anew)
        before = await self._verified(job, str(stored["id"]), due)
        facts[POSTING] = {"at": job.now.isoformat(), "quantities": due.quantities}
        await job.checkpoint(POSTING)
        try:
            await job.connection.business_central.act(
                self.target, str(stored["id"]), "Microsoft.NAV.receiveAndInvoice"
            )
        except OutcomeUnknown as lost:
            after = await self._read(job, str(stored["id"]))
            if _received(after[self.lines]) == _received(before[self.lines]):
                raise _unknown(number, POSTING_REST) from lost
        except SyncError:
            facts.pop(POSTING)
            raise
        else:
            after = await self._read(job, str(stored["id"]))
        _require_posted(before[self.lines], after[self.lines], due, number)
        return after

    async def _read(self, job: Job, order_id: str) -> JsonObject:
        return await job.connection.business_central.read(self.target, order_id, expand=self.lines)

    async def _enter(self, job: Job, stored: JsonObject, due: Due, *, anew: bool) -> None:
        """Enters the posting date, then the quantities to receive on all lines, then nothing to invoice on all.

        ``anew`` enters even what is there already, by way of zero: should a posting whose answer was lost still be
        under way, these lines are another version afterwards and are refused.
        """
        system = job.connection.business_central
        if due.day and stored.get("postingDate") != due.day:
            await system.change(self.target, str(stored["id"]), {"postingDate": due.day}, str(stored[ETAG]))
        entered = []
        for line in stored[self.lines]:
            if line["lineType"] == COMMENT:
                continue
            wanted = due.quantities.get(str(line["id"]), Decimal(0))
            cleared = await self._set(job, line, "receiveQuantity", Decimal(0)) if anew and wanted else line
            entered.append(await self._set(job, cleared, "receiveQuantity", wanted))
        for line in entered:
            await self._set(job, line, "invoiceQuantity", Decimal(0))

    async def _set(self, job: Job, line: JsonObject, name: str, value: Decimal) -> JsonObject:
        if Decimal(line[name]) == value:
            return line
        return await job.connection.business_central.change(
            self.lines, str(line["id"]), {name: value}, str(line[ETAG])
        )

    async def _verified(self, job: Job, order_id: str, due: Due) -> JsonObject:
        """The order as it will be posted; raises RetryLater when a line says something else than was entered."""
        stored = await self._read(job, order_id)
        for line in stored[self.lines]:
            wanted = due.quantities.get(str(line["id"]), Decimal(0))
            if line["lineType"] != COMMENT and (line["receiveQuantity"], line["invoiceQuantity"]) != (
                wanted,
                0,
            ):
                raise RetryLater(
                    "lines_moving",
                    f"Somebody is working on {stored['number']}: line {line['sequence']} would receive "
                    f"{line['receiveQuantity']} and invoice {line['invoiceQuantity']} instead of {wanted} and 0.",
                    todo="Nothing: it is tried again by itself.",
                )
        return stored

    async def _record(self, job: Job, stored: JsonObject) -> None:
        """Notes what is received by now and under which receipt numbers."""
        link, facts = job.link, job.link.facts
        [rows] = await job.connection.business_central.find(
            [Lookup(self.receipts, "orderNumber", str(stored["number"]))]
        )
        facts["receipts"] = [
            {"number": str(row["number"]), "id": str(row["id"]), "date": str(row.get("postingDate", ""))}
            for row in sorted(rows, key=lambda row: str(row["number"]))
        ]
        if facts["receipts"]:
            link.target_id, link.target_number = facts["receipts"][-1]["id"], facts["receipts"][-1]["number"]
        facts["received"] = {key: value for key, value in _received(stored[self.lines]).items() if value}
        facts.pop(POSTING, None)
        await job.checkpoint("received")


def _received(lines: list[JsonObject]) -> dict[str, Decimal]:
    return {str(line["id"]): received_of(line) for line in lines if received_of(line)}


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
