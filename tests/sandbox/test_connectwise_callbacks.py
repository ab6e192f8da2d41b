"""Registration and delivery of callbacks by the ConnectWise stand-in."""

import asyncio
import base64
import hashlib
import hmac
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import httpx
import pytest

from sandbox.kit import Json, loads
from shared.app import trust
from tests.sandbox.connectwise_support import ITEM, Receiver, Tenant, receiving, running

CALLBACKS = "/system/callbacks"


@pytest.fixture
async def both() -> AsyncIterator[tuple[Tenant, Receiver]]:
    async with AsyncExitStack() as stack:
        tenant = await stack.enter_async_context(running())
        await tenant.admin("settings", {"callback_retry_seconds": [0, 0]})
        yield tenant, await stack.enter_async_context(receiving())


async def register(cw: Tenant, receiver: Receiver, status: int = 201, **values: Json) -> Json:
    body = {"url": receiver.url, "objectId": 1, "type": "company", "level": "owner"}
    return await cw.call("POST", CALLBACKS, body | values, status)


async def test_registration_rules(both: tuple[Tenant, Receiver]) -> None:
    cw, receiver = both
    made = await register(cw, receiver, objectId=0)
    assert (made["objectId"], made["inactiveFlag"], made["memberId"]) == (1, False, 1)
    double = await register(cw, receiver, 400)
    assert [(error["code"], error["field"]) for error in double["errors"]] == [("ObjectExists", "objectId")]
    assert double["errors"][0]["message"] == "A matching callback entry already exists"
    assert (await register(cw, receiver, 400, level="invoice"))["errors"][0]["field"] == "level"
    assert (await register(cw, receiver, 400, type="nothing"))["errors"][0]["field"] == "type"
    await register(cw, receiver, 400, url="http://127.0.0.1:port/hook?recordId=")
    wrong = await register(cw, receiver, 400, url="not-an-address")
    assert (wrong["errors"][0]["code"], wrong["errors"][0]["field"]) == ("InvalidField", "url")
    assert len((await register(cw, receiver, 400, url=None, level=None))["errors"]) == 2
    await register(cw, receiver, type="productcatalog", level="Owner")
    await register(cw, receiver, 400, type="productcatalog", level="company")
    assert cw.breaches == []
    await register(cw, receiver, type="invoice", url="http://127.0.0.1/hook")
    assert cw.breaches == ["callback url"]
    assert await cw.ids(CALLBACKS, "url contains '/hook' and type='company'") == [made["id"]]
    changed = await cw.patch(f"{CALLBACKS}/{made['id']}", inactiveFlag=True)
    assert changed["inactiveFlag"] is True
    await cw.call("PUT", f"{CALLBACKS}/{made['id']}", {**made, "description": "new"})
    await cw.call("DELETE", f"{CALLBACKS}/{made['id']}", status=204)
    await cw.call("GET", f"{CALLBACKS}/{made['id']}", status=404)


async def test_message_and_signature(both: tuple[Tenant, Receiver]) -> None:
    cw, receiver = both
    entry = await register(cw, receiver)
    company = await cw.company(name="Ümlaut & Co", accountNumber="7")
    await cw.settled()
    (path, body, given), message = receiver.requests[0], receiver.messages[0]
    assert path == f"/hook?code=k%2B1&recordId={company['id']}&action=added"
    assert (message["Action"], message["Type"], message["ID"]) == ("added", "company", company["id"])
    assert (message["CompanyId"], message["MemberId"]) == ("acme", "admin")
    assert message["CallbackObjectRecId"] == entry["id"]
    entity = loads(message["Entity"])
    assert (entity["name"], entity["status"], "customFields" in entity) == ("Ümlaut & Co", {"id": 1}, False)
    async with httpx.AsyncClient(verify=trust()) as anonymous:
        key = (await anonymous.get(message["Metadata"]["key_url"])).json()["signing_key"]
        stranger = message["Metadata"]["key_url"].replace("=acme", "=other")
        assert (await anonymous.get(stranger)).status_code == 404
        single = f"{cw.url}/v4_6_release/system/callbackkey/index.rails?companyName=acme&id=1"
        assert (await anonymous.get(single)).json()["signing_key"] == key
    digest = hmac.digest(hashlib.sha256(key.encode()).digest(), body, "sha256")
    assert given == base64.b64encode(digest).decode()


async def test_every_served_type_is_told(both: tuple[Tenant, Receiver]) -> None:
    cw, receiver = both
    for kind in ("company", "productcatalog", "invoice"):
        await register(cw, receiver, type=kind)
    company = await cw.company()
    await cw.patch(f"/company/companies/{company['id']}", city="X")
    await cw.patch(f"/company/companies/{company['id']}", city="X")
    await cw.admin(f"companies/{company['id']}/delete")
    item = await cw.admin("items", ITEM)
    await cw.admin(f"items/{item['id']}/delete")
    await cw.invoice([])
    await cw.settled()
    told = sorted((message["Type"], message["Action"], message["MemberId"]) for message in receiver.messages)
    assert told == [
        ("company", "added", "admin"),
        ("company", "deleted", "admin"),
        ("company", "updated", "dynaconnect"),
        ("invoice", "added", "admin"),
        ("invoice", "updated", "admin"),
        ("productcatalog", "added", "admin"),
        ("productcatalog", "deleted", "admin"),
    ]
    assert all(message["Entity"] is None for message in receiver.messages if message["Action"] == "deleted")


async def test_levels_and_self_suppression(both: tuple[Tenant, Receiver]) -> None:
    cw, receiver = both
    one, two = await cw.company(), await cw.company(identifier="Two")
    await register(cw, receiver, level="company", objectId=one["id"], isSelfSuppressedFlag=True)
    await register(cw, receiver, level="status", objectId=2)
    await register(cw, receiver, level="type", objectId=2, url=receiver.url)
    await cw.patch(f"/company/companies/{one['id']}", city="self")
    await cw.admin(f"companies/{one['id']}", {"city": "person"})
    await cw.admin(f"companies/{two['id']}", {"status": {"id": 2}})
    await cw.admin(f"companies/{two['id']}", {"types": [{"id": 2}], "status": {"id": 1}})
    await cw.settled()
    heard = [(message["ID"], message["MemberId"]) for message in receiver.messages]
    assert heard == [(one["id"], "admin"), (two["id"], "admin"), (two["id"], "admin")]


@pytest.mark.parametrize(
    ("answers", "attempts", "outcome"),
    [
        ([429, 404, 200], 3, "delivered"),
        ([409, 419, 429], 3, "lost"),
        ([503], 1, "lost"),
        ([401], 1, "lost"),
        ([202], 1, "delivered"),
    ],
)
async def test_retries(
    both: tuple[Tenant, Receiver], answers: list[int], attempts: int, outcome: str
) -> None:
    cw, receiver = both
    receiver.answers = list(answers)
    await register(cw, receiver)
    await cw.company()
    await cw.settled()
    (delivery,) = (await cw.api.get(f"{cw.url}/admin/callbacks/deliveries")).json()
    assert (len(receiver.requests), delivery["outcome"]) == (attempts, outcome)
    assert delivery["answers"] == [str(answer) for answer in answers]


async def test_slow_and_absent_receivers_lose_messages(both: tuple[Tenant, Receiver]) -> None:
    cw, receiver = both
    await cw.admin("settings", {"callback_timeout_seconds": 0.05})
    receiver.hold = asyncio.Event()
    await register(cw, receiver)
    await register(cw, receiver, url="http://127.0.0.1:1/hook?recordId=")
    await cw.company()
    await cw.settled()
    receiver.hold.set()
    deliveries = (await cw.api.get(f"{cw.url}/admin/callbacks/deliveries")).json()
    assert {delivery["outcome"] for delivery in deliveries} == {"lost"}
    assert len(receiver.requests) == 1


async def test_failures_disable_an_entry(both: tuple[Tenant, Receiver]) -> None:
    cw, receiver = both
    await cw.admin("settings", {"callback_failures_to_disable": 2})
    entry = await register(cw, receiver)
    receiver.answers = [500, 500]
    for name in ("One", "Two", "Three"):
        await cw.company(identifier=name)
        await cw.settled()
    assert len(receiver.requests) == 2
    path = f"{CALLBACKS}/{entry['id']}"
    assert (await cw.get(path))["inactiveFlag"] is True
    await cw.patch(path, inactiveFlag=False)
    await cw.company(identifier="Four")
    await cw.settled()
    assert len(receiver.requests) == 3


async def test_controls_of_callbacks(both: tuple[Tenant, Receiver]) -> None:
    cw, receiver = both
    await register(cw, receiver)
    await cw.company(identifier="One")
    await cw.company(identifier="Two")
    await cw.settled()
    assert await cw.admin("callbacks/replay", {"count": 5, "shuffle": True}) == {"replayed": 2}
    await cw.settled()
    identities = [message["MessageId"] for message in receiver.messages]
    assert (len(identities), len(set(identities))) == (4, 2)
    await cw.admin("settings", {"lose_callbacks": True})
    await cw.company(identifier="Three")
    await cw.admin("settings", {"lose_callbacks": False})
    assert await cw.admin("callbacks/disable") == {"disabled": 1}
    await cw.company(identifier="Four")
    await cw.settled()
    assert len(receiver.requests) == 4
    assert await cw.admin("callbacks/drop") == {"dropped": 1}
    assert await cw.get(CALLBACKS) == []
