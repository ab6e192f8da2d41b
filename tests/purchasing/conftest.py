"""A world with a vendor and items for each test; whatever it did, nothing was received or billed twice."""

from collections.abc import AsyncIterator

import pytest

from sandbox.azurite import Azurite
from tests.conformance.pairs import Pairs
from tests.conformance.purchasing import Purchasing
from tests.conformance.scenes import set_up
from tests.conformance.world import World


@pytest.fixture
async def world(azurite: Azurite, pairs: Pairs) -> AsyncIterator[World]:
    """A world of its own; no documented rule of either system may be broken in it."""
    async with World(azurite, pairs) as world:
        yield world
        assert world.breaches == []


@pytest.fixture
async def work(world: World) -> Purchasing:
    """People who buy."""
    work = Purchasing(world)
    await set_up(world, work, work.open)
    return work
