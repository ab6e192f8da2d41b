"""The work queues: hints arrive as the trigger expects them, when they are due, and never expire."""

import base64
from datetime import UTC, datetime, timedelta

import pytest
from azure.storage.queue.aio import QueueClient

from sandbox.azurite import Azurite
from shared.adapters.storage.clients import StorageClients
from shared.adapters.storage.queues import LONGEST_DELAY, StorageWorkQueue
from shared.domain.envelope import Envelope

NEVER_YEAR = 9000
HINT = Envelope("default", "company", "7", "callback Ünïcode", datetime.now(UTC))


@pytest.fixture
def queue(storage: StorageClients) -> StorageWorkQueue:
    return StorageWorkQueue(storage.sync, storage.sweep)


async def waiting(client: QueueClient) -> int:
    return int((await client.get_queue_properties()).approximate_message_count or 0)


async def test_hints_and_sweeps_go_to_queues_of_their_own(
    queue: StorageWorkQueue, storage: StorageClients
) -> None:
    await queue.send(HINT)
    await queue.send_sweep(HINT.again("sweep"))
    [sync] = [message async for message in storage.sync.receive_messages()]
    [sweep] = [message async for message in storage.sweep.receive_messages()]
    assert Envelope.from_json(sync.content) == HINT
    assert Envelope.from_json(sweep.content) == HINT.again("sweep")


async def test_a_message_is_base64_and_never_expires(
    queue: StorageWorkQueue, storage: StorageClients, azurite: Azurite
) -> None:
    await queue.send(HINT)
    name = str(storage.sync.queue_name)
    async with QueueClient.from_connection_string(azurite.connection_string(), name) as plain:
        [message] = [message async for message in plain.receive_messages()]
    assert Envelope.from_json(base64.b64decode(message.content).decode()) == HINT
    assert message.expires_on is not None
    assert message.expires_on.year >= NEVER_YEAR


async def test_a_delayed_message_is_there_but_not_visible(
    queue: StorageWorkQueue, storage: StorageClients
) -> None:
    await queue.send(HINT, delay=timedelta(minutes=5))
    assert await waiting(storage.sync) == 1
    assert [message async for message in storage.sync.receive_messages()] == []


@pytest.mark.parametrize("delay", [timedelta(seconds=-5), timedelta(milliseconds=400), timedelta(0)])
async def test_a_delay_below_a_second_is_none(
    queue: StorageWorkQueue, storage: StorageClients, delay: timedelta
) -> None:
    await queue.send(HINT, delay=delay)
    assert len([message async for message in storage.sync.receive_messages()]) == 1


async def test_a_delay_beyond_what_the_service_allows_is_shortened(
    queue: StorageWorkQueue, storage: StorageClients
) -> None:
    assert timedelta(days=7) > LONGEST_DELAY
    await queue.send(HINT, delay=timedelta(days=400))
    assert await waiting(storage.sync) == 1


async def test_a_queue_that_is_missing_is_made(queue: StorageWorkQueue, storage: StorageClients) -> None:
    await storage.sync.delete_queue()
    await queue.send(HINT)
    assert await waiting(storage.sync) == 1


async def test_preparing_twice_is_harmless(storage: StorageClients) -> None:
    await storage.prepare()


async def test_an_envelope_too_large_for_a_message_is_refused(queue: StorageWorkQueue) -> None:
    with pytest.raises(ValueError, match="does not fit"):
        await queue.send(Envelope("default", "company", "7", "x" * 50_000, HINT.when))
