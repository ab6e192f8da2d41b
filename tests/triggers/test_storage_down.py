"""When storage is down the senders are told to come again, in time and in the way that each understands."""

import asyncio
import json
import time

import httpx

from sandbox.azurite import Azurite
from sandbox.stage import Stage
from tests.triggers.support import Sender, Watch, eventually

CONNECTWISE_WAITS = 5.0


async def both(stage: Stage, sender: Sender) -> tuple[httpx.Response, httpx.Response, float]:
    """A genuine delivery of each system at the same time; also how long the slower one took."""
    notification = json.dumps(
        {"value": [sender.notification("0f8fad5b-d9cb-469f-a165-70867728950e")]}
    ).encode()
    began = time.monotonic()
    callback, webhook = await asyncio.gather(
        sender.to_connectwise_hook(sender.callback(7)), sender.to_business_central_hook(notification)
    )
    return callback, webhook, time.monotonic() - began


async def come_back(stage: Stage) -> None:
    """Storage that has lost everything, at the address of the old one."""
    stage.azurite = Azurite(ports=stage.azurite.ports)
    await asyncio.to_thread(stage.azurite.start)


async def test_the_senders_are_told_to_come_again() -> None:
    async with Stage() as stage:
        sender = Sender(stage)
        await asyncio.to_thread(stage.azurite.stop)
        callback, webhook, seconds = await both(stage, sender)
        assert (callback.status_code, webhook.status_code) == (429, 503)
        assert seconds < CONNECTWISE_WAITS
        handshake = await sender.to_business_central_hook(b"", validationToken="token")
        assert (handshake.status_code, handshake.text) == (200, "token")

        await come_back(stage)
        callback, webhook, _ = await both(stage, sender)
        assert (callback.status_code, webhook.status_code) == (202, 202)
        watch = Watch(stage)

        async def known() -> bool:
            return (await watch.record("company/7")).status_code == 200

        assert await eventually(known)
        await asyncio.to_thread(stage.azurite.stop)
        callback, webhook, seconds = await both(stage, sender)
        assert (callback.status_code, webhook.status_code) == (429, 503)
        assert seconds < CONNECTWISE_WAITS
        await come_back(stage)
        await watch.storage.close()
