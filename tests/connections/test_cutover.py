"""The start date: what is dated before it stays with the accounting that was there before."""

from datetime import date
from decimal import Decimal

import pytest

from sandbox.kit import Json
from shared.domain.errors import BadRequest
from tests.connections.world import DEVICES, SERVICES, Companies, rules

START = "2026-11-01"


async def show(world: Companies, connection: str = "default", start: str = "", entity: str = "") -> Json:
    """The preview, by entity."""
    day = date.fromisoformat(start) if start else None
    found = await world.app.cutover_preview.show(connection, entity, day)
    return {one["entity"]: one for one in found["entities"]}


async def old_and_new(world: Companies, location: int = 1) -> tuple[str, str]:
    """Two closed invoices, the day before the start and on it."""
    buyer = await world.buyer(f"Cut{location}")
    await world.sync("company", buyer)
    return (
        await world.bill(buyer, location, "100.00", date="2026-10-31T00:00:00Z"),
        await world.bill(buyer, location, "200.00", date="2026-11-01T00:00:00Z"),
    )


async def test_the_preview_counts_before_anybody_sets_a_start(world: Companies) -> None:
    old, _ = await old_and_new(world)
    buyer = await world.buyer("Euro", currency={"name": "Euro"})
    await world.sync("company", buyer)
    euro = await world.bill(buyer, 1, "7.50", date="2026-01-15T00:00:00Z")
    traffic = world.traffic()
    found = await show(world, start=START)
    assert traffic.writes == 0
    assert found["sales_invoice"]["count"] == 2
    assert sorted(found["sales_invoice"]["ids"], key=int) == sorted([old, euro], key=int)
    totals = {row["currency"]: row["total"] for row in found["sales_invoice"]["totals"]}
    assert sorted(totals.values()) == [Decimal("7.50"), Decimal("100.00")]
    assert len(totals) == 2
    assert found["credit_memo"] == {
        "entity": "credit_memo",
        "start": START,
        "count": 0,
        "totals": [],
        "ids": [],
    }
    assert (await show(world))["sales_invoice"]["start"] is None
    assert list(await show(world, start=START, entity="credit_memo")) == ["credit_memo"]


async def test_what_is_dated_before_the_start_is_never_sent(world: Companies) -> None:
    old, new = await old_and_new(world)
    await world.put("default", {"cutover": {"sales_invoice": START, "credit_memo": START}})
    for why in ("callback updated", "on demand"):
        for invoice in (old, new):
            await world.sync("invoice", invoice, why)
    assert world.invoices_in(SERVICES) == {world.number(new): 1}
    record = await world.app.desk.record("default", "invoice", old)
    assert record is not None
    reasons = {row["reason"] for row in record["attempts"] if row["entity"] == "sales_invoice"}
    assert reasons == {
        "Dated 2026-10-31, before the start on 2026-11-01: it stays with the former accounting."
    }
    assert await world.open_everywhere() == []
    assert (await show(world))["sales_invoice"]["ids"] == [old]


async def test_sweeps_do_not_ask_for_what_is_left_out(world: Companies) -> None:
    old, _ = await old_and_new(world)
    await world.put("default", {"cutover": {"sales_invoice": START, "credit_memo": START}})
    for _ in range(3):
        await world.sweep("invoice")
    record = await world.app.desk.record("default", "invoice", old)
    assert record is not None
    assert len({row["at"] for row in record["attempts"]}) == 1


async def test_an_earlier_start_lets_go_what_was_left_out(world: Companies) -> None:
    old, new = await old_and_new(world)
    await world.put("default", {"cutover": {"sales_invoice": START, "credit_memo": START}})
    await world.sweep("invoice")
    await world.put("default", {"cutover": {"sales_invoice": "2026-10-01", "credit_memo": "2026-10-01"}})
    await world.sweep("invoice")
    assert world.invoices_in(SERVICES) == {world.number(old): 1, world.number(new): 1}


async def test_what_was_begun_is_finished(world: Companies) -> None:
    await world.keep_drafts()
    old, _ = await old_and_new(world)
    await world.sync("invoice", old)
    await world.put("default", {"cutover": {"sales_invoice": START}, "post_invoices": True})
    await world.sync("invoice", old)
    assert [row["status"] for row in world.rows_in(SERVICES, "salesInvoices")] == ["Open"]
    assert (await show(world))["sales_invoice"]["count"] == 0


async def test_each_connection_has_its_own_start(world: Companies) -> None:
    await world.put("default", {"routing": rules(1)})
    document = world.document(routing=rules(2), cutover={"sales_invoice": START, "credit_memo": START})
    await world.put("devices", document)
    here, there = await old_and_new(world, 1), await old_and_new(world, 2)
    assert (await show(world, "devices"))["sales_invoice"]["ids"] == [there[0]]
    assert (await show(world, "default", START))["sales_invoice"]["ids"] == [here[0]]
    for invoice in (*here, *there):
        await world.sync("invoice", invoice)
    assert set(world.invoices_in(SERVICES)) == {world.number(one) for one in here}
    assert set(world.invoices_in(DEVICES)) == {world.number(there[1])}


async def test_a_question_about_nothing_is_answered_so(world: Companies) -> None:
    with pytest.raises(BadRequest, match="no connection nobody"):
        await show(world, "nobody")
    with pytest.raises(BadRequest, match="sales_invoice"):
        await show(world, entity="customer")


async def test_a_credit_memo_for_an_invoice_that_is_left_out_is_held(world: Companies) -> None:
    await world.put("default", {"cutover": {"sales_invoice": START, "credit_memo": START}})
    buyer = await world.buyer("Memo")
    await world.sync("company", buyer)
    tie = await world.agreement_of(buyer)
    invoice = await world.bill(buyer, 1, "90.00", date="2026-10-01T00:00:00Z", **tie)
    memo = await world.bill(buyer, 1, "90.00", kind="CreditMemo", date="2026-11-02T00:00:00Z", **tie)
    await world.sync("invoice", memo)
    [item] = await world.open_everywhere()
    assert (item.ref.id, item.entity, item.cause) == (memo, "credit_memo", "cutover")
    assert f"Needs invoice {invoice} of 2026-10-01" in item.reason
