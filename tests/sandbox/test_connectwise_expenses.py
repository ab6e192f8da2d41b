"""Expense entries, reports, members and the expense side of the accounting interface of the ConnectWise stand-in."""

from collections.abc import AsyncIterator
from decimal import Decimal

import pytest

from sandbox.kit import Json
from tests.sandbox.connectwise_support import Tenant, receiving, running

UNPOSTED = "/finance/accounting/unpostedexpenses"
DAY = "2026-11-05T00:00:00Z"


@pytest.fixture
async def cw() -> AsyncIterator[Tenant]:
    async with running() as tenant:
        await tenant.company()
        person = {"identifier": "kim", "firstName": "Kim", "lastName": "Low", "vendorNumber": "EMP-3"}
        await tenant.admin("members", person)
        yield tenant


def expense(amount: str, **values: Json) -> Json:
    return {"type": {"name": "Travel"}, "amount": Decimal(amount), "company": {"id": 1001}, **values}


async def report(cw: Tenant, *entries: Json, approved: bool = True, **values: Json) -> Json:
    body = {"member": {"identifier": "kim"}, "date": DAY, "entries": list(entries)}
    made = await cw.admin("expenseReports", body | values)
    if approved:
        await cw.admin(f"expenseReports/{made['id']}/submit")
        made = await cw.admin(f"expenseReports/{made['id']}/approve")
    return made


async def export(cw: Tenant, *ids: int, **values: Json) -> Json:
    body = {"batchIdentifier": "x", "glInterfaceIdentifier": "BC", "exportExpensesFlag": True}
    return await cw.call(
        "POST", "/finance/accounting/export", body | {"includedExpenseIds": list(ids)} | values
    )


async def batch(cw: Tenant, ids: list[int], name: str = "B1", status: int = 201) -> Json:
    body = {"batchIdentifier": name, "glInterfaceIdentifier": "BC", "exportExpensesFlag": True}
    return await cw.call("POST", "/finance/accounting/batches", body | {"processedRecordIds": ids}, status)


async def test_members(cw: Tenant) -> None:
    (kim,) = await cw.get("/system/members", conditions="identifier='kim'")
    assert (kim["vendorNumber"], kim["firstName"], "name" in kim) == ("EMP-3", "Kim", False)
    await cw.patch(f"/system/members/{kim['id']}", vendorNumber="V9", lastName="High")
    assert (await cw.get(f"/system/members/{kim['id']}"))["vendorNumber"] == "V9"
    made = await report(cw, approved=False)
    assert made["member"] == {"id": kim["id"], "identifier": "kim", "name": "Kim High"}
    refused = await cw.call("POST", "/system/members", {"identifier": "x"}, 400)
    assert len(refused["errors"]) == 7
    await cw.admin("members", {"identifier": "KIM", "firstName": "K", "lastName": "L"}, 400)
    await cw.call("DELETE", f"/system/members/{kim['id']}", status=405)


async def test_entries_belong_to_reports(cw: Tenant) -> None:
    body = {"type": {"id": 1}, "amount": Decimal("12.50"), "date": DAY, "company": {"id": 1001}}
    made = await cw.call("POST", "/expense/entries", body, 201)
    assert (made["chargeToType"], made["chargeToId"], made["status"]) == ("Company", 1001, "Open")
    assert (made["paymentMethod"]["name"], made["classification"]["name"]) == ("Cash", "Reimbursable")
    assert (made["member"]["identifier"], made["billableOption"]) == ("dynaconnect", "Billable")
    (listed,) = await cw.get("/expense/reports", conditions="member/identifier='dynaconnect'")
    assert (listed["total"], listed["period"], listed["id"]) == (
        Decimal("12.5"),
        11,
        made["expenseReport"]["id"],
    )
    path = f"/expense/entries/{made['id']}"
    for wrong in ({"amount": Decimal("1.005")}, {"chargeToId": 5}, {"date": "2026-12-01T00:00:00Z"}):
        await cw.patch(path, 400, **wrong)
    await cw.patch(path, amount=20, taxes=[{"amount": 2, "type": {"name": "VAT"}}])
    await cw.patch(path, 400, status="ReadyToBill")
    refused = await cw.call("POST", "/expense/entries", {"type": {"id": 1}, "amount": 1, "date": DAY}, 400)
    assert [error["field"] for error in refused["errors"]] == ["chargeToType"]
    assert len((await cw.call("POST", "/expense/entries", {}, 400))["errors"]) == 3
    await cw.call("POST", f"/expense/reports/{listed['id']}/submit")
    await cw.patch(path, 400, amount=21)
    await cw.patch(path, notes="seen")
    await cw.call("POST", "/expense/entries", body, 400)
    await cw.call("DELETE", path, status=400)
    await cw.call("POST", f"/expense/reports/{listed['id']}/reject")
    await cw.call("DELETE", path, status=204)
    await cw.call("POST", f"/expense/reports/{listed['id']}/submit", status=400)


async def test_approval_by_two_tiers(cw: Tenant) -> None:
    await cw.admin("settings", {"expense_approval_tiers": 2})
    made = await report(cw, expense("10"), approved=False)
    path = f"/expense/reports/{made['id']}"
    await cw.call("POST", f"{path}/approve", {}, 400)
    await cw.call("POST", f"{path}/submit")
    first = await cw.call("POST", f"{path}/approve", {"approvalType": "Tier1Update"})
    assert first == {"success": True, "message": ""}
    assert (await cw.get(path))["status"] == "ApprovedByTierOne"
    assert await cw.get(UNPOSTED) == []
    await cw.call("POST", f"{path}/approve", {"approvalType": "Tier1Update"}, 400)
    await cw.call("POST", f"{path}/approve", {"approvalType": "Tier2Update"})
    assert [row["expenseDetailId"] for row in await cw.get(UNPOSTED)] == await cw.ids(
        "/expense/entries", "status='ApprovedByTierTwo'"
    )
    await cw.call("POST", f"{path}/approve", {"approvalType": "Billing"})
    for status in ("ApprovedByTierOne", "PendingApproval", "Open"):
        await cw.call("POST", f"{path}/reverse")
        assert (await cw.get(path))["status"] == status
    await cw.call("POST", f"{path}/reverse", {}, 400)
    assert await cw.get(UNPOSTED) == []
    await cw.admin(f"expenseReports/{made['id']}/submit")
    assert (await cw.admin(f"expenseReports/{made['id']}/approve"))["status"] == "ApprovedByTierTwo"


async def test_unapproved_expenses_may_leak(cw: Tenant) -> None:
    await report(cw, expense("10"), approved=False)
    assert await cw.get(UNPOSTED) == []
    await cw.admin("settings", {"leak_unapproved_expenses": True})
    (row,) = await cw.get(UNPOSTED)
    assert (await cw.get(f"/expense/entries/{row['expenseDetailId']}"))["status"] == "Open"
    await cw.admin("settings", {"leak_unapproved_expenses": False})
    project = await cw.admin("projects", {"name": "P", "company": {"id": 1001}})
    await report(cw, expense("5", project={"id": project["id"]}), approved=False)
    assert await cw.get(UNPOSTED) == []
    await cw.patch(f"/project/projects/{project['id']}", billUnapprovedTimeAndExpense=True)
    assert [row["total"] for row in await cw.get(UNPOSTED)] == [5]


async def test_unposted_rows(cw: Tenant) -> None:
    await report(
        cw,
        expense("119", notes="Train", taxes=[{"amount": 19}], locationId=2),
        expense("50", paymentMethod={"name": "Company card"}, billableOption="DoNotBill"),
        {"type": {"name": "Meals"}, "amount": 120, "chargeToType": "ChargeCode", "chargeToId": 3},
    )
    train, card, meal = await cw.get(UNPOSTED)
    assert (train["classification"], train["glType"], train["chargeDescription"]) == (
        "Reimbursable",
        "EE",
        "Train",
    )
    assert (train["total"], train["salesTaxAmount"], train["locationId"]) == (119, 19, 2)
    assert (train["id"] != train["expenseDetailId"], train["member"]["identifier"]) == (True, "kim")
    assert (card["classification"], card["creditAccount"], card["billableAmount"]) == (
        "NonReimbursable",
        "2050",
        0,
    )
    assert (meal["glType"], "company" in meal, meal["inPolicy"]) == ("EI", False, False)
    assert len(await cw.get(UNPOSTED, conditions="classification='Reimbursable' and locationId=1")) == 1
    (kim,) = await cw.get("/system/members", conditions="identifier='kim'")
    await cw.call("PATCH", f"/system/members/{kim['id']}", [{"op": "remove", "path": "vendorNumber"}])
    assert [row["id"] for row in await cw.get(UNPOSTED)] == [card["id"]]
    assert (await export(cw, train["expenseDetailId"]))["expenses"] == []


async def test_export_as_rows_with_offsets(cw: Tenant) -> None:
    await report(cw, expense("119", taxes=[{"amount": 19}]), expense("50", paymentMethod={"id": 2}))
    first, second = [row["expenseDetailId"] for row in await cw.get(UNPOSTED)]
    assert [
        len((await export(cw, **values))["expenses"])
        for values in (
            {"locationId": 2},
            {"thruDate": "2026-11-01T00:00:00Z"},
            {"excludedExpenseIds": [first]},
            {},
        )
    ] == [0, 0, 1, 3]
    document = await export(cw, first)
    assert [(row["glTypeId"], row["total"], row["offset"]["total"]) for row in document["expenses"]] == [
        ("EE", 100, -100),
        ("ET", 19, -19),
    ]
    assert (document["expenseBills"], document["vendors"][0]["vendorNumber"]) == ([], "EMP-3")
    row = document["expenses"][0]
    assert (row["offset"]["glTypeId"], row["vendorNumber"], row["companyAccountNumber"]) == (
        "P",
        "EMP-3",
        "C0001",
    )
    ids = [number for row in document["expenses"] for number in (row["id"], row["offset"]["id"])]
    await batch(cw, [first], status=400)
    await batch(cw, ids)
    assert cw.breaches == []
    entries = await cw.get("/finance/accounting/batches/401/entries")
    assert sum(row.get("debit", 0) - row.get("credit", 0) for row in entries) == 0
    assert entries[0]["expense"] == {"id": first, "amount": 119}
    assert [row["expenseDetailId"] for row in await cw.get(UNPOSTED)] == [second]
    await cw.admin(f"expenses/{first}/unbatch")
    await cw.admin(f"expenses/{first}/unbatch", status=400)
    assert len(await cw.get(UNPOSTED)) == 2
    await cw.call("DELETE", "/finance/accounting/batches/401", status=204)
    await batch(cw, ids)
    (listed,) = await cw.get("/expense/reports")
    await cw.call("POST", f"/expense/reports/{listed['id']}/reverse", {}, 400)
    await batch(cw, [(await export(cw, second))["expenses"][0]["id"]], "B2")
    assert cw.breaches == ["batch whole documents"]
    await cw.call("DELETE", "/finance/accounting/batches/402", status=204)
    assert len(await cw.get(UNPOSTED)) == 2


async def test_export_as_bills(cw: Tenant) -> None:
    await cw.patch("/finance/accountingPackageSetup/1", transferExpensesAsBillFlag=True)
    await report(cw, expense("119", taxes=[{"amount": 19}]), expense("50", paymentMethod={"id": 2}))
    await cw.admin("members", {"identifier": "lee", "firstName": "L", "lastName": "E", "vendorNumber": "9"})
    await report(cw, expense("7"), member={"identifier": "lee"})
    document = await export(cw)
    kim, lee = document["expenseBills"]
    assert (document["expenses"], kim["total"], kim["vendorNumber"], lee["total"]) == ([], 169, "EMP-3", 7)
    rows = await cw.get(UNPOSTED)
    assert (kim["id"], kim["documentDate"]) == (rows[0]["id"], "2026-11-30T00:00:00Z")
    flags = [(part["total"], part["reimbursable"], part["companyAdvance"]) for part in kim["detail"]]
    assert flags == [(100, True, False), (19, True, False), (50, False, True)]
    assert kim["detail"][0]["accountNumber"] == "6100:Main"
    assert kim["detail"][0]["expenseClass"]["name"] == "Reimbursable"
    made = await batch(cw, [number for part in kim["detail"] for number in part["id"]])
    assert made["expenseBills"] == [kim]
    assert (len(await cw.get(UNPOSTED)), cw.breaches) == (1, [])


async def test_callbacks_of_entries_and_members(cw: Tenant) -> None:
    async with receiving() as receiver:
        for kind, level, number in (
            ("expense", "owner", 1),
            ("expense", "chargetotype", 4),
            ("expense", "class", 2),
            ("member", "owner", 1),
        ):
            hook = {"url": receiver.url, "objectId": number, "type": kind, "level": level}
            await cw.call("POST", "/system/callbacks", hook, 201)
        made = await report(cw, expense("1", chargeToType="ChargeCode", chargeToId=1), approved=False)
        await cw.admin(f"expenseReports/{made['id']}/submit")
        await cw.admin("members", {"identifier": "lee", "firstName": "L", "lastName": "E"})
        await cw.settled()
        heard = sorted((message["Type"], message["Action"]) for message in receiver.messages)
        assert heard == [("expense", "added")] * 2 + [("expense", "updated")] * 2 + [("member", "added")]


async def test_setup_tables(cw: Tenant) -> None:
    assert [row["name"] for row in await cw.get("/expense/classifications")] == [
        "Reimbursable",
        "NonReimbursable",
        "Personal",
    ]
    (card,) = await cw.get("/expense/paymentTypes", conditions="companyFlag=true")
    assert card["classification"]["name"] == "NonReimbursable"
    made = await cw.call("POST", "/expense/types", {"name": "Travel"}, 400)
    assert [error["code"] for error in made["errors"]] == ["MissingRequiredField"] * 3
    assert len(await cw.get("/expense/types")) == 3
