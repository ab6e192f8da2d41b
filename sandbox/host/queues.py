"""Queue storage as the host uses it: create when missing, encode, send."""

import base64
import binascii
from collections.abc import Callable
from typing import Final, Literal

from azure.core.exceptions import ResourceExistsError, ResourceNotFoundError
from azure.storage.queue.aio import QueueClient

from sandbox.host.functions import Queue
from shared.adapters.storage.direct import Queue as LeanQueue

type Encoding = Literal["base64", "none"]

POISON_SUFFIX: Final = "-poison"
_LONGEST_NAME: Final = 63


def poison_queue(queue: Queue) -> Queue | None:
    """Where messages go that keep failing; none for a poison queue itself or if the name would get too long."""
    name = queue.name + POISON_SUFFIX
    return (
        None
        if queue.name.endswith(POISON_SUFFIX) or len(name) > _LONGEST_NAME
        else Queue(name, queue.connection)
    )


class QueueStorage:
    """One client per queue, and one message encoding for all of them."""

    def __init__(self, encoding: Encoding) -> None:
        self.encoding = encoding
        self._clients: dict[Queue, QueueClient] = {}
        self._watchers: dict[Queue, Callable[[], None]] = {}

    def client(self, queue: Queue) -> QueueClient:
        """The client of a queue, without message policies: texts pass as they are stored."""
        if queue not in self._clients:
            self._clients[queue] = LeanQueue.from_connection_string(
                queue.connection,
                queue.name,
                initial_backoff=1,
                increment_base=1,
                retry_total=2,
                use_env_settings=False,
            )
        return self._clients[queue]

    def watch(self, queue: Queue, arrived: Callable[[], None]) -> None:
        """Calls back when this host itself sends to the queue, so that its listener need not wait for its next poll."""
        self._watchers[queue] = arrived

    async def ensure(self, queue: Queue) -> None:
        """Creates the queue unless it is there; another process may do so at the same moment."""
        try:
            await self.client(queue).create_queue()
        except ResourceExistsError:
            return

    async def send(self, queue: Queue, body: bytes) -> None:
        """Sends one message, encoded; creates the queue if missing."""
        await self.send_raw(queue, self.encode(body))

    async def send_raw(self, queue: Queue, text: str) -> None:
        """Sends one message whose text is already in its stored form."""
        try:
            await self.client(queue).send_message(text)
        except ResourceNotFoundError:
            await self.ensure(queue)
            await self.client(queue).send_message(text)
        if queue in self._watchers:
            self._watchers[queue]()

    def encode(self, body: bytes) -> str:
        """The stored form of a message body."""
        return base64.b64encode(body).decode() if self.encoding == "base64" else body.decode()

    def decode(self, text: str) -> str:
        """The body of a stored message; raises ``ValueError`` if it is not in the configured encoding."""
        if self.encoding == "none":
            return text
        try:
            return base64.b64decode(text, validate=True).decode()
        except (binascii.Error, UnicodeError) as error:
            raise ValueError(f"the message is not base64-encoded text: {error}") from error

    async def close(self) -> None:
        """Closes every connection."""
        for client in self._clients.values():
            await client.close()
        self._clients.clear()
