"""When expenses leave: after the last approval, never before, and what happens to them after the posting."""

from datetime import date
from decimal import Decimal

import pytest

from sandbox.connectwise.ledger import ACCOUNTS
from sandbox.kit import Json
from shared.app import DEFAULT
from shared.domain.records import State
from tests.conformance.expensing import Expensing
from tests.documents.expenses import lines, set_status
from tests.documents.support import options, rules, the_open_item


@pytest.mark.parametrize("tiers", [1, 2])
async def test_the_last_tier_lets_a_report_go(expenses: Expensing, tiers: int) -> None:
    world = expenses.world
    await world.cw("settings", {"expense_approval_tiers": tiers})
    await options(world, expense_tiers=tiers)
    record = await expenses.report(expenses.expense("20.00"), expenses.card("5.00"), approved=False)
    steps: list[Json] = [None, {"approvalType": "Tier1Update"}, {"approvalType": "Tier2Update"}]
    for step in steps[: tiers + 1]:
        await expenses.sync(record)
        assert expenses.invoices(record) == expenses.booked(record) == []
        action = "approve" if step else "submit"
        await world.cw(f"expenseReports/{record}/{action}", step)
    await expenses.sync(record)
    expenses.check_invoice(record, "20.00")
    expenses.check_booked(record, "5.00")


async def test_one_tier_in_connectwise_is_not_enough_for_two_here(expenses: Expensing) -> None:
    """The options are what counts: a report that only the first tier approved does not leave."""
    await expenses.world.cw("settings", {"expense_approval_tiers": 1})
    record = await expenses.report(expenses.expense("20.00"))
    assert len(expenses.unposted(record)) == 0
    await expenses.sync(record)
    assert expenses.invoices(record) == []
    assert await expenses.world.work("expense_report") == []


async def test_leaked_expenses_never_leave(expenses: Expensing) -> None:
    """The accounting interface lists unapproved expenses; they stay until they are approved."""
    await expenses.world.cw("settings", {"leak_unapproved_expenses": True})
    await expenses.world.sync("member", expenses.member, "on demand")
    record = await expenses.report(expenses.expense("20.00"), expenses.card("5.00"), approved=False)
    assert len(expenses.unposted(record)) == 2
    await expenses.sync(record)
    await expenses.world.sweep("expense_report")
    assert expenses.invoices(record) == expenses.booked(record) == []
    await expenses.approve(record)
    await expenses.world.sweep("expense_report")
    expenses.check_invoice(record, "20.00")
    expenses.check_booked(record, "5.00")


async def test_a_leaked_expense_of_an_approved_report_stays(expenses: Expensing) -> None:
    await expenses.world.cw("settings", {"leak_unapproved_expenses": True})
    record = await expenses.report(expenses.expense("20.00"), expenses.expense("1000.00"))
    set_status(expenses, expenses.entries(record)[1], "Rejected")
    await expenses.sync(record)
    expenses.check_invoice(record, "20.00")
    assert [row["total"] for row in expenses.unposted(record)] == [Decimal("1000.00")]


async def test_personal_expenses_stay(expenses: Expensing) -> None:
    private = expenses.expense("33.00", classification={"name": "Personal"})
    record = await expenses.report(expenses.expense("20.00"), private, expenses.card("5.00"))
    await expenses.sync(record)
    expenses.check_invoice(record, "20.00")
    expenses.check_booked(record, "5.00")


async def test_late_expenses_are_held(expenses: Expensing) -> None:
    """Approved one by one: what is approved after the report was posted is shown, never lost and never doubled."""
    await expenses.world.sync("member", expenses.member, "on demand")
    record = await expenses.report(expenses.expense("20.00"), expenses.expense("12.50"))
    late = expenses.entries(record)[1]
    set_status(expenses, late, "Rejected")
    await expenses.sync(record)
    expenses.check_invoice(record, "20.00")
    set_status(expenses, late, "ApprovedByTierTwo")
    await expenses.world.sweep("expense_report")
    item = await the_open_item(expenses.world, "expense_report")
    assert (item.state, item.cause) == (State.HELD, "late_expenses")
    assert "12.50" in item.reason
    expenses.check_invoice(record, "20.00")
    rows = expenses.world.connectwise.expenses.source.entries(late["id"])
    batch = {
        "batchIdentifier": "BY-HAND",
        "glInterfaceIdentifier": "GL",
        "exportExpensesFlag": True,
        "processedRecordIds": [row["id"] for row in rows],
    }
    await expenses.world.cw_call("POST", "finance/accounting/batches", batch)
    await expenses.world.app.desk.retry(DEFAULT, cause="late_expenses")
    await expenses.world.drain()
    assert await expenses.world.work("expense_report") == []


async def test_late_before_the_posting_travels_along(expenses: Expensing) -> None:
    await rules(expenses.world, otherwise="draft")
    record = await expenses.report(expenses.expense("20.00"), expenses.expense("12.50"))
    late = expenses.entries(record)[1]
    set_status(expenses, late, "Rejected")
    await expenses.sync(record)
    assert lines(expenses, record) == [(ACCOUNTS["EE"], Decimal("20.00"))]
    set_status(expenses, late, "ApprovedByTierTwo")
    await expenses.world.sweep("expense_report")
    assert [amount for _, amount in lines(expenses, record)] == [Decimal("20.00"), Decimal("12.50")]


async def test_taken_out_of_the_batch(expenses: Expensing) -> None:
    record = await expenses.report(expenses.expense("20.00"), expenses.card("5.00"))
    await expenses.sync(record)
    for entry in expenses.entries(record):
        await expenses.world.cw(f"expenses/{entry['id']}/unbatch")
    await expenses.world.sweep("expense_report")
    for entity in ("expense_report", "company_expense"):
        item = await the_open_item(expenses.world, entity)
        assert (item.state, item.cause) == (State.HELD, "unbatched")
    await expenses.reopen(record)
    await expenses.sync(record)
    for entity in ("expense_report", "company_expense"):
        item = await the_open_item(expenses.world, entity)
        assert (item.state, item.cause) == (State.HELD, "approval_reversed")
    expenses.check_invoice(record, "20.00")
    assert sum(row["debitAmount"] for row in expenses.booked(record)) == Decimal("5.00")


async def test_drafts_that_an_accountant_posts(expenses: Expensing) -> None:
    """The sweep finds both, though nothing in ConnectWise has changed; then they are batched."""
    await rules(expenses.world, otherwise="draft")
    record = await expenses.report(expenses.expense("20.00"), expenses.card("5.00"))
    await expenses.sync(record)
    [draft] = expenses.invoices(record)
    [journal] = expenses.world.bc_records("journals", code=f"EXP{int(record):07}")
    [line] = expenses.world.bc_records("journalLines", journalId=journal["id"])
    await expenses.world.sweep("expense_report")
    assert expenses.world.bc_records("journalLines", journalId=journal["id"]) == [line]
    assert (draft["status"], expenses.booked(record), expenses.batches(record)) == ("Draft", [], [])
    await expenses.world.bc("post", {"set": "purchaseInvoices", "key": draft["id"]})
    await expenses.world.bc("post", {"set": "journals", "key": journal["id"]})
    await expenses.world.sweep("expense_report")
    expenses.check_invoice(record, "20.00")
    expenses.check_booked(record, "5.00")


async def test_drafts_that_are_posted_after_the_approval_was_taken_back(expenses: Expensing) -> None:
    await rules(expenses.world, otherwise="draft")
    record = await expenses.report(expenses.expense("20.00"), expenses.card("5.00"))
    await expenses.sync(record)
    [draft] = expenses.invoices(record)
    [journal] = expenses.world.bc_records("journals", code=f"EXP{int(record):07}")
    await expenses.reopen(record)
    await expenses.sync(record)
    for entity in ("expense_report", "company_expense"):
        assert await expenses.world.work(entity) == []
    await expenses.world.bc("post", {"set": "purchaseInvoices", "key": draft["id"]})
    await expenses.world.bc("post", {"set": "journals", "key": journal["id"]})
    await expenses.sync(record)
    for entity in ("expense_report", "company_expense"):
        item = await the_open_item(expenses.world, entity)
        assert (item.state, item.cause) == (State.HELD, "posted_meanwhile")


async def test_company_expenses_held_and_released(expenses: Expensing) -> None:
    large = {"path": "total", "greater": 1000}
    await rules(expenses.world, {"entity": "company_expense", "when": large, "do": "hold"})
    record = await expenses.report(expenses.card("1000.01"))
    await expenses.sync(record)
    assert (await the_open_item(expenses.world, "company_expense")).cause == "awaiting_release"
    assert await expenses.world.app.desk.release(DEFAULT, "company_expense", [record]) == 1
    await expenses.world.drain()
    expenses.check_booked(record, "1000.01")


async def test_a_cut_over_shows_the_reports_that_it_would_leave_out(expenses: Expensing) -> None:
    """By what each entity would make of them: owed and company-paid apart, unapproved ones not at all."""
    world = expenses.world
    await world.sync("member", expenses.member, "on demand")
    both = await expenses.report(expenses.expense("20.00"), expenses.card("5.00"))
    card = await expenses.report(expenses.card("7.00"))
    await expenses.report(expenses.expense("9.00"), approved=False)
    traffic = world.traffic()
    shown = await world.app.cutover_preview.show(DEFAULT, "", date(2030, 1, 1))
    assert traffic.writes == 0
    found = {
        one["entity"]: (one["ids"], [row["total"] for row in one["totals"]]) for one in shown["entities"]
    }
    assert found["expense_report"] == ([both], [Decimal("20.00")])
    assert found["company_expense"] == ([both, card], [Decimal("12.00")])
    assert found["employee_expense"] == ([], [])
    earlier = await world.app.cutover_preview.show(DEFAULT, "expense_report", date(2020, 1, 1))
    assert [one["count"] for one in earlier["entities"]] == [0]
