"""The figures that nobody's work brings about: what is open, how old it is, what will soon end. Taken by a sweep.

They cost one query of the open rows of each subject, a few rows of state and a property of each queue.
"""

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from shared.domain.envelope import POISON
from shared.domain.errors import SyncError
from shared.domain.records import State
from shared.engine.connections.connection import Connections
from shared.engine.registry import Registry
from shared.ports import metrics
from shared.ports.platform import Clock
from shared.ports.storage import QueueLengths, RecordStore, StateStore
from shared.ports.telemetry import Telemetry

WATERMARK: Final = "watermark|"
HOOKS: Final = "hooks"
OPEN_STATES: Final = tuple(state for state in State if state.is_open)


@dataclass(slots=True)
class Figures:
    """Takes the figures of one connection."""

    connections: Connections
    registry: Registry
    store: RecordStore
    state: StateStore
    queue: QueueLengths
    clock: Clock
    telemetry: Telemetry

    async def take(self, connection: str) -> None:
        """Tells of the work list, the watermarks, the hooks, the credentials and, once for all, the queues."""
        await self._open(connection)
        await self._watermarks(connection)
        await self._hooks(connection)
        await self._credentials(connection)
        given_up = len([name async for name, _ in self.state.named(connection, POISON)])
        self.telemetry.record(metrics.GIVEN_UP, given_up, connection=connection)
        if connection == (await self.connections.names())[0]:
            for queue, length in (await self.queue.lengths()).items():
                self.telemetry.record(metrics.QUEUE, length, queue=queue)

    async def _open(self, connection: str) -> None:
        now, counts = self.clock.now(), Counter[tuple[str, State]]()
        oldest = dict.fromkeys(OPEN_STATES, now)
        for subject in self.registry.subjects():
            async for item in self.store.open_items(connection, subject.name):
                counts[item.entity, item.state] += 1
                oldest[item.state] = min(oldest[item.state], item.since)
        # What is no longer open must be told too, or it would stand there for ever as it was last.
        entities = {entity.name for entity in self.registry.entities()} | {entity for entity, _ in counts}
        for entity in sorted(entities):
            for state in OPEN_STATES:
                number = counts[entity, state]
                self.telemetry.record(
                    metrics.OPEN, number, connection=connection, entity=entity, state=state.value
                )
        for state, since in oldest.items():
            age = (now - since).total_seconds()
            self.telemetry.record(metrics.OPEN_AGE, age, connection=connection, state=state.value)

    async def _watermarks(self, connection: str) -> None:
        for subject, moment in (await watermarks(self.state, connection)).items():
            age = (self.clock.now() - moment).total_seconds()
            self.telemetry.record(metrics.WATERMARK_AGE, age, connection=connection, subject=subject)

    async def _hooks(self, connection: str) -> None:
        kept = await self.state.load(connection, HOOKS)
        for system, hook, fine in registrations(kept):
            self.telemetry.record(metrics.HOOK, int(fine), connection=connection, system=system, hook=hook)
        for hook, end in expiries(kept).items():
            left = (end - self.clock.now()).total_seconds()
            self.telemetry.record(metrics.HOOK_LEFT, left, connection=connection, hook=hook)

    async def _credentials(self, connection: str) -> None:
        found = await self.connections.get(connection)
        for name in found.credentials:
            try:
                end = await found.secrets.expires(name)
            except SyncError:
                continue  # What cannot be read is told by the calls that need it.
            if end is not None:
                left = (end - self.clock.now()).total_seconds()
                self.telemetry.record(
                    metrics.CREDENTIAL_LEFT, left, connection=connection, credential=name.lower()
                )


async def watermarks(state: StateStore, connection: str) -> dict[str, datetime]:
    """When a sweep of each subject last reached its end, and when the hooks were last looked after."""
    found: dict[str, datetime] = {}
    async for name, value in state.named(connection, WATERMARK):
        if moment := value.get("swept"):
            found[name.removeprefix(WATERMARK)] = _moment(moment)
    kept = await state.load(connection, HOOKS)
    return found | ({HOOKS: _moment(kept["at"])} if kept.get("at") else {})


def registrations(kept: dict[str, Any]) -> list[tuple[str, str, bool]]:
    """System, name and health of each registration, from what the last look after the hooks stored."""
    found = []
    for system, key in (("ConnectWise", "connectwise"), ("Business Central", "business_central")):
        report = kept.get(key) or {}
        mended = {*report.get("made", ()), *report.get("healed", ())}
        # At the first look nothing was there yet, which is no loss.
        lost = set() if kept.get("first") else mended
        found += [(system, hook, hook not in lost) for hook in sorted(mended | set(report.get("kept", ())))]
    return found


def expiries(kept: dict[str, Any]) -> dict[str, datetime]:
    """When each subscription of Business Central ends."""
    return {str(hook): _moment(end) for hook, end in (kept.get("expires") or {}).items()}


def _moment(text: Any) -> datetime:
    moment = datetime.fromisoformat(str(text))
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
