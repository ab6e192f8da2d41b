"""Journals: lines in a batch of their own, posted once, verified in the general ledger, marked in ConnectWise.

Posting a journal posts everything in its batch, so a batch is made for one record and never shared with people.
The document number is what is found again in the general ledger after any doubt.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from shared.domain.errors import AlreadyExists, HoldForPerson, NotFound, OutcomeUnknown
from shared.domain.money import Money, cents
from shared.domain.plans import Action, Plan
from shared.domain.records import Payload
from shared.engine.dimensions import settle_dimensions
from shared.engine.documents import Gathered, NothingToSend, commit
from shared.engine.entity import Job, JsonObject, Subject
from shared.engine.mapped import map_source, plan_of_findings, warnings_of
from shared.engine.ledger_setup import check_posting_date, local_currency
from shared.ports.systems import AccountingKind, Lookup

LINES: Final = "journalLines"
ETAG: Final = "@odata.etag"
DIMENSION_FIELDS: Final = ("departmentCode", "locationCode", "projectCode")
"""Fields that a mapping gives for a line and that travel as dimensions, named by the connection's options."""


@dataclass(frozen=True, slots=True)
class Journal:
    """The declaration of a record that is booked by journal lines."""

    name: str
    title: str
    subject: Subject
    judge: Callable[[Job], Plan | None]
    gather: Callable[[Job], Awaitable[Gathered]]
    accounting: AccountingKind

    async def plan(self, job: Job) -> Plan:
        """Book, finish what was begun, hold, wait or nothing."""
        verdict = self.judge(job)
        if verdict is not None:
            return verdict
        if job.link.step in ("posted", "batched"):
            return Plan(Action.CHANGE, "Finishes what an earlier pass began.")
        try:
            gathered = await self.gather(job)
        except NothingToSend as nothing:
            return Plan(Action.SKIP, str(nothing))
        local = await local_currency(job.connection.business_central)
        if gathered.total.currency not in ("", local):
            raise HoldForPerson(
                "currency",
                f"The amounts are in {gathered.total.currency}; a journal line can only carry {local}.",
                todo="Book them by hand in Business Central and batch them in ConnectWise, or bill them otherwise.",
            )
        mapped = await map_source(job, self.name, gathered.source)
        stopped = plan_of_findings(job, mapped)
        if stopped is not None:
            return stopped
        lines = [await self._line(job, line) for line in mapped.create[LINES]]
        for line in lines:
            await check_posting_date(job.connection.business_central, line.get("postingDate"))
        booked = sum((Decimal(line["amount"]) for line in lines), Decimal(0))
        if cents(booked) != gathered.total.amount:
            raise HoldForPerson(
                "total_differs",
                f"ConnectWise exports {gathered.total}, the journal lines come to "
                f"{Money(cents(booked), gathered.total.currency)}.",
                todo="Mend the mapping; then retry.",
            )
        return Plan(
            Action.CREATE,
            payload={**mapped.create, LINES: lines},
            steps=("journal", "lines", "post", "verify", "batch in ConnectWise"),
            warnings=warnings_of(mapped),
            facts={
                "total": gathered.total.amount,
                "currency": gathered.total.currency,
                "entry_ids": list(gathered.entry_ids),
                "batch": gathered.batch,
                "document": str(lines[0]["documentNumber"]),
            },
        )

    async def _line(self, job: Job, line: Payload) -> Payload:
        """The line with its dimensions as rows, judged before anything is written."""
        names = job.connection.options.line_dimensions
        rows = [
            {"code": names[field], "valueCode": line[field]}
            for field in DIMENSION_FIELDS
            if line.get(field) and names.get(field)
        ]
        settled: Payload = {name: value for name, value in line.items() if name not in DIMENSION_FIELDS}
        settled["dimensionSetLines"] = rows
        await settle_dimensions(job, settled)
        return settled

    async def apply(self, job: Job, plan: Plan) -> None:
        """Goes on from the last recorded step to the end."""
        link = job.link
        link.facts |= plan.facts
        resumed = link.step == "posted"
        if link.step in ("", "drafted"):
            if not await self._booked(job):
                journal = await self._fill(job, plan.payload)
                await self._post(job, journal)
            link.target_number = str(link.facts["document"])
            await job.checkpoint("posted")
        if link.step == "posted":
            await commit(job, self.accounting, look=resumed)
            await job.checkpoint("batched")
        await self._tidy(job)
        link.step = "done"

    async def _booked(self, job: Job) -> bool:
        """Whether the general ledger already has the document, with the amount that it should have."""
        document = str(job.link.facts["document"])
        [rows] = await job.connection.business_central.find(
            [Lookup("generalLedgerEntries", "documentNumber", document)]
        )
        debit = sum((cents(row.get("debitAmount") or 0) for row in rows), Decimal(0))
        expected = cents(job.link.facts["total"])
        if rows and debit != expected:
            raise HoldForPerson(
                "total_differs",
                f"The general ledger has {debit} under {document}, ConnectWise exports {expected}.",
                todo="Reverse what is booked under the number, then retry.",
            )
        return bool(rows)

    async def _fill(self, job: Job, payload: Payload) -> JsonObject:
        """The journal batch of this record with exactly its lines, whatever an earlier pass left in it."""
        system, link = job.connection.business_central, job.link
        header = {name: value for name, value in payload.items() if name != LINES}
        try:
            journal = await system.create("journals", header)
        except (AlreadyExists, OutcomeUnknown):
            [found] = await system.find([Lookup("journals", "code", str(header["code"]))])
            if not found:
                raise
            journal = found[0]
        link.target_id = str(journal["id"])
        await job.checkpoint("drafted")
        path = f"journals({journal['id']})/{LINES}"
        left = [row async for page in system.scan(path) for row in page]
        for row in left:
            await system.remove(LINES, str(row["id"]), str(row[ETAG]))
        for line in payload[LINES]:
            own = {name: value for name, value in line.items() if name != "dimensionSetLines"}
            stored = await system.create(path, own)
            for row in line["dimensionSetLines"]:
                await system.create(f"{LINES}({stored['id']})/dimensionSetLines", row)
        return journal

    async def _post(self, job: Job, journal: JsonObject) -> None:
        try:
            await job.connection.business_central.act("journals", str(journal["id"]), "Microsoft.NAV.post")
        except OutcomeUnknown:
            if not await self._booked(job):
                raise

    async def _tidy(self, job: Job) -> None:
        """Removes the empty batch, so that people do not find it in their list."""
        if job.link.target_id:
            system = job.connection.business_central
            try:
                journal = await system.read("journals", job.link.target_id)
            except NotFound:
                return
            await system.remove("journals", job.link.target_id, str(journal[ETAG]))
