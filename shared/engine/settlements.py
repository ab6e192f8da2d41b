"""Settlements: what Business Central applied to one invoice becomes payments on the ConnectWise invoice.

A pass looks at the whole invoice (its remaining amount, every application, every ConnectWise payment) and
brings ConnectWise to that, so that duplicates, lost notifications and restarts all end the same way. One
application is one ConnectWise payment; an application taken back is a payment removed.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from shared.domain.errors import OutcomeUnknown, RetryLater
from shared.domain.money import Money, cents
from shared.domain.plans import Action, Change, Plan
from shared.domain.records import Link, RecordRef
from shared.engine.applications import (
    INVOICE,
    PAYMENT,
    LedgerDocument,
    applications,
    documents,
    in_document_currency,
)
from shared.engine.entity import Job, JsonObject, Subject

NOTIFICATION: Final = "notification"
"""The reason of a hint that Business Central's webhook gave; it fires for our own writes too."""


@dataclass(frozen=True, slots=True)
class Settlement:
    """The declaration of payments that follow a document of another subject."""

    name: str
    title: str
    subject: Subject
    document_subject: str = "invoice"
    document_entity: str = "sales_invoice"
    target: str = "salesInvoices"

    async def plan(self, job: Job) -> Plan:
        """Which ConnectWise payments to add, change and remove."""
        document = await self._document(job)
        if document is None:
            return Plan(Action.SKIP, "The invoice is not posted in Business Central by DynaConnect.")
        system = job.connection.business_central
        invoice = await system.read(self.target, str(document.target_id))
        total, remaining = cents(invoice["totalAmountIncludingTax"]), cents(invoice["remainingAmount"])
        known = job.link.facts
        if job.envelope.why == NOTIFICATION and known.get("remaining", total) == remaining:
            return Plan(Action.NOTHING, f"Remaining amount is still {remaining}.")
        entry = known.get("entry") or await self._entry(job, document)
        rows = await system.ledger_of_entries([int(entry)])
        applied = applications(rows, int(entry))
        origin = await self._origins(job, {one.applying_entry for one in applied})
        currency = str(document.facts.get("currency") or "")
        local = str(invoice.get("currencyCode") or "") == await self._local_currency(job)
        paid = total - remaining
        if local and sum((one.amount for one in applied), Decimal(0)) != paid:
            raise RetryLater(
                "ledger_moving",
                f"The ledger shows {sum((one.amount for one in applied), Decimal(0))} applied, the invoice says "
                f"{paid}: an application is being posted right now.",
            )
        settled = {
            key: cents(value["amount"])
            for key, value in known.get("payments", {}).items()
            if any(one.key == key and one.amount == value.get("local") for one in applied)
        }
        amounts = in_document_currency(applied, paid, local=local, settled=settled)
        wanted = {
            one.key: {
                "amount": amounts[one.key],
                "local": one.amount,
                "date": one.date,
                "reference": origin[one.applying_entry].number,
            }
            for one in applied
            if origin[one.applying_entry].kind == PAYMENT
        }
        others = [
            f"{origin[one.applying_entry].kind} {origin[one.applying_entry].number}: {Money(one.amount, currency)}"
            for one in applied
            if one.key not in wanted
        ]
        existing = [row async for page in job.connection.connectwise.scan(self._path(job)) for row in page]
        return self._compare(
            job.link,
            wanted,
            existing,
            {
                "entry": int(entry),
                "origins": {str(k): [v.kind, v.number, v.date] for k, v in origin.items()},
                "remaining": remaining,
                "others": others,
            },
        )

    async def _document(self, job: Job) -> Link | None:
        record = await job.store.get(RecordRef(job.ref.connection, self.document_subject, job.ref.id))
        link = record.links.get(self.document_entity) if record else None
        return link if link is not None and link.step in ("posted", "batched", "done") else None

    def _path(self, job: Job) -> str:
        return f"finance/invoices/{job.ref.id}/payments"

    async def _local_currency(self, job: Job) -> str:
        rows = await job.connection.business_central.reference("generalLedgerSetup")
        return str(rows[0].get("localCurrencyCode") or "") if rows else ""

    async def _entry(self, job: Job, document: Link) -> int:
        number = str(document.target_number)
        found = documents(await job.connection.business_central.ledger_of_document(number))
        entries = [one.entry for one in found.values() if one.kind == INVOICE]
        if not entries:
            raise RetryLater(
                "ledger_behind", f"The customer ledger does not show {document.target_number} yet."
            )
        return entries[0]

    async def _origins(self, job: Job, entries: Iterable[int]) -> dict[int, LedgerDocument]:
        """Which document each applying entry is: a payment, a credit memo, a refund."""
        known = {
            int(entry): LedgerDocument(int(entry), *values)
            for entry, values in job.link.facts.get("origins", {}).items()
        }
        missing = sorted(set(entries) - set(known))
        if missing:
            known |= documents(await job.connection.business_central.ledger_of_entries(missing))
        unknown = sorted(set(entries) - set(known))
        if unknown:
            raise RetryLater("ledger_behind", f"The customer ledger does not show entries {unknown} yet.")
        return {entry: known[entry] for entry in entries}

    def _compare(
        self, link: Link, wanted: dict[str, JsonObject], existing: list[JsonObject], facts: JsonObject
    ) -> Plan:
        ours = dict(link.facts.get("payments", {}))
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
            row = by_id.get(int(ours[key]["id"])) if key in ours else None
            row = row or _unclaimed(existing, key, want, claimed)
            if row is None:
                steps.append({"do": "add", "key": key, **want})
                changes.append(
                    Change(key, None, want["amount"], f"payment {want['reference']} of {want['date']}")
                )
                continue
            claimed.add(int(row["id"]))
            payments[key] = {"id": int(row["id"]), **want}
            if cents(row["amount"]) != want["amount"]:
                steps.append({"do": "change", "key": key, "id": int(row["id"]), **want})
                changes.append(Change(key, row["amount"], want["amount"], f"payment {want['reference']}"))
        facts["payments"] = payments
        names = tuple(f"{step['do']} payment {step['key']}" for step in steps)
        if (
            not steps
            and link.facts.get("payments") == payments
            and link.facts.get("remaining") == facts["remaining"]
        ):
            return Plan(Action.NOTHING, "ConnectWise shows every payment already.", facts=facts)
        first = not link.facts.get("payments")
        return Plan(
            Action.CREATE if first and steps else Action.CHANGE,
            payload={"steps": steps},
            changes=tuple(changes),
            steps=names,
            facts=facts,
        )

    async def apply(self, job: Job, plan: Plan) -> None:
        """Removes, changes and adds payments, recording each before the next."""
        connectwise, facts = job.connection.connectwise, job.link.facts
        before: JsonObject = facts.get("payments", {})
        facts |= {**plan.facts, "payments": before | plan.facts["payments"]}
        job.link.target_id = job.link.target_id or f"settlement-{job.ref.id}"
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
                stored = await self._add(job, step)
                facts["payments"][key] = {
                    "id": int(stored["id"]),
                    **{name: step[name] for name in ("amount", "local", "date", "reference")},
                }
            await job.checkpoint("settling")
        job.link.step = "done"

    async def _add(self, job: Job, step: JsonObject) -> JsonObject:
        connectwise = job.connection.connectwise
        body = {
            "type": "P",
            "amount": step["amount"],
            "paymentDate": f"{step['date']}T00:00:00Z",
            "invoice": {"id": int(job.ref.id)},
            "glBatchID": step["key"],
        }
        try:
            return await connectwise.create(self._path(job), body)
        except OutcomeUnknown:
            rows = [row async for page in connectwise.scan(self._path(job)) for row in page]
            claimed = {int(one["id"]) for one in job.link.facts["payments"].values()}
            stored = _unclaimed(rows, step["key"], step, claimed)
            if stored is None:
                raise
            return stored


def _unclaimed(rows: list[JsonObject], key: str, want: JsonObject, claimed: set[int]) -> JsonObject | None:
    """The ConnectWise payment that is this application, though we hold no id of it.

    A payment has no reference field; whether ``glBatchID`` is kept on write is unproven (connectwise.md 5), so
    where the key is absent a payment of the same amount and date that nothing else claims is the one.
    """
    free = [row for row in rows if int(row["id"]) not in claimed and not row.get("credit")]
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
