"""A world whose functions run in processes of their own that can die."""

import random
from datetime import timedelta
from typing import Final, cast

from azure.storage.queue.aio import QueueClient

from sandbox.azurite import Azurite
from sandbox.crashes.mail import DatedQueue
from sandbox.crashes.points import Point
from sandbox.crashes.worker import Order, Place, Worker
from tests.conformance.timing import ClockedQueue, Delivery
from tests.conformance.world import World

RESTS: Final = (0, 300, 900)
"""After how many seconds the message of a dead worker comes again: at once, after its lease, or when whatever it began
must be over."""


class MortalWorld(World):
    """Messages are handled in this process until :meth:`begin`; from then on by workers, the first of which may die.

    ``points`` are those that were passed since, ``deaths`` how many workers died.
    """

    def __init__(self, azurite: Azurite, seed: int) -> None:
        super().__init__(azurite)
        self.points: list[Point] = []
        self.deaths = 0
        self._chance = random.Random(seed)
        self._mortal = False
        self._fatal: list[Point] = []
        self._worker: Worker | None = None

    def _clocked(self, name: str, client: QueueClient) -> QueueClient:
        queue = self._queues.setdefault(name, DatedQueue(client, self.clock, self._numbers))
        queue.client = client
        return cast("QueueClient", queue)

    async def begin(self, *fatal: Point) -> None:
        """From now on workers handle the messages. The first dies at the first fatal point, its successor at the next."""
        self.points, self.deaths = [], 0
        self._mortal, self._fatal = True, list(fatal)

    async def end(self) -> None:
        """Ends the worker; this process handles the messages again. What is left in the queues is thrown away."""
        self._mortal = False
        if self._worker is not None:
            self._worker.stop()
            self._worker = None
        for queue in self._queues.values():
            await cast("DatedQueue", queue).empty()

    async def _deliver(self, delivery: Delivery) -> None:
        if not self._mortal:
            await super()._deliver(delivery)
            return
        if self._worker is None:
            fatal = self._fatal.pop(0) if self._fatal else None
            self._worker = Worker(Place(self.environment(), self._prefix, fatal))
        delivery.dequeues += 1
        order = Order(self._name(delivery.queue), delivery.body, delivery.dequeues, self.clock.shift)
        points = await self._worker.handle(order)
        if points is None:
            self.deaths += 1
            self._worker = None
            self.clock.advance(timedelta(seconds=self._chance.choice(RESTS)))
            return
        self.points += points
        await delivery.complete()

    def _name(self, queue: ClockedQueue) -> str:
        return next(name for name, one in self._queues.items() if one is queue)
