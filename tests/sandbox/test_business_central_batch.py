"""``$batch``: order, stopping, isolation and limits."""

from collections.abc import AsyncIterator

import pytest

from sandbox.kit import Json
from tests.sandbox.business_central_support import Case, running

BATCH = "/api/v2.0/$batch"


@pytest.fixture
async def bc() -> AsyncIterator[Case]:
    async with running() as case:
        yield case


def create(bc: Case, key: str, **values: Json) -> Json:
    return {
        "id": key,
        "method": "POST",
        "url": f"companies({bc.company})/customers",
        "headers": {"Content-Type": "application/json"},
        "body": {"displayName": key} | values,
    }


async def run(bc: Case, *requests: Json, **headers: str) -> list[Json]:
    answer = await bc.send("POST", BATCH, {"requests": list(requests)}, headers=headers)
    assert answer.status_code == 200
    responses: list[Json] = answer.json()["responses"]
    return responses


async def test_operations_run_in_order_and_are_counted(bc: Case) -> None:
    read = {"id": "r", "method": "GET", "url": f"/api/v2.0/companies({bc.company})/customers?$top=1"}
    responses = await run(bc, create(bc, "a"), read)
    assert [(item["id"], item["status"]) for item in responses] == [("a", 201), ("r", 200)]
    assert responses[1]["body"]["value"][0]["displayName"] == "a"
    etag = responses[0]["body"]["@odata.etag"]
    path = f"companies({bc.company})/customers({responses[0]['body']['id']})"
    change = {"id": "p", "method": "PATCH", "url": path, "headers": {"If-Match": etag}, "body": {"city": "X"}}
    delete = {"id": "d", "method": "DELETE", "url": path, "headers": {"If-Match": "*"}}
    assert [item["status"] for item in await run(bc, change, delete)] == [200, 204]
    calls = (await bc.report())["calls"]
    assert calls["BATCH POST /api/v2.0/companies({company})/customers"] == 1
    assert calls[f"POST {BATCH}"] == 2


async def test_it_stops_at_the_first_failure_unless_told_to_go_on(bc: Case) -> None:
    requests = [create(bc, "a"), create(bc, "b", blocked="Often"), create(bc, "c")]
    responses = await run(bc, *requests)
    assert [(item["id"], item["status"]) for item in responses] == [("a", 201), ("b", 400)]
    assert responses[1]["body"]["error"]["code"] == "Unknown"
    responses = await run(bc, *requests, Prefer="odata.continue-on-error")
    assert [item["status"] for item in responses] == [201, 400, 201]


async def test_a_snapshot_is_undone_but_not_past_a_posting(bc: Case) -> None:
    await run(bc, create(bc, "a"), create(bc, "b", blocked="Often"), Isolation="snapshot")
    assert await bc.rows("customers") == []
    draft = await bc.invoice()
    path = f"companies({bc.company})/salesInvoices({draft['id']})/Microsoft.NAV.post"
    post = {"id": "p", "method": "POST", "url": path}
    responses = await run(
        bc, create(bc, "a"), post, create(bc, "b"), post | {"id": "q"}, Isolation="snapshot"
    )
    assert [item["status"] for item in responses] == [201, 204, 201, 400]
    assert [row["displayName"] for row in await bc.rows("customers")] == ["C1", "a"]
    assert (await bc.get(f"salesInvoices({draft['id']})"))["status"] == "Open"


async def test_limits_and_form(bc: Case) -> None:
    requests = [create(bc, str(index)) for index in range(101)]
    assert (await bc.send("POST", BATCH, {"requests": requests})).status_code == 413
    assert (await bc.send("POST", BATCH, {"requests": [{"id": "1"}]})).status_code == 400
    same = {"requests": [create(bc, "1"), create(bc, "1")]}
    assert (await bc.send("POST", BATCH, same)).status_code == 400
    await bc.admin("settings", {"batch_null_ids": True})
    assert (await run(bc, create(bc, "a")))[0]["id"] is None
