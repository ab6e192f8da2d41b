"""The world of each test, with a paying customer in it."""

from collections.abc import AsyncIterator

import pytest

from tests.conformance.conftest import world
from tests.conformance.expensing import Expensing
from tests.conformance.invoicing import Invoicing
from tests.conformance.scenes import set_up
from tests.conformance.world import World

__all__ = ["expenses", "work", "world"]


@pytest.fixture
async def work(world: World) -> AsyncIterator[Invoicing]:
    """A paying customer with an item; afterwards nothing was posted twice, whatever the test did."""
    work = Invoicing(world)
    await set_up(world, work, work.open)
    yield work
    assert set(world.business_central.environment.postings.values()) <= {1}


@pytest.fixture
async def expenses(world: World) -> Expensing:
    """A member with expenses, who is no vendor yet."""
    expenses = Expensing(world)
    await set_up(world, expenses, expenses.open)
    return expenses
