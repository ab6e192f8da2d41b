"""What is paid in Business Central is paid in ConnectWise, to the cent and once, whatever happens to it later."""

from decimal import Decimal

import pytest

from sandbox.kit import Fault, Json
from shared.domain.records import State
from tests.conformance.invoicing import Invoicing
from tests.conformance.scenes import set_up
from tests.conformance.taps import Crash
from tests.conformance.world import World

TOTAL = "334.79"


@pytest.fixture(params=[True, False], ids=["batch_id_kept", "batch_id_dropped"])
async def work(world: World, request: pytest.FixtureRequest) -> Invoicing:
    """A paying customer, in a ConnectWise that keeps the batch id of a payment and in one that does not."""
    await world.cw("settings", {"keep_gl_batch_id": request.param})
    work = Invoicing(world)
    await set_up(world, work, work.open)
    return work


async def posted(work: Invoicing, lines: list[Json] | None = None, **values: Json) -> str:
    """An invoice of 334.79 that is posted."""
    record = await work.invoice(lines or work.lines(), **values)
    await work.world.sync("invoice", record)
    work.check_posted(record)
    return record


async def sweep(work: Invoicing) -> None:
    """Lets the sweep of the customer ledger find what was paid; twice, because the second must change nothing."""
    await work.world.sweep("settlement")
    traffic = work.world.traffic()
    await work.world.sweep("settlement")
    assert traffic.writes == 0, traffic.routes
    assert await work.world.work("payment") == []


async def test_full(work: Invoicing) -> None:
    record = await posted(work)
    await work.pay({record: TOTAL}, documentNumber="P1")
    await sweep(work)
    work.check_paid(record, TOTAL)
    assert work.source(record)["balance"] == 0


async def test_partial(work: Invoicing) -> None:
    record = await posted(work)
    for number, part in enumerate(["100.00", "0.01", "234.78"]):
        await work.pay({record: part}, documentNumber=f"P{number}")
        await sweep(work)
    work.check_paid(record, "100.00", "0.01", "234.78")
    assert work.source(record)["balance"] == 0


async def test_equal_parts_on_one_day_are_not_one(work: Invoicing) -> None:
    record = await posted(work)
    for number in range(3):
        await work.pay({record: "50.00"}, documentNumber=f"P{number}")
    await sweep(work)
    await work.pay({record: "50.00"}, documentNumber="P3")
    await sweep(work)
    work.check_paid(record, "50.00", "50.00", "50.00", "50.00")


async def test_one_over_several_invoices(work: Invoicing) -> None:
    records = [await posted(work) for _ in range(3)]
    parts = ["334.79", "100.10", "0.01"]
    await work.pay(dict(zip(records, parts, strict=True)), amount="500.00", documentNumber="P1")
    await sweep(work)
    for record, part in zip(records, parts, strict=True):
        work.check_paid(record, part)


async def test_not_applied(work: Invoicing) -> None:
    record = await posted(work)
    [document] = work.documents(record)
    await work.world.bc(
        "ledger/post",
        {
            "customerNumber": document["customerNumber"],
            "amount": Decimal("100.00"),
            "documentNumber": "P1",
        },
    )
    await sweep(work)
    work.check_paid(record)
    await _apply(work, record, "P1", "60.00")
    await sweep(work)
    work.check_paid(record, "60.00")


async def _apply(work: Invoicing, record: str, payment: str, part: str) -> None:
    [document] = work.documents(record)
    applications = [{"documentNumber": document["number"], "amount": Decimal(part)}]
    await work.world.bc("ledger/apply", {"documentNumber": payment, "applications": applications})


async def test_unapplied_and_applied_anew(work: Invoicing) -> None:
    record, other = await posted(work), await posted(work)
    await work.pay({record: "334.79"}, documentNumber="P1")
    await sweep(work)
    work.check_paid(record, "334.79")
    await work.world.bc("ledger/unapply", {"documentNumber": "P1"})
    await sweep(work)
    work.check_paid(record)
    await _apply(work, other, "P1", "300.00")
    await _apply(work, record, "P1", "34.79")
    await sweep(work)
    work.check_paid(record, "34.79")
    work.check_paid(other, "300.00")


async def test_unapplied_before_it_was_seen(work: Invoicing) -> None:
    record = await posted(work)
    await work.pay({record: "10.00"}, documentNumber="P1")
    await work.world.bc("ledger/unapply", {"documentNumber": "P1"})
    await sweep(work)
    work.check_paid(record)


@pytest.mark.parametrize("rate", ["1.10", "1.237"])
async def test_foreign_currency(work: Invoicing, rate: str) -> None:
    """The ledger tells local amounts only; the shares in the invoice's currency add up to what is paid."""
    rows = work.world.cw_records("Finance.Currency")
    euro = {"id": next(row["id"] for row in rows if row["currencyIdentifier"] == "EUR")}
    record = await posted(work, currency=euro)
    for number, part in enumerate(["33.33", "100.07", "201.39"]):
        await work.pay({record: part}, documentNumber=f"P{number}", currencyCode="EUR", rate=Decimal(rate))
        await sweep(work)
    work.check_paid(record, "33.33", "100.07", "201.39")
    assert work.source(record)["balance"] == 0


async def test_foreign_parts_seen_together_add_up(work: Invoicing) -> None:
    rows = work.world.cw_records("Finance.Currency")
    euro = {"id": next(row["id"] for row in rows if row["currencyIdentifier"] == "EUR")}
    record = await posted(work, currency=euro)
    for number, part in enumerate(["33.33", "100.07", "201.38"]):
        await work.pay({record: part}, documentNumber=f"P{number}", currencyCode="EUR", rate=Decimal("1.237"))
    await sweep(work)
    assert sum(row["amount"] for row in work.payments(record)) == Decimal("334.78")
    assert work.source(record)["balance"] == work.remaining(record) == Decimal("0.01")


async def test_payment_discount(work: Invoicing) -> None:
    """The application carries the full amount, the discount stands on the payment: it is not counted twice."""
    record = await posted(work)
    [document] = work.documents(record)
    discounted = {"documentNumber": document["number"], "amount": Decimal(TOTAL), "discount": Decimal("4.79")}
    await work.world.bc(
        "ledger/post",
        {
            "customerNumber": document["customerNumber"],
            "amount": Decimal("330.00"),
            "documentNumber": "P1",
            "applications": [discounted],
        },
    )
    await sweep(work)
    work.check_paid(record, TOTAL)


async def test_credit_memo_is_no_payment(work: Invoicing) -> None:
    """One that ConnectWise does not know settles the invoice: its notes say so."""
    record = await posted(work)
    await work.pay({record: "34.79"}, documentNumber="M1", documentType="Credit_x0020_Memo")
    await work.pay({record: "300.00"}, documentNumber="P1")
    await sweep(work)
    assert [row["amount"] for row in work.payments(record)] == [Decimal("300.00")]
    assert work.remaining(record) == 0
    assert "credit memo M1 34.79" in work.source(record)["internalNotes"]


async def test_payment_deleted_in_connectwise_comes_back(work: Invoicing) -> None:
    record = await posted(work)
    await work.pay({record: "100.00"}, documentNumber="P1")
    await sweep(work)
    [row] = work.payments(record)
    await work.world.cw_call("DELETE", f"finance/invoices/{record}/payments/{row['id']}")
    await work.world.sync("settlement", record, "on demand")
    work.check_paid(record, "100.00")


async def test_deleted_in_connectwise_and_unapplied_is_forgotten(work: Invoicing) -> None:
    record = await posted(work)
    await work.pay({record: "100.00"}, documentNumber="P1")
    await sweep(work)
    [row] = work.payments(record)
    await work.world.cw_call("DELETE", f"finance/invoices/{record}/payments/{row['id']}")
    await work.world.bc("ledger/unapply", {"documentNumber": "P1"})
    await sweep(work)
    work.check_paid(record)
    assert (await work.world.link("settlement", record, "payment")).facts["payments"] == {}


async def test_amount_changed_in_connectwise_is_put_right(work: Invoicing) -> None:
    record = await posted(work)
    await work.pay({record: "100.00"}, documentNumber="P1")
    await sweep(work)
    [row] = work.payments(record)
    change = [{"op": "replace", "path": "amount", "value": Decimal("90.00")}]
    await work.world.cw_call("PATCH", f"finance/invoices/{record}/payments/{row['id']}", change)
    await work.world.sync("settlement", record, "on demand")
    work.check_paid(record, "100.00")


async def test_equal_parts_with_every_answer_lost(work: Invoicing) -> None:
    record = await posted(work)
    for number in range(2):
        await work.pay({record: "50.00"}, documentNumber=f"P{number}")
    work.world.fault("connectwise", Fault("lost", route="POST", times=2))
    await work.world.sweep("settlement")
    work.check_paid(record, "50.00", "50.00")


async def test_paid_before_the_invoice_was_on_record(work: Invoicing) -> None:
    """The process dies right after posting, the payment is seen before the invoice is linked: it is not lost."""
    record = await work.invoice(work.lines())

    async def die(call: str) -> None:
        if call == "business_central.act":
            raise Crash(call)

    await work.world.tap(after=die)
    with pytest.raises(Crash):
        await work.world.sync("invoice", record)
    await work.world.restart()
    await work.pay({record: TOTAL}, documentNumber="P1")
    await work.world.app.sweeper.payments("default")
    await work.world.drain()
    work.check_posted(record)
    await sweep(work)
    work.check_paid(record, TOTAL)


@pytest.mark.parametrize("kept", [True, False])
async def test_taken_back_before_the_payment_was_on_record(work: Invoicing, kept: bool) -> None:
    """The process dies right after the payment was added, and by the next pass it is no longer applied."""
    work.world.connectwise.settings.keep_gl_batch_id = kept
    record = await posted(work)
    own = {"amount": Decimal("5.00"), "type": "P"}
    await work.world.cw_call("POST", f"finance/invoices/{record}/payments", own)
    await work.pay({record: "34.80"}, documentNumber="P1")

    async def die(call: str) -> None:
        if call == "connectwise.create":
            raise Crash(call)

    await work.world.tap(after=die)
    with pytest.raises(Crash):
        await work.world.sweep("settlement")
    await work.world.restart()
    await work.world.bc("ledger/unapply", {"documentNumber": "P1"})
    await work.world.drain()
    await work.world.sweep("settlement")
    assert [row["amount"] for row in work.payments(record)] == [Decimal("5.00")]


async def test_more_than_connectwise_can_take_is_held(work: Invoicing) -> None:
    record = await posted(work)
    await work.world.cw_call(
        "POST", f"finance/invoices/{record}/payments", {"amount": Decimal("300.00"), "type": "P"}
    )
    await work.pay({record: "34.80"}, documentNumber="P1")
    await work.world.sweep("settlement")
    [item] = await work.world.work("payment")
    assert item.state is State.HELD
    assert item.reason
    assert item.todo
    assert len(work.payments(record)) == 1
    kept = await work.world.link("settlement", record, "payment")
    assert kept.facts["adding"] == {}, (
        "what was refused is no payment of ours that a later pass might look for"
    )
