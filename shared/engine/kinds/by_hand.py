"""What no standard API can book: shown as the exact entry to make, and marked in ConnectWise once a person has.

Nothing is left to memory: the record stays in the work list with the entry's text until somebody releases it,
which says that the entry was made; only then is it marked as exported.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from shared.domain.plans import Action, Plan
from shared.engine.entity import Job, Subject
from shared.engine.kinds.documents import RELEASE, Gathered, NothingToSend, commit
from shared.ports.systems import AccountingKind

BY_HAND: Final = "by_hand"


@dataclass(frozen=True, slots=True)
class ByHand:
    """The declaration of a record that a person books. ``gather`` gives the entry's text as ``source["entry"]``."""

    name: str
    title: str
    subject: Subject
    judge: Callable[[Job], Plan | None]
    gather: Callable[[Job], Awaitable[Gathered]]
    accounting: AccountingKind

    async def plan(self, job: Job) -> Plan:
        """Hold with the entry to make, or mark as exported what a person says is made."""
        verdict = self.judge(job)
        if verdict is not None:
            if verdict.action is Action.NOTHING:
                # A pass that ended right after the batch was made left it at "released".
                job.link.step = "done"
            return verdict
        if job.link.step == "released":
            return Plan(Action.CHANGE, "Finishes what an earlier pass began.")
        try:
            gathered = await self.gather(job)
        except NothingToSend as nothing:
            return Plan(Action.SKIP, str(nothing))
        if not job.envelope.options.get(RELEASE):
            return Plan(
                Action.HOLD,
                str(gathered.source["entry"]),
                cause=BY_HAND,
                todo="Make this entry in Business Central, then release the record.",
                payload=gathered.source,
            )
        return Plan(
            Action.CHANGE,
            "A person made the entry.",
            steps=("batch in ConnectWise",),
            facts={
                "entry_ids": list(gathered.entry_ids),
                "batch": gathered.batch,
                "total": gathered.total.amount,
            },
        )

    async def apply(self, job: Job, plan: Plan) -> None:
        """Marks the record as exported in ConnectWise."""
        resumed = job.link.step == "released"
        job.link.facts |= plan.facts
        await job.checkpoint("released")
        await commit(job, self.accounting, look=resumed)
        job.link.step = "done"
