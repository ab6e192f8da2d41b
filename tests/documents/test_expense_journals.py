"""The journal of company-paid expenses: one posting, nobody else's lines, dimensions line by line."""

from decimal import Decimal
from typing import Any

import pytest

from sandbox.connectwise.ledger import ACCOUNTS
from sandbox.kit import Json
from shared.app import DEFAULT
from shared.domain.records import State
from tests.conformance.expensing import CARD, EXPENSE_ACCOUNTS, Expensing
from tests.conformance.taps import Crash
from tests.documents.expenses import balances
from tests.documents.support import options, the_open_item


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
