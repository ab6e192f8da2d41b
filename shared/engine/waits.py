"""Records that wait for others: who is woken when one arrives, and what is asked for that is not there yet."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from shared.domain.envelope import ARRIVED, NEEDED_BY, Envelope
from shared.domain.plans import Outcome
from shared.domain.records import RecordRef, State
from shared.engine.kinds.mapping_data import has_arrived
from shared.ports.platform import Clock
from shared.ports.storage import Lease, RecordStore, WorkQueue
from shared.ports.telemetry import SILENT, Telemetry


@dataclass(slots=True)
class Waits:
    """The waiters of each record. A waiter is noted before the pass that waits is stored, and woken by a hint."""

    store: RecordStore
    queue: WorkQueue
    clock: Clock
    origin: str
    telemetry: Telemetry = SILENT

    async def register(self, ref: RecordRef, outcomes: Sequence[Outcome]) -> None:
        """Notes of each record that is needed who waits for it."""
        for outcome in outcomes:
            if outcome.state is State.WAITING:
                for needed in outcome.plan.needs:
                    await self.store.add_waiter(needed, ref)

    async def wake(self, lease: Lease, outcomes: Sequence[Outcome], *, redelivered: bool) -> None:
        """Wakes who waits for the record, where something of it has arrived, and asks for what it waits for itself.

        A pass that was delivered again wakes for what has arrived before it: the one before may have died between both.
        """
        ref, now = lease.record.ref, self.clock.now()
        for outcome in outcomes:
            if outcome.state is State.WAITING:
                await self._pull(ref, outcome.plan.needs, now)
        arrived = any(outcome.newly_linked for outcome in outcomes)
        arrived = arrived or (redelivered and any(map(has_arrived, lease.record.links.values())))
        if lease.awaited and arrived:
            waiters = await self.store.take_waiters(ref)
            for waiter in waiters:
                await self.queue.send(self._hint(waiter, ARRIVED, now))
            await self.store.forget_waiters(ref, waiters)

    async def _pull(self, ref: RecordRef, needs: tuple[RecordRef, ...], now: datetime) -> None:
        """Asks for what is waited for, and closes the gap where it arrived while this pass was ending."""
        arrived = True
        for needed in needs:
            record = await self.store.get(needed)
            if record is None or not any(link.target_id for link in record.links.values()):
                arrived = False
                if record is None or not any(link.state.is_open for link in record.links.values()):
                    await self.queue.send(self._hint(needed, f"{NEEDED_BY} {ref.subject} {ref.id}", now))
        if needs and arrived:
            await self.queue.send(self._hint(ref, ARRIVED, now))

    def _hint(self, ref: RecordRef, why: str, now: datetime) -> Envelope:
        trace = self.telemetry.current()
        return Envelope(ref.connection, ref.subject, ref.id, why, now, origin=self.origin, traceparent=trace)
