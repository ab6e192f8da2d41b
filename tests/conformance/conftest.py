"""The world of each conformance test."""

from collections.abc import AsyncIterator

import pytest

from sandbox.azurite import Azurite
from tests.conformance.failures import RESTS
from tests.conformance.pairs import Pairs
from tests.conformance.world import World


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leaves to the thorough run what another entity of the same kind shows already."""
    for item in items:
        declared = getattr(item, "cls", None)
        if getattr(declared, "like", "") and getattr(item, "originalname", "") in RESTS:
            item.add_marker(pytest.mark.thorough)


@pytest.fixture
async def world(azurite: Azurite, pairs: Pairs) -> AsyncIterator[World]:
    """A world of its own for each test; no documented rule of either system may be broken in it."""
    async with World(azurite, pairs) as world:
        yield world
        assert world.breaches == []
