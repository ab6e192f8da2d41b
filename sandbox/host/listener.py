"""Queue triggers: poll, keep invisible while running, delete, release or move to poison.

The rules are those of the storage extension: a message is fetched for a fixed time that is renewed at half-time,
``visibilityTimeout`` is applied only when a failed message is released, and delivery is at least once.
"""

import asyncio
import logging
import random
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from azure.core.exceptions import AzureError, HttpResponseError, ResourceNotFoundError
from azure.storage.queue import QueueMessage

from sandbox.host.config import QueueOptions
from sandbox.host.dispatcher import Dispatcher
from sandbox.host.functions import Function, QueueTrigger
from sandbox.host.queues import QueueStorage, poison_queue
from sandbox.host.runtime import QueueCall

INVISIBILITY_SECONDS: Final = 600
_SHORTEST_POLL_SECONDS: Final = 0.1
_JITTER: Final = 0.2
_log: Final = logging.getLogger("Host.Triggers.Queues")


@dataclass(slots=True)
class _Lease:
    """A fetched message; every renewal changes the receipt that the next operation needs."""

    id: str
    receipt: str
    text: str
    dequeue_count: int
    metadata: dict[str, str]


class QueueListener:
    """Feeds one queue-triggered function."""

    def __init__(
        self,
        function: Function,
        trigger: QueueTrigger,
        storage: QueueStorage,
        dispatcher: Dispatcher,
        options: QueueOptions,
        invisibility_seconds: int = INVISIBILITY_SECONDS,
    ) -> None:
        self._function = function
        self._queue = trigger.queue
        self._poison = poison_queue(trigger.queue)
        self._storage = storage
        self._client = storage.client(trigger.queue)
        self._dispatcher = dispatcher
        self._options = options
        self._invisibility = invisibility_seconds
        self._messages: set[asyncio.Task[None]] = set()
        self._stopping = False
        self._arrived = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self._poll: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Starts to poll; the queue is created if missing."""
        self._storage.watch(self._queue, self._arrived.set)
        self._poll = asyncio.get_running_loop().create_task(self._run())
        self._poll.add_done_callback(self._ended)

    async def stop(self) -> None:
        """Stops to poll and waits for the messages in flight."""
        self._stopping = True
        self._arrived.set()
        self._room.set()
        if self._poll is not None:
            await self._poll
        if self._messages:
            await asyncio.wait(self._messages)

    async def _run(self) -> None:
        longest = self._options.max_polling_interval.total_seconds()
        interval = _SHORTEST_POLL_SECONDS
        while not self._stopping:
            await self._room.wait()
            if await self._fetch():
                interval = _SHORTEST_POLL_SECONDS
                continue
            await self._idle(interval)
            interval = min(interval * 2 * random.uniform(1 - _JITTER, 1 + _JITTER), longest)

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()):
            _log.critical("%s: the listener ended", self._function.name, exc_info=error)

    async def _idle(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._arrived.wait()
        except TimeoutError:
            return
        self._arrived.clear()

    async def _fetch(self) -> bool:
        """Fetches one batch and starts its messages; whether there was any."""
        if self._stopping:
            return False
        found = False
        try:
            async for message in self._client.receive_messages(
                messages_per_page=self._options.batch_size,
                max_messages=self._options.batch_size,
                visibility_timeout=self._invisibility,
            ):
                found = True
                task = asyncio.get_running_loop().create_task(self._process(_lease(message)))
                self._messages.add(task)
                task.add_done_callback(self._finished)
        except ResourceNotFoundError:
            await self._create()
        except AzureError as error:
            _log.warning(
                "%s: cannot read the queue %s: %s", self._function.name, self._queue.name, _brief(error)
            )
        self._update_room()
        return found

    async def _create(self) -> None:
        try:
            await self._storage.ensure(self._queue)
        except AzureError as error:
            _log.warning(
                "%s: cannot create the queue %s: %s", self._function.name, self._queue.name, _brief(error)
            )

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._messages.discard(task)
        self._update_room()

    def _update_room(self) -> None:
        if self._stopping or len(self._messages) <= self._options.threshold:
            self._room.set()
        else:
            self._room.clear()

    async def _process(self, lease: _Lease) -> None:
        try:
            await self._handle(lease)
        except AzureError as error:
            _log.warning(
                "%s: message %s could not be completed and will come back: %s",
                self._function.name,
                lease.id,
                _brief(error),
            )

    async def _handle(self, lease: _Lease) -> None:
        if lease.dequeue_count > self._options.max_dequeue_count:
            await self._give_up(lease, f"was dequeued {lease.dequeue_count} times")
            return
        try:
            call = QueueCall(self._storage.decode(lease.text), lease.metadata)
        except ValueError as error:
            await self._give_up(lease, str(error))
            return
        if await self._invoke(lease, call):
            await self._delete(lease)
        elif lease.dequeue_count >= self._options.max_dequeue_count:
            await self._give_up(lease, f"failed {lease.dequeue_count} times")
        elif self._poison is not None:
            seconds = round(self._options.visibility_timeout.total_seconds())
            await self._client.update_message(lease.id, lease.receipt, visibility_timeout=seconds)

    async def _invoke(self, lease: _Lease, call: QueueCall) -> bool:
        done = asyncio.Event()
        renewal = asyncio.get_running_loop().create_task(self._renew(lease, done))
        outcome = await self._dispatcher.run(self._function, call)
        done.set()
        await renewal
        return outcome.error is None

    async def _renew(self, lease: _Lease, done: asyncio.Event) -> None:
        """Renews at half-time until done. It is never cancelled: a renewal cut short would lose the new receipt."""
        while not done.is_set():
            try:
                async with asyncio.timeout(self._invisibility / 2):
                    await done.wait()
            except TimeoutError:
                await self._renew_once(lease)

    async def _renew_once(self, lease: _Lease) -> None:
        try:
            updated = await self._client.update_message(
                lease.id, lease.receipt, visibility_timeout=self._invisibility
            )
        except AzureError as error:
            _log.warning("%s: message %s not renewed: %s", self._function.name, lease.id, _brief(error))
        else:
            lease.receipt = updated.pop_receipt or lease.receipt

    async def _give_up(self, lease: _Lease, reason: str) -> None:
        """Copies the message to the poison queue, then deletes it. Without a poison queue it stays invisible."""
        if self._poison is None:
            _log.error(
                "%s: message %s %s; a poison queue has none of its own", self._function.name, lease.id, reason
            )
            return
        _log.error("%s: message %s %s; moved to %s", self._function.name, lease.id, reason, self._poison.name)
        await self._storage.send_raw(self._poison, lease.text)
        await self._delete(lease)

    async def _delete(self, lease: _Lease) -> None:
        try:
            await self._client.delete_message(lease.id, lease.receipt)
        except HttpResponseError as error:
            if error.status_code not in {400, 404}:
                raise
            _log.debug(
                "%s: message %s was changed meanwhile: %s", self._function.name, lease.id, _brief(error)
            )


def _lease(message: QueueMessage) -> _Lease:
    count = message.dequeue_count or 1
    metadata = {
        "Id": message.id,
        "DequeueCount": str(count),
        "InsertionTime": _moment(message.inserted_on),
        "ExpirationTime": _moment(message.expires_on),
        "NextVisibleTime": _moment(message.next_visible_on),
        "PopReceipt": message.pop_receipt or "",
    }
    return _Lease(message.id, message.pop_receipt or "", message.content, count, metadata)


def _moment(value: datetime | None) -> str:
    return "" if value is None else value.isoformat()


def _brief(error: AzureError) -> str:
    return str(error).partition("\n")[0]
