"""The queue rules, against real queue storage but with functions that the test plays itself."""

import asyncio
import logging
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from azure.core.exceptions import ServiceRequestError
from azure.storage.queue import QueueMessage

from sandbox.azurite import Azurite
from sandbox.host.config import QueueOptions
from sandbox.host.dispatcher import Dispatcher
from sandbox.host.functions import Function, Queue, QueueTrigger
from sandbox.host.listener import QueueListener
from sandbox.host.queues import QueueStorage, poison_queue
from sandbox.host.runtime import Call, Outcome, QueueCall
from tests.host.conftest import eventually

type Play = Callable[[QueueCall], Awaitable[None]]


class Stage:
    """A listener with a function played by the test; ``seen`` has what it was given."""

    def __init__(self, azurite: Azurite) -> None:
        self.queue = Queue("q" + uuid.uuid4().hex[:12], azurite.connection_string())
        self.storage = QueueStorage("base64")
        self.seen: list[QueueCall] = []
        self.most_at_once = 0
        self._running = 0
        self._play: Play | None = None
        self._dispatcher = Dispatcher(self, self.storage)
        self._listeners: list[QueueListener] = []

    async def invoke(
        self, _invocation: str, _function: str, _parameter: str, call: Call, _trace: str
    ) -> Outcome:
        assert isinstance(call, QueueCall)
        self.seen.append(call)
        self._running += 1
        self.most_at_once = max(self.most_at_once, self._running)
        try:
            if self._play is not None:
                await self._play(call)
        except RuntimeError as error:
            return Outcome(error=repr(error))
        finally:
            self._running -= 1
        return Outcome()

    def listen(self, play: Play | None = None, *, invisibility: int = 600, **options: Any) -> QueueListener:
        self._play = play
        trigger = QueueTrigger("message", self.queue)
        function = Function("id", "take", trigger, {}, None, disabled=False)
        values = QueueOptions(maxPollingInterval="00:00:00.200", **options)
        listener = QueueListener(function, trigger, self.storage, self._dispatcher, values, invisibility)
        self._listeners.append(listener)
        listener.start()
        return listener

    async def close(self) -> None:
        for listener in self._listeners:
            await listener.stop()
        await self.storage.close()

    async def stored(self, queue: Queue) -> list[str]:
        await self.storage.ensure(queue)
        found: list[QueueMessage] = await self.storage.client(queue).peek_messages(max_messages=32)
        return [message.content for message in found]

    async def count(self) -> int:
        await self.storage.ensure(self.queue)
        properties = await self.storage.client(self.queue).get_queue_properties()
        return properties.approximate_message_count or 0

    async def is_empty(self) -> bool:
        return await self.count() == 0

    async def has_run(self) -> bool:
        return bool(self.seen)

    async def has_poison(self) -> list[str]:
        poison = poison_queue(self.queue)
        assert poison is not None
        return await self.stored(poison)


@pytest.fixture
async def stage(azurite: Azurite) -> AsyncIterator[Stage]:
    stage = Stage(azurite)
    yield stage
    await stage.close()


async def always_fail(_call: QueueCall) -> None:
    raise RuntimeError("no")


async def test_a_message_is_decoded_run_once_and_deleted_and_the_queue_created(stage: Stage) -> None:
    stage.listen()
    await stage.storage.send(stage.queue, "Grüße".encode())
    await eventually(stage.is_empty)
    [call] = stage.seen
    assert call.text == "Grüße"
    assert call.metadata["DequeueCount"] == "1"
    assert call.metadata["Id"]
    assert call.metadata["InsertionTime"].endswith("+00:00")


async def test_a_failing_message_is_tried_as_often_as_allowed_then_moved_to_poison(stage: Stage) -> None:
    await stage.storage.send(stage.queue, b"bad")
    stage.listen(always_fail, maxDequeueCount=3)
    assert await eventually(stage.has_poison) == [stage.storage.encode(b"bad")]
    await eventually(stage.is_empty)
    assert [call.metadata["DequeueCount"] for call in stage.seen] == ["1", "2", "3"]


async def test_a_message_dequeued_too_often_goes_to_poison_without_a_run(stage: Stage) -> None:
    await stage.storage.send(stage.queue, b"crasher")
    client = stage.storage.client(stage.queue)
    message = await client.receive_message(visibility_timeout=600)
    assert message is not None
    await client.update_message(message, visibility_timeout=0)
    stage.listen(maxDequeueCount=1)
    assert await eventually(stage.has_poison) == [stage.storage.encode(b"crasher")]
    assert stage.seen == []


async def test_a_message_in_another_encoding_goes_to_poison_as_it_is(stage: Stage) -> None:
    await stage.storage.send_raw(stage.queue, "{plain}")
    stage.listen()
    assert await eventually(stage.has_poison) == ["{plain}"]
    await eventually(stage.is_empty)
    assert stage.seen == []


async def test_a_released_message_waits_for_the_visibility_timeout(stage: Stage) -> None:
    await stage.storage.send(stage.queue, b"bad")
    released: list[int] = []
    client = stage.storage.client(stage.queue)
    update = client.update_message

    async def spy(*arguments: Any, **options: Any) -> QueueMessage:
        released.append(options["visibility_timeout"])
        return await update(*arguments, **options)

    client.update_message = spy  # type: ignore[method-assign]
    stage.listen(always_fail, visibilityTimeout="00:00:45")

    async def is_released() -> bool:
        return released == [45]

    await eventually(is_released)
    assert await stage.stored(stage.queue) == []
    assert await stage.count() == 1


async def test_a_poison_queue_has_no_poison_queue_and_its_failures_stay_invisible(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    stage.queue = Queue(stage.queue.name + "-poison", stage.queue.connection)
    assert poison_queue(stage.queue) is None
    assert poison_queue(Queue("q" * 60, "")) is None
    await stage.storage.send(stage.queue, b"bad")
    with caplog.at_level(logging.ERROR):
        listener = stage.listen(always_fail, maxDequeueCount=1)

        await eventually(stage.has_run)
        await listener.stop()
    assert await stage.stored(stage.queue) == []
    assert await stage.count() == 1
    assert "a poison queue has none of its own" in caplog.text


async def test_a_long_run_keeps_its_message_by_renewal(stage: Stage) -> None:
    await stage.storage.send(stage.queue, b"long")
    client = stage.storage.client(stage.queue)
    renewals = 0
    enough = asyncio.Event()
    update = client.update_message

    async def spy(*arguments: Any, **options: Any) -> QueueMessage:
        nonlocal renewals
        updated = await update(*arguments, **options)
        renewals += 1
        if renewals == 3:
            enough.set()
        return updated

    client.update_message = spy  # type: ignore[method-assign]

    async def wait(_call: QueueCall) -> None:
        await enough.wait()

    stage.listen(wait, invisibility=2)
    await eventually(stage.is_empty)
    assert len(stage.seen) == 1


async def test_concurrency_is_bounded_by_batch_size_plus_threshold(stage: Stage) -> None:
    for number in range(12):
        await stage.storage.send(stage.queue, str(number).encode())
    full, release = asyncio.Event(), asyncio.Event()

    async def wait(_call: QueueCall) -> None:
        if len(stage.seen) == 3:
            full.set()
        await release.wait()

    stage.listen(wait, batchSize=3, newBatchThreshold=1)
    await full.wait()
    release.set()
    await eventually(stage.is_empty)
    assert len(stage.seen) == 12
    assert stage.most_at_once <= 4


async def test_a_stop_waits_for_what_runs_and_fetches_nothing_new(stage: Stage) -> None:
    await stage.storage.send(stage.queue, b"one")
    running, release = asyncio.Event(), asyncio.Event()

    async def wait(_call: QueueCall) -> None:
        running.set()
        await release.wait()

    listener = stage.listen(wait)
    await running.wait()
    stop = asyncio.create_task(listener.stop())
    # A fetch that was under way when the stop came still brings its messages.
    assert listener._poll is not None
    await asyncio.wait({listener._poll})
    await stage.storage.send(stage.queue, b"two")
    release.set()
    await stop
    assert [call.text for call in stage.seen] == ["one"]
    assert await stage.stored(stage.queue) == [stage.storage.encode(b"two")]


async def test_a_message_that_the_function_changed_itself_is_left_alone(stage: Stage) -> None:
    await stage.storage.send(stage.queue, b"mine")
    client = stage.storage.client(stage.queue)

    async def change(call: QueueCall) -> None:
        metadata = call.metadata
        await client.update_message(metadata["Id"], metadata["PopReceipt"], visibility_timeout=600)

    listener = stage.listen(change)

    await eventually(stage.has_run)
    await listener.stop()
    assert await stage.count() == 1


async def test_the_queue_is_created_again_when_somebody_deletes_it(stage: Stage) -> None:
    stage.listen()
    await stage.storage.ensure(stage.queue)
    await stage.storage.client(stage.queue).delete_queue()
    await stage.storage.send(stage.queue, b"after")

    await eventually(stage.has_run)


async def test_creating_a_queue_twice_at_once_is_harmless(stage: Stage) -> None:
    await asyncio.gather(*(stage.storage.ensure(stage.queue) for _ in range(5)))
    await asyncio.gather(*(stage.storage.send(stage.queue, b"x") for _ in range(5)))
    assert await stage.count() == 5


async def test_storage_that_is_down_is_reported_and_does_not_end_the_listener(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    client = stage.storage.client(stage.queue)
    receive = client.receive_messages
    refused = False

    def refuse_once(**options: Any) -> Any:
        nonlocal refused
        if refused:
            return receive(**options)
        refused = True
        raise ServiceRequestError("connection refused")

    client.receive_messages = refuse_once  # type: ignore[method-assign]
    stage.listen()
    await stage.storage.send(stage.queue, b"later")
    await eventually(stage.has_run)
    assert "cannot read the queue" in caplog.text


def test_plain_encoding_passes_text_through() -> None:
    storage = QueueStorage("none")
    assert storage.encode("ä".encode()) == "ä"
    assert storage.decode("ä") == "ä"
