"""What the ConnectWise stand-in accepts in POST, PUT, PATCH and DELETE."""

from collections.abc import AsyncIterator

import pytest

from sandbox.kit import Json
from tests.sandbox.connectwise_support import ITEM, Tenant, running

COMPANIES = "/company/companies"
ONE = f"{COMPANIES}/1001"


@pytest.fixture
async def cw() -> AsyncIterator[Tenant]:
    async with running() as tenant:
        await tenant.company()
        yield tenant


def nested(answer: Json) -> list[tuple[str, str]]:
    return [(error["code"], error["field"]) for error in answer["errors"]]


async def test_create_fills_defaults(cw: Tenant) -> None:
    made = await cw.call("POST", COMPANIES, {"identifier": "B", "name": "B"}, 201)
    assert made["status"] == {"id": 1, "name": "Active"}
    assert (made["deletedFlag"], made["_info"]["updatedBy"]) == (False, "dynaconnect")
    item = await cw.call("POST", "/procurement/catalog", ITEM, 201, params={"fields": "id,productClass"})
    assert item == {"id": 3001, "productClass": "NonInventory"}


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        ({}, [("MissingRequiredField", "identifier"), ("MissingRequiredField", "name")]),
        (
            {"identifier": "B", "name": "x" * 157},
            [("MaxLengthField", "name"), ("MissingRequiredField", "name")],
        ),
        ({"identifier": "B", "name": "B", "nothing": 1}, [("InvalidField", "nothing")]),
        ({"identifier": "B", "name": 5}, [("InvalidField", "name"), ("MissingRequiredField", "name")]),
        ({"identifier": "B", "name": "B", "leadFlag": "yes"}, [("InvalidField", "leadFlag")]),
        ({"identifier": "B", "name": "B", "status": {"id": 99}}, [("NotFound", "status")]),
        ({"identifier": "B", "name": "B", "status": {"key": 1}}, [("InvalidField", "status")]),
        ({"identifier": "acme", "name": "B"}, [("ObjectExists", "identifier")]),
        (
            {"identifier": "B", "name": "B", "dateAcquired": "2026-11-23T10:00:00.123Z"},
            [("InvalidField", "dateAcquired")],
        ),
        ({"identifier": "B", "name": "B", "dateAcquired": "2026-11-23"}, [("InvalidField", "dateAcquired")]),
    ],
)
async def test_create_refusals(cw: Tenant, body: Json, errors: list[tuple[str, str]]) -> None:
    answer = await cw.call("POST", COMPANIES, body, 400)
    assert answer["code"] == "InvalidObject"
    assert nested(answer) == errors
    assert answer["errors"][0]["resource"] == "company"


async def test_enum_members_are_checked(cw: Tenant) -> None:
    answer = await cw.call("POST", "/procurement/catalog", ITEM | {"productClass": "Gadget"}, 400)
    assert nested(answer) == [("InvalidField", "productClass")]


async def test_body_must_be_json(cw: Tenant) -> None:
    answer = await cw.api.post(f"{cw.url}/v4_6_release/apis/3.0{COMPANIES}", content=b"{")
    assert (answer.status_code, answer.json()["code"]) == (400, "InvalidObject")


async def test_patch_replaces_adds_and_removes(cw: Tenant) -> None:
    await cw.patch(
        ONE, name="New", billingTerms={"id": 2}, taxCode={"name": "No tax"}, country={"name": "Canada"}
    )
    changed = await cw.get(ONE)
    assert (changed["name"], changed["billingTerms"]["name"], changed["taxCode"]["id"]) == (
        "New",
        "Net 14",
        2,
    )
    assert changed["country"] == {"id": 1, "name": "Canada"}
    await cw.call(
        "PATCH", ONE, [{"op": "remove", "path": "billingTerms"}, {"op": "add", "path": "city", "value": "X"}]
    )
    changed = await cw.get(ONE)
    assert ("billingTerms" in changed, changed["city"]) == (False, "X")
    assert changed["_info"]["updatedBy"] == "dynaconnect"
    assert cw.breaches == []


@pytest.mark.parametrize(
    "steps",
    [
        {"op": "replace", "path": "name", "value": "X"},
        [{"op": "move", "path": "name", "value": "X"}],
        [{"op": "replace", "path": "Name", "value": "X"}],
        [{"op": "replace", "path": "id", "value": 5}],
        [{"op": "replace", "path": "types", "value": [{"id": 2}]}],
        [{"op": "replace", "path": "zip", "value": "1234567890123"}],
        [{"op": "remove", "path": "name"}],
        [{"op": "replace", "path": "customFields", "value": [{"id": 77, "value": "x"}]}],
        [{"op": "replace", "path": "city", "value": "X"}, {"op": "replace", "path": "nothing", "value": "X"}],
    ],
)
async def test_patch_refusals_change_nothing(cw: Tenant, steps: Json) -> None:
    before = await cw.get(ONE)
    assert (await cw.call("PATCH", ONE, steps, 400))["code"] == "InvalidObject"
    assert await cw.get(ONE) == before


async def test_patch_inside_a_reference_is_a_false_success(cw: Tenant) -> None:
    before = await cw.get(ONE)
    await cw.call("PATCH", ONE, [{"op": "replace", "path": "status/id", "value": 2}])
    assert await cw.get(ONE) == before
    assert cw.breaches == ["patch whole references"]


async def test_patch_habits_that_are_breaches(cw: Tenant) -> None:
    await cw.call("PATCH", ONE, [{"op": "replace", "path": "/city", "value": "X"}])
    await cw.patch(ONE, city=None)
    assert "city" not in await cw.get(ONE)
    assert cw.breaches == ["patch bare names", "patch null"]


async def test_custom_fields_are_written_as_a_whole(cw: Tenant) -> None:
    await cw.admin("customFields", {"entity": "Company", "id": 2, "caption": "Region"})
    whole = await cw.patch(ONE, customFields=[{"id": 1, "value": "a"}, {"id": 2, "value": "b"}])
    assert [(item["caption"], item["value"]) for item in whole["customFields"]] == [
        ("Integration Status", "a"),
        ("Region", "b"),
    ]
    assert cw.breaches == []
    part = await cw.patch(ONE, customFields=[{"id": 2, "value": "c"}])
    assert [item["value"] for item in part["customFields"]] == ["a", "c"]
    assert cw.breaches == ["patch whole customFields"]


async def test_put_resets_what_it_leaves_out(cw: Tenant) -> None:
    await cw.patch(ONE, city="X", customFields=[{"id": 1, "value": "a"}])
    await cw.call("PUT", ONE, {"identifier": "Acme", "name": "Renamed"})
    record = await cw.get(ONE)
    assert ("city" in record, record["name"], record["customFields"][0]["value"]) == (False, "Renamed", "a")
    await cw.call("PUT", ONE, {"name": "Renamed"}, 400)


async def test_delete(cw: Tenant) -> None:
    await cw.call("DELETE", ONE, status=204)
    assert (await cw.get(ONE))["deletedFlag"] is True
    item = await cw.call("POST", "/procurement/catalog", ITEM, 201)
    await cw.call("DELETE", f"/procurement/catalog/{item['id']}", status=204)
    await cw.call("GET", f"/procurement/catalog/{item['id']}", status=404)


async def test_references_are_completed(cw: Tenant) -> None:
    contact = await cw.call(
        "POST", "/company/contacts", {"firstName": "Kim", "company": {"identifier": "Acme"}}, 201
    )
    await cw.patch(ONE, defaultContact={"id": contact["id"]})
    assert (await cw.get(ONE))["defaultContact"] == {"id": contact["id"], "name": "Kim"}
    assert contact["company"] == {"id": 1001, "identifier": "Acme", "name": "Acme Ltd"}


async def test_accounting_package_setup_can_be_changed(cw: Tenant) -> None:
    rows = await cw.get("/finance/accountingPackageSetup")
    assert rows[0]["accountingPackage"]["identifier"] == "Other"
    changed = await cw.patch(f"/finance/accountingPackageSetup/{rows[0]['id']}", includeSalesTaxFlag=False)
    assert changed["includeSalesTaxFlag"] is False
