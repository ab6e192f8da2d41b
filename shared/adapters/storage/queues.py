"""The work queues in Queue Storage."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from azure.core.exceptions import ResourceExistsError, ResourceNotFoundError
from azure.storage.queue.aio import QueueClient

from shared.adapters.storage.meanings import explained
from shared.domain.envelope import Envelope

LONGEST_DELAY: Final = timedelta(days=7) - timedelta(minutes=1)
NEVER_EXPIRES: Final = -1
"""The default of seven days would let work vanish."""


@explained
@dataclass(slots=True)
class StorageWorkQueue:
    """Sends hints and sweeps; the clients encode as base64, which is what the queue trigger expects."""

    sync: QueueClient
    sweep: QueueClient
    poison: Sequence[QueueClient] = ()

    async def lengths(self) -> dict[str, int]:
        """About how many messages each queue holds; one that nothing was ever set aside in is empty."""
        queues = (self.sync, self.sweep, *self.poison)
        return {str(queue.queue_name): await _length(queue) for queue in queues}

    async def send(self, envelope: Envelope, *, delay: timedelta = timedelta(0)) -> None:
        """Puts a hint on the queue."""
        await _send(self.sync, envelope, delay)

    async def send_sweep(self, envelope: Envelope, *, delay: timedelta = timedelta(0)) -> None:
        """Puts a sweep on its queue."""
        await _send(self.sweep, envelope, delay)


async def _length(queue: QueueClient) -> int:
    try:
        return int((await queue.get_queue_properties()).approximate_message_count or 0)
    except ResourceNotFoundError:
        return 0


async def _send(queue: QueueClient, envelope: Envelope, delay: timedelta) -> None:
    await put(queue, envelope.to_json(), delay)


async def put(queue: QueueClient, text: str, delay: timedelta) -> None:
    """Puts a text on a queue, which is made if it is missing."""
    seconds = round(max(timedelta(0), min(delay, LONGEST_DELAY)).total_seconds())
    try:
        await queue.send_message(text, visibility_timeout=seconds, time_to_live=NEVER_EXPIRES)
    except ResourceNotFoundError:
        await _create(queue)
        await queue.send_message(text, visibility_timeout=seconds, time_to_live=NEVER_EXPIRES)


async def _create(queue: QueueClient) -> None:
    try:
        await queue.create_queue()
    except ResourceExistsError:
        return
