"""The world of the model: every message is handled under watch, so that each write can be traced to an attempt."""

import asyncio
import random
from collections import Counter
from collections.abc import Sequence
from contextlib import AsyncExitStack, suppress
from typing import Final

from sandbox.azurite import Azurite
from sandbox.kit import Json, dumps
from shared.domain.envelope import Envelope
from shared.domain.records import RecordRef
from shared.triggers.queues import sweep, sync_record
from tests.conformance.taps import Crash
from tests.conformance.timing import Delivery
from tests.conformance.traffic import is_write
from tests.conformance.world import QueueMessage, World

MOST_MESSAGES: Final = 2_000
"""Messages after which a run that should come to rest is taken to go round in circles."""
REGISTRATIONS: Final = ("/system/callbacks", "/subscriptions")
"""Writes of the hooks' upkeep, which are no record's and stand in the stored state of the hooks."""
WRITING: Final = frozenset({"create", "change"})
UNSETTLED: Final = frozenset({"held", "waiting", "retrying"})


class ModelWorld(World):
    """A world that notes which rule a handled message broke in ``found``."""

    def __init__(self, azurite: Azurite) -> None:
        super().__init__(azurite)
        self.found: list[str] = []
        self.handled = 0
        self.crashes = 0
        self.most_to_drain = 0
        self.writes_seen = 0
        self.writes_of_the_dead = 0
        self._attempts_seen: Counter[RecordRef] = Counter()

    async def open(self, stack: AsyncExitStack) -> None:
        """A notification that meets a process which is just starting comes again at once."""
        await super().open(stack)
        self.business_central.environment.settings.webhook_retries = [0.05] * 8

    async def tries(self, system: str, path: str, body: Json = None) -> bool:
        """Does what a person does there; False when the system's rules refuse it."""
        url = self.connectwise_url if system == "connectwise" else self.business_central_url
        answer = await self.http.post(f"{url}/admin/{path}", content=dumps(body if body is not None else {}))
        assert answer.status_code < 500, f"/admin/{path} answered {answer.status_code}: {answer.text}"
        return answer.is_success

    async def waiting(self) -> list[Delivery]:
        """The messages that are queued, due or not."""
        return await self._deliveries()

    async def due(self) -> list[Delivery]:
        """The messages that can be handled now."""
        return [one for one in await self._deliveries() if one.due <= self.clock.now()]

    async def handle(self, some: Sequence[Delivery]) -> None:
        """Handles messages at the same time and checks that what they wrote is explained; raises Crash."""
        before = self._writes()
        try:
            results = await asyncio.gather(*(self._invoke(one) for one in some), return_exceptions=True)
        finally:
            written = self._writes() - before
        dead = [result for result in results if isinstance(result, Crash)]
        for delivery, result in zip(some, results, strict=True):
            if isinstance(result, Exception):
                self.found.append(
                    f"{delivery.body}: the function failed with {type(result).__name__}: {result}"
                )
        refs = {Envelope.from_json(one.body).ref for one in some}
        explained = await self._explained(refs)
        self.writes_seen += written.total()
        if dead:
            self.crashes += 1
            self.writes_of_the_dead += written.total()
            raise dead[0]
        for system, count in written.items():
            if count > explained[system]:
                about = ", ".join(map(str, sorted(refs)))
                self.found.append(f"{about}: {count} writes to {system}, {explained[system]} explained")

    async def _invoke(self, delivery: Delivery) -> None:
        delivery.dequeues += 1
        self.handled += 1
        function = sweep if delivery.queue is self._queues["sweep"] else sync_record
        await function(QueueMessage(delivery.body, delivery.dequeues))
        await delivery.complete()

    def _writes(self) -> Counter[str]:
        counts: Counter[str] = Counter()
        systems = {"ConnectWise": self.connectwise, "Business Central": self.business_central}
        for name, stand_in in systems.items():
            for route, count in stand_in.calls.items():
                registers = any(part in route for part in REGISTRATIONS)
                if is_write(route) and not route.startswith("BATCH ") and not registers:
                    counts[name] += count
        return counts

    async def _explained(self, refs: set[RecordRef]) -> Counter[str]:
        """The calls of the attempts since the last look whose plan writes, or which did not get to an end."""
        explained: Counter[str] = Counter()
        for ref in refs:
            rows = [row async for row in self.app.store.attempts(ref)] if ref.id != "*" else []
            new = rows[: len(rows) - self._attempts_seen[ref]]
            self._attempts_seen[ref] = len(rows)
            for row in new:
                if row["action"] in WRITING or row["state"] in UNSETTLED:
                    explained.update(row["calls_by_system"])
        return explained

    async def some_messages(self, most: int, chance: random.Random, *, at_once: int = 1) -> None:
        """Handles up to so many due messages in any order; raises Crash."""
        while most > 0:
            due = await self.due()
            if not due:
                return
            some = chance.sample(due, min(at_once, most, len(due)))
            most -= len(some)
            await self.handle(some)

    async def drain(self) -> None:
        """Handles everything, letting time pass until delayed messages are due; notes when it does not end."""
        for number in range(MOST_MESSAGES):
            waiting = await self._deliveries()
            if not waiting:
                self.most_to_drain = max(self.most_to_drain, number)
                return
            self.clock.reach(min(waiting).due)
            await self.handle([min(waiting)])
        raise AssertionError(f"it does not end: the queues are not empty after {MOST_MESSAGES} messages")

    async def crash_after(self, steps: int, most: int, chance: random.Random) -> None:
        """The process dies after so many writes and kept steps, or when nothing is left to do; a new one starts."""
        await self.die_after(steps)
        with suppress(Crash):
            await self.some_messages(most, chance)
        await self.restart()
