"""The world of each test about several connections."""

from collections.abc import AsyncIterator

import pytest

from sandbox.azurite import Azurite
from tests.conformance.pairs import Pairs
from tests.connections.world import Companies


@pytest.fixture
async def world(azurite: Azurite, pairs: Pairs) -> AsyncIterator[Companies]:
    """A world of its own for each test; no documented rule of either system may be broken in it."""
    async with Companies(azurite, pairs) as world:
        yield world
        assert world.breaches == []
        assert list(world.north.breaches) == []
