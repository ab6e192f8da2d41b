"""Orders: kept in step line by line while nothing is received, afterwards a person's case.

Business Central releases an order with its first posting and the API cannot reopen it (business-central.md 5), so a
change after that is shown as the exact steps to make by hand. An order has no field for a number of another
system: its first line, a comment, is what it is found by.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Final

from shared.domain.errors import HoldForPerson, NotFound, OutcomeUnknown
from shared.domain.money import Money, cents
from shared.domain.plans import Action, Change, Plan
from shared.domain.records import Payload
from shared.engine.by_hand import BY_HAND
from shared.engine.dimensions import SET_LINES, settle_dimensions
from shared.engine.documents import DRAFT, ETAG, RELEASE
from shared.engine.entity import Job, JsonObject, Subject
from shared.engine.mapped import changes_between, map_source, plan_of_findings, warnings_of
from shared.engine.mapping_data import same
from shared.engine.order_lines import (
    COMMENT,
    LineStep,
    WantedLine,
    paired,
    received_of,
    steps_between,
    wanted_lines,
)
from shared.engine.positions import Position, kept
from shared.mapping import fingerprint
from shared.ports.systems import Lookup

CHANGING: Final = "changing"
"""The step of an order that is being written: until it is done, an equal content proves nothing."""


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
class _Work:
    """What a plan found out, for its application."""

    ordered: Ordered
    payload: Payload
    lines: tuple[WantedLine, ...]
    stored: JsonObject | None = None
    steps: tuple[LineStep, ...] = ()
    header: Payload = field(default_factory=dict)
    remake: bool = False
    accepted: bool = False


@dataclass(frozen=True, slots=True)
class Order:
    """The declaration of an order. ``gather`` reads what the source orders.

    An order that changes one of the fields ``remade_by`` is deleted and made anew.
    """

    name: str
    title: str
    subject: Subject
    gather: Callable[[Job], Awaitable[Ordered]]
    target: str = "purchaseOrders"
    lines: str = "purchaseOrderLines"
    receipts: str = "purchaseReceipts"
    owner_field: str = "vendorNumber"
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
        lines = wanted_lines(mapped.create.get(self.lines, []), ordered.positions)
        content = self._content(mapped.create)
        if link.target_id and (link.step, link.fingerprint) == ("done", content) and not job.verifies:
            return Plan(Action.NOTHING, "Nothing that travels has changed.")
        work = _Work(ordered, mapped.create, lines)
        warnings = (*warnings_of(mapped), *_rounding(ordered))
        stored = await self._stored(job, work)
        if stored is not None:
            return self._plan_change(job, replace(work, stored=stored), warnings)
        return Plan(
            Action.CREATE,
            payload=mapped.create,
            changes=changes_between({}, mapped.create, mapped),
            steps=("look up", "order", "compare lines"),
            warnings=warnings,
            facts={"work": work},
        )

    async def _stored(self, job: Job, work: _Work) -> JsonObject | None:
        """The order with its lines: the linked one, else the one that carries the comment."""
        if job.link.target_id:
            try:
                return await job.connection.business_central.read(
                    self.target, job.link.target_id, expand=self.lines
                )
            except NotFound:
                await self._require_never_received(job)
        return await self._existing(job, work)

    async def _require_never_received(self, job: Job) -> None:
        """An order that was invoiced in full is gone by itself, and must not be ordered a second time."""
        number = str(job.link.target_number)
        [rows] = await job.connection.business_central.find([Lookup(self.receipts, "orderNumber", number)])
        if rows:
            raise HoldForPerson(
                BY_HAND,
                f"The order changed in ConnectWise, but {number} is no longer an order in Business Central: it was "
                f"received ({', '.join(str(row['number']) for row in rows)}) and invoiced, or deleted.",
                todo="Book the difference in Business Central by hand.",
            )

    async def _existing(self, job: Job, work: _Work) -> JsonObject | None:
        """The vendor's order whose first comment is ours; raises HoldForPerson when there are several."""
        mark, owner = work.lines[0].payload["description"], str(work.payload.get(self.owner_field, ""))
        found = [
            row
            async for page in job.connection.business_central.scan(
                self.target, equal={self.owner_field: owner}, expand=self.lines
            )
            for row in page
            if any(
                line["lineType"] == COMMENT and same(line.get("description"), mark)
                for line in row[self.lines]
            )
        ]
        if len(found) > 1:
            raise HoldForPerson(
                "several_documents",
                f'Business Central has {len(found)} orders of vendor {owner} with the line "{mark}": '
                f"{', '.join(str(row['number']) for row in found)}.",
                todo="Delete the ones that are too many; then retry.",
            )
        return found[0] if found else None

    def _plan_change(self, job: Job, work: _Work, warnings: tuple[str, ...]) -> Plan:
        """What brings the stored order to the wanted one; after a receipt that is left to a person."""
        stored = work.stored or {}
        steps = self._line_steps(job, work)
        header = {
            name: value
            for name, value in work.payload.items()
            if name not in (self.lines, SET_LINES) and not same(stored.get(name), value)
        }
        remake = bool(header.keys() & set(self.remade_by))
        number = str(stored["number"])
        accepted = bool(job.envelope.options.get(RELEASE))
        if is_frozen(stored, self.lines):
            words = [
                f"{name} {stored.get(name)} to {header[name]}" for name in self.remade_by if name in header
            ]
            words += [step.words for step in steps if not step.comment]
            if words and not accepted:
                return by_hand(number, words)
            steps, header, remake = [], {}, False
        changes = [Change(name, stored.get(name), value) for name, value in header.items()]
        changes += [change for step in steps for change in step.changes]
        reason = f"Adopts the existing order {number}." if not job.link.target_id else ""
        return Plan(
            Action.CHANGE,
            reason or ("" if changes or steps else f"{number} has it already."),
            payload=work.payload,
            changes=tuple(changes),
            steps=("delete and order anew",)
            if remake
            else tuple(step.words for step in steps) or ("compare",),
            target=stored,
            warnings=warnings,
            facts={
                "work": replace(work, steps=tuple(steps), header=header, remake=remake, accepted=accepted)
            },
        )

    def _line_steps(self, job: Job, work: _Work) -> list[LineStep]:
        facts = job.link.facts
        adopting = "positions" not in facts
        stored = (work.stored or {})[self.lines]
        pairs, left = paired(work.lines, stored, facts.get("comments", ()), adopting=adopting)
        if adopting:
            own = {str(line["id"]) for line in left if line["lineType"] != COMMENT}
        else:
            own = {str(place["id"]) for place in facts.get("positions", {}).values()}
            own |= set(facts.get("comments", ()))
        return steps_between(pairs, left, own)

    async def _plan_withdrawal(self, job: Job, why: str) -> Plan:
        """Deletes the order while nothing of it is received."""
        if not job.link.target_id:
            return Plan(Action.SKIP, why)
        number = str(job.link.target_number)
        try:
            stored = await job.connection.business_central.read(
                self.target, job.link.target_id, expand=self.lines
            )
        except NotFound:
            await self._require_never_received(job)
            return Plan(Action.CHANGE, f"{why} {number} is gone already.", steps=("forget",))
        received = [line for line in stored[self.lines] if received_of(line)]
        if received or is_frozen(stored, self.lines):
            if job.envelope.options.get(RELEASE):
                return Plan(Action.CHANGE, f"{why} A person has settled {number}.", steps=("forget",))
            words = [
                f'line {line["sequence"]} ("{line["description"]}"): quantity {line["quantity"]} to '
                f"{received_of(line)}"
                for line in stored[self.lines]
                if line["lineType"] != COMMENT and received_of(line) != line["quantity"]
            ]
            return by_hand(number, words or ["undo its receipts"], why)
        return Plan(Action.CHANGE, why, steps=(f"delete {number}",), target=stored)

    async def apply(self, job: Job, plan: Plan) -> None:
        """Writes, reads back, compares every line and links."""
        work: _Work | None = plan.facts.get("work")
        if work is None:
            await self._withdraw(job, plan.target)
            return
        stored = work.stored
        if stored is not None and not work.remake:
            await self._begin(job, stored)
            await self._change(job, work, stored)
        else:
            if stored is not None:
                await self._remove(job, stored)
            stored = await self._create(job, work)
            await self._begin(job, stored)
        stored = await job.connection.business_central.read(
            self.target, str(job.link.target_id), expand=self.lines
        )
        self._link(job, work, stored)
        job.link.step = "done"

    async def _begin(self, job: Job, stored: JsonObject) -> None:
        """Stores which order it is, and that it is being written, before anything else is."""
        link = job.link
        link.target_id, link.target_number = str(stored["id"]), str(stored["number"])
        await job.checkpoint(CHANGING)

    async def _create(self, job: Job, work: _Work) -> JsonObject:
        job.link.facts = {}
        try:
            return await job.connection.business_central.create(self.target, work.payload)
        except OutcomeUnknown:
            stored = await self._existing(job, work)
            if stored is None:
                raise
            return stored

    async def _change(self, job: Job, work: _Work, stored: JsonObject) -> None:
        system = job.connection.business_central
        if work.header:
            await system.change(self.target, str(stored["id"]), work.header, str(stored[ETAG]))
        for step in work.steps:
            if step.do == "add":
                await system.create(f"{self.target}({stored['id']})/{self.lines}", step.payload)
            elif step.do == "remove":
                await system.remove(self.lines, str(step.stored["id"]), str(step.stored[ETAG]))
            else:
                await system.change(self.lines, str(step.stored["id"]), step.payload, str(step.stored[ETAG]))

    async def _withdraw(self, job: Job, stored: JsonObject) -> None:
        if stored:
            await self._remove(job, stored)
        link = job.link
        link.target_id = link.target_number = link.target_etag = None
        link.fingerprint, link.written, link.facts, link.step = "", {}, {}, ""

    async def _remove(self, job: Job, stored: JsonObject) -> None:
        await job.connection.business_central.remove(self.target, str(stored["id"]), str(stored[ETAG]))

    def _link(self, job: Job, work: _Work, stored: JsonObject) -> None:
        """Notes which line is which, and requires that each says what the source says, to the cent."""
        link = job.link
        pairs, _ = paired(work.lines, stored[self.lines], link.facts.get("comments", ()), adopting=False)
        positions, comments, differing, total = [], [], [], Decimal(0)
        for wanted, line in pairs:
            position = wanted.position
            if position is None:
                comments += [str(line["id"])] if line else []
                continue
            amount = cents(line["amountIncludingTax"]) if line else Decimal(0)
            total += amount
            if line is None or amount != position.amount or line["quantity"] != position.quantity:
                differing.append(f"{position.text} {position.amount} and {amount}")
            place = (
                {"sequence": int(line["sequence"]), "line_id": str(line["id"])} if line else {"line_id": ""}
            )
            positions.append(replace(position, **place))
        currency, expected = work.ordered.total.currency, sum((one.amount for one in positions), Decimal(0))
        link.target_number, link.target_etag = str(stored["number"]), str(stored.get(ETAG, ""))
        link.facts |= {
            "positions": kept(positions),
            "comments": comments,
            "total": expected,
            "source_total": work.ordered.total.amount,
            "bc_total": total,
            "currency": currency,
            **work.ordered.facts,
        }
        if differing and not work.accepted:
            raise HoldForPerson(
                "total_differs",
                f"ConnectWise orders {Money(expected, currency)}, {stored['number']} in Business Central says "
                f"{Money(total, currency)}: {'; '.join(differing)}.",
                todo="Compare the lines of both; mend the mapping, the tax setup or the order; then retry.",
            )
        link.written = work.payload
        link.fingerprint = self._content(work.payload)

    def _content(self, payload: Payload) -> str:
        """What the payload orders; line numbers are Business Central's in the end and no part of it."""
        rows = [{k: v for k, v in row.items() if k != "sequence"} for row in payload.get(self.lines, [])]
        return fingerprint({**payload, self.lines: rows})


def _rounding(ordered: Ordered) -> tuple[str, ...]:
    """A warning where costs below a cent make the source's lines add up to something else than its positions."""
    total = sum((position.amount for position in ordered.positions), Decimal(0))
    if total == ordered.total.amount:
        return ()
    return (
        f"ConnectWise's lines come to {ordered.total}, taken together they are {total}: costs below a cent.",
    )


def is_frozen(stored: JsonObject, lines: str) -> bool:
    """True once the order is released or something of it is received: the API can no longer change its lines."""
    return stored.get("status") != DRAFT or any(received_of(line) for line in stored[lines])


def by_hand(
    number: str, words: list[str], why: str = "The order changed in ConnectWise after its release."
) -> Plan:
    """A hold with the exact steps that a person makes."""
    return Plan(
        Action.HOLD,
        f"{why} Business Central still has in {number}: {'; '.join(words)}.",
        cause=BY_HAND,
        todo=f"Reopen {number} in Business Central, change by hand: {'; '.join(words)}; release it and retry. "
        "Where it is settled otherwise, as on the vendor's invoice, release this record instead.",
    )
