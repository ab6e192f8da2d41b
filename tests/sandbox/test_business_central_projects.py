"""Projects, bank accounts, attachments, and the figures that are worked out when they are read."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from sandbox.kit import Json
from tests.sandbox.business_central_support import Case, receiving, running

DIALOG = "Application_DialogException"


@pytest.fixture
async def bc() -> AsyncIterator[Case]:
    async with running() as case:
        yield case


async def test_projects_are_number_and_name(bc: Case) -> None:
    created = await bc.call("POST", "projects", {"number": "agr-7", "displayName": "Managed services"})
    assert created["number"] == "AGR-7"
    assert (await bc.call("POST", "projects", {"displayName": "Next"}))["number"] == "J00010"
    assert (await bc.fails("POST", "projects", {"number": "AGR-7"}))[0] == "Internal_EntityWithSameKeyExists"
    changed = await bc.call("PATCH", f"projects({created['id']})", {"displayName": "Block time"})
    assert changed["displayName"] == "Block time"
    await bc.call("DELETE", f"projects({created['id']})", status=204)


async def test_bank_accounts(bc: Case) -> None:
    assert [row["number"] for row in await bc.rows("bankAccounts")] == ["CHECKING"]
    created = await bc.call("POST", "bankAccounts", {"number": "CARD", "displayName": "Company card"})
    assert (created["currencyCode"], created["blocked"]) == ("USD", False)
    found = await bc.fails("POST", "bankAccounts", {"number": "X", "currencyCode": "JPY"})
    assert found[0] == "Internal_InvalidTableRelation"


@pytest.mark.parametrize("name", ["attachments", "documentAttachments"])
async def test_a_file_is_metadata_first_and_content_second(bc: Case, name: str) -> None:
    invoice = await bc.invoice()
    path = f"salesInvoices({invoice['id']})/{name}"
    created = await bc.call("POST", path, {"fileName": "receipt.pdf"})
    assert (created["parentType"], created["parentId"]) == ("Sales_x0020_Invoice", invoice["id"])
    assert created["attachmentContent@odata.mediaEditLink"] == f"{name}({created['id']})/attachmentContent"
    address = f"{bc.url}/api/v2.0/companies({bc.company})/{name}({created['id']})/attachmentContent"
    missing = await bc.api.patch(address, content=b"%PDF-1.7")
    assert missing.status_code == 400
    headers = {"If-Match": "*", "Content-Type": "application/pdf"}
    assert (await bc.api.patch(address, content=b"%PDF-1.7", headers=headers)).status_code == 204
    assert (await bc.api.get(address)).content == b"%PDF-1.7"
    [row] = await bc.rows(path)
    assert (row["fileName"], row["byteSize"]) == ("receipt.pdf", 8)
    moved = await bc.fails("PATCH", f"{name}({created['id']})", {"parentId": bc.company})
    assert moved[1] == "You cannot change the value of the key field parentId."
    assert (await bc.api.get(f"{bc.url}/admin/state")).status_code == 200
    await bc.call("DELETE", f"{name}({created['id']})", status=204)


async def test_an_attachment_needs_a_parent_that_may_have_one(bc: Case) -> None:
    project = await bc.call("POST", "projects", {"displayName": "P"})
    body = {"fileName": "a.txt", "parentType": "Job", "parentId": project["id"]}
    found = await bc.fails("POST", "attachments", body)
    assert found == (DIALOG, "Parent type Job is not supported. Use documentAttachments API instead.")
    await bc.call("POST", "documentAttachments", body)
    assert len(await bc.rows(f"projects({project['id']})/documentAttachments")) == 1
    gone = await bc.fails("POST", "documentAttachments", body | {"parentId": bc.company})
    assert gone[1].endswith("does not exist.")


def day(offset: int) -> str:
    return (datetime.now(UTC).date() + timedelta(days=offset)).isoformat()


async def test_what_customers_owe(bc: Case) -> None:
    await bc.posted(amount="100", dueDate=day(10))
    await bc.posted(amount="30", dueDate=day(-1))
    await bc.posted(amount="7", dueDate=day(-45))
    payment = {"customerNumber": "C1", "amount": 40, "documentNumber": "P"}
    await bc.admin("ledger/post", payment)
    [details] = await bc.rows("customerFinancialDetails")
    assert (details["balance"], details["totalSalesExcludingTax"]) == (97, 137)
    assert details["overdueAmount"] == 37
    assert await bc.get(f"customerFinancialDetails({details['id']})", **{"$select": "balance"})
    rows: list[Json] = await bc.rows("agedAccountsReceivables")
    names = ("balanceDue", "currentAmount", "period1Amount", "period2Amount", "period3Amount")
    assert [tuple(row[name] for name in names) for row in rows] == [(97, 60, 30, 7, 0)] * 2
    assert [row["name"] for row in rows] == ["C1", "Total"]


async def test_the_trial_balance_adds_up(bc: Case) -> None:
    await bc.posted(amount="100")
    rows = {row["number"]: row for row in await bc.rows("trialBalances")}
    assert (rows["13100"]["balanceAtDateDebit"], rows["40100"]["balanceAtDateCredit"]) == ("100.00", "100.00")
    assert rows["10100"]["totalDebit"] == ""
    assert (
        sum(Decimal(row["totalDebit"] or 0) - Decimal(row["totalCredit"] or 0) for row in rows.values()) == 0
    )


async def test_financial_details_notify_with_their_customer(bc: Case) -> None:
    await bc.admin("settings", {"webhook_delay": 0.01})
    async with receiving() as receiver:
        for name in ("customerFinancialDetails", "projects"):
            resource = f"/api/v2.0/companies({bc.company})/{name}"
            body = {"notificationUrl": receiver.url, "resource": resource, "clientState": "s"}
            await bc.call("POST", "/api/v2.0/subscriptions", body)
        await bc.call("POST", "customers", {"displayName": "Contoso"})
        await bc.call("POST", "projects", {"displayName": "P"})
        assert await bc.settled() == 0
    notes = sorted(note["resource"].split("/")[-1].split("(")[0] for post in receiver.posts for note in post)
    assert notes == ["customerFinancialDetails", "projects"]
