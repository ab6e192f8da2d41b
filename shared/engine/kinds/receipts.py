"""Receipts: what the source has received of an order is received in the target, once, and nothing is invoiced.

Quantities are compared as they stand in all, on every line; the record of what was posted is never trusted further.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal

from shared.domain.plans import Action, Change, Plan
from shared.domain.records import Link
from shared.engine.entity import Job, JsonObject, Subject
from shared.engine.kinds.by_hand import BY_HAND
from shared.engine.kinds.documents import RELEASE
from shared.engine.kinds.ledger_setup import check_posting_date
from shared.engine.kinds.order_writing import PURCHASE_ORDERS, OrderSets, read_order
from shared.engine.kinds.positions import Position
from shared.engine.kinds.receipt_posting import POSTING, post_receipt, received_by_line, record_receipts
from shared.engine.kinds.receiving import Due, Problem, compare, hold_of


@dataclass(frozen=True, slots=True)
class Arrived:
    """What the source has received: the positions, or ``why`` nothing is to be done.

    ``unbatched`` are the keys of positions whose receipts are to be marked as exported, ``unmarked`` says how much
    of each position's receipts is in no batch; ``begun`` is true while the outcome of a batch is not known;
    ``problems`` are known without looking at the target.
    """

    positions: tuple[Position, ...] = ()
    why: str = ""
    unbatched: frozenset[str] = frozenset()
    unmarked: Mapping[str, Decimal] = field(default_factory=dict)
    begun: bool = False
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
    sets: OrderSets = PURCHASE_ORDERS

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
        work = replace(work, batch=arrived.begun or bool(arrived.unbatched - blocked))
        known = {str(key): Decimal(value) for key, value in facts.get("received", {}).items()}
        if not (due.quantities or work.batch or POSTING in facts) and work.settled in (None, known):
            if due.problems:
                held = hold_of(due.problems)
                return Plan(Action.HOLD, held.operator, cause=held.cause, todo=held.todo)
            if not known and not any(position.received for position in arrived.positions):
                return Plan(Action.SKIP, "Nothing is received yet.")
            # A pass that ended right after its last batch left it before that.
            job.link.step = "done"
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
        stored = await read_order(job, self.sets, str(order.target_id))
        if stored is None:
            return self._gone(job, order, arrived, due)
        found = compare(arrived.positions, stored, stored[self.sets.lines], arrived.unmarked, known)
        found.problems = [*arrived.problems, *found.problems]
        if found.quantities:
            await check_posting_date(job.connection.business_central, found.day or None)
        return _Work(found, stored, settled=received_by_line(stored[self.sets.lines]))

    def _gone(self, job: Job, order: Link, arrived: Arrived, due: Due) -> _Work:
        """The order is gone: invoiced in full, or deleted. What was received meanwhile only a person can tell."""
        settled = {one.line_id: one.received for one in arrived.positions if one.line_id and one.received}
        if not arrived.unbatched or job.envelope.options.get(RELEASE):
            job.link.facts.pop(POSTING, None)
            return _Work(due, settled=settled)
        texts = ", ".join(one.text for one in arrived.positions if one.received)
        due.problems += [
            Problem(
                cause=BY_HAND,
                reason=f"{order.target_number} is no longer an order in Business Central, so what ConnectWise received of "
                f"{texts} cannot be received on it.",
                todo="Check in Business Central that it was received, or book it there; then release this record, and "
                "the receipts are marked as exported in ConnectWise.",
                key=key,
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
                stored = await post_receipt(job, self.sets, stored, work.due)
            await record_receipts(job, self.sets, stored)
        elif work.settled is not None:
            job.link.facts["received"] = dict(work.settled)
        if work.batch:
            await self.batch(job, frozenset(problem.key for problem in work.due.problems))
        if work.due.problems:
            raise hold_of(work.due.problems)
        job.link.step = "done"
