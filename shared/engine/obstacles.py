"""Finds out why what is waited for will never come, so that a document is held with a reason instead of waiting."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from shared.domain.errors import NotFound
from shared.domain.plans import Action, Plan
from shared.domain.records import RecordRef
from shared.engine.connections.connection import Connection
from shared.engine.connections.cutover import day_of
from shared.engine.connections.routing import ROUTING, Router, named
from shared.engine.entity import Subject
from shared.engine.registry import Registry


@dataclass(slots=True)
class Obstacles:
    """Looks at the records that a pass waits for. Costs nothing where nothing is routed and no start is set."""

    router: Router
    registry: Registry

    async def find(self, connection: Connection, needs: Sequence[RecordRef]) -> Plan | None:
        """A hold for the first need that cannot be met, None where waiting makes sense."""
        for needed in needs:
            subject = self.registry.subject(needed.subject)
            start = self._start(connection, subject)
            site = await self.router.connections.site(connection.name)
            if not subject.path or not (start or site.routes(subject.name)):
                continue
            try:
                source = await connection.connectwise.read(f"{subject.path}/{needed.id}")
            except NotFound:
                continue
            found = await self._elsewhere(connection, subject, needed, source) or _early(
                subject, needed, source, start
            )
            if found is not None:
                return found
        return None

    def _start(self, connection: Connection, subject: Subject) -> date | None:
        starts = [connection.cutover.get(entity.name) for entity in self.registry.of_subject(subject.name)]
        return min((start for start in starts if start), default=None) if subject.date else None

    async def _elsewhere(
        self, connection: Connection, subject: Subject, needed: RecordRef, source: dict[str, Any]
    ) -> Plan | None:
        receivers = await self.router.receivers(connection, subject.name, source)
        if receivers is None or connection.name in receivers:
            return None
        same = "Let the rules of both choose the same connection"
        share = f"mark {subject.name} as shared in the routing of {connection.name}"
        return Plan(
            Action.HOLD,
            f"Needs {subject.name} {needed.id} in {connection.name}, but the routing gives that to "
            f"{named(receivers)}.",
            cause=ROUTING,
            todo=f"{same}; then retry." if subject.date else f"{same}, or {share}; then retry.",
        )


def _early(subject: Subject, needed: RecordRef, source: dict[str, Any], start: date | None) -> Plan | None:
    day = day_of(subject, source) if start else None
    if start is None or day is None or day >= start:
        return None
    return Plan(
        Action.HOLD,
        f"Needs {subject.name} {needed.id} of {day}, which stays with the former accounting (start {start}).",
        cause="cutover",
        todo="Book this document by hand, and take it out of the accounting interface in ConnectWise.",
    )
