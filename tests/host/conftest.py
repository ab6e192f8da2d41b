"""Fixtures of the host tests: queues of their own and hosts as child processes."""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from azure.storage.queue import TextBase64DecodePolicy, TextBase64EncodePolicy
from azure.storage.queue.aio import QueueClient

from sandbox.azurite import Azurite
from sandbox.host.process import HostProcess

APPS = Path(__file__).parent / "apps"
PATIENCE_SECONDS = 30


async def eventually[T](condition: Callable[[], Awaitable[T]]) -> T:
    """Waits until the condition gives something true, and gives it back."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (value := await condition()):
        assert time.monotonic() < deadline, "the condition did not come true in time"
        await asyncio.sleep(0.02)
    return value


class Bench:
    """The sample app with queues, a journal and a release file of its own."""

    def __init__(self, azurite: Azurite, folder: Path) -> None:
        name = "q" + uuid.uuid4().hex[:12]
        self.connection = azurite.connection_string()
        self.work_queue, self.done_queue, self.poison_queue = (
            f"{name}-work",
            f"{name}-done",
            f"{name}-work-poison",
        )
        self.journal = folder / "journal"
        self.release = folder / "release"
        self.env = {
            "AzureWebJobsStorage": self.connection,
            "AzureWebJobsWork": self.connection,
            "WORK_QUEUE": self.work_queue,
            "DONE_QUEUE": self.done_queue,
            "TICK": "0 0 0 1 1 *",
            "JOURNAL": str(self.journal),
            "RELEASE": str(self.release),
            "HOST_TIMERS": "off",
        }
        self._stack = AsyncExitStack()

    async def close(self) -> None:
        self.release.touch()
        await self._stack.aclose()

    async def host(
        self, *, env: Mapping[str, str] | None = None, queue_invisibility: int | None = None
    ) -> HostProcess:
        """A started host; it is stopped when the test ends."""
        process = HostProcess(
            APPS / "sample", env=self.env | dict(env or {}), queue_invisibility=queue_invisibility
        )
        return await self._stack.enter_async_context(process)

    async def queue(self, name: str) -> QueueClient:
        """A client that reads and writes as the product does, in base64."""
        client = QueueClient.from_connection_string(
            self.connection,
            name,
            message_encode_policy=TextBase64EncodePolicy(),
            message_decode_policy=TextBase64DecodePolicy(),
        )
        return await self._stack.enter_async_context(client)

    def lines(self) -> list[str]:
        return self.journal.read_text().splitlines() if self.journal.exists() else []

    async def wait_for_line(self, line: str) -> None:
        async def written() -> bool:
            return line in self.lines()

        await eventually(written)


@pytest.fixture
async def bench(azurite: Azurite, tmp_path: Path) -> AsyncIterator[Bench]:
    bench = Bench(azurite, tmp_path)
    yield bench
    await bench.close()
