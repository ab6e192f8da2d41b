"""The Business Central hook: the handshake word for word, and an answer that never costs a subscription."""

import json
from typing import Any

import pytest

from sandbox.stage import Stage
from tests.triggers.support import Sender, Watch

HOOK = "api/hooks/business-central/default"


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("token", ["abc123", "", "a b+c&d=<script>", "Žižka"])
async def test_the_handshake_repeats_the_token(stage: Stage, method: str, token: str) -> None:
    answer = await stage.http.request(method, f"{stage.public_url}/{HOOK}", params={"validationToken": token})
    assert answer.status_code == 200
    assert answer.text == token
    assert answer.headers["content-type"].startswith("text/plain")


async def test_the_handshake_needs_no_known_connection_and_is_cut(stage: Stage) -> None:
    answer = await stage.http.get(
        f"{stage.public_url}/api/hooks/business-central/other", params={"validationToken": "x" * 5_000}
    )
    assert (answer.status_code, answer.text) == (200, "x" * 2_000)


MALFORMED = [
    b"",
    b"null",
    b"[]",
    b"{}",
    b"{",
    b'{"value": null}',
    b'{"value": {}}',
    b'{"value": "x"}',
    b'{"value": [null, 1, "x", [], {}]}',
    b'{"value": [{"clientState": "\\ud800"}]}',
    b'{"value": [{"clientState": null}]}',
    b"\xff",
    b"[" * 100_000,
    b'{"value": NaN}',
    b'{"value": [' + b'{"clientState": "x"},' * 60_000 + b"{}]}",
]


@pytest.mark.parametrize("body", MALFORMED, ids=lambda body: ascii(body[:24]))
async def test_what_is_malformed_is_received(sender: Sender, body: bytes) -> None:
    assert (await sender.to_business_central_hook(body)).status_code == 202


async def sweeps(stage: Stage) -> int:
    """How many sweep messages the functions have worked on."""
    [sweep] = [one for one in (await stage.host.status())["functions"] if one["name"] == "sweep"]
    return int(sweep["succeeded"]) + int(sweep["failed"])


async def answered(
    stage: Stage, sender: Sender, watch: Watch, *rows: Any, connection: str = "default"
) -> int:
    """Sends notifications; returns how many sweep messages they led to."""
    await watch.idle()
    before = await sweeps(stage)
    body = json.dumps({"value": rows}).encode()
    assert (await sender.to_business_central_hook(body, connection)).status_code == 202
    await watch.idle()
    return await sweeps(stage) - before


ONE = "0f8fad5b-d9cb-469f-a165-70867728950e"
TWO = "7c9e6679-7425-40de-944b-e07fc1f90ae7"


async def test_genuine_notifications_are_worked_on_once_per_record(
    stage: Stage, sender: Sender, watch: Watch
) -> None:
    rows = [sender.notification(ONE), sender.notification(ONE), sender.notification(TWO)]
    assert await answered(stage, sender, watch, *rows) == 2


async def test_a_foreign_client_state_is_received_and_ignored(
    stage: Stage, sender: Sender, watch: Watch
) -> None:
    forged = [sender.notification(ONE, state) for state in ("", "forged", "ž", "\ud800")]
    assert await answered(stage, sender, watch, *forged) == 0
    assert await answered(stage, sender, watch, *forged, sender.notification(TWO)) == 1


async def test_notifications_about_nothing_of_ours_are_ignored(
    stage: Stage, sender: Sender, watch: Watch
) -> None:
    rows = [
        sender.notification(ONE, resource=resource)
        for resource in ("", "companies", "api/v2.0/companies(x)/vendors(1)", "x" * 9_000, None, 7)
    ]
    assert await answered(stage, sender, watch, *rows) == 0
    assert await answered(stage, sender, watch, sender.notification(ONE), connection="other") == 0


async def test_a_collection_is_one_look_at_the_whole_set(stage: Stage, sender: Sender, watch: Watch) -> None:
    rows = [
        sender.notification(changeType="collection"),
        sender.notification(ONE, changeType="collection"),
        sender.notification(),
    ]
    assert await answered(stage, sender, watch, *rows) == 1


async def test_a_leading_slash_changes_nothing(stage: Stage, sender: Sender, watch: Watch) -> None:
    row = sender.notification(ONE)
    assert await answered(stage, sender, watch, row | {"resource": "/" + row["resource"]}, row) == 1
