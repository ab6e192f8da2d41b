"""What a person books by hand is marked in ConnectWise once, and known as done."""

import pytest

from sandbox.kit import Json
from shared.app import DEFAULT
from shared.domain.records import State
from tests.conformance.purchasing import Purchasing
from tests.conformance.scenes import set_up
from tests.conformance.taps import Crash
from tests.conformance.world import World

ENTITY = "stock_entry"


@pytest.fixture
async def record(world: World) -> str:
    """An adjustment that is held with the entry to make."""
    buying = Purchasing(world)
    await set_up(world, buying, buying.open)
    detail: Json = {"catalogItem": {"id": int(buying.items["SWITCH"])}, "quantityAdjusted": -2}
    detail |= {"warehouse": {"id": 1}, "warehouseBin": {"id": 1}}
    body: Json = {"identifier": "Count", "type": {"identifier": "Count"}, "adjustmentDetails": [detail]}
    adjustment = await world.cw("adjustments", body)
    await world.cw(f"adjustments/{adjustment['id']}/close")
    await world.sweep(ENTITY)
    [item] = await world.work(ENTITY)
    assert (item.state, item.cause) == (State.HELD, "by_hand")
    assert "Negative Adjmt. of 2 x SWITCH" in item.reason
    return item.ref.id


async def test_a_released_entry_is_done_though_the_process_died_after_the_batch(
    world: World, record: str
) -> None:
    async def die(call: str) -> None:
        if call == "connectwise.commit_batch":
            raise Crash(call)

    assert await world.app.desk.release(DEFAULT, ENTITY, [record]) == 1
    await world.tap(after=die)
    with pytest.raises(Crash):
        await world.drain()
    await world.restart()
    await world.drain()
    assert await world.work(ENTITY) == []
    assert world.connectwise.procurement.unposted() == []
    assert len(world.cw_records("AccountingBatch")) == 1
    link = await world.link(ENTITY, record, ENTITY)
    assert (link.state, link.step) == (State.DONE, "done")
