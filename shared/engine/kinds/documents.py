"""Documents: looked up, drafted, compared, posted, read back, batched in ConnectWise, each step recorded.

Posting in Business Central commits before it starts, so nothing makes draft and post atomic (codeunit Sales-Post).
What keeps a document from being posted twice is the order here: the external document number is looked up before a
draft is made, the draft's id is stored before it is posted, and after any doubt the same id is read.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, Final

from shared.domain.errors import HoldForPerson, NotFound, OutcomeUnknown
from shared.domain.money import Money, cents
from shared.domain.plans import Action, Plan
from shared.domain.records import Payload
from shared.engine.entity import Job, JsonObject, Subject
from shared.engine.kinds.attachments import ATTACHED, FILES, Owners, carry_files, note_files_left, plan_files
from shared.engine.kinds.dimensions import settle_dimensions, warnings_of_dimensions, with_dimensions
from shared.engine.kinds.ledger_setup import check_posting_date
from shared.engine.kinds.line_facts import line_facts
from shared.engine.kinds.mapped import changes_between, map_source, plan_of_findings, warnings_of
from shared.engine.kinds.taxes import check_tax
from shared.mapping import Decision, fingerprint
from shared.ports.systems import AccountingKind, Lookup

DRAFT: Final = "Draft"
RELEASE: Final = "release"
"""The option of a hint by which a person lets a held document go."""
AWAITING_RELEASE: Final = "awaiting_release"
PENNY: Final = "penny"
"""The fact that holds the difference that became a line on the rounding account."""
POSTED_STATES: Final = frozenset({"Open", "Paid", "Canceled", "Corrective"})
ETAG: Final = "@odata.etag"


class NothingToSend(Exception):
    """The source has nothing for this entity now; the text says why."""


@dataclass(frozen=True, slots=True)
class Gathered:
    """A source document ready to be mapped.

    ``source`` is what the mapping sees, ``total`` what ConnectWise bills, ``entry_ids`` the general ledger entries
    that the batch must name (ConnectWise API, finance/accounting/batches), ``batch`` the identifier of that batch,
    ``tags`` what reports group by, such as the agreement, ``tax`` mode and amount of a tax that no line of its own
    carries.
    """

    source: JsonObject
    total: Money
    entry_ids: tuple[int, ...]
    batch: str
    tags: JsonObject = field(default_factory=dict)
    tax: JsonObject = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Document:
    """The declaration of a document that ConnectWise exports through its accounting interface.

    ``judge`` decides from the source record whether it travels now: None to go on, else the plan to follow.
    ``gather`` fetches the accounting transaction. ``confirm`` writes number and status back to ConnectWise.
    ``lines`` is the name of the document's lines and ``price_field`` of their price or cost, ``owner_field`` names
    the customer or vendor within whose documents ``number_field`` is looked up; ``accounting`` is the part of the
    accounting interface that is marked as exported. ``attachments`` names the ConnectWise records whose files go along.
    """

    name: str
    title: str
    subject: Subject
    target: str
    number_field: str
    judge: Callable[[Job], Plan | None]
    gather: Callable[[Job], Awaitable[Gathered]]
    confirm: Callable[[Job], Awaitable[None]]
    lines: str = "salesInvoiceLines"
    price_field: str = "unitPrice"
    owner_field: str = "customerNumber"
    accounting: AccountingKind = "invoices"
    attachments: Owners | None = None

    async def plan(self, job: Job) -> Plan:
        """Draft and post, finish what was begun, hold, wait or nothing."""
        plan = await self._plan(job)
        if plan.action is not Action.SKIP or job.link.step != "drafted":
            return plan
        stored = await self._begun(job)
        if stored is None or stored["status"] == DRAFT:
            return plan
        return posted_meanwhile(str(stored["number"]), plan)

    async def _plan(self, job: Job) -> Plan:
        verdict = self.judge(job)
        if verdict is not None and verdict.action is Action.NOTHING and job.verifies:
            return Plan(Action.CHANGE, "Confirms the posting again.", steps=self._steps(job, post=True))
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
        mapped = await map_source(job, self.name, gathered.source)
        stopped = plan_of_findings(job, mapped)
        if stopped is not None:
            return stopped
        await check_posting_date(job.connection.business_central, mapped.create.get("postingDate"))
        mapped = replace(mapped, create=await with_dimensions(job, gathered.tags, mapped.create))
        await settle_dimensions(job, mapped.create)
        content = fingerprint(mapped.create)
        decision, held = await decide(job, self.name, gathered.source, mapped.create, content)
        if held is not None:
            return held
        released = bool(job.envelope.options.get(RELEASE))
        files = await plan_files(job, self.attachments, gathered.source, released=released)
        return Plan(
            Action.CREATE,
            payload=mapped.create,
            changes=(*changes_between({}, mapped.create, mapped), *files.changes),
            steps=self._steps(job, post=decision == "post", attach=files.steps),
            warnings=(*warnings_of(mapped), *warnings_of_dimensions(job), *files.warnings),
            facts={
                "post": decision == "post",
                "total": gathered.total.amount,
                "currency": gathered.total.currency,
                "entry_ids": list(gathered.entry_ids),
                "batch": gathered.batch,
                "content": content,
                **line_facts(mapped, gathered.tax),
                "tags": gathered.tags,
                "tax": gathered.tax,
                FILES: list(files.carried),
            },
        )

    def _steps(self, job: Job, *, post: bool, attach: tuple[str, ...] = ()) -> tuple[str, ...]:
        done = {"": 0, "drafted": 2, "posted": 4, "batched": 5, "done": 5}[job.link.step]
        draft = ("look up", "draft", "compare totals")
        every = (*draft, "post", "batch in ConnectWise", "write status back")
        return (*draft[done:], *attach, *(every[max(done, len(draft)) :] if post else ()))

    async def apply(self, job: Job, plan: Plan) -> None:
        """Goes on from the last recorded step to the end."""
        link = job.link
        link.facts |= plan.facts
        resumed = link.step == "posted"
        if link.step in ("", "drafted"):
            stored = await self._draft(job, plan.payload)
            if stored["status"] == DRAFT:
                stored = await self._compare(job, stored)
                await carry_files(job, plan, self.target, str(stored["id"]))
                if not link.facts["post"]:
                    plan.reason = "Drafted; an accountant posts it in Business Central."
                    return
                stored = await self._post(job, stored)
            note_files_left(job, plan)
            self._require_equal(job, stored, "posted")
            self._note_posted(job, stored)
            await job.checkpoint("posted")
        if link.step == "posted":
            await commit(job, self.accounting, look=resumed)
            await job.checkpoint("batched")
        await self.confirm(job)
        link.step = "done"

    async def _draft(self, job: Job, payload: Payload) -> JsonObject:
        """The document in Business Central: the one of an earlier pass, one found by its number, or a new one."""
        system, link = job.connection.business_central, job.link
        stored = await self._begun(job) or await self._existing(job, payload)
        if (
            stored is not None
            and stored["status"] == DRAFT
            and link.facts.get("drafted") != link.facts["content"]
        ):
            # The source was edited after the draft was made, or the draft is not ours: make it anew.
            await system.remove(self.target, str(stored["id"]), str(stored[ETAG]))
            stored = None
        if stored is None:
            link.facts.pop(PENNY, None)
            for name in ("draft_total", "owner_number", ATTACHED):
                link.facts.pop(name, None)
            try:
                stored = await system.create(self.target, payload)
            except OutcomeUnknown:
                stored = await self._existing(job, payload)
                if stored is None:
                    raise
        link.target_id, link.target_etag = str(stored["id"]), str(stored.get(ETAG, ""))
        link.target_number = str(stored.get("number", ""))
        link.facts["drafted"] = link.facts["content"]
        link.facts.setdefault("owner_number", stored.get(self.owner_field, ""))
        if stored["status"] == DRAFT and _total(stored) == cents(link.facts["total"]):
            # Noted now: a pass that ends while it posts finds the document posted, and the draft's total nowhere.
            link.facts["draft_total"] = _total(stored)
        await job.checkpoint("drafted")
        return stored

    async def _begun(self, job: Job) -> JsonObject | None:
        if not job.link.target_id:
            return None
        try:
            return await job.connection.business_central.read(self.target, job.link.target_id)
        except NotFound:
            job.link.target_id = None
            return None

    async def _existing(self, job: Job, payload: Payload) -> JsonObject | None:
        """What Business Central already has under this external number, for the same customer or vendor.

        Unique external numbers are not enforced there (table Sales Header), so more than one is a question for a
        person.
        """
        number = str(payload[self.number_field])
        [rows] = await job.connection.business_central.find([Lookup(self.target, self.number_field, number)])
        own = [row for row in rows if row.get(self.owner_field) == payload.get(self.owner_field)]
        if len(own) > 1:
            raise HoldForPerson(
                "several_documents",
                f"Business Central has {len(own)} documents with number {number} for {payload.get(self.owner_field)}.",
                todo="Delete the drafts that are too many or cancel what was posted twice; then retry.",
            )
        if own and own[0]["status"] != DRAFT:
            job.link.facts["drafted"] = job.link.facts["content"]
        return own[0] if own else None

    async def _compare(self, job: Job, stored: JsonObject) -> JsonObject:
        """The draft with its total equal to ConnectWise's, or a hold with both figures.

        A draft that is held is made anew by the next pass: what it took over from the setup, such as its taxes,
        does not follow when the setup is mended.
        """
        try:
            check_tax(job, stored)
            if _total(stored) != job.link.facts["total"]:
                stored = await job.connection.business_central.read(self.target, str(stored["id"]))
                stored = await self._round(job, stored)
            self._require_equal(job, stored, "draft")
        except HoldForPerson:
            job.link.facts["drafted"] = ""
            raise
        return stored

    async def _round(self, job: Job, stored: JsonObject) -> JsonObject:
        """A difference within the cap becomes a line of its own on the rounding account, for all to see."""
        options, system = job.connection.options, job.connection.business_central
        difference = cents(job.link.facts["total"]) - _total(stored)
        if not difference or not options.rounding_account or abs(difference) > options.penny_cap:
            return stored
        line = {
            "lineType": "Account",
            "lineObjectNumber": options.rounding_account,
            "description": "Rounding difference to ConnectWise",
            "quantity": 1,
            self.price_field: difference,
            "discountAmount": 0,
            "taxCode": options.rounding_tax_code,
        }
        job.link.facts |= {PENNY: difference, "draft_total": cents(job.link.facts["total"])}
        await job.checkpoint("drafted")
        try:
            await system.create(f"{self.target}({stored['id']})/{self.lines}", line)
        except HoldForPerson:
            job.link.facts.pop(PENNY)
            job.link.facts.pop("draft_total")
            raise
        return await system.read(self.target, str(stored["id"]))

    def _require_equal(self, job: Job, stored: JsonObject, what: str) -> None:
        expected, actual = cents(job.link.facts["total"]), _total(stored)
        job.link.facts |= {"bc_total": actual, f"{what}_total": actual}
        if expected != actual:
            currency = job.link.facts["currency"]
            raise HoldForPerson(
                "total_differs",
                f"ConnectWise bills {Money(expected, currency)}, the {what} in Business Central says "
                f"{Money(actual, currency)}: a difference of {Money(expected - actual, currency)}.",
                todo="Compare the lines of both; mend the mapping, the tax setup or the invoice; then retry.",
            )

    async def _post(self, job: Job, stored: JsonObject) -> JsonObject:
        system = job.connection.business_central
        try:
            await system.act(self.target, str(stored["id"]), "Microsoft.NAV.post")
        except OutcomeUnknown:
            after = await system.read(self.target, str(stored["id"]))
            if after["status"] not in POSTED_STATES:
                raise
            return after
        return await system.read(self.target, str(stored["id"]))

    def _note_posted(self, job: Job, stored: JsonObject) -> None:
        link = job.link
        link.target_number = str(stored["number"])
        link.target_etag = str(stored.get(ETAG, ""))
        link.facts |= {
            "status": stored["status"],
            "posting_date": stored.get("postingDate", ""),
            "due_date": stored.get("dueDate", ""),
            "owner_number": stored.get(self.owner_field, ""),
        }
        if PENNY in link.facts:
            what = "difference to ConnectWise, as a line on the rounding account"
            step = [self.lines, what, _total(stored) - cents(link.facts[PENNY]), _total(stored)]
            link.facts["rounding"] = [*link.facts.get("rounding", []), step]


def nothing_to_send(job: Job, nothing: NothingToSend) -> Plan:
    """The plan where there is nothing (more) to send: what was posted before stays as it is."""
    return Plan(Action.NOTHING if job.link.step == "done" else Action.SKIP, str(nothing))


def posted_meanwhile(number: str, skipped: Plan) -> Plan:
    """Holds what is begun and posted, by a pass that ended there or by a person, while its source was taken back."""
    return Plan(
        Action.HOLD,
        f"Business Central posted it as {number} before it was taken back in ConnectWise. {skipped.reason}",
        cause="posted_meanwhile",
        todo="Let it be final in ConnectWise as it was posted, then retry. If it must change, reverse it in Business "
        "Central and enter it anew in ConnectWise.",
    )


async def decide(
    job: Job, entity: str, source: JsonObject, payload: Payload, content: str
) -> tuple[Decision, Plan | None]:
    """What the workflow rules say, with the plan to follow where the record is held.

    A release is for what was looked at: a record whose ``content`` changes afterwards is held again.
    """
    if job.envelope.options.get(RELEASE):
        job.link.facts[RELEASE] = content
    decision, note = (await job.connection.workflow.get()).decide(entity, source)
    if decision != "hold" or job.link.facts.get(RELEASE) == content:
        return "post" if decision == "hold" else decision, None
    reason = note or "A workflow rule holds this document until somebody releases it."
    todo = "Check it, then release it."
    return decision, Plan(Action.HOLD, reason, cause=AWAITING_RELEASE, todo=todo, payload=payload)


async def commit(job: Job, accounting: AccountingKind, *, look: bool) -> None:
    """Commits the accounting batch of one document; ``look`` first where an earlier pass may have."""
    connectwise, facts = job.connection.connectwise, job.link.facts
    if not look or await connectwise.find_batch(facts["batch"]) is None:
        await connectwise.commit_batch(
            facts["batch"], job.connection.options.gl_interface, accounting, tuple(facts["entry_ids"])
        )


def _total(stored: JsonObject) -> Decimal:
    value: Any = stored.get("totalAmountIncludingTax", 0)
    return cents(value)
