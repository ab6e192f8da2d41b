"""Projects and progress invoices of the ConnectWise stand-in."""

from collections.abc import AsyncIterator

import pytest

from sandbox.kit import Json
from tests.sandbox.connectwise_support import Tenant, product, receiving, running

PROJECTS = "/project/projects"


@pytest.fixture
async def cw() -> AsyncIterator[Tenant]:
    async with running() as tenant:
        await tenant.company()
        yield tenant


async def project(cw: Tenant, **values: Json) -> Json:
    return await cw.admin("projects", {"name": "Move", "company": {"id": 1001}} | values)


async def test_projects_through_the_api(cw: Tenant) -> None:
    refused = await cw.call("POST", PROJECTS, {}, 400)
    assert len(refused["errors"]) == 6
    body = {
        "name": "Move",
        "company": {"id": 1001},
        "board": {"name": "Projects"},
        "billingMethod": "FixedFee",
        "estimatedStart": "2026-01-01T00:00:00Z",
        "estimatedEnd": "2026-06-30T00:00:00Z",
        "manager": {"identifier": "admin"},
        "actualStart": "2026-01-05T00:00:00Z",
    }
    made = await cw.call("POST", PROJECTS, body, 201)
    assert (made["status"]["name"], made["closedFlag"], made["manager"]["name"]) == ("Open", False, "Admin")
    assert (made["billTime"], made["actualStart"][:10]) == ("Billable", "2026-01-05")
    path = f"{PROJECTS}/{made['id']}"
    await cw.patch(path, 400, closedFlag=True)
    await cw.patch(path, status={"name": "Closed"})
    assert await cw.ids(PROJECTS, "closedFlag=true and company/identifier='Acme'") == [made["id"]]
    assert (await cw.admin(f"projects/{made['id']}/reopen"))["closedFlag"] is False
    closed = await cw.admin(f"projects/{made['id']}/close", {"actualEnd": "2026-06-01T00:00:00Z"})
    assert (closed["closedFlag"], closed["actualEnd"][:10]) == (True, "2026-06-01")
    await cw.call("POST", PROJECTS, body | {"estimatedEnd": "2025-06-30T00:00:00Z"}, 400)
    await cw.call("DELETE", path, status=204)


async def test_invoices_of_a_project(cw: Tenant) -> None:
    made = await project(cw, billingMethod="FixedFee")
    tie = {"project": {"id": made["id"]}, "applyToType": "Project", "applyToId": made["id"]}
    first = await cw.invoice([{"kind": "service", "amount": 400}], type="Progress", **tie)
    assert (first["type"], first["project"]["name"]) == ("Progress", "Move")
    lines = [{"kind": "service", "amount": 1000}, {"kind": "previousProgress", "amount": 400}]
    last = await cw.invoice([*lines, product(1, "5")], **tie)
    assert (last["previousProgressApplied"], last["subtotal"], last["total"]) == (400, 1005, 605)
    export = {"batchIdentifier": "x", "glInterfaceIdentifier": "BC", "exportInvoicesFlag": True}
    wanted = {"includedInvoiceIds": [last["id"]]}
    (transaction,) = (await cw.call("POST", "/finance/accounting/export", export | wanted))["transactions"]
    assert transaction["project"] == {"id": made["id"], "name": "Move"}
    totals = [(row["glTypeId"], row["total"]) for row in transaction["detail"]]
    assert totals == [("R", -1000), ("R", 400), ("RP", -5)]
    assert await cw.ids("/finance/invoices", f"project/id={made['id']}") == [first["id"], last["id"]]
    await cw.call("DELETE", f"{PROJECTS}/{made['id']}", status=409)
    other = await project(cw)
    body = {"type": "Progress", "company": {"id": 1001}, "project": {"id": other["id"]}}
    assert (await cw.call("POST", "/finance/invoices", body, 400))["errors"][0]["field"] == "project"
    await cw.call("POST", "/finance/invoices", body | {"project": {"id": 9}}, 400)


async def test_callback_of_projects(cw: Tenant) -> None:
    async with receiving() as receiver:
        hook = {"url": receiver.url, "objectId": 2, "type": "project", "level": "status"}
        await cw.call("POST", "/system/callbacks", hook, 201)
        made = await project(cw)
        await cw.admin(f"projects/{made['id']}/close")
        await cw.settled()
        heard = [(message["Type"], message["ID"], message["Action"]) for message in receiver.messages]
        assert heard == [("project", made["id"], "updated")]
