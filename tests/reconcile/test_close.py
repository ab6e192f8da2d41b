"""The close check: every break that is seeded turns its line red, and mending turns it green again."""

from datetime import timedelta
from decimal import Decimal

from sandbox.azurite import Azurite
from shared.app import DEFAULT
from shared.domain.envelope import POISON
from tests.conformance.expensing import Expensing
from tests.conformance.purchasing import Purchasing
from tests.conformance.world import World
from tests.reconcile.books import Books
from tests.reconcile.seeds import Seeds


async def red(books: Books) -> set[str]:
    """The red lines now."""
    result = await books.reconcile()
    lines = {line["name"]: line for line in result["close"]}
    assert all(line["records"] and line["count"] for line in lines.values() if line["status"] == "red")
    assert set(result["red"]) == {name for name, line in lines.items() if line["status"] == "red"}
    return set(result["red"])


async def test_each_break_turns_its_line_red(books: Books) -> None:
    world, seeds = books.world, Seeds(books)
    company, other = await books.make_companies(2)
    await books.make_invoices(6, currency=books.currency("USD"))
    first, second, third, fourth, *_ = books.invoices
    await books.make_payments([third])
    assert await red(books) == set()

    [lost] = await books.make_invoices(1, sync=False)
    assert await red(books) == {"documents_posted", "unposted_empty"}
    await world.sync("invoice", lost)
    assert await red(books) == set()

    await seeds.totals([first])
    assert await red(books) == {"totals_agree", "receivables_tie_out"}
    await seeds.by_hand[-1]()

    made = await world.cw_call(
        "POST", f"finance/invoices/{second}/payments", {"amount": Decimal("0.01"), "type": "P"}
    )
    assert await red(books) == {"payments_agree", "receivables_tie_out"}
    await world.cw_call("DELETE", f"finance/invoices/{second}/payments/{made['id']}")

    await seeds.unconfirmed([fourth])
    assert await red(books) == {"confirmed"}
    await books.reconcile("apply")
    assert await red(books) == set()

    await world.cw(f"companies/{company}", {"addressLine1": "Moved"})
    assert await red(books) == {"master_data"}
    await world.sync("company", company)

    await world.cw(f"companies/{other}", {"billingTerms": {"id": 1}, "name": "Firm"})
    await world.sync("company", other)
    assert await red(books) == set()

    lines = [{"kind": "service", "amount": 1}, {"kind": "discount", "amount": 2}]
    [held] = await books.make_invoices(1, lines=lines)
    assert await red(books) == {"work_list_empty", "unposted_empty"}
    await books.reopen(held)
    await world.sync("invoice", held)
    assert await red(books) == set()

    await world.app.state.save(DEFAULT, f"{POISON}1", {"entity": "invoice", "id": "1"})
    assert await red(books) == {"work_list_empty"}
    await world.app.state.remove(DEFAULT, f"{POISON}1")

    await world.keep_drafts()
    await books.make_invoices(1)
    assert await red(books) == {"drafts_posted", "unposted_empty"}


async def test_expenses_that_nobody_has_looked_at_are_red(books: Books) -> None:
    """ConnectWise lists them, and no hint ever came: the line is red by the list, not by the work list."""
    world, spending = books.world, Expensing(books.world)
    await spending.open()
    await world.sync("member", spending.member, "on demand")
    assert await red(books) == set()

    report = await spending.report(spending.expense("20.00"), spending.card("5.00"))
    assert await red(books) == {"documents_posted", "expenses_posted"}
    await spending.sync(report)
    assert await red(books) == set()

    await world.cw("settings", {"leak_unapproved_expenses": True})
    leaked = await spending.report(spending.expense("9.00"), approved=False)
    await spending.sync(leaked)
    assert spending.unposted(leaked)
    assert await red(books) == set()
    world.clock.advance(timedelta(days=1))
    assert await red(books) == {"expenses_posted"}


async def test_receipts_that_nobody_has_looked_at_are_red(azurite: Azurite) -> None:
    """By ConnectWise's list, in which stock entries stand beside them without being orders."""
    async with World(azurite) as world:
        books, buying = Books(world), Purchasing(world)
        await buying.open()
        await world.sweep("member")
        order = await buying.order(buying.line(4))
        await buying.sync(order)
        place = {"warehouse": {"id": 1}, "warehouseBin": {"id": 1}}
        detail = {"catalogItem": {"id": int(buying.items["SWITCH"])}, "quantityAdjusted": -2, **place}
        body = {"identifier": "Count", "type": {"identifier": "Count"}, "adjustmentDetails": [detail]}
        count = await world.cw("adjustments", body)
        await world.cw(f"adjustments/{count['id']}/close")
        assert await red(books) == set()
        await buying.receive(order, 4, slip="S1")
        # ConnectWise stamps whole seconds: a change in the second in which the order was read shows in its list alone.
        assert {"receipts_invoiced"} <= await red(books) <= {"receipts_invoiced", "totals_agree"}
        await buying.sync(order)
        assert await red(books) == set()
        assert world.breaches == []


async def test_what_is_not_in_use_says_so(books: Books) -> None:
    known = {entity.name for entity in books.world.app.registry.entities()}
    lines = {line["name"]: line["status"] for line in (await books.reconcile())["close"]}
    expected = "green" if known & {"expense_report", "company_expense"} else "not in use"
    assert lines["expenses_posted"] == expected
    assert lines["receipts_invoiced"] in ("green", "not in use")


async def test_opening_balances_at_a_cut_over(books: Books) -> None:
    await books.make_companies(3)
    await books.make_invoices(3, currency=books.currency("USD"))
    first, second, third = books.invoices
    day = books.document_of(first)["postingDate"]
    assert (await books.reconcile(opening=day))["opening"]
    await books.make_payments([first])
    customer = books.document_of(second)["customerNumber"]
    await books.world.bc(
        "ledger/post", {"customerNumber": customer, "amount": Decimal("5.00"), "documentNumber": "P0"}
    )
    rows = {row["customer"]: row for row in (await books.reconcile(opening=day))["opening"]}
    assert rows[customer]["difference"] == Decimal("-5.00")
    for record in (first, third):
        row = rows[books.document_of(record)["customerNumber"]]
        assert row["difference"] == 0
        assert row["connectwise"] == books.source(record)["balance"]
        assert row["notes"] == []
