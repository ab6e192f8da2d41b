"""Time that a test can move, and queues whose delays follow it.

Azurite keeps and hands out every message, encoded as the product encodes it. Only the visibility timeout is not
left to it: a message is sent visible at once, the delay that was asked for is noted, and the message is handled
when the test's clock has reached that moment. So a rest of a minute costs no minute.
"""

import asyncio
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from azure.storage.queue import QueueMessage
from azure.storage.queue.aio import QueueClient

TAKEN_SECONDS: Final = 3600
"""How long Azurite hides a message that a test has taken; longer than any test."""

MOST_COMPLETED: Final = 32
"""Messages that are done with and wait to be deleted; few enough to hinder no reading."""


class ShiftedClock:
    """The machine's clock, moved ahead by as much as a test has let pass."""

    def __init__(self) -> None:
        self.shift = timedelta(0)

    def now(self) -> datetime:
        """The present moment in UTC, as the product sees it."""
        return datetime.now(UTC) + self.shift

    def advance(self, by: timedelta) -> None:
        """Lets time pass."""
        self.shift += max(by, timedelta(0))

    def reach(self, moment: datetime) -> None:
        """Lets time pass until the moment, unless it is past already."""
        self.advance(moment - self.now())


@dataclass(slots=True, order=True)
class Delivery:
    """A message that was taken from a queue and not yet completed; ``dequeues`` counts its earlier deliveries."""

    due: datetime
    number: int
    queue: "ClockedQueue" = field(compare=False)
    message: QueueMessage = field(compare=False)
    dequeues: int = field(default=0, compare=False)

    @property
    def body(self) -> str:
        """The text of the message."""
        return str(self.message.content)

    async def complete(self) -> None:
        """Deletes the message, as the host does after a success."""
        self.queue.deliveries.remove(self)
        self.queue.completed.append(self.message)
        if len(self.queue.completed) >= MOST_COMPLETED:
            await self.queue.clean()


class ClockedQueue:
    """A queue client for the product that asks Azurite for no delay but notes it."""

    def __init__(self, client: QueueClient, clock: ShiftedClock, numbers: Iterator[int]) -> None:
        self.client = client
        self.clock = clock
        self.delays: list[timedelta] = []
        self.deliveries: list[Delivery] = []
        self.completed: list[QueueMessage] = []
        """Messages that are done with and hidden, deleted before anybody looks at the queue."""
        self._numbers = numbers
        self._due: dict[str, datetime] = {}
        self._unanswered: list[datetime] = []
        """When messages are due of which the sender died before it heard whether they are in the queue."""
        self._lock = asyncio.Lock()

    @property
    def queue_name(self) -> str:
        """The name of the queue."""
        return str(self.client.queue_name)

    async def get_queue_properties(self) -> object:
        """Asks for the queue."""
        await self.clean()
        return await self.client.get_queue_properties()

    async def peek_messages(self, **options: Any) -> object:
        """Looks at messages without taking them."""
        await self.clean()
        return await self.client.peek_messages(**options)

    async def clean(self) -> None:
        """Deletes the messages that are done with."""
        while self.completed:
            await self.client.delete_message(self.completed.pop())

    async def create_queue(self) -> None:
        """Makes the queue."""
        await self.client.create_queue()

    async def close(self) -> None:
        """Closes the connection."""
        await self.client.close()

    async def send_message(self, content: str, *, visibility_timeout: int, time_to_live: int) -> None:
        """Sends, visible at once; it is due after ``visibility_timeout`` seconds of the test's clock."""
        delay = timedelta(seconds=visibility_timeout)
        async with self._lock:
            self._unanswered.append(self.clock.now() + delay)
            sent: Any = await self.client.send_message(
                content, visibility_timeout=0, time_to_live=time_to_live
            )
            self._due[str(sent.id)] = self._unanswered.pop()
        self.delays.append(delay)

    async def fetch(self) -> list[Delivery]:
        """Every message that is not yet completed, due or not."""
        async with self._lock:
            if self._due or self._unanswered:
                messages = self.client.receive_messages(
                    messages_per_page=32, visibility_timeout=TAKEN_SECONDS
                )
                async for message in messages:
                    due = self._due.pop(str(message.id), None)
                    if due is None:
                        # Of a sender that died so early that it was no longer counted as one who waits.
                        due = self._unanswered.pop(0) if self._unanswered else self.clock.now()
                    self.deliveries.append(Delivery(due, next(self._numbers), self, message))
                    if not self._due and not self._unanswered:
                        break
                else:
                    self._unanswered.clear()
        return self.deliveries


def numbering() -> Iterator[int]:
    """The order of arrival over several queues."""
    return itertools.count(1)
