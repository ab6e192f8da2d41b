"""Settlements: what Business Central applied to one invoice becomes payments on the ConnectWise invoice.

A pass looks at the whole invoice (its remaining amount, every application, every ConnectWise payment) and
brings ConnectWise to that, so that duplicates, lost notifications and restarts all end the same way. One
application is one ConnectWise payment; an application taken back is a payment removed.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from shared.domain.envelope import NOTIFICATION
from shared.domain.errors import HoldForPerson, OutcomeUnknown, RetryLater, StopConnection
from shared.domain.money import cents
from shared.domain.plans import Action, Change, Plan
from shared.domain.records import Link, RecordRef
from shared.engine.entity import Job, JsonObject, Subject
from shared.engine.kinds.receivable import (
    CREDIT_MEMO,
    PAYMENT,
    Receivable,
    Settled,
    header_of,
    read_receivable,
)

SETTLING: Final = "settling"
"""The step of an invoice whose settlement is begun: until it is done, an unchanged balance proves nothing."""
ADDING: Final = "adding"
"""The fact that names the payments a pass is about to add: should it die, the next one knows whose they are."""
NO_LEDGER: Final = "analytics_absent"
CREDIT_TYPES: Final = ("", "C", "P")
"""The payment types that are tried for an applied credit memo: the definition of InvoicePayment names none."""
NOTE: Final = "note"
"""The policy by which an applied credit memo is a word in the standing and no payment."""
LEDGER_REST: Final = timedelta(hours=1)
"""How long a settlement rests that Business Central shows no ledger for: an administrator has to act first."""


@dataclass(frozen=True, slots=True)
class Settlement:
    """The declaration of payments that follow a document of another subject.

    ``confirm`` writes the invoice's standing (posted, paid, open, cancelled) to ConnectWise; it is asked with the
    receivable as read and returns a text that is remembered, so that the same standing is written once.
    """

    name: str
    title: str
    subject: Subject
    confirm: Callable[[Job, Receivable, str], Awaitable[str]]
    document_subject: str = "invoice"
    document_entity: str = "sales_invoice"
    credit_entity: str = "credit_memo"
    target: str = "salesInvoices"

    async def plan(self, job: Job) -> Plan:
        """Which ConnectWise payments to add, change and remove."""
        document = await self._document(job)
        if document is None:
            return Plan(Action.SKIP, "The invoice is not posted in Business Central by DynaConnect.")
        invoice = await job.connection.business_central.read(self.target, str(document.target_id))
        head, known = header_of(invoice), job.link.facts
        if job.verifies:
            known.pop("standing", None)
        if (
            job.envelope.why == NOTIFICATION
            and job.link.step != SETTLING
            and known.get("remaining", head.total) == head.remaining
            and known.get("status", document.facts.get("status")) == head.status
        ):
            return Plan(Action.NOTHING, f"Remaining amount is still {head.remaining}.")
        try:
            receivable = await read_receivable(job, document, invoice)
        except StopConnection as stop:
            if stop.cause != NO_LEDGER:
                raise
            plan = Plan(Action.CHANGE, stop.operator, cause=stop.cause, todo=stop.todo)
            plan.payload, plan.steps = {"steps": [], "receivable": head}, ("write the standing",)
            return plan
        wanted = {one.key: await self._payment(job, one) for one in receivable.settled}
        existing = [row async for page in job.connection.connectwise.scan(self._path(job)) for row in page]
        return self._compare(job.link, wanted, existing, receivable)

    async def _document(self, job: Job) -> Link | None:
        record = await job.store.get(RecordRef(job.ref.connection, self.document_subject, job.ref.id))
        link = record.links.get(self.document_entity) if record else None
        return link if link is not None and link.step in ("posted", "batched", "done") else None

    async def _payment(self, job: Job, one: Settled) -> JsonObject:
        """What ConnectWise should hold for one application; ``credit`` is the memo of ours that is to be shown so."""
        payment: JsonObject = {
            "kind": one.kind,
            "amount": one.amount,
            "local": one.local,
            "date": one.date,
            "reference": one.reference,
            "discount": one.discount,
        }
        shown = job.connection.options.credit_applications != NOTE or one.key in job.link.facts.get(
            "payments", {}
        )
        if one.kind == CREDIT_MEMO and shown:
            key = f"{self.credit_entity}|{one.reference}"
            memo = await job.store.by_target(job.ref.connection, self.document_subject, key)
            payment["credit"] = int(memo.id) if memo else 0
        return payment

    def _path(self, job: Job) -> str:
        return f"finance/invoices/{job.ref.id}/payments"

    def _compare(
        self, link: Link, wanted: dict[str, JsonObject], existing: list[JsonObject], receivable: Receivable
    ) -> Plan:
        ours: dict[str, JsonObject] = dict(link.facts.get("payments", {}))
        noted: list[str] = list(link.facts.get("noted", []))
        by_id = {int(row["id"]): row for row in existing}
        claimed = {int(one["id"]) for one in ours.values()}
        payments: dict[str, JsonObject] = {}
        steps: list[JsonObject] = []
        changes: list[Change] = []
        for key, known in ours.items():
            if key not in wanted and int(known["id"]) in by_id:
                steps.append({"do": "remove", "key": key, "id": known["id"]})
                changes.append(Change(key, known["amount"], None, "no longer applied in Business Central"))
        for key, want in wanted.items():
            because = f"{want['kind'].lower()} {want['reference']} of {want['date']}"
            if key in noted or not (want["kind"] == PAYMENT or want.get("credit")):
                continue
            row = by_id.get(int(ours[key]["id"])) if key in ours else None
            row = row or unclaimed(existing, key, want, claimed)
            if row is None:
                steps.append({"do": "add", "key": key, **want})
                changes.append(Change(key, None, want["amount"], because))
                continue
            claimed.add(int(row["id"]))
            payments[key] = {"id": int(row["id"]), **want}
            if cents(row["amount"]) != want["amount"]:
                steps.append({"do": "change", "key": key, "id": int(row["id"]), **want})
                changes.append(Change(key, row["amount"], want["amount"], because))
        adding = {str(step["key"]): wanted[step["key"]] for step in steps if step["do"] == "add"}
        for key, want in link.facts.get(ADDING, {}).items():
            # Of a pass that died, and no longer wanted: an application taken back before anybody knew of its payment.
            row = None if key in wanted or key in ours else unclaimed(existing, key, want, claimed)
            if row is not None:
                claimed.add(int(row["id"]))
                adding[key] = want
                steps.append({"do": "remove", "key": key, "id": int(row["id"])})
                changes.append(Change(key, row["amount"], None, "no longer applied in Business Central"))
        facts: JsonObject = {
            "entry": receivable.entry,
            "origins": receivable.origins,
            "remaining": receivable.remaining,
            "status": receivable.status,
            "payments": payments,
            ADDING: adding,
            "noted": [key for key in noted if key in wanted],
            "others": [
                f"{one.kind} {one.reference}: {one.amount}"
                for one in receivable.settled
                if not (one.kind == PAYMENT or wanted[one.key].get("credit"))
            ],
        }
        known_now = {name: link.facts.get(name) for name in ("payments", "remaining", "status")}
        whole = "standing" in link.facts and link.step != SETTLING
        if not steps and whole and known_now == {name: facts[name] for name in known_now}:
            return Plan(Action.NOTHING, "ConnectWise shows every payment already.", facts=facts)
        first = not link.facts.get("payments")
        return Plan(
            Action.CREATE if first and steps else Action.CHANGE,
            payload={"steps": steps, "receivable": receivable},
            changes=tuple(changes),
            steps=tuple(f"{step['do']} payment {step['key']}" for step in steps),
            facts=facts,
        )

    async def apply(self, job: Job, plan: Plan) -> None:
        """Removes, changes and adds payments, recording each before the next; then writes the standing."""
        if plan.cause == NO_LEDGER:
            await self._confirm_without_ledger(job, plan)
        connectwise, facts = job.connection.connectwise, job.link.facts
        before: JsonObject = facts.get("payments", {})
        removed = {step["key"] for step in plan.payload["steps"] if step["do"] == "remove"}
        leaving = {key: known for key, known in before.items() if key in removed}
        facts |= {**plan.facts, "payments": leaving | plan.facts["payments"]}
        job.link.step = SETTLING
        job.link.target_id = job.link.target_id or f"settlement-{job.ref.id}"
        if facts[ADDING]:
            await job.checkpoint(SETTLING)
        for step in sorted(
            plan.payload["steps"], key=lambda step: ("remove", "change", "add").index(step["do"])
        ):
            key = step["key"]
            if step["do"] == "remove":
                await connectwise.remove(f"{self._path(job)}/{step['id']}")
                facts["payments"].pop(key, None)
            elif step["do"] == "change":
                await connectwise.change(f"{self._path(job)}/{step['id']}", {"amount": step["amount"]})
            else:
                await self._settle(job, step)
            facts[ADDING].pop(key, None)
            await job.checkpoint(SETTLING)
        facts["standing"] = await self.confirm(
            job, plan.payload["receivable"], str(facts.get("standing", ""))
        )
        job.link.step = "done"

    async def _confirm_without_ledger(self, job: Job, plan: Plan) -> None:
        """The invoice itself says what is open, so ConnectWise gets that; the payments wait for a ledger.

        Raises RetryLater, and not StopConnection: everything but payments can go on.
        """
        facts, job.link.step = job.link.facts, SETTLING
        known = str(facts.get("standing", ""))
        facts["standing"] = await self.confirm(job, plan.payload["receivable"], known)
        raise RetryLater(NO_LEDGER, plan.reason, after=LEDGER_REST, todo=plan.todo)

    async def _settle(self, job: Job, step: JsonObject) -> None:
        """Adds a payment; a credit application that this ConnectWise refuses is left to the standing's text."""
        facts, key = job.link.facts, step["key"]
        try:
            stored = await (
                self._apply_credit(job, step) if step.get("credit") else self._add(job, step, "P")
            )
        except HoldForPerson:
            # It was refused, and those after it are not tried: a person's payment must never be taken for one of them.
            facts[ADDING].clear()
            raise
        if stored is None:
            facts["noted"] = [*facts["noted"], key]
            return
        names = ("kind", "amount", "local", "date", "reference", "discount", "credit")
        facts["payments"][key] = {"id": int(stored["id"]), **{n: step[n] for n in names if n in step}}

    async def _apply_credit(self, job: Job, step: JsonObject) -> JsonObject | None:
        """Applies a credit memo, None where this ConnectWise does not take it.

        Which type such a payment has, and whether the API takes it at all, is unproven: the types are tried in turn,
        and the first whose payment comes back with the memo is kept for this process. A payment that comes back
        without it would be money that nobody has paid, so it is taken back.
        """
        connection = job.connection
        for kind in (connection.credit_type,) if connection.credit_type is not None else CREDIT_TYPES:
            try:
                stored = await self._add(job, step, kind)
            except HoldForPerson:
                continue
            if int((stored.get("credit") or {}).get("id", 0)) == int(step["credit"]):
                connection.credit_type = kind
                return stored
            await connection.connectwise.remove(f"{self._path(job)}/{stored['id']}")
        connection.credit_type = None
        return None

    async def _add(self, job: Job, step: JsonObject, kind: str) -> JsonObject:
        connectwise = job.connection.connectwise
        body: JsonObject = {
            "amount": step["amount"],
            "paymentDate": f"{step['date']}T00:00:00Z",
            "invoice": {"id": int(job.ref.id)},
            "glBatchID": step["key"],
        }
        body |= {"credit": {"id": step["credit"]}} if step.get("credit") else {}
        body |= {"type": kind} if kind else {}
        try:
            return await connectwise.create(self._path(job), body)
        except OutcomeUnknown:
            rows = [row async for page in connectwise.scan(self._path(job)) for row in page]
            claimed = {int(one["id"]) for one in job.link.facts["payments"].values()}
            stored = unclaimed(rows, step["key"], step, claimed)
            if stored is None:
                raise
            return stored


def unclaimed(rows: list[JsonObject], key: str, want: JsonObject, claimed: set[int]) -> JsonObject | None:
    """The ConnectWise payment that is this application, though we hold no id of it.

    A payment has no reference field; whether ``glBatchID`` is kept on write is unproven, so
    where the key is absent a payment of the same amount, date and credit memo that nothing else claims is the one.
    """
    credit = int(want.get("credit") or 0)
    free = [
        row
        for row in rows
        if int(row["id"]) not in claimed and int((row.get("credit") or {}).get("id", 0)) == credit
    ]
    for row in free:
        if row.get("glBatchID") == key:
            return row
    return next(
        (
            row
            for row in free
            if not row.get("glBatchID")
            and cents(row["amount"]) == want["amount"]
            and str(row.get("paymentDate", ""))[:10] == want["date"]
        ),
        None,
    )
