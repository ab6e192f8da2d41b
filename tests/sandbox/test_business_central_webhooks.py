"""Webhooks: handshake, renewal, delivery, retries, and what deletes a subscription."""

from collections.abc import AsyncIterator

import pytest

from sandbox.business_central.settings import Settings
from sandbox.kit import Json
from tests.sandbox.business_central_support import Case, Receiver, receiving, running

SUBSCRIPTIONS = "/api/v2.0/subscriptions"


@pytest.fixture
async def bc() -> AsyncIterator[Case]:
    async with running(Settings(webhook_delay=0.02, webhook_retries=[0.01] * 5)) as case:
        yield case


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as item:
        yield item


def resource(bc: Case, set_name: str = "customers") -> str:
    return f"/api/v2.0/companies({bc.company})/{set_name}"


async def subscribe(bc: Case, receiver: Receiver, set_name: str = "customers") -> Json:
    body = {"notificationUrl": receiver.url, "resource": resource(bc, set_name), "clientState": "secret"}
    return await bc.call("POST", SUBSCRIPTIONS, body, status=201)


async def test_subscribe_renew_and_delete(bc: Case, receiver: Receiver) -> None:
    created = await subscribe(bc, receiver)
    assert receiver.methods == ["POST"]
    listed = await bc.rows(SUBSCRIPTIONS)
    assert [row["subscriptionId"] for row in listed] == [created["subscriptionId"]]
    path = f"{SUBSCRIPTIONS}('{created['subscriptionId']}')"
    await bc.admin("settings", {"handshake_method": "GET"})
    renewed = await bc.call("PATCH", path, {"clientState": "other"})
    assert receiver.methods == ["POST", "GET"]
    assert renewed["expirationDateTime"] > created["expirationDateTime"]
    assert (await bc.send("PATCH", path, {}, headers={"If-Match": ""})).status_code == 400
    stale = await bc.send("DELETE", path, headers={"If-Match": created["@odata.etag"]})
    assert stale.status_code == 412
    await bc.call("DELETE", path, status=204)
    assert (await bc.send("PATCH", path, {})).status_code == 404


async def test_refused_subscriptions(bc: Case, receiver: Receiver) -> None:
    body = {"notificationUrl": receiver.url, "resource": resource(bc), "clientState": "s"}
    await bc.call("POST", SUBSCRIPTIONS, body)
    lenient = body | {"resource": f"companies({bc.company})/customers"}
    assert (await bc.fails("POST", SUBSCRIPTIONS, lenient))[0] == "Internal_EntityWithSameKeyExists"
    long = body | {"resource": resource(bc, "items"), "clientState": "s" * 51}
    assert (await bc.fails("POST", SUBSCRIPTIONS, long))[0] == "Application_StringExceededLength"
    for set_name in ("salesInvoiceLines", "taxGroups", "nothing"):
        assert (await bc.fails("POST", SUBSCRIPTIONS, body | {"resource": resource(bc, set_name)}))[
            0
        ] == "BadRequest"
    vendors = body | {"resource": resource(bc, "vendors")}
    receiver.content_type = "text/html"
    assert "validation token" in (await bc.fails("POST", SUBSCRIPTIONS, vendors))[1]
    unreachable = vendors | {"notificationUrl": "http://127.0.0.1:1/x"}
    assert "did not answer" in (await bc.fails("POST", SUBSCRIPTIONS, unreachable))[1]
    await bc.admin("settings", {"subscription_limit": 1})
    assert "maximum" in (await bc.fails("POST", SUBSCRIPTIONS, vendors))[1]


async def test_changes_are_merged_and_sent_in_one_post(bc: Case, receiver: Receiver) -> None:
    await subscribe(bc, receiver)
    await subscribe(bc, receiver, "items")
    await bc.admin("settings", {"webhook_delay": 1})
    customer = await bc.call("POST", "customers", {"number": "C1", "displayName": "Contoso"})
    path = f"customers({customer['id']})"
    changed = await bc.call("PATCH", path, {"city": "Tampa"})
    item = await bc.call("POST", "items", {"displayName": "Cable"})
    assert await bc.settled() == 0
    assert len(receiver.posts) == 1
    notes = {note["resource"]: note for note in receiver.posts[0]}
    note = notes[f"api/v2.0/companies({bc.company})/{path}"]
    assert note == {
        "subscriptionId": note["subscriptionId"],
        "clientState": "secret",
        "expirationDateTime": note["expirationDateTime"],
        "resource": note["resource"],
        "changeType": "created",
        "lastModifiedDateTime": changed["lastModifiedDateTime"],
    }
    assert f"api/v2.0/companies({bc.company})/items({item['id']})" in notes
    assert {"clientRequestId", "x-ms-correlation-id"} <= receiver.headers[0].keys()
    await bc.call("PATCH", path, {"city": "Tampa"})
    assert await bc.settled() == 0
    assert len(receiver.posts) == 1
    await bc.admin("edit", {"set": "customers", "key": "C1", "values": {"city": "Miami"}})
    await bc.call("DELETE", path)
    assert await bc.settled() == 0
    assert [note["changeType"] for note in receiver.posts[1]] == ["deleted"]


async def test_many_changes_become_a_collection(bc: Case, receiver: Receiver) -> None:
    await bc.admin("settings", {"webhook_threshold": 2})
    await subscribe(bc, receiver)
    records = [{"number": f"C{index}", "displayName": "X"} for index in range(3)]
    await bc.admin("records", {"set": "customers", "records": records})
    await bc.settled()
    note = receiver.posts[0][0]
    assert note["changeType"] == "collection"
    assert note["resource"].startswith(f"{resource(bc)}?$filter=lastModifiedDateTime%20gt%20")
    filter_text = note["resource"].partition("?$filter=")[2].replace("%20", " ")
    assert len(await bc.rows("customers", filter_text)) == 3
    # Three calls of a busy machine must still fall into one delay.
    await bc.admin("settings", {"webhook_delay": 1.0})
    for index in range(3):
        await bc.admin("delete", {"set": "customers", "key": f"C{index}"})
    await bc.settled()
    assert receiver.posts[1][0]["resource"] == resource(bc)


async def test_an_invoice_notifies_on_status_but_not_on_a_partial_payment(
    bc: Case, receiver: Receiver
) -> None:
    posted = await bc.posted(amount="100")
    await subscribe(bc, receiver, "salesInvoices")
    payment = {"customerNumber": "C1", "documentNumber": "P1", "amount": 100}
    await bc.admin("ledger/post", payment | {"applications": [{"invoiceId": posted["id"], "amount": 40}]})
    await bc.settled()
    assert receiver.posts == []
    await bc.admin("ledger/apply", {"documentNumber": "P1", "applications": [{"invoiceId": posted["id"]}]})
    await bc.settled()
    assert [note["changeType"] for note in receiver.posts[0]] == ["updated"]


async def test_a_line_notifies_its_invoice(bc: Case, receiver: Receiver) -> None:
    draft = await bc.invoice()
    await subscribe(bc, receiver, "salesInvoices")
    line = {"lineType": "Comment", "description": "More"}
    await bc.call("POST", f"salesInvoices({draft['id']})/salesInvoiceLines", line)
    await bc.settled()
    assert [note["changeType"] for note in receiver.posts[0]] == ["updated"]


@pytest.mark.parametrize("status", [408, 429, 500, 503])
async def test_temporary_answers_are_retried(bc: Case, receiver: Receiver, status: int) -> None:
    await subscribe(bc, receiver)
    receiver.status = status
    await bc.call("POST", "customers", {"displayName": "Contoso"})
    await bc.settled()
    assert len(receiver.posts) == 6
    assert await bc.rows(SUBSCRIPTIONS) == []
    assert await bc.breaches() == []


async def test_a_notification_arrives_once_the_receiver_is_back(bc: Case, receiver: Receiver) -> None:
    await subscribe(bc, receiver)
    receiver.first = [500, 429]
    await bc.call("POST", "customers", {"displayName": "Contoso"})
    assert await bc.settled() == 0
    assert receiver.posts == [receiver.posts[0]] * 3
    assert len(await bc.rows(SUBSCRIPTIONS)) == 1


@pytest.mark.parametrize("status", [302, 400, 401, 404])
async def test_any_other_answer_deletes_everything_behind_the_url(
    bc: Case, receiver: Receiver, status: int
) -> None:
    await subscribe(bc, receiver)
    await subscribe(bc, receiver, "items")
    receiver.status = status
    await bc.call("POST", "customers", {"displayName": "Contoso"})
    await bc.settled()
    assert await bc.rows(SUBSCRIPTIONS) == []
    assert await bc.breaches() == ["webhook answer"]


async def test_an_environment_copy_drops_subscriptions_and_they_expire(bc: Case, receiver: Receiver) -> None:
    await subscribe(bc, receiver)
    assert await bc.admin("subscriptions/drop") == {"dropped": 1}
    await bc.admin("settings", {"subscription_lifetime": 0})
    await subscribe(bc, receiver)
    assert await bc.rows(SUBSCRIPTIONS) == []
