"""Records with very much in them: they travel like others, or are held with a reason; none loops, crashes or vanishes."""

from dataclasses import replace
from decimal import Decimal

import pytest

from sandbox.kit import Json, dumps
from shared.adapters.storage import rows
from shared.app import DEFAULT
from shared.domain.errors import TooLarge
from shared.domain.records import State
from shared.mapping import standard_mapping
from tests.conformance.invoicing import Invoicing
from tests.conformance.purchasing import Purchasing
from tests.conformance.scenes import set_up
from tests.conformance.world import World
from tests.documents.support import agreement

ADDITIONS = 3_300
LINES = 850
"""Lines of an order of which the link keeps more than a row can hold as text."""


def price(number: int) -> Decimal:
    """A price that no other addition has, so that compression does not make nothing of many."""
    return Decimal(number * 7919 % 10007) / 100


async def with_additions(work: Invoicing, count: int) -> str:
    """An agreement with so many additions, entered by an import and not one by one."""
    record = await agreement(work, "Managed services", billAmount=Decimal("250.00"))
    for number in range(count):
        values: Json = {"agreementId": record, "product": {"id": int(work.product)}, "quantity": number}
        values |= {"unitPrice": price(number), "effectiveDate": "2026-01-01T00:00:00Z"}
        values["billCustomer"] = "Billable"
        work.world.connectwise.store.insert("Addition", values, "import")
    return str(record)


async def test_an_agreement_with_thousands_of_additions(work: Invoicing) -> None:
    record = await with_additions(work, ADDITIONS)
    await work.world.sync("agreement", record)
    link = await work.world.link("agreement", record, "agreement")
    assert link.state is State.DONE
    assert len(dumps(link.facts)) > rows.CHUNK * rows.MOST_CHUNKS, "as text it would not fit into a row"
    assert len(link.facts["terms"]["additions"]) == ADDITIONS
    assert await work.world.work("agreement") == []
    traffic = work.world.traffic()
    await work.world.sync("agreement", record)
    assert traffic.writes == 0, traffic.routes


async def test_an_order_with_very_many_lines(world: World) -> None:
    buying = Purchasing(world)
    await set_up(world, buying, buying.open)
    lines = [
        buying.line(
            1,
            description=f"Position {number}: a switch for the branch at the lake, second floor, room {number} on the left",
            unitCost=Decimal(5) + number,
        )
        for number in range(LINES)
    ]
    record = await buying.order(*lines)
    await buying.sync(record)
    buying.check(record)
    link = await world.link("purchase_order", record, "purchase_order")
    assert len(dumps([link.written, link.facts])) > rows.CHUNK * rows.MOST_CHUNKS
    await buying.edit_line(buying.lines(record)[7], quantity=50)
    await buying.sync(record)
    buying.check(record)
    assert await world.work("purchase_order") == []


@pytest.fixture
def little_room(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """A storage whose rows hold three kilobytes; undo it to have the room of the service."""
    monkeypatch.setattr(rows, "PLAIN_CHUNKS", 1)
    monkeypatch.setattr(rows, "MOST_CHUNKS", 1)
    monkeypatch.setattr(rows, "CHUNK", 1_500)
    return monkeypatch


async def test_what_is_too_large_to_keep_is_held_before_anything_is_written(
    work: Invoicing, little_room: pytest.MonkeyPatch
) -> None:
    record = await with_additions(work, 400)
    traffic = work.world.traffic()
    await work.world.sync("agreement", record)
    assert traffic.writes == 0, traffic.routes
    [item] = await work.world.work("agreement")
    assert (item.state, item.cause) == (State.HELD, "too_much_to_keep")
    assert "storage" in item.reason
    assert item.todo
    assert await work.world.messages() == 0
    await work.world.sync("agreement", record)
    [again] = await work.world.work("agreement")
    assert again.since == item.since
    little_room.undo()
    assert await work.world.app.desk.retry(DEFAULT, cause="too_much_to_keep") == 1
    await work.world.drain()
    assert await work.world.work("agreement") == []
    assert len(work.world.bc_records("projects")) == 1


async def test_what_grows_too_large_later_keeps_what_was_known(
    work: Invoicing, little_room: pytest.MonkeyPatch
) -> None:
    record = await with_additions(work, 2)
    await work.world.sync("agreement", record)
    before = await work.world.link("agreement", record, "agreement")
    for number in range(400):
        values: Json = {"agreementId": int(record), "product": {"id": int(work.product)}, "quantity": number}
        work.world.connectwise.store.insert("Addition", {**values, "unitPrice": price(number)}, "import")
    await work.world.sync("agreement", record)
    link = await work.world.link("agreement", record, "agreement")
    assert (link.state, link.cause) == (State.HELD, "too_much_to_keep")
    kept = replace(
        link, state=before.state, cause="", reason="", todo="", open_since=None, synced_at=before.synced_at
    )
    assert kept == before
    attempts = [
        row async for row in work.world.app.store.attempts((await work.world.record("agreement", record)).ref)
    ]
    assert attempts[0]["cause"] == "too_much_to_keep"
    little_room.undo()
    await work.world.sync("agreement", record)
    assert await work.world.work("agreement") == []


async def test_a_mapping_that_is_too_large_is_refused_and_the_one_in_force_stays(
    work: Invoicing, little_room: pytest.MonkeyPatch
) -> None:
    document = standard_mapping("item").model_dump(mode="json", by_alias=True, exclude_unset=True)
    number = await work.world.app.desk.save_mapping(DEFAULT, "item", dumps(document))
    document["lookups"]["units_of_measure"]["rows"] |= {
        f"Unit {one * 7919 % 10007}": "PCS" for one in range(5_000)
    }
    with pytest.raises(TooLarge):
        await work.world.app.desk.save_mapping(DEFAULT, "item", dumps(document))
    assert (await work.world.app.desk.mapping(DEFAULT, "item"))["number"] == number
