"""Books to reconcile: a few hundred records that the product itself has brought from one stand-in to the other."""

from collections.abc import AsyncIterator

import pytest

from sandbox.azurite import Azurite
from tests.conformance.pairs import Pairs
from tests.conformance.scenes import set_up
from tests.conformance.world import World
from tests.reconcile.books import Books


@pytest.fixture
async def books(azurite: Azurite, pairs: Pairs) -> AsyncIterator[Books]:
    """Books of their own for each test; no documented rule of either system may be broken in them."""
    async with World(azurite, pairs) as world:
        books = Books(world)
        await set_up(world, books, books.open)
        yield books
        assert world.breaches == []
