"""Access, lists, conditions, paging and field choice of the ConnectWise stand-in."""

import re
from collections.abc import AsyncIterator

import httpx
import pytest

from sandbox.kit import dumps
from shared.app import trust
from tests.sandbox.connectwise_support import Tenant, running

COMPANIES = "/company/companies"


@pytest.fixture
async def cw() -> AsyncIterator[Tenant]:
    async with running() as tenant:
        await tenant.admin(
            "companies",
            [
                {
                    "identifier": f"C{n}",
                    "name": f"Name {n}",
                    "types": [{"id": 1 + n % 2}],
                    "phoneNumber": phone,
                }
                for n, phone in enumerate(["1", "2", None, "it's"], 1)
            ],
        )
        yield tenant


async def test_access_needs_client_id_and_keys(cw: Tenant) -> None:
    async with httpx.AsyncClient(auth=("acme+public", "private"), verify=trust()) as bare:
        answer = await bare.get(f"{cw.url}/v4_6_release/apis/3.0/system/info")
    assert answer.status_code == 400
    assert "clientId" in answer.json()["message"]
    assert cw.breaches == ["clientId header"]
    assert (await cw.send("GET", "/system/info", auth=("acme+public", "wrong"))).status_code == 404
    assert (await cw.send("GET", "/system/info", headers={"clientId": "other"})).status_code == 400
    assert (await cw.get("/system/info"))["isCloud"] is True
    assert (await cw.get("/system/mySecurity"))[0]["editLevel"] == "All"


async def test_company_info_needs_no_keys(cw: Tenant) -> None:
    async with httpx.AsyncClient(verify=trust()) as anonymous:
        known = await anonymous.get(f"{cw.url}/login/companyinfo/ACME")
        unknown = await anonymous.get(f"{cw.url}/login/companyinfo/other")
    assert known.json()["Codebase"] == "v4_6_release/"
    assert (unknown.status_code, unknown.json()) == (200, None)


async def test_refusals_have_the_body_of_the_service(cw: Tenant) -> None:
    assert await cw.call("GET", f"{COMPANIES}/7", status=404) == {
        "code": "NotFound",
        "message": "Company 7 not found",
        "errors": None,
    }
    assert (await cw.call("GET", "/company/nothing", status=404))["code"] == "ConnectWiseApi"
    assert (await cw.call("POST", "/system/info", {}, 405))["code"] == "ConnectWiseApi"


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        ("id > 1002", "C3 C4"),
        ("id>=1002 and id<1004", "C2 C3"),
        ("id in (1001, 1004)", "C1 C4"),
        ("id not in (1001,1004)", "C2 C3"),
        ("name like 'name*' and not (id=1001 or id=1002)", "C3 C4"),
        ('name LIKE "%3"', "C3"),
        ("name contains 'ME 2'", "C2"),
        ("phoneNumber = null", "C3"),
        ("phoneNumber != null", "C1 C2 C4"),
        ("phoneNumber != '1'", "C2 C4"),
        ('phoneNumber = "it\'s"', "C4"),
        ("deletedFlag = False and status/id = 1", "C1 C2 C3 C4"),
        ("status/name = 'Inactive'", ""),
        ("lastUpdated > [2020-01-01T00:00:00Z] and updatedBy != 'dynaconnect'", "C1 C2 C3 C4"),
        ("dateEntered < [2020-01-01]", ""),
    ],
)
async def test_conditions_choose_records(cw: Tenant, conditions: str, expected: str) -> None:
    rows = await cw.get(COMPANIES, conditions=conditions)
    assert [row["identifier"] for row in rows] == expected.split()
    assert await cw.get(f"{COMPANIES}/count", conditions=conditions) == {"count": len(rows)}


@pytest.mark.parametrize(
    "conditions",
    [
        "id =",
        "id = '5'",
        "name = 5",
        "name = Active",
        "nothing = 1",
        "status/nothing = 1",
        "types/id = 1",
        "(id = 1",
        "id = 1 id = 2",
        "lastUpdated > '2026-01-01T00:00:00Z'",
        "lastUpdated > [yesterday]",
        "deletedFlag = 1",
        "id ~ 1",
        "id like 'x'; drop",
        "id < null",
        "name like 5",
        "5 = id",
    ],
)
async def test_malformed_conditions_are_refused(cw: Tenant, conditions: str) -> None:
    answer = await cw.call("GET", COMPANIES, status=400, params={"conditions": conditions})
    assert answer["code"] == "InvalidObject"


async def test_child_and_custom_field_conditions(cw: Tenant) -> None:
    assert len(await cw.get(COMPANIES, childConditions="types/id=1")) == 2
    assert len(await cw.get(COMPANIES, childConditions="types/id=1 or types/name='Vendor'")) == 4
    await cw.call("GET", COMPANIES, status=400, params={"childConditions": "status/id=1"})
    await cw.patch(f"{COMPANIES}/1002", customFields=[{"id": 1, "value": "done"}])
    chosen = await cw.get(COMPANIES, customFieldConditions='caption="Integration Status" AND value != null')
    assert [row["id"] for row in chosen] == [1002]


async def test_pages_and_links(cw: Tenant) -> None:
    first = await cw.send("GET", COMPANIES, params={"pageSize": "2", "orderBy": "name desc"})
    assert [row["id"] for row in first.json()] == [1004, 1003]
    assert re.findall(r'page=(\d+)>; rel="(\w+)"', first.headers["Link"]) == [("2", "next"), ("2", "last")]
    assert "127.0.0.1" not in first.headers["Link"]
    second = await cw.send("GET", COMPANIES, params={"pageSize": "2", "page": "2"})
    assert re.findall(r'page=(\d+)>; rel="(\w+)"', second.headers["Link"]) == [("1", "first"), ("1", "prev")]
    assert await cw.get(COMPANIES, page="9") == []
    for wrong in ({"page": "0"}, {"pageSize": "x"}, {"orderBy": "nothing"}, {"orderBy": "id sideways"}):
        await cw.call("GET", COMPANIES, status=400, params=wrong)


async def test_page_size_is_capped_without_a_word(cw: Tenant) -> None:
    await cw.admin("companies", [{"identifier": f"X{n}", "name": "X"} for n in range(1001)])
    assert len(await cw.get(COMPANIES)) == 25
    assert len(await cw.get(COMPANIES, pageSize="5000", fields="id")) == 1000


async def test_forward_only_pages(cw: Tenant) -> None:
    headers = {"pagination-type": "forward-only"}
    seen, after = [], "0"
    while True:
        answer = await cw.send("GET", COMPANIES, params={"pageSize": "3", "pageId": after}, headers=headers)
        seen += [row["id"] for row in answer.json()]
        if "Link" not in answer.headers:
            break
        after = re.findall(r'pageId=(\d+)>; rel="next"', answer.headers["Link"])[0]
    assert (seen, answer.json()) == ([1001, 1002, 1003, 1004], [])
    await cw.call("GET", COMPANIES, status=400, params={"orderBy": "id"}, headers=headers)


async def test_fields_trim_answers_and_nulls_are_left_out(cw: Tenant) -> None:
    whole = await cw.get(f"{COMPANIES}/1003")
    assert "phoneNumber" not in whole
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", whole["_info"]["lastUpdated"])
    assert await cw.get(f"{COMPANIES}/1003", fields="id,status/name") == {
        "id": 1003,
        "status": {"name": "Active"},
    }
    assert set((await cw.get(COMPANIES, fields="id,_info"))[0]) == {"id", "_info"}
    assert cw.breaches == []
    await cw.get(COMPANIES, fields="id,nam")
    assert cw.breaches == ["fields names"]


async def test_long_addresses_are_a_breach(cw: Tenant) -> None:
    await cw.get(COMPANIES, conditions=f"id in ({','.join(['1001'] * 500)})")
    assert cw.breaches == ["url length"]


async def test_rate_limit(cw: Tenant) -> None:
    await cw.admin("settings", {"requests_per_minute": 2})
    answers = [await cw.send("GET", "/system/info") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert int(answers[2].headers["Retry-After"]) <= 61
    assert answers[2].json().keys() == {"error", "message"}
    await cw.admin("settings", {"requests_per_minute": 0})
    await cw.get("/system/info")


async def test_admin_controls(cw: Tenant) -> None:
    await cw.admin("settings", {"nothing": 1}, 400)
    await cw.admin("companies/1001", {"name": "New", "phoneNumber": None})
    edited = await cw.get(f"{COMPANIES}/1001")
    assert (edited["name"], edited["_info"]["updatedBy"], "phoneNumber" in edited) == ("New", "admin", False)
    await cw.admin("companies/1001/delete")
    assert (await cw.get(f"{COMPANIES}/1001"))["deletedFlag"] is True
    terms = await cw.admin("billingTerms", {"name": "Net 60", "dueDays": 60})
    assert (await cw.get(f"/finance/billingTerms/{terms['id']}"))["dueDays"] == 60
    await cw.admin("customFields", {"entity": "Company", "id": 2, "caption": "Region"})
    assert [item["id"] for item in (await cw.get(f"{COMPANIES}/1002"))["customFields"]] == [1, 2]
    state = (await cw.api.get(f"{cw.url}/admin/state")).json()
    assert len(state["tables"]["Company"]) == 4
    await cw.api.post(f"{cw.url}/admin/reset", content=dumps({}))
    assert await cw.get(COMPANIES) == []
    assert len(await cw.get("/finance/billingStatuses")) == 5
