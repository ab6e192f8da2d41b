"""A short soak, and what it wrote anywhere: nothing lost, nothing twice, and no secret outside its place."""

import base64
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from typing import Final

import pytest
from azure.data.tables.aio import TableClient

from sandbox.azurite import ACCOUNT_KEY
from sandbox.business_central.settings import DEFAULT_USER
from sandbox.demo.waiting import QUEUES
from sandbox.kit import Fault, dumps
from sandbox.soak.__main__ import at_rest, soak
from sandbox.soak.crowd import Crowd
from sandbox.stage import Stage
from shared.adapters.storage.clients import RECORD_TABLE, SETTING, STATE_TABLE, open_storage
from shared.engine.hooks import client_state

EVENTS: Final = 100
PUBLIC, PRIVATE = "Zq7XcPublicKey93", "Wm4RtPrivateKey58"
ACCESS_KEY, SIGNING_KEY = "Hv2NyAccessKey61", "Bd8LsSigningKey27"
PART: Final = 10
"""So many characters of a secret in a row are taken for the secret."""
BASIC: Final = tuple(
    base64.b64encode(pair.encode()).decode().rstrip("=")
    for pair in (f"acme+{PUBLIC}:{PRIVATE}", f"{DEFAULT_USER}:{ACCESS_KEY}")
)


@pytest.fixture(scope="module")
async def stage() -> AsyncIterator[Stage]:
    settings = {
        "CONNECTWISE_PUBLIC_KEY": PUBLIC,
        "CONNECTWISE_PRIVATE_KEY": PRIVATE,
        "BUSINESS_CENTRAL_PASSWORD": ACCESS_KEY,
        "DYNACONNECT_LEASE_SECONDS": "10",
        "DYNACONNECT_OPERATION_SECONDS": "5",
    }
    stage = Stage(settings=settings)
    credentials = stage.connectwise.credentials
    stage.connectwise.credentials = replace(credentials, public_key=PUBLIC, private_key=PRIVATE)
    stage.connectwise.settings.signing_key = SIGNING_KEY
    stage.business_central.environment.settings.basic_users[DEFAULT_USER] = ACCESS_KEY
    async with stage:
        yield stage


async def test_a_short_soak_holds(stage: Stage) -> None:
    figures = await soak(stage, Crowd(stage, 5, companies=8, items=4), EVENTS, lambda _: None)
    assert (figures.lost, figures.twice, figures.breaches) == ([], [], 0)
    assert figures.growth < 1.25, "a hundred events are no long run, but memory is not to be lost either"
    assert sum(figures.events.values()) == EVENTS
    assert figures.cpu > 0


async def written(stage: Stage) -> AsyncIterator[tuple[str, str]]:
    """Everything that the functions left anywhere: where, and the text."""
    for line in stage.host.output:
        yield "log", line
    for stand_in in (stage.connectwise, stage.business_central):
        for line in stand_in.request_lines:
            yield f"request to {stand_in.name}", line
    storage = stage.azurite.connection_string()
    for name in (RECORD_TABLE, STATE_TABLE):
        async with TableClient.from_connection_string(storage, name) as table:
            async for row in table.list_entities():
                yield name, repr(dict(row))
    clients = open_storage({SETTING: storage})
    for name, queue in zip(QUEUES, (clients.sync, clients.sweep), strict=True):
        for message in await queue.peek_messages(max_messages=32):
            yield name, str(message.content)
    await clients.close()


def parts_of(secret: str) -> Iterator[str]:
    for at in range(len(secret) - PART + 1):
        yield secret[at : at + PART]


async def test_no_secret_is_written_anywhere(stage: Stage) -> None:
    """Both systems even repeat our credentials in their refusals, as a careless server does."""
    refusals = {
        stage.connectwise: dumps({"code": "Odd", "message": f"no, Authorization: Basic {BASIC[0]}"}),
        stage.business_central: dumps({"error": {"code": "Odd", "message": f"Bearer {BASIC[1]} is refused"}}),
    }
    for number, (stand_in, body) in enumerate(refusals.items()):
        stand_in.faults = [Fault("status", status=400, body=body, times=3)]
        await stage.in_connectwise("companies", {"identifier": f"Odd{number}", "name": f"Odd {number}"})
        await at_rest(stage)
        if stand_in.faults[0].times == 3:
            # On a busy machine a callback can be lost: then the sweep is what meets the refusal.
            await stage.run("catch_up")
            await at_rest(stage)
        assert stand_in.faults[0].times < 3
        stand_in.faults = []
    secrets = {PUBLIC, PRIVATE, ACCESS_KEY, SIGNING_KEY, *BASIC, ACCOUNT_KEY}
    secrets |= {stage.host.function_key, stage.host.master_key, client_state(PRIVATE, "default")}
    forbidden = {part for secret in secrets for part in parts_of(secret)}
    places = set()
    async for place, text in written(stage):
        places.add(place)
        found = [part for part in forbidden if part in text]
        assert found == [], f"{place}: {text[:300]}"
    assert places >= {"log", "request to connectwise", RECORD_TABLE, STATE_TABLE}
