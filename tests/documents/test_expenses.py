"""Expenses: only what is approved leaves, once, to the cent, on the account of whoever paid it."""

from collections import defaultdict
from decimal import Decimal
from typing import Any, Final

import pytest

from sandbox.connectwise.ledger import ACCOUNTS
from sandbox.kit import Json, dumps
from shared.app import DEFAULT
from shared.domain.records import State
from shared.mapping import standard_mapping
from tests.conformance.expensing import CARD, EXPENSE_ACCOUNTS, Expensing
from tests.conformance.taps import Crash
from tests.conformance.world import World
from tests.documents.support import currency, options, rules, the_open_item

BANK: Final = "10100"


@pytest.fixture
async def expenses(world: World) -> Expensing:
    """A member with expenses, who is no vendor yet."""
    expenses = Expensing(world)
    await expenses.open()
    return expenses


def lines(expenses: Expensing, record: str) -> list[tuple[str, Decimal]]:
    """Account and amount of each line of the purchase invoice."""
    [document] = expenses.invoices(record)
    rows = expenses.world.bc_records("purchaseInvoiceLines", documentId=document["id"])
    return [(row["lineObjectNumber"], row["unitCost"]) for row in rows]


def balances(expenses: Expensing, record: str) -> dict[str, Decimal]:
    """Debits less credits of the report's journal, by account."""
    sums: defaultdict[str, Decimal] = defaultdict(Decimal)
    for row in expenses.booked(record):
        sums[row["accountNumber"]] += row["debitAmount"] - row["creditAmount"]
    return dict(sums)


def set_status(expenses: Expensing, entry: Json, status: str) -> None:
    """Gives one entry a status of its own, as an approver does who rejects a single expense."""
    expenses.world.connectwise.store.get("ExpenseEntry", entry["id"])["status"] = status


# Approval.


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


# Amounts.


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


# Currencies.


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


# The employee.


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


# After the posting.


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


async def test_company_expenses_held_and_released(expenses: Expensing) -> None:
    large = {"path": "total", "greater": 1000}
    await rules(expenses.world, {"entity": "company_expense", "when": large, "do": "hold"})
    record = await expenses.report(expenses.card("1000.01"))
    await expenses.sync(record)
    assert (await the_open_item(expenses.world, "company_expense")).cause == "awaiting_release"
    assert await expenses.world.app.desk.release(DEFAULT, "company_expense", [record]) == 1
    await expenses.world.drain()
    expenses.check_booked(record, "1000.01")


# The journal.


@pytest.mark.parametrize("steps", range(1, 11))
async def test_one_posting_whenever_the_process_dies(expenses: Expensing, steps: int) -> None:
    record = await expenses.report(expenses.card("50.25"), expenses.card("7.00"), expenses.card("-2.00"))
    fuse = await expenses.world.die_after(steps)
    try:
        await expenses.sync(record)
    except Crash:
        await expenses.world.restart()
        await expenses.world.drain()
    assert fuse.burnt
    assert balances(expenses, record) == {
        ACCOUNTS["EE"]: Decimal("55.25"),
        ACCOUNTS["EO"]: Decimal("-55.25"),
    }
    assert len(expenses.booked(record)) == 6
    assert len(expenses.batches(record, "C")) == 1
    assert expenses.unposted(record) == []


async def foreign_line(expenses: Expensing, journal: str, number: str) -> Json:
    """A line of a person in a journal."""
    line = {
        "accountNumber": EXPENSE_ACCOUNTS[0],
        "balancingAccountNumber": ACCOUNTS["EO"],
        "documentNumber": number,
        "amount": Decimal("999.00"),
    }
    return await expenses.world.bc_call("POST", f"journals({journal})/journalLines", line)


async def test_a_journal_of_people_is_left_alone(expenses: Expensing) -> None:
    """Somebody keeps lines under the code of the report: they are neither removed nor posted."""
    record = await expenses.report(expenses.card("50.25"))
    journal = await expenses.world.bc_call("POST", "journals", {"code": f"EXP{int(record):07}"})
    line = await foreign_line(expenses, journal["id"], "MINE-1")
    await expenses.sync(record)
    item = await the_open_item(expenses.world, "company_expense")
    assert (item.state, item.cause) == (State.HELD, "journal_shared")
    assert "MINE-1" in item.reason
    [kept] = expenses.world.bc_records("journalLines", journalId=journal["id"])
    assert (kept["id"], kept["amount"]) == (line["id"], Decimal("999.00"))
    await expenses.world.bc_call("DELETE", f"journalLines({line['id']})")
    await expenses.world.app.desk.retry(DEFAULT, cause="journal_shared")
    await expenses.world.drain()
    expenses.check_booked(record, "50.25")


async def test_a_line_that_somebody_adds_is_not_posted(expenses: Expensing) -> None:
    """A person types into the journal while it is being filled."""
    record = await expenses.report(expenses.card("50.25"))
    added: list[Json] = []

    async def add(call: str) -> None:
        journals = expenses.world.bc_records("journals", code=f"EXP{int(record):07}")
        filled = journals and expenses.world.bc_records("journalLines", journalId=journals[0]["id"])
        if call == "business_central.create" and filled and not added:
            added.append(await foreign_line(expenses, journals[0]["id"], "MINE-1"))

    await expenses.world.tap(after=add)
    await expenses.sync(record)
    assert (await the_open_item(expenses.world, "company_expense")).cause == "journal_shared"
    assert expenses.world.bc_records("generalLedgerEntries") == []
    assert [row["id"] for row in expenses.world.bc_records("journalLines", documentNumber="MINE-1")] == [
        added[0]["id"]
    ]


async def test_two_reports_have_two_journals(expenses: Expensing) -> None:
    records = [await expenses.report(expenses.card(f"{number}.10")) for number in (1, 2)]
    for record in records:
        await expenses.world.hint("expense_report", record)
    await expenses.world.drain()
    for number, record in enumerate(records, start=1):
        expenses.check_booked(record, f"{number}.10")


async def test_dimensions_of_lines(expenses: Expensing) -> None:
    """Department and location of each expense go to its own line, not to the others."""
    await expenses.pay_from(
        {CARD: ACCOUNTS["EO"]},
        departments={"1": "SERVICE", "2": "SALES"},
        locations={"1": "EAST", "2": "WEST"},
    )
    first = expenses.card("50.00", businessUnitId=1, locationId=2)
    second = expenses.card("70.00", businessUnitId=2, locationId=1)
    record = await expenses.report(first, second)
    await expenses.sync(record)
    expenses.check_booked(record, "120.00")
    found: dict[Decimal, Any] = {
        entry.values["debitAmount"]: entry.hidden["dimensions"]
        for entry in expenses.world.company.all("generalLedgerEntries")
        if entry.values["debitAmount"]
    }
    assert found == {
        Decimal("50.00"): {"DEPARTMENT": "SERVICE", "LOCATION": "WEST"},
        Decimal("70.00"): {"DEPARTMENT": "SALES", "LOCATION": "EAST"},
    }


@pytest.mark.parametrize(
    ("policy", "expected"), [("hold", None), ("skip", {}), ("default:ADMIN", {"DEPARTMENT": "ADMIN"})]
)
async def test_missing_dimension_of_a_line(
    expenses: Expensing, policy: str, expected: dict[str, str] | None
) -> None:
    await options(expenses.world, missing_dimension=policy)
    await expenses.pay_from({CARD: ACCOUNTS["EO"]}, departments={"1": "ROBOTICS"})
    record = await expenses.report(expenses.card("50.00"))
    await expenses.sync(record)
    if expected is None:
        item = await the_open_item(expenses.world, "company_expense")
        assert (item.cause, expenses.booked(record)) == ("dimension_value_missing", [])
        return
    expenses.check_booked(record, "50.00")
    entries = expenses.world.company.all("generalLedgerEntries")
    assert [entry.hidden["dimensions"] for entry in entries] == [expected] * 2


async def test_a_dimension_that_is_named_otherwise(expenses: Expensing) -> None:
    """The options say which dimension a department is; without a name it is none."""
    await options(expenses.world, line_dimensions={"departmentCode": "LOCATION"})
    lookups = {"departments": {"1": "EAST"}, "locations": {"1": "WEST"}}
    await expenses.pay_from({CARD: ACCOUNTS["EO"]}, **lookups)
    record = await expenses.report(expenses.card("50.00"))
    await expenses.sync(record)
    entries = expenses.world.company.all("generalLedgerEntries")
    assert [entry.hidden["dimensions"] for entry in entries] == [{"LOCATION": "EAST"}] * 2


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
