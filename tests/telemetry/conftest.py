"""One day for all tests of telemetry."""

import pytest

from sandbox.azurite import Azurite
from tests.telemetry.day import Day


@pytest.fixture(scope="session")
async def day(azurite: Azurite) -> Day:
    played = Day(azurite)
    await played.play()
    return played
