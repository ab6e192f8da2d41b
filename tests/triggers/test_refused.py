"""While the app as a whole cannot work, messages wait in their queues: none spends its tries, none is stuck as poison."""

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import Any, Final

import pytest
from azure.data.tables import UpdateMode

import shared.app
from sandbox.azurite import Azurite
from shared.adapters.storage.schema import KEY, SCHEMA
from shared.app import App
from shared.domain.envelope import POISON, POISONED, Envelope
from shared.domain.errors import FunctionFailed
from shared.domain.records import DEFAULT
from shared.ports.storage import SWEEP_QUEUE, SYNC_QUEUE
from shared.triggers import queues
from tests.conformance.world import QueueMessage
from tests.triggers.bench import Bench

HINT: Final = Envelope(DEFAULT, "company", "7", "test", datetime(2026, 3, 1, tzinfo=UTC))
WATCHERS: Final[dict[str, Callable[..., Any]]] = {
    SYNC_QUEUE: queues.sync_record,
    SWEEP_QUEUE: queues.sweep,
    f"{SYNC_QUEUE}-poison": queues.sync_record_poison,
    f"{SWEEP_QUEUE}-poison": queues.sweep_poison,
}


@pytest.fixture
async def bench(azurite: Azurite, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Bench]:
    """An app that is put together and not yet prepared, as in a process that has just started."""
    async with Bench(azurite) as running:
        monkeypatch.setattr(shared.app, "_app", None)
        monkeypatch.setattr(shared.app, "_assembled", running.app)
        monkeypatch.setattr(queues, "REFUSED_REST", queues.REFUSED_REST * 0)
        monkeypatch.setattr(queues, "POISON_REST", queues.POISON_REST * 0)
        yield running


async def layout(app: App, version: int) -> None:
    assert app.storage is not None
    row = {"PartitionKey": KEY[0], "RowKey": KEY[1], "version": version, "owner": ""}
    await app.storage.state.upsert_entity(row, mode=UpdateMode.REPLACE)


async def lying(app: App, queue: str) -> list[str]:
    """What lies in a queue; it is taken."""
    assert app.storage is not None
    client, found = app.storage.queue(queue), []
    async for message in client.receive_messages():
        found.append(str(message.content))
        await client.delete_message(message)
    return found


async def test_a_release_that_is_too_old_lets_every_message_wait(bench: Bench) -> None:
    await layout(bench.app, SCHEMA + 1)
    written_by_a_newer_release = HINT.to_json().replace('"company"', '"company", "newer": 1')
    for queue, watcher in WATCHERS.items():
        for text in (written_by_a_newer_release, "unreadable"):
            await watcher(QueueMessage(text, 5))
            assert await lying(bench.app, queue) == [text], "as it is, in the queue that it came from"
    assert [name async for name, _ in bench.app.state.named(DEFAULT, POISON)] == []

    # The right release comes back: the same messages are worked on.
    await layout(bench.app, SCHEMA)
    text = Envelope(DEFAULT, "company", "7", "t", HINT.when, options={POISONED: 3}).to_json()
    await queues.sync_record_poison(QueueMessage(text, 1))
    assert [value["text"] async for _, value in bench.app.state.named(DEFAULT, POISON)] == [text]


async def test_what_cannot_be_shown_stays_in_the_poison_queue_until_it_can(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: object) -> None:
        raise RuntimeError("nobody foresaw this")

    text = Envelope(DEFAULT, "company", "7", "t", HINT.when, options={POISONED: 3}).to_json()
    for queue in (f"{SYNC_QUEUE}-poison", f"{SWEEP_QUEUE}-poison"):
        with monkeypatch.context() as broken:
            broken.setattr(queues, "_show", away)
            await WATCHERS[queue](QueueMessage(text, 5))
        assert await lying(bench.app, queue) == [text]
        await WATCHERS[queue](QueueMessage(text, 1))
        assert await lying(bench.app, queue) == []
    assert len([name async for name, _ in bench.app.state.named(DEFAULT, POISON)]) == 2


async def test_a_queue_that_cannot_take_it_back_keeps_it(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: object) -> None:
        raise ConnectionError("the queue is away")

    await layout(bench.app, SCHEMA + 1)
    monkeypatch.setattr(App, "postpone", away)
    with pytest.raises(FunctionFailed):
        await queues.sync_record(QueueMessage(HINT.to_json(), 1))
