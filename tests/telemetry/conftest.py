"""One day for all tests of telemetry."""

import asyncio

import pytest

from sandbox.azurite import Azurite
from tests.telemetry.day import Day


@pytest.fixture(scope="session")
async def day() -> Day:
    """On storage of its own: its host works off whatever other tests leave in queues of the usual names."""
    azurite = Azurite()
    await asyncio.to_thread(azurite.start)
    try:
        played = Day(azurite)
        await played.play()
    finally:
        await asyncio.to_thread(azurite.stop)
    return played
