"""Work on demand: what may be asked, what is refused, and that a preview writes nothing."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from sandbox.stage import Stage
from shared.triggers.openapi import DOCUMENT
from tests.triggers.support import Watch

MANY = [str(number) for number in range(1, 1_002)]
READS = ("GET ", "BATCH GET ", "POST /api/v2.0/$batch")
BAD_BODIES: list[tuple[str, Any, str]] = [
    ("sync", None, "entity is missing"),
    ("sync", [], "JSON object"),
    ("sync", {}, "entity is missing"),
    ("sync", {"entity": ""}, "entity is missing"),
    ("sync", {"entity": 7, "ids": ["1"]}, "entity must be a text"),
    ("sync", {"entity": "customer"}, "give either ids or all"),
    ("sync", {"entity": "customer", "ids": []}, "give either ids or all"),
    ("sync", {"entity": "customer", "ids": ["1"], "all": True}, "give either ids or all"),
    ("sync", {"entity": "nonsense", "ids": ["1"]}, "there is no entity nonsense; known are"),
    ("sync", {"entity": "customer", "ids": ["1"], "connection": "other"}, "there is no connection other"),
    ("sync", {"entity": "customer", "ids": ["1"], "connection": None}, "connection must be a text"),
    ("sync", {"entity": "customer", "all": "yes"}, "all must be true or false"),
    ("sync", {"entity": "customer", "ids": ["1"], "apply": "false"}, "apply must be true or false"),
    ("sync", {"entity": "customer", "ids": ["1"], "apply": 0}, "apply must be true or false"),
    ("sync", {"entity": "customer", "ids": ["1"], "aply": False}, "unknown: aply"),
    ("sync", {"entity": "customer", "all": True, "apply": False}, "a preview needs ids"),
    ("sync", {"entity": "customer", "ids": MANY}, "at most 1000"),
    ("sync", {"entity": "customer", "ids": MANY[:51], "apply": False}, "at most 50"),
    ("work/retry", {"entity": "nonsense"}, "there is no entity nonsense"),
    ("work/retry", {"connection": "other"}, "there is no connection other"),
    ("work/retry", {"cause": 7}, "cause must be a text"),
    ("work/retry", {"everything": True}, "unknown: everything"),
    ("work/release", {"entity": "sales_invoice"}, "ids are missing"),
    ("work/release", {"entity": "nonsense", "ids": ["1"]}, "there is no entity nonsense"),
    ("work/release", {"entity": "sales_invoice", "ids": ["1"], "id": 1}, "unknown: id"),
]
BAD_IDS: list[Any] = [
    "1",
    {"1": 1},
    [True],
    [None],
    [1.5],
    ["x"],
    ["²"],
    ["-1"],
    [-1],
    [0],
    ["0"],
    [""],
    [["1"]],
    ["9" * 20],
]


@pytest.mark.parametrize(("path", "body", "says"), BAD_BODIES)
async def test_what_is_asked_wrongly_is_named(watch: Watch, path: str, body: Any, says: str) -> None:
    answer = await watch.call("POST", path, None if body is None else json.dumps(body).encode())
    assert answer.status_code == 400
    assert says in answer.json()["error"]


@pytest.mark.parametrize("ids", BAD_IDS, ids=ascii)
async def test_ids_are_connectwise_record_ids(watch: Watch, ids: Any) -> None:
    answer = await watch.call("POST", "sync", json.dumps({"entity": "customer", "ids": ids}).encode())
    assert answer.status_code == 400
    assert "ids" in answer.json()["error"]


@pytest.mark.parametrize("body", [b"{", b"\xff", b"NaN", b"[" * 100_000, b"'x'"], ids=range(5))
@pytest.mark.parametrize("path", ["sync", "work/retry", "work/release"])
async def test_what_is_not_json_is_said(watch: Watch, path: str, body: bytes) -> None:
    answer = await watch.call("POST", path, body)
    assert answer.status_code == 400
    assert "not JSON" in answer.json()["error"]


@pytest.mark.parametrize(
    ("path", "query", "says"),
    [
        ("work", {"entity": "nonsense"}, "there is no entity nonsense"),
        ("work", {"connection": "other"}, "there is no connection other"),
        ("work", {"state": "done"}, "state must be one of waiting, retrying, held"),
        ("records/nonsense/7", {}, "there is no entity nonsense"),
        ("records/company/x", {}, "record id"),
        ("records/company/7%7C8", {}, "record id"),
        ("records/company/" + "9" * 600, {}, "record id"),
        ("records/company/7", {"connection": "other"}, "there is no connection other"),
    ],
)
async def test_what_is_looked_for_wrongly_is_named(
    watch: Watch, path: str, query: dict[str, str], says: str
) -> None:
    answer = await watch.call("GET", path, **query)
    assert answer.status_code == 400
    assert says in answer.json()["error"]


PROTECTED = [
    (method.upper(), re.sub(r"\{\w+\}", "7", path))
    for path, item in DOCUMENT["paths"].items()
    for method, operation in item.items()
    if method != "parameters" and operation.get("security", True)
]


@pytest.mark.parametrize(("method", "path"), PROTECTED)
async def test_without_the_key_nothing_is_done(stage: Stage, method: str, path: str) -> None:
    for headers in ({}, {"x-functions-key": "wrong"}, {"Authorization": f"Bearer {stage.host.function_key}"}):
        answer = await stage.http.request(method, f"{stage.public_url}/api{path}", headers=headers)
        assert answer.status_code == 401


async def test_the_description_and_health_are_open(stage: Stage) -> None:
    described = await stage.http.get(f"{stage.public_url}/api/openapi.json")
    assert described.json() == DOCUMENT
    assert described.headers["content-type"].startswith("application/json")
    health = await stage.http.get(f"{stage.public_url}/api/health")
    assert (health.status_code, health.json()) == (200, {"status": "alive"})
    details = f"{stage.public_url}/api/health/details"
    assert (await stage.http.get(details)).status_code == 401
    # The first function that works makes the tables; asking for health does not.
    await stage.api("GET", "work")
    told = await stage.http.get(details, headers={"x-functions-key": stage.host.function_key})
    assert told.json()["healthy"], told.text


@pytest.fixture(autouse=True)
def quiet(stage: Stage) -> Iterator[None]:
    """Nothing but what a test asks for tells the app of a change."""
    stage.connectwise.settings.lose_callbacks = True
    yield
    stage.connectwise.settings.lose_callbacks = False


async def company(stage: Stage, name: str, **values: Any) -> str:
    made = await stage.in_connectwise("companies", {"identifier": name, "name": f"{name} Ltd", **values})
    return str(made["id"])


async def test_a_sync_queues_each_record_once(stage: Stage, watch: Watch) -> None:
    first, second = await company(stage, "SyncOne"), await company(stage, "SyncTwo")
    body = {"entity": "company", "ids": [first, int(second), first]}
    answer = await watch.call("POST", "sync", json.dumps(body).encode())
    assert (answer.status_code, answer.json()) == (202, {"queued": 2})
    await watch.idle()
    for record_id in (first, second):
        record = (await watch.record(f"company/{record_id}")).json()
        assert record["id"] == record_id
        assert record["attempts"][0]["why"] == "on demand"
        assert {link["entity"] for link in record["links"]} == {"customer"}


async def test_an_entity_narrows_the_pass(stage: Stage, watch: Watch) -> None:
    record_id = await company(stage, "Narrow")
    await watch.call("POST", "sync", json.dumps({"entity": "vendor", "ids": [record_id]}).encode())
    await watch.idle()
    attempts = (await watch.record(f"vendor/{record_id}")).json()["attempts"]
    assert {attempt["entity"] for attempt in attempts} == {"vendor"}


async def test_a_sync_of_everything_is_one_message(stage: Stage, watch: Watch) -> None:
    record_id = await company(stage, "Everything")
    answer = await watch.call("POST", "sync", json.dumps({"entity": "customer", "all": True}).encode())
    assert (answer.status_code, answer.json()) == (202, {"queued": 1})
    await watch.idle()
    assert (await watch.record(f"company/{record_id}")).status_code == 200


async def test_a_preview_shows_the_plan_and_writes_nothing(stage: Stage, watch: Watch) -> None:
    record_id = await company(stage, "Preview")
    await watch.idle()
    for url in (stage.connectwise_url, stage.business_central_url):
        await stage.http.post(f"{url}/admin/report/clear")
    body = {"entity": "customer", "ids": [record_id], "apply": False}
    answer = await watch.call("POST", "sync", json.dumps(body).encode())
    [plan] = answer.json()["plans"]
    assert (plan["id"], plan["entity"], plan["action"]) == (record_id, "customer", "create")
    assert plan["payload"]["displayName"] == "Preview Ltd"
    assert "create" in plan["steps"]
    assert {change["field"] for change in plan["changes"]} >= {"displayName"}
    for url in (stage.connectwise_url, stage.business_central_url):
        calls = (await stage.report(url))["calls"]
        assert not [route for route in calls if not route.startswith(READS)]
    await watch.idle()
    assert (await watch.record(f"company/{record_id}")).status_code == 404


async def test_a_record_that_nothing_is_known_of(watch: Watch) -> None:
    answer = await watch.record("company/999999")
    assert (answer.status_code, answer.json()) == (404, {"error": "nothing is known of this record"})


async def test_held_work_is_listed_and_retried(stage: Stage, watch: Watch) -> None:
    record_id = await company(stage, "Held")
    await stage.http.post(
        f"{stage.business_central_url}/admin/faults",
        json={
            "faults": [
                {
                    "kind": "status",
                    "route": "POST /api/v2.0/companies({company})/customers",
                    "status": 400,
                    "body": '{"error": {"code": "Application_DialogException", "message": "No."}}',
                }
            ]
        },
    )
    await watch.call("POST", "sync", json.dumps({"entity": "customer", "ids": [record_id]}).encode())
    await watch.idle()

    async def listed(**query: str) -> list[dict[str, Any]]:
        items = (await watch.call("GET", "work", **query)).json()["items"]
        return [item for item in items if item["ref"]["id"] == record_id]

    [item] = await listed()
    assert (item["entity"], item["state"], item["cause"]) == ("customer", "held", "business_rule")
    assert (item["reason"], item["ref"]["subject"]) == ("No.", "company")
    assert item["todo"]
    assert await listed(entity="customer", state="held") == [item]
    assert await listed(entity="vendor") == await listed(state="waiting") == []

    async def retried(**body: Any) -> int:
        answer = await watch.call("POST", "work/retry", json.dumps(body).encode())
        assert answer.status_code == 202
        return int(answer.json()["queued"])

    assert await retried(cause="another", ids=[record_id]) == 0
    assert await retried(entity="item", ids=[record_id]) == 0
    await stage.http.post(f"{stage.business_central_url}/admin/faults", json={"faults": []})
    assert await retried(entity="customer", ids=[record_id], cause="business_rule") == 1
    await watch.idle()
    assert await listed() == []
    [link] = (await watch.record(f"customer/{record_id}")).json()["links"]
    assert link["state"] == "done"
