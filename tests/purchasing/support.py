"""What the tests of purchasing ask of the work list."""

from shared.app import DEFAULT
from shared.domain.records import State
from shared.ports.storage import OpenItem
from tests.conformance.purchasing import Purchasing

ORDER, RECEIPT, BILL = "purchase_order", "purchase_receipt", "vendor_bill"


async def held(work: Purchasing, entity: str, cause: str) -> OpenItem:
    """The one held item of an entity: it must say why and what to do."""
    [item] = await work.world.work(entity)
    assert (item.state, item.cause) == (State.HELD, cause), item.reason
    assert item.reason
    assert item.todo
    return item


async def open_items(work: Purchasing) -> list[OpenItem]:
    """Everything of all three entities that is not settled."""
    return [item for entity in (ORDER, RECEIPT, BILL) for item in await work.world.work(entity)]


async def retry(work: Purchasing, entity: str) -> None:
    """A person has mended something and retries the entity's open items."""
    await work.world.app.desk.retry(DEFAULT, entity)
    await work.world.drain()


async def release(work: Purchasing, entity: str, record: str) -> None:
    """A person says that it is settled by hand."""
    assert await work.world.app.desk.release(DEFAULT, entity, [record])
    await work.world.drain()
