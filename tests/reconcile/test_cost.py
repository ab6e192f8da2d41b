"""What reading large books costs: one call a list and one for each further page, so less and less for each record."""

import pytest

from sandbox.azurite import Azurite
from sandbox.scan import MOST_PER_CALL, SETUP, fill, reconciled
from tests.conformance.world import World

FEW, MANY = 100, 2_100


@pytest.mark.thorough
async def test_a_further_record_costs_at_most_a_five_hundredth_of_a_call(azurite: Azurite) -> None:
    """Between two sizes; the calls that do not grow are one for each list and two for the setup, at most."""
    async with World(azurite) as world:
        await fill(world, FEW, "FEW")
        few = await reconciled(world)
        await fill(world, MANY, "MANY")
        many = await reconciled(world)
        assert world.breaches == []
    for cost in (few, many):
        assert cost.found == 0
        assert cost.lists == cost.expected
        assert cost.calls.keys() - cost.lists.keys() <= SETUP
    assert set(few.lists.values()) == {1}
    further = sum(many.rows.values()) - sum(few.rows.values())
    assert further > MANY
    assert (sum(many.lists.values()) - sum(few.lists.values())) * MOST_PER_CALL <= further
    assert many.per_500 <= 1
