"""Two systems and the app between them, for what goes wrong."""

from collections.abc import AsyncIterator

import pytest

from sandbox.azurite import Azurite
from tests.conformance.pairs import Pairs
from tests.conformance.world import World


@pytest.fixture
async def world(azurite: Azurite, pairs: Pairs) -> AsyncIterator[World]:
    """A world of its own; no documented rule of either system may be broken in it."""
    async with World(azurite, pairs) as world:
        yield world
        assert world.breaches == []
