"""How long history is kept: whole months, then it is taken away, a bounded amount of work for each message.

Only what is there for people's eyes ends: attempts, results of reconciliations, the audit. Links, look-ups, claims,
homes, the work list, waiters, watermarks and given-up messages are what "nothing twice" and "nothing lost" stand on, and
stay. How far a run has come is stored, so that one that died goes on where it was.
"""

import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Protocol

from shared.domain.envelope import Envelope
from shared.engine.audit import PARTITION as AUDIT
from shared.engine.connections.connection import Connections
from shared.engine.registry import Registry
from shared.ports.metrics import REMOVED
from shared.ports.platform import Clock
from shared.ports.storage import StateStore
from shared.ports.telemetry import Telemetry
from shared.ports.upkeep import OldRows

NAME: Final = "retention"
"""The value of a connection that says what the last run removed, and how far one under way has come."""
ATTEMPTS: Final = "attempts"
RECONCILIATIONS: Final = "reconciliations"
AUDITED: Final = "audit"

log = logging.getLogger("dynaconnect.retention")


class OldResults(Protocol):
    """Results of reconciliations, which can be dropped."""

    async def drop_before(self, connection: str, moment: datetime, old: OldRows) -> tuple[int, bool]:
        """Removes some rows of runs before a moment, but never the newest run; says whether that was all."""
        ...


@dataclass(slots=True)
class Retention:
    """Removes the history of one connection, and of the app with the first one."""

    connections: Connections
    registry: Registry
    state: StateStore
    old: OldRows
    results: OldResults
    clock: Clock
    telemetry: Telemetry
    history_months: int
    audit_months: int

    async def step(self, envelope: Envelope) -> bool:
        """Does some of a run; true when it is over. The message's own moment is the run's name."""
        connection, run = envelope.connection, envelope.when.isoformat()
        known = await self.state.load(connection, NAME)
        if known.get("run") != run:
            known = {"run": run, "began": self.clock.now().isoformat(), "removed": {}, "todo": self._todo()}
            if connection == (await self.connections.names())[0]:
                known["todo"].append(AUDITED)
            known["kept_since"] = {
                "history": months_before(envelope.when, self.history_months).date().isoformat(),
                "audit": months_before(envelope.when, self.audit_months).date().isoformat(),
            }
        if not known["todo"]:
            return True
        kind, count, place = await self._some(connection, str(known["todo"][0]), known, envelope.when)
        known["removed"][kind] = int(known["removed"].get(kind, 0)) + count
        known["place"] = place
        if not place:
            known["todo"] = known["todo"][1:]
        over = not known["todo"]
        if over:
            known["ended"] = self.clock.now().isoformat()
            log.info("history of %s: removed %s", connection, known["removed"])
        await self.state.save(connection, NAME, known)
        self.telemetry.record(REMOVED, count, connection=connection, kind=kind)
        return over

    def _todo(self) -> list[str]:
        return [*(f"{ATTEMPTS} {one.name}" for one in self.registry.subjects()), RECONCILIATIONS]

    async def _some(
        self, connection: str, part: str, known: dict[str, Any], when: datetime
    ) -> tuple[str, int, dict[str, Any]]:
        kind, _, subject = part.partition(" ")
        place = known.get("place") or {}
        if kind == ATTEMPTS:
            before = months_before(when, self.history_months)
            gone = await self.old.drop_attempts(connection, subject, before, place)
        elif kind == RECONCILIATIONS:
            before = months_before(when, self.history_months)
            count, over = await self.results.drop_before(connection, before, self.old)
            return kind, count, {} if over else {"again": True}
        else:
            month = months_before(when, self.audit_months)
            gone = await self.old.drop_partitions(AUDIT, f"{AUDIT}{month:%Y-%m}")
        return kind, gone.count, gone.place


def months_before(moment: datetime, months: int) -> datetime:
    """The first moment of the month so many months before the moment's own, UTC."""
    number = moment.astimezone(UTC).year * 12 + moment.astimezone(UTC).month - 1 - months
    return datetime(number // 12, number % 12 + 1, 1, tzinfo=UTC)
