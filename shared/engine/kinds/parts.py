"""Several documents made of one source record: each with a link of its own, kept among the record's facts.

Each part goes through the same steps as any other document, so what is said there of crashes and lost answers holds
for every one of them.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from shared.domain.errors import HoldForPerson, SyncError, WaitForDependency
from shared.domain.plans import Action, Plan
from shared.domain.records import Link
from shared.engine.entity import Job, JsonObject, Subject
from shared.engine.kinds.documents import Document
from shared.engine.kinds.receiving import Problem, hold_of

PARTS: Final = "parts"
BEGUN: Final = ("posted", "batched")
KEPT: Final = ("target_id", "target_number", "target_etag", "step", "facts")


@dataclass(slots=True)
class PartJob(Job):
    """A pass over one part; its steps are stored with the link of the whole record."""

    whole: Link = field(default_factory=lambda: Link(""))
    key: str = ""

    def keep(self) -> None:
        """Puts the part's link among the facts of the whole."""
        self.whole.facts.setdefault(PARTS, {})[self.key] = {name: getattr(self.link, name) for name in KEPT}

    async def checkpoint(self, step: str) -> None:
        """Stores the part's step."""
        self.link.step = step
        self.keep()
        if self.lease is None:
            raise RuntimeError("a step can only be recorded under a lease")
        await self.store.checkpoint(self.lease)


@dataclass(frozen=True, slots=True)
class Open:
    """What is to travel now: the source of each new or unfinished part by its key, and what stands in the way."""

    sources: Mapping[str, JsonObject] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    why: str = ""


@dataclass(frozen=True, slots=True)
class Parts:
    """The declaration of a record that becomes several documents; ``gather`` says which of them are open."""

    name: str
    title: str
    subject: Subject
    document: Document
    gather: Callable[[Job], Awaitable[Open]]

    async def plan(self, job: Job) -> Plan:
        """The plans of all parts in one: documents to make first, then what holds, then what waits."""
        found = await self.gather(job)
        if found.why:
            return Plan(Action.SKIP, found.why)
        planned: list[tuple[PartJob, Plan]] = []
        for key, source in found.sources.items():
            part = self._part(job, key, source)
            try:
                planned.append((part, await self.document.plan(part)))
            except HoldForPerson as hold:
                planned.append((part, _held(hold)))
            except WaitForDependency as wait:
                planned.append((part, Plan(Action.WAIT, wait.operator, needs=wait.needs, cause=wait.cause)))
        others = [_held(hold_of([problem])) for problem in found.problems]
        others += [plan for _, plan in planned if plan.action in (Action.HOLD, Action.WAIT)]
        writing = [(part, plan) for part, plan in planned if plan.action.writes]
        if not writing:
            return _joined(others) or self._at_rest(job)
        return Plan(
            Action.CHANGE if job.link.target_id else Action.CREATE,
            payload={part.key: plan.payload for part, plan in writing},
            changes=tuple(
                replace(one, field=f"{part.key} {one.field}")
                for part, plan in writing
                for one in plan.changes
            ),
            steps=tuple(f"{part.key}: {step}" for part, plan in writing for step in plan.steps),
            warnings=tuple(warning for _, plan in writing for warning in plan.warnings),
            facts={"writing": writing, "others": others},
        )

    def _at_rest(self, job: Job) -> Plan:
        if not job.link.target_id:
            return Plan(Action.SKIP, "Nothing is to be billed yet.")
        return Plan(Action.NOTHING, f"Everything is billed; the last one is {job.link.target_number}.")

    def _part(self, job: Job, key: str, source: JsonObject) -> PartJob:
        link = Link(f"{self.name} {key}")
        for name, value in job.link.facts.get(PARTS, {}).get(key, {}).items():
            setattr(link, name, dict(value) if isinstance(value, dict) else value)
        return PartJob(
            job.connection,
            job.store,
            job.envelope,
            job.record,
            job.now,
            source=source,
            lease=job.lease,
            leads=job.leads,
            link=link,
            whole=job.link,
            key=key,
        )

    async def apply(self, job: Job, plan: Plan) -> None:
        """Makes one document after the other; one that is held does not keep back the others."""
        others: list[Plan] = list(plan.facts["others"])
        reasons = []
        writing: list[tuple[PartJob, Plan]] = plan.facts["writing"]
        for part, own in writing:
            try:
                await self.document.apply(part, own)
            except HoldForPerson as hold:
                others.append(_held(hold))
            except SyncError:
                part.keep()
                raise
            part.keep()
            reasons += [own.reason] if own.reason else []
            if part.link.target_id:
                job.link.target_id, job.link.target_number = part.link.target_id, part.link.target_number
        plan.reason = " ".join(dict.fromkeys(reasons))
        left = _joined(others)
        if left is None:
            job.link.step = "done"
        elif left.action is Action.WAIT:
            raise WaitForDependency(left.needs, left.reason)
        else:
            raise HoldForPerson(left.cause, left.reason, todo=left.todo)


def _held(hold: HoldForPerson) -> Plan:
    return Plan(Action.HOLD, hold.operator, cause=hold.cause, todo=hold.todo)


def _joined(plans: list[Plan]) -> Plan | None:
    """One plan that says what all of them say; what holds goes before what waits."""
    chosen = [plan for plan in plans if plan.action is Action.HOLD] or plans
    if not chosen:
        return None

    def texts(name: str) -> str:
        values: list[Any] = [getattr(plan, name) for plan in chosen]
        return " ".join(dict.fromkeys(value for value in values if value))

    needs = tuple(dict.fromkeys(needed for plan in chosen for needed in plan.needs))
    first = chosen[0]
    return Plan(first.action, texts("reason"), cause=first.cause, todo=texts("todo"), needs=needs)
