"""Journals: lines in a batch of their own, posted once, verified in the general ledger, marked in ConnectWise.

Posting a journal posts everything in its batch, so a batch is made for one record and never shared with people:
one that holds lines of anybody else is neither changed nor posted. The document number is what is found again in
the general ledger after any doubt.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from shared.domain.errors import AlreadyExists, HoldForPerson, NotFound, OutcomeUnknown
from shared.domain.money import Money, cents
from shared.domain.plans import Action, Plan
from shared.domain.records import Payload
from shared.engine.entity import Job, JsonObject, Subject
from shared.engine.kinds.attachments import Owners, files_left
from shared.engine.kinds.dimensions import SET_LINES, settle_dimensions, warnings_of_dimensions
from shared.engine.kinds.documents import (
    Gathered,
    NothingToSend,
    commit,
    decide,
    nothing_to_send,
    posted_meanwhile,
)
from shared.engine.kinds.ledger_setup import check_posting_date, local_currency
from shared.engine.kinds.mapped import map_source, plan_of_findings, warnings_of
from shared.mapping import fingerprint
from shared.ports.systems import AccountingKind, Lookup

LINES: Final = "journalLines"
ETAG: Final = "@odata.etag"
DIMENSION_FIELDS: Final = ("departmentCode", "locationCode", "projectCode")
"""Fields that a mapping gives for a line and that travel as dimensions, named by the connection's options."""


@dataclass(frozen=True, slots=True)
class Journal:
    """The declaration of a record that is booked by journal lines.

    ``attachments`` names the ConnectWise records whose files a plan tells of: lines that are removed and filled in anew
    would leave their incoming documents behind, so files do not go along.
    """

    name: str
    title: str
    subject: Subject
    judge: Callable[[Job], Plan | None]
    gather: Callable[[Job], Awaitable[Gathered]]
    accounting: AccountingKind
    attachments: Owners | None = None

    async def plan(self, job: Job) -> Plan:
        """Book, finish what was begun, hold, wait or nothing."""
        plan = await self._plan(job)
        if plan.action is Action.SKIP and job.link.step == "drafted" and await self._booked(job):
            return posted_meanwhile(str(job.link.facts["document"]), plan)
        return plan

    async def _plan(self, job: Job) -> Plan:
        verdict = self.judge(job)
        if verdict is not None:
            return verdict
        if job.link.step in ("posted", "batched"):
            return Plan(
                Action.CHANGE, "Finishes what an earlier pass began.", steps=self._steps(job, post=True)
            )
        try:
            gathered = await self.gather(job)
        except NothingToSend as nothing:
            return nothing_to_send(job, nothing)
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
        lines = [self._line(job, line) for line in mapped.create[LINES]]
        for line in lines:
            await check_posting_date(job.connection.business_central, line.get("postingDate"))
        amounts = [Decimal(line["amount"]) for line in lines]
        booked = cents(sum(amounts, Decimal(0)))
        if booked != gathered.total.amount:
            raise HoldForPerson(
                "total_differs",
                f"ConnectWise exports {gathered.total}, the journal lines come to "
                f"{Money(booked, gathered.total.currency)}.",
                todo="Mend the mapping; then retry.",
            )
        await settle_dimensions(job, *lines)
        payload = {**mapped.create, LINES: lines}
        content = fingerprint(payload)
        decision, held = await decide(job, self.name, gathered.source, payload, content)
        if held is not None:
            return held
        return Plan(
            Action.CREATE,
            payload=payload,
            steps=self._steps(job, post=decision == "post"),
            warnings=(
                *warnings_of(mapped),
                *warnings_of_dimensions(job),
                *await files_left(job, self.attachments, gathered.source),
            ),
            facts={
                "post": decision == "post",
                "total": gathered.total.amount,
                "turnover": cents(sum(map(abs, amounts), Decimal(0))),
                "currency": gathered.total.currency,
                "entry_ids": list(gathered.entry_ids),
                "batch": gathered.batch,
                "document": str(lines[0]["documentNumber"]),
                "posting_date": str(lines[0].get("postingDate", "")),
                "content": content,
                "tags": gathered.tags,
            },
        )

    def _steps(self, job: Job, *, post: bool) -> tuple[str, ...]:
        every = ("look up", "journal with its lines", "post", "batch in ConnectWise", "remove the journal")
        done = {"": 0, "drafted": 0, "posted": 3, "batched": 4}[job.link.step]
        return every[done:] if post else every[:2]

    def _line(self, job: Job, line: Payload) -> Payload:
        """The line with its dimensions as rows."""
        names = job.connection.options.line_dimensions
        rows = [
            {"code": names[field], "valueCode": line[field]}
            for field in DIMENSION_FIELDS
            if line.get(field) and names.get(field)
        ]
        plain = {name: value for name, value in line.items() if name not in DIMENSION_FIELDS}
        return {**plain, SET_LINES: rows}

    async def apply(self, job: Job, plan: Plan) -> None:
        """Goes on from the last recorded step to the end."""
        link = job.link
        link.facts |= plan.facts
        resumed = link.step == "posted"
        if link.step in ("", "drafted"):
            if not await self._booked(job):
                journal = await self._fill(job, plan.payload)
                if not link.facts["post"]:
                    plan.reason = "Lines are in the journal; an accountant posts it in Business Central."
                    return
                await self._post(job, journal)
            link.target_number = str(link.facts["document"])
            link.facts.pop("filled", None)
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
        expected = cents(job.link.facts["turnover"])
        if rows and debit != expected:
            raise HoldForPerson(
                "total_differs",
                f"The general ledger has {debit} under {document}, ConnectWise exports {expected}.",
                todo="Reverse what is booked under the number, then retry.",
            )
        return bool(rows)

    async def _fill(self, job: Job, payload: Payload) -> JsonObject:
        """The journal batch of this record with exactly its lines, whatever an earlier pass left in it.

        Lines that wait for an accountant are left alone while the record stays the same.
        """
        system, link = job.connection.business_central, job.link
        journal = await self._journal(job, payload)
        link.target_id = str(journal["id"])
        await job.checkpoint("drafted")
        left = await self._lines(job, link.target_id)
        kept = link.facts.get("filled") == link.facts["content"] and not link.facts["post"]
        if kept and len(left) == len(payload[LINES]):
            return journal
        link.facts.pop("filled", None)
        for row in left:
            await system.remove(LINES, str(row["id"]), str(row[ETAG]))
        for line in payload[LINES]:
            await system.create(f"journals({link.target_id})/{LINES}", line)
        link.facts["filled"] = link.facts["content"]
        return journal

    async def _journal(self, job: Job, payload: Payload) -> JsonObject:
        system = job.connection.business_central
        header = {name: value for name, value in payload.items() if name != LINES}
        try:
            return await system.create("journals", header)
        except (AlreadyExists, OutcomeUnknown):
            [found] = await system.find([Lookup("journals", "code", str(header["code"]))])
            if not found:
                raise
            return found[0]

    async def _lines(self, job: Job, journal: str) -> list[JsonObject]:
        """The lines in the journal; raises HoldForPerson where one of them belongs to somebody else."""
        path = f"journals({journal})/{LINES}"
        rows = [row async for page in job.connection.business_central.scan(path) for row in page]
        foreign = {str(row.get("documentNumber")) for row in rows} - {str(job.link.facts["document"])}
        if foreign:
            raise HoldForPerson(
                "journal_shared",
                f"The journal of this record holds lines of {', '.join(sorted(foreign))}: they are not ours to post.",
                todo="Move those lines to another journal in Business Central; then retry.",
            )
        return rows

    async def _post(self, job: Job, journal: JsonObject) -> None:
        """Posts what was filled in, and nothing that somebody added meanwhile."""
        rows = await self._lines(job, str(journal["id"]))
        turnover = sum((abs(Decimal(row["amount"])) for row in rows), Decimal(0))
        if cents(turnover) != cents(job.link.facts["turnover"]):
            raise HoldForPerson(
                "total_differs",
                f"The journal has lines of {turnover}, ConnectWise exports {job.link.facts['turnover']}.",
                todo="Nothing: retry, and the journal is filled anew.",
            )
        try:
            await job.connection.business_central.act("journals", str(journal["id"]), "Microsoft.NAV.post")
        except OutcomeUnknown:
            if not await self._booked(job):
                raise

    async def _tidy(self, job: Job) -> None:
        """Removes the empty batch, so that people do not find it in their list."""
        if not job.link.target_id:
            return
        system = job.connection.business_central
        try:
            journal = await system.read("journals", job.link.target_id)
        except NotFound:
            return
        path = f"journals({job.link.target_id})/{LINES}"
        if not [row async for page in system.scan(path) for row in page]:
            await system.remove("journals", job.link.target_id, str(journal[ETAG]))
