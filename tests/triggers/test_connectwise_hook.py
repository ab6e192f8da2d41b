"""The ConnectWise hook: 202 whatever was sent, and only what is genuine is processed."""

import json
from typing import Any

import pytest

from sandbox.stage import Stage
from tests.triggers.support import Sender, Watch


async def test_a_genuine_callback_brings_the_record_in_step(
    stage: Stage, sender: Sender, watch: Watch
) -> None:
    company = await stage.in_connectwise("companies", {"identifier": "Genuine", "name": "Genuine Ltd"})
    answer = await sender.to_connectwise_hook(sender.callback(company["id"]))
    assert (answer.status_code, answer.content) == (202, b"")
    await watch.idle()
    record = await watch.record(f"company/{company['id']}")
    assert record.status_code == 200
    assert record.json()["attempts"][0]["why"] == "callback updated"


async def test_what_connectwise_itself_sends_is_accepted(stage: Stage, watch: Watch) -> None:
    await watch.run("keep_hooks")
    company = await stage.in_connectwise("companies", {"identifier": "Sent", "name": "Sent Ltd"})
    await stage.http.get(f"{stage.connectwise_url}/admin/callbacks/pending", params={"wait": "20"})
    deliveries = (await stage.http.get(f"{stage.connectwise_url}/admin/callbacks/deliveries")).json()
    [delivery] = [one for one in deliveries if json.loads(one["body"])["ID"] == company["id"]]
    assert (delivery["answers"], delivery["outcome"]) == (["202"], "delivered")
    await watch.idle()
    assert (await watch.record(f"company/{company['id']}")).status_code == 200


FORGED_ID, LARGE_ID = 990_001, 990_002


async def refused(
    sender: Sender, watch: Watch, body: bytes, signed: str | None = None, **options: Any
) -> None:
    answer = await sender.to_connectwise_hook(body, signed, **options)
    assert (answer.status_code, answer.content) == (202, b"")
    await watch.idle()
    assert (await watch.record(f"company/{FORGED_ID}")).status_code == 404


async def test_a_forged_callback_is_answered_and_ignored(sender: Sender, watch: Watch) -> None:
    await refused(sender, watch, sender.callback(FORGED_ID), "Zm9yZ2Vk")
    await refused(sender, watch, sender.callback(FORGED_ID), "")


async def test_a_callback_for_an_unknown_connection_is_ignored(sender: Sender, watch: Watch) -> None:
    await refused(sender, watch, sender.callback(FORGED_ID), connection="other")


@pytest.mark.parametrize(
    ("record_id", "kind"),
    [
        (FORGED_ID, "ticket"),
        (FORGED_ID, ""),
        (FORGED_ID, None),
        (FORGED_ID, ["company"]),
        (None, "company"),
        (0, "company"),
        (-1, "company"),
        (True, "company"),
        (1.5, "company"),
        (str(FORGED_ID), "company"),
        ([FORGED_ID], "company"),
    ],
)
async def test_a_genuine_callback_about_nothing_is_ignored(
    sender: Sender, watch: Watch, record_id: Any, kind: Any
) -> None:
    await refused(sender, watch, sender.callback(record_id, kind))


@pytest.mark.parametrize(
    "body", [b"", b"null", b"[]", b"{", b"\xff", b"[" * 100_000, b'{"ID": NaN}'], ids=range(7)
)
async def test_a_malformed_callback_is_ignored(sender: Sender, watch: Watch, body: bytes) -> None:
    await refused(sender, watch, body)


async def test_a_body_beyond_the_cap_is_ignored(sender: Sender, watch: Watch) -> None:
    await refused(sender, watch, sender.callback(FORGED_ID, Entity="x" * 300_000))
    assert (await sender.to_connectwise_hook(sender.callback(LARGE_ID, Entity="x" * 200_000))).is_success
    await watch.idle()
    assert (await watch.record(f"company/{LARGE_ID}")).status_code == 200


async def test_the_hook_takes_posts_only(stage: Stage) -> None:
    for method in ("GET", "PUT", "DELETE"):
        answer = await stage.http.request(method, f"{stage.public_url}/api/hooks/connectwise/default")
        assert answer.status_code == 404


async def test_a_key_that_cannot_be_fetched_now_asks_connectwise_to_repeat(
    stage: Stage, sender: Sender
) -> None:
    stage.connectwise.settings.signing_key = "unheard of"
    body = sender.callback(FORGED_ID)
    away = sender.callback(FORGED_ID).replace(b"index.rails", b"away.rails")
    answer = await sender.to_connectwise_hook(away, "Zm9yZ2Vk")
    assert answer.status_code == 429
    assert (await sender.to_connectwise_hook(body, "Zm9yZ2Vk")).status_code == 202


async def test_a_callback_that_is_replayed_costs_nothing(stage: Stage, sender: Sender, watch: Watch) -> None:
    """ConnectWise dates no callback, so that one can be replayed for ever: by its message id it is known."""
    company = await stage.in_connectwise("companies", {"identifier": "Again", "name": "Again Ltd"})
    path = f"company/{company['id']}"
    for message in ("again-1", "again-1", "again-1", "again-2"):
        answer = await sender.to_connectwise_hook(sender.callback(company["id"], MessageId=message))
        assert answer.status_code == 202
        await watch.idle()
    attempts = (await watch.record(path)).json()["attempts"]
    assert len([one for one in attempts if one["entity"] == "customer"]) == 2
