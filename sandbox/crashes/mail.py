"""A queue whose messages carry the moment when they are due, so that it outlives the process that sent them."""

from datetime import datetime, timedelta
from typing import Any, Final

from azure.storage.queue.aio import QueueClient

from tests.conformance.timing import TAKEN_SECONDS, ClockedQueue, Delivery, ShiftedClock

PAGE: Final = 32


class DatedSender:
    """The queue client of a worker: hands the delay to nobody, but writes the due moment before the content.

    Whatever else is asked of it, the client itself answers.
    """

    def __init__(self, client: QueueClient, clock: ShiftedClock) -> None:
        self.client, self.clock = client, clock

    def __getattr__(self, name: str) -> Any:
        return getattr(self.client, name)

    async def send_message(self, content: str, *, visibility_timeout: int, time_to_live: int) -> Any:
        """Sends, visible at once: one request, as the product would make it."""
        due = self.clock.now() + timedelta(seconds=visibility_timeout)
        dated = f"{due.isoformat()} {content}"
        return await self.client.send_message(dated, visibility_timeout=0, time_to_live=time_to_live)


class DatedQueue(ClockedQueue):
    """The queue as the host reads it."""

    async def send_message(self, content: str, *, visibility_timeout: int, time_to_live: int) -> None:
        """Sends a message."""
        self.delays.append(timedelta(seconds=visibility_timeout))
        sender = DatedSender(self.client, self.clock)
        await sender.send_message(content, visibility_timeout=visibility_timeout, time_to_live=time_to_live)

    async def fetch(self) -> list[Delivery]:
        """Every message that is not yet completed, due or not."""
        while True:
            taken = 0
            pages = self.client.receive_messages(messages_per_page=PAGE, visibility_timeout=TAKEN_SECONDS)
            async for page in pages.by_page():
                async for message in page:
                    due, _, message.content = str(message.content).partition(" ")
                    moment = datetime.fromisoformat(due)
                    self.deliveries.append(Delivery(moment, next(self._numbers), self, message))
                    taken += 1
                break
            if taken < PAGE:
                return self.deliveries

    async def empty(self) -> None:
        """Throws everything away."""
        if self.deliveries or self.completed:
            self.deliveries.clear()
            self.completed.clear()
            await self.client.clear_messages()
