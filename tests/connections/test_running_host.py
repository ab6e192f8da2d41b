"""A connection is added through the routes of a running host; nothing is deployed and nothing restarted."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from decimal import Decimal
from typing import Final

import httpx
import pytest

from sandbox.azurite import Azurite
from sandbox.business_central.settings import DEFAULT_USER
from sandbox.connectwise.service import BASE
from sandbox.kit import Json, dumps, loads
from sandbox.stage import CLIENT_ID, Stage
from tests.conformance.reference import missing_rows
from tests.connections.world import DEVICES, SERVICES, rules
from tests.sandbox.business_central_support import KEY

PATIENCE_SECONDS: Final = 60
SECRETS: Final = {
    "DEVICES__CONNECTWISE_PUBLIC_KEY": "public",
    "DEVICES__CONNECTWISE_PRIVATE_KEY": "private",
    "DEVICES__BUSINESS_CENTRAL_PASSWORD": KEY,
}


@pytest.fixture
async def stage(azurite: Azurite) -> AsyncIterator[Stage]:
    """A running host with both companies set up."""
    async with Stage(azurite=azurite, settings=SECRETS) as stage:
        rows = list(missing_rows(stage.business_central.company))
        for company in (SERVICES, DEVICES):
            for entity_set, records in rows:
                await stage.in_business_central(
                    "records", {"company": company, "set": entity_set, "records": records}
                )
        yield stage
        for name in ("default", "devices"):
            await call(stage, "DELETE", f"connections/{name}")


async def call(stage: Stage, method: str, path: str, body: Json = None) -> httpx.Response:
    """A call of the routes whatever its status."""
    return await stage.http.request(
        method,
        f"{stage.host.url}/api/{path}",
        content=dumps(body) if body is not None else None,
        headers={"x-functions-key": stage.host.function_key},
    )


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    """Waits for a condition."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not await condition():
        assert time.monotonic() < deadline, "the condition did not come true in time"
        await asyncio.sleep(0.1)


def devices(stage: Stage) -> Json:
    return {
        "site": "default",
        "connectwise": {"url": f"{stage.connectwise_url}{BASE}", "company": "acme", "client_id": CLIENT_ID},
        "business_central": {
            "url": stage.business_central_url,
            "company": DEVICES,
            "auth": "basic",
            "username": DEFAULT_USER,
        },
        "routing": rules(2),
        "cutover": {"sales_invoice": "2020-01-01"},
    }


def posted(stage: Stage, company: str) -> list[str]:
    """The ConnectWise numbers of what is posted in one company."""
    found = stage.business_central.environment.store.company(company)
    assert found is not None
    rows = [record.values for record in found.all("salesInvoices")]
    return sorted(row["externalDocumentNumber"] for row in rows if row["status"] == "Open")


async def test_a_connection_is_added_while_the_host_runs(stage: Stage) -> None:
    assert (await call(stage, "GET", "connections/devices")).status_code == 404
    before = loads((await call(stage, "GET", "connections")).content)["connections"]
    assert [row["name"] for row in before] == ["default"]

    refused = await call(stage, "PUT", "connections/devices", devices(stage) | {"password": "hush"})
    assert refused.status_code == 400
    assert "is a secret" in refused.json()["problems"][0]["message"]
    assert "hush" not in refused.text

    assert (await call(stage, "PUT", "connections/default", {"routing": rules(1)})).status_code == 200
    stored = await call(stage, "PUT", "connections/devices", devices(stage))
    assert (stored.status_code, stored.json()["missing_secrets"]) == (200, [])
    listed = loads((await call(stage, "GET", "connections")).content)["connections"]
    assert [(row["name"], row["site"], row["first"]) for row in listed] == [
        ("default", "default", True),
        ("devices", "default", False),
    ]
    shown = loads((await call(stage, "GET", "connections/devices")).content)
    assert shown["document"] == devices(stage)
    assert KEY not in str(shown)

    await stage.run("catch_up")
    await until(lambda: has_hooks(stage))
    buyer = await stage.in_connectwise("companies", {"identifier": "HOST", "name": "Host Inc"})
    numbers: dict[int, str] = {}
    for location in (1, 2):
        line = {"kind": "service", "amount": Decimal("50.00"), "description": "Work"}
        body = {
            "company": {"id": buyer["id"]},
            "lines": [line],
            "locationId": location,
            "type": "Miscellaneous",
        }
        invoice = await stage.in_connectwise("invoices", body)
        await stage.in_connectwise(f"invoices/{invoice['id']}/close")
        numbers[location] = invoice["invoiceNumber"]

    async def both() -> bool:
        return bool(posted(stage, SERVICES)) and bool(posted(stage, DEVICES))

    await until(both)
    assert posted(stage, SERVICES) == [numbers[1]]
    assert posted(stage, DEVICES) == [numbers[2]]
    work = loads((await call(stage, "GET", "work?connection=devices")).content)
    assert [item["reason"] for item in work["items"] if item["state"] == "held"] == []
    cutover = loads((await call(stage, "GET", "cutover?connection=devices&start=2030-01-01")).content)
    assert {one["entity"] for one in cutover["entities"]} >= {"sales_invoice", "credit_memo"}
    assert (await call(stage, "GET", "cutover?start=soon")).status_code == 400

    assert (await call(stage, "DELETE", "connections/devices")).status_code == 200
    assert (await call(stage, "GET", "work?connection=devices")).status_code == 400


async def has_hooks(stage: Stage) -> bool:
    """Whether both companies and the site tell of changes."""
    state = await stage.state_of(stage.business_central_url)
    urls = {row["notificationUrl"].rpartition("/")[2] for row in state["subscriptions"]}
    return urls == {"default", "devices"} and bool(stage.connectwise.store.rows("CallbackEntry"))
