"""Orders: kept in step line by line while nothing is received, afterwards a person's case.

Business Central releases an order with its first posting and the API cannot reopen it (base application, codeunit
Purch.-Post), so a change after that is shown as the exact steps to make by hand.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from decimal import Decimal

from shared.domain.plans import Action, Change, Plan
from shared.engine.entity import Job, JsonObject, Subject
from shared.engine.kinds.by_hand import BY_HAND
from shared.engine.kinds.dimensions import SET_LINES, settle_dimensions
from shared.engine.kinds.documents import RELEASE
from shared.engine.kinds.mapped import changes_between, map_source, plan_of_findings, warnings_of
from shared.engine.kinds.mapping_data import same
from shared.engine.kinds.order_lines import (
    COMMENT,
    LineStep,
    paired,
    plain,
    received_of,
    steps_between,
    wanted_lines,
)
from shared.engine.kinds.order_writing import (
    ACCEPTED,
    PURCHASE_ORDERS,
    Ordered,
    OrderSets,
    OrderWork,
    content_of,
    find_order,
    forget_order,
    is_frozen,
    read_order,
    write_order,
)
from shared.ports.systems import Lookup


@dataclass(frozen=True, slots=True)
class Order:
    """The declaration of an order. ``gather`` reads what the source orders.

    An order that changes one of the fields ``remade_by`` is deleted and made anew.
    """

    name: str
    title: str
    subject: Subject
    gather: Callable[[Job], Awaitable[Ordered]]
    sets: OrderSets = PURCHASE_ORDERS
    remade_by: tuple[str, ...] = ("vendorNumber", "currencyCode")

    async def plan(self, job: Job) -> Plan:
        """Order, change line by line, withdraw, hold with the steps to make by hand, wait or nothing."""
        ordered, link = await self.gather(job), job.link
        if not ordered.positions:
            return await self._plan_withdrawal(job, ordered.why)
        mapped = await map_source(job, self.name, ordered.source)
        stopped = plan_of_findings(job, mapped)
        if stopped is not None:
            return stopped
        await settle_dimensions(job, mapped.create)
        lines = wanted_lines(mapped.create.get(self.sets.lines, []), ordered.positions)
        equal = (link.step, link.fingerprint) == ("done", content_of(self.sets, mapped.create))
        # What a person releases may be a change in the target alone, which is seen by looking there.
        looks = job.verifies or bool(job.envelope.options.get(RELEASE))
        if link.target_id and equal and not looks:
            return Plan(Action.NOTHING, "Nothing that travels has changed.")
        work = OrderWork(ordered, mapped.create, lines)
        warnings = (*warnings_of(mapped), *_rounding(ordered))
        stored = await read_order(job, self.sets, link.target_id) if link.target_id else None
        if link.target_id and stored is None:
            gone = await self._plan_gone(job, work)
            if gone is not None:
                return self._plan_settled(job, work) if equal else gone
        stored = stored or await find_order(job, self.sets, work)
        if stored is not None:
            return self._plan_change(job, replace(work, stored=stored), stored, warnings)
        return Plan(
            Action.CREATE,
            payload=mapped.create,
            changes=changes_between({}, mapped.create, mapped),
            steps=("look up", "order", "compare lines"),
            warnings=warnings,
            facts={"work": work},
        )

    async def _plan_gone(self, job: Job, work: OrderWork | None = None) -> Plan | None:
        """An order that was invoiced in full is gone by itself, and must not be ordered a second time."""
        number = str(job.link.target_number)
        lookup = Lookup(self.sets.receipts, "orderNumber", number)
        [rows] = await job.connection.business_central.find([lookup])
        if not rows:
            return None
        if job.envelope.options.get(RELEASE):
            accepted = replace(work, accepted=True) if work else None
            return Plan(
                Action.CHANGE, f"A person has settled {number}.", steps=("note",), facts={"work": accepted}
            )
        return Plan(
            Action.HOLD,
            f"The order changed in ConnectWise, but {number} is no longer an order in Business Central: it was "
            f"received ({', '.join(str(row['number']) for row in rows)}) and invoiced, or deleted.",
            cause=BY_HAND,
            todo="Book the difference in Business Central by hand, then release this record.",
        )

    def _plan_settled(self, job: Job, work: OrderWork) -> Plan:
        """Takes note that an order is gone because it was invoiced in full, so that nobody misses it."""
        why = "Received and invoiced in full."
        if ACCEPTED in job.link.facts:
            return Plan(Action.NOTHING, why)
        return Plan(Action.CHANGE, why, steps=("note",), facts={"work": replace(work, accepted=True)})

    def _plan_change(self, job: Job, work: OrderWork, stored: JsonObject, warnings: tuple[str, ...]) -> Plan:
        """What brings the stored order to the wanted one; after a receipt that is left to a person."""
        steps, number = self._line_steps(job, work, stored), str(stored["number"])
        header = {
            name: value
            for name, value in work.payload.items()
            if name not in (self.sets.lines, SET_LINES) and not same(stored.get(name), value)
        }
        frozen = is_frozen(self.sets, stored)
        if frozen:
            words = [
                f"{name} {stored.get(name)} to {header[name]}" for name in self.remade_by if name in header
            ]
            words += [step.words for step in steps if not step.comment]
            accepted = bool(words and job.envelope.options.get(RELEASE))
            if words and not accepted:
                return by_hand(number, words)
            work, steps, header = replace(work, accepted=accepted), [], {}
        remake = bool(header.keys() & set(self.remade_by))
        changes = [Change(name, stored.get(name), value) for name, value in header.items()]
        changes += [change for step in steps for change in step.changes]
        reason = "" if changes or steps else f"{number} has it already."
        if not job.link.target_id:
            reason = f"Adopts the existing order {number}."
        words = ["delete and order anew"] if remake else [step.words for step in steps]
        return Plan(
            Action.CHANGE,
            reason,
            payload=work.payload,
            changes=tuple(changes),
            steps=tuple(words) or ("compare lines",),
            target=stored,
            warnings=warnings,
            facts={"work": replace(work, steps=tuple(steps), header=header, remake=remake)},
        )

    def _line_steps(self, job: Job, work: OrderWork, stored: JsonObject) -> list[LineStep]:
        facts = job.link.facts
        adopting = "positions" not in facts
        pairs, left = paired(
            work.lines, stored[self.sets.lines], facts.get("comments", ()), adopting=adopting
        )
        if adopting:
            own = {str(line["id"]) for line in left if line["lineType"] != COMMENT}
        else:
            own = {str(place["id"]) for place in facts["positions"].values()} | set(facts["comments"])
        return steps_between(pairs, left, own)

    async def _plan_withdrawal(self, job: Job, why: str) -> Plan:
        """Deletes the order while nothing of it is received."""
        if not job.link.target_id:
            return Plan(Action.SKIP, why)
        number = str(job.link.target_number)
        stored = await read_order(job, self.sets, job.link.target_id)
        if stored is None:
            forget = Plan(Action.CHANGE, f"{why} {number} is gone already.", steps=("forget",))
            return await self._plan_gone(job) or forget
        if not is_frozen(self.sets, stored):
            return Plan(Action.CHANGE, why, steps=(f"delete {number}",), target=stored)
        if job.envelope.options.get(RELEASE):
            return Plan(Action.CHANGE, f"{why} A person has settled {number}.", steps=("forget",))
        words = [
            f'line {line["sequence"]} ("{line["description"]}"): quantity {plain(line["quantity"])} to '
            f"{plain(received_of(line))}"
            for line in stored[self.sets.lines]
            if line["lineType"] != COMMENT and received_of(line) != line["quantity"]
        ]
        return by_hand(number, words or ["undo its receipts"], why)

    async def apply(self, job: Job, plan: Plan) -> None:
        """Writes, reads back, compares every line and links."""
        work: OrderWork | None = plan.facts.get("work")
        if work is None:
            await forget_order(job, self.sets, plan.target)
        else:
            await write_order(job, self.sets, work)


def _rounding(ordered: Ordered) -> tuple[str, ...]:
    """A warning where costs below a cent make the source's lines add up to something else than its positions."""
    total = sum((position.amount for position in ordered.positions), Decimal(0))
    if total == ordered.total.amount:
        return ()
    return (
        f"ConnectWise's lines come to {ordered.total}, taken together they are {total}: costs below a cent.",
    )


def by_hand(
    number: str, words: list[str], why: str = "The order changed in ConnectWise after its release."
) -> Plan:
    """A hold with the exact steps that a person makes."""
    return Plan(
        Action.HOLD,
        f"{why} To be changed in {number} in Business Central: {'; '.join(words)}.",
        cause=BY_HAND,
        todo=f"Reopen {number} in Business Central, change by hand: {'; '.join(words)}; release it and retry. "
        "Where it is settled otherwise, as on the vendor's invoice, release this record instead.",
    )
