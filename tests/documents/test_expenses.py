"""Expenses: only what is approved leaves, once, to the cent, on the account of whoever paid it."""

from decimal import Decimal
from typing import Final

import pytest

from sandbox.connectwise.ledger import ACCOUNTS
from sandbox.kit import dumps
from shared.app import DEFAULT
from shared.domain.records import State
from shared.mapping import standard_mapping
from tests.conformance.expensing import CARD, Expensing
from tests.documents.expenses import balances, lines
from tests.documents.support import currency, the_open_item

BANK: Final = "10100"


@pytest.mark.parametrize("as_bills", [False, True])
async def test_both_ways_of_the_interface(expenses: Expensing, as_bills: bool) -> None:
    """With transferExpensesAsBillFlag ConnectWise exports one bill per report, without it single rows."""
    setup = [{"op": "replace", "path": "transferExpensesAsBillFlag", "value": as_bills}]
    await expenses.world.cw_call("PATCH", "finance/accountingPackageSetup/1", setup)
    taxed = expenses.expense("119.00", taxes=[{"amount": Decimal("19.00")}], notes="Train")
    own = expenses.expense("7.35", chargeToType="ChargeCode", chargeToId=3)
    del own["company"]
    record = await expenses.report(taxed, own, expenses.card("50.25", taxes=[{"amount": Decimal("0.25")}]))
    await expenses.sync(record)
    expenses.check_invoice(record, "126.35")
    assert lines(expenses, record) == [
        (ACCOUNTS["EE"], Decimal("100.00")),
        (ACCOUNTS["ET"], Decimal("19.00")),
        (ACCOUNTS["EI"], Decimal("7.35")),
    ]
    expenses.check_booked(record, "50.25")
    assert balances(expenses, record) == {
        ACCOUNTS["EE"]: Decimal("50.00"),
        ACCOUNTS["ET"]: Decimal("0.25"),
        ACCOUNTS["EO"]: Decimal("-50.25"),
    }
    assert expenses.unposted(record) == []


async def test_each_expense_on_the_account_that_paid_it(expenses: Expensing) -> None:
    """Two expenses with one text, paid in two ways: a row is booked as its own expense says."""
    classification = next(
        row["id"] for row in expenses.world.cw_records("Classification") if row["name"] == "NonReimbursable"
    )
    method = {"name": "Bank", "companyFlag": True, "classification": {"id": classification}}
    await expenses.world.cw("paymentTypes", method)
    await expenses.pay_from({CARD: ACCOUNTS["EO"], "Bank": BANK})
    transfer = expenses.expense("70.00", paymentMethod={"name": "Bank"}, notes="Hotel")
    record = await expenses.report(expenses.card("50.00", notes="Hotel"), transfer)
    await expenses.sync(record)
    expenses.check_booked(record, "120.00")
    assert balances(expenses, record) == {
        ACCOUNTS["EE"]: Decimal("120.00"),
        ACCOUNTS["EO"]: Decimal("-50.00"),
        BANK: Decimal("-70.00"),
    }


async def test_a_refund_on_the_card(expenses: Expensing) -> None:
    record = await expenses.report(expenses.card("80.00"), expenses.card("-30.00", notes="Returned"))
    await expenses.sync(record)
    assert balances(expenses, record) == {
        ACCOUNTS["EE"]: Decimal("50.00"),
        ACCOUNTS["EO"]: Decimal("-50.00"),
    }
    assert len(expenses.batches(record, "C")) == 1


async def test_an_unknown_way_of_paying_is_held(expenses: Expensing) -> None:
    """By standard no payment account is known: each is a decision of the accounts."""
    await expenses.pay_from({})
    record = await expenses.report(expenses.card("80.00"))
    await expenses.sync(record)
    item = await the_open_item(expenses.world, "company_expense")
    assert (item.state, item.cause) == (State.HELD, "lookup_missing")
    assert CARD in item.reason
    await expenses.pay_from({CARD: ACCOUNTS["EO"]})
    await expenses.world.app.desk.retry(DEFAULT, cause="lookup_missing")
    await expenses.world.drain()
    expenses.check_booked(record, "80.00")


async def test_foreign_currency(expenses: Expensing) -> None:
    """A purchase invoice carries it; a journal line cannot, so what the company paid is held."""
    euro = currency(expenses.world, "EUR")
    record = await expenses.report(
        expenses.expense("100.07", currency=euro), expenses.card("9.99", currency=euro)
    )
    await expenses.sync(record)
    assert expenses.check_invoice(record, "100.07")["currencyCode"] == "EUR"
    item = await the_open_item(expenses.world, "company_expense")
    assert (item.state, item.cause) == (State.HELD, "currency")
    assert "EUR" in item.reason
    assert expenses.booked(record) == []


async def test_several_currencies_are_never_added_up(expenses: Expensing) -> None:
    euro = currency(expenses.world, "EUR")
    record = await expenses.report(expenses.expense("10.00"), expenses.expense("10.00", currency=euro))
    await expenses.sync(record)
    item = await the_open_item(expenses.world, "expense_report")
    assert (item.state, item.cause) == (State.HELD, "currency")
    assert "USD" in item.reason
    assert "EUR" in item.reason
    assert expenses.invoices(record) == []


async def test_waits_for_the_employee(expenses: Expensing) -> None:
    """The first report makes the member a vendor; ConnectWise hides what is owed until then."""
    record = await expenses.report(expenses.expense("20.00"))
    assert expenses.unposted(record) == []
    await expenses.sync(record)
    expenses.check_invoice(record, "20.00")
    member = expenses.world.cw_record("Member", expenses.member)
    assert member["vendorNumber"] == f"EMP{int(expenses.member):05}"
    link = await expenses.world.link("expense_report", record, "expense_report")
    assert link.state is State.DONE
    assert link.target_number


async def test_company_paid_expenses_need_no_vendor(expenses: Expensing) -> None:
    record = await expenses.report(expenses.card("20.00"))
    await expenses.sync(record)
    expenses.check_booked(record, "20.00")
    assert expenses.world.bc_records("vendors") == []
    assert await expenses.world.work("expense_report") == []


async def test_an_invoice_line_may_look_at_its_expense(expenses: Expensing) -> None:
    """A mapping of one's own reads the expense behind a row: here the type goes before the text."""
    document = standard_mapping("expense_report").model_dump(mode="json", by_alias=True, exclude_unset=True)
    [block] = document["lines"]
    [rule] = [rule for rule in block["fields"] if rule["to"] == "description"]
    del rule["from"]
    rule["template"] = "{expense.type.name}: {description}"
    await expenses.world.app.desk.save_mapping(DEFAULT, "expense_report", dumps(document))
    record = await expenses.report(expenses.expense("20.00", notes="Taxi"))
    await expenses.sync(record)
    [invoice] = expenses.invoices(record)
    [line] = expenses.world.bc_records("purchaseInvoiceLines", documentId=invoice["id"])
    assert line["description"] == "Travel: Taxi"
