"""The cut-over: documents dated before a start date stay with the accounting that was there before.

The start is a calendar day per entity and connection. It concerns documents only; what was begun is finished
whatever the start says, because part of it is in Business Central already.
"""

from collections.abc import Callable, Iterable
from datetime import date
from typing import Any, Protocol, runtime_checkable

from shared.domain.errors import HoldForPerson
from shared.domain.plans import Action, Plan
from shared.engine.connections.connection import Connection
from shared.engine.entity import Entity, Job, Subject

type JsonObject = dict[str, Any]


@runtime_checkable
class Judging(Protocol):
    """An entity that says from the source record alone whether it travels now."""

    @property
    def judge(self) -> Callable[[Job], Plan | None]:
        """None to go on, else the plan to follow."""
        ...


def day_of(subject: Subject, source: JsonObject) -> date | None:
    """The calendar day of a document, never moved by a time zone; None when it has none that can be read."""
    try:
        return date.fromisoformat(str(source.get(subject.date) or "")[:10])
    except ValueError:
        return None


def travels(entity: Entity, job: Job) -> bool:
    """Whether the entity would send the record now, its date and its contents left aside."""
    return not isinstance(entity, Judging) or entity.judge(job) is None


def too_early(entity: Entity, job: Job) -> Plan | None:
    """The plan to leave a document alone that is dated before the start; None when it may travel.

    Raises HoldForPerson when it has no date to compare.
    """
    start = job.connection.cutover.get(entity.name)
    if start is None or not entity.subject.date or job.source is None or job.link.target_id or job.link.step:
        return None
    if not travels(entity, job):
        return None
    day = day_of(entity.subject, job.source)
    if day is None:
        raise HoldForPerson(
            "cutover",
            f"The document has no date, so it cannot be told whether it is from before the start on {start}.",
            todo="Give the document a date in ConnectWise; then retry.",
        )
    if day >= start:
        return None
    return Plan(
        Action.SKIP, f"Dated {day}, before the start on {start}: it stays with the former accounting."
    )


def first_day(connections: Iterable[Connection], entities: Iterable[Entity]) -> date | None:
    """The earliest start of these entities in these connections; None when one of them has no start."""
    every = list(entities)
    starts = [connection.cutover.get(entity.name) for connection in connections for entity in every]
    known = [start for start in starts if start is not None]
    return min(known) if known and len(known) == len(starts) else None
