"""Messages that crashed their worker: another chance first, then a person's eyes; never gone unseen."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from azure.storage.queue import TextBase64DecodePolicy, TextBase64EncodePolicy
from azure.storage.queue.aio import QueueClient

from sandbox.stage import Stage
from shared.domain.envelope import POISONED, Envelope
from shared.ports.storage import SWEEP_QUEUE, SYNC_QUEUE
from shared.triggers.queues import MOST_POISON_TRIES
from tests.triggers.support import Watch, eventually


async def put(stage: Stage, queue: str, text: str) -> None:
    """Leaves a message where the host puts those that it gave up."""
    async with QueueClient.from_connection_string(
        stage.azurite.connection_string(),
        f"{queue}-poison",
        message_encode_policy=TextBase64EncodePolicy(),
        message_decode_policy=TextBase64DecodePolicy(),
    ) as client:
        await client.send_message(text)


async def shown(watch: Watch, text: str) -> dict[str, Any]:
    """The entry of the work list for a message, as soon as it is there."""

    async def found() -> dict[str, Any] | None:
        entries = (await watch.call("GET", "work")).json()["poison"]
        return next((entry for entry in entries if entry["text"] == text), None)

    entry = await eventually(found)
    assert entry is not None
    return entry


def hint(record_id: str, entity: str = "company", **options: Any) -> Envelope:
    return Envelope("default", entity, record_id, "test", datetime.now(UTC), options=options)


async def retry(watch: Watch) -> int:
    body = json.dumps({"cause": "poison"}).encode()
    return int((await watch.call("POST", "work/retry", body)).json()["queued"])


async def test_a_hint_that_was_given_up_gets_another_chance_later(stage: Stage, watch: Watch) -> None:
    await watch.idle()
    client = watch.storage.sync
    before = (await client.get_queue_properties()).approximate_message_count or 0
    await put(stage, SYNC_QUEUE, hint("880001").to_json())

    async def resting() -> bool:
        return ((await client.get_queue_properties()).approximate_message_count or 0) == before + 1

    assert await eventually(resting)
    assert await client.peek_messages() == [], "it rests before it is tried again"
    assert (await watch.record("company/880001")).status_code == 404


@pytest.mark.parametrize("queue", [SYNC_QUEUE, SWEEP_QUEUE])
async def test_a_hint_that_fails_each_time_is_shown_and_retried_by_hand(
    stage: Stage, watch: Watch, queue: str
) -> None:
    entity, record_id = ("company", "880002") if queue == SYNC_QUEUE else ("company", "*")
    text = hint(record_id, entity, **{POISONED: MOST_POISON_TRIES}).to_json()
    await put(stage, queue, text)
    entry = await shown(watch, text)
    assert (entry["entity"], entry["id"]) == (entity, record_id)
    assert "worker failed" in entry["reason"]
    assert entry["at"]
    assert await retry(watch) == 1
    await watch.idle()
    assert (await watch.call("GET", "work")).json()["poison"] == []
    if queue == SYNC_QUEUE:
        assert (await watch.record("company/880002")).json()["attempts"][0]["why"] == "on demand"
    else:
        assert (await watch.call("GET", "records/company/880003")).status_code == 404


@pytest.mark.parametrize("queue", [SYNC_QUEUE, SWEEP_QUEUE])
@pytest.mark.parametrize("text", ["not json", "[]", '{"connection": 7}', "{" * 3_000])
async def test_what_nobody_can_read_is_shown_until_somebody_has_seen_it(
    stage: Stage, watch: Watch, queue: str, text: str
) -> None:
    await put(stage, queue, text)
    entry = await shown(watch, text[:2_000])
    assert (entry["entity"], entry["id"]) == ("?", "?")
    assert "unreadable" in entry["reason"]
    assert await retry(watch) == 0
    assert (await watch.call("GET", "work")).json()["poison"] == []
