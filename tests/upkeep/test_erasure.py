"""A connection is forgotten wholly, after its hooks, and nothing of any other one; what was sent is not sent again."""

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import azure.functions as func
import pytest

from sandbox.azurite import Azurite
from sandbox.kit import Fault
from shared.adapters.storage.clients import StorageClients
from shared.adapters.storage.forgetting import TableConnectionRows
from shared.adapters.storage.state import TableStateStore
from shared.app import DEFAULT, App
from shared.domain.envelope import ERASE, FIGURES, RETENTION, Envelope
from shared.domain.errors import BadRequest, StopConnection, SyncError
from shared.domain.people import Person, Role
from shared.engine.erasure import ERASED, LAST_LOOK
from shared.mapping import MappingError
from shared.triggers.connections import erase_connection
from shared.triggers.queues import run_sweep
from tests.adapters.conftest import storage
from tests.adapters.support import START
from tests.connections.world import DEVICES, SERVICES, Companies, rules
from tests.upkeep.support import every

__all__ = ["storage"]

PERSON = Person("11111111-2222-4333-8444-555555555555", Role.ADMINISTRATOR)


@pytest.fixture
async def world(azurite: Azurite) -> AsyncIterator[Companies]:
    async with Companies(azurite) as world:
        yield world
        assert world.breaches == []


def of_devices(keys: set[tuple[str, str]]) -> set[tuple[str, str]]:
    return {key for key in keys if key[0].startswith("devices") or key[1].endswith("%7Cdevices")}


async def erase_all(app: App, name: str) -> int:
    """Works on the order of an erasure to its end; returns how many steps that took."""
    order, steps = Envelope(name, ERASE, "*", "on demand", app.clock.now()), 1
    while await app.erasure.step(order) is not None:
        steps += 1
    return steps


async def registered(world: Companies) -> tuple[set[str], set[str]]:
    """Whose callbacks and subscriptions there are."""
    state = (await world.http.get(f"{world.business_central_url}/admin/state")).json()
    subscriptions = {row["notificationUrl"].rpartition("/")[2] for row in state["subscriptions"]}
    pages = (await world.app.connections.get(DEFAULT)).connectwise.scan("system/callbacks")
    urls = [str(row["url"]) async for page in pages for row in page]
    return {url.partition("/connectwise/")[2].partition("?")[0] for url in urls}, subscriptions


async def switch_off(world: Companies) -> None:
    await world.put("devices", world.document(routing=rules(2), enabled=False))


async def test_a_connection_is_forgotten_and_no_other_one(
    world: Companies, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.split()
    app = world.app
    buyer = await world.buyer("Erased GmbH")
    mine, theirs = [await world.bill(buyer, location) for location in (2, 1)]
    for invoice in (mine, theirs):
        await world.sync("invoice", invoice)
    for name in (DEFAULT, "devices"):
        await app.keep_hooks(name)
    await world.rest()
    await app.state.save(
        DEFAULT, "poison|mine", {"text": Envelope("devices", "company", "1", "t", app.clock.now()).to_json()}
    )
    await app.state.save(
        DEFAULT, "poison|other", {"text": Envelope(DEFAULT, "company", "1", "t", app.clock.now()).to_json()}
    )
    place = await app.audit.begin(PERSON, "POST sync", "", {"connection": "devices", "ids": [7]})
    await app.audit.end(place, 202)

    with pytest.raises(BadRequest, match="switched on"):
        await app.erasure.look("devices")
    with pytest.raises(BadRequest, match="switched on"):
        await app.erasure.begin("devices", leave_hooks=False)
    await switch_off(world)
    with pytest.raises(StopConnection, match="switched off"):
        await app.connections.get("devices")
    assert [row["enabled"] for row in await app.connection_desk.every()] == [True, False]

    early = Envelope("devices", "company", buyer, "callback", app.clock.now())
    before = await every(app)
    found = await app.erasure.look("devices")
    assert found is not None
    assert await every(app) == before, "looking changes nothing"
    assert found["found"]["records"] >= 2
    assert found["found"]["attempts"] >= 2
    assert found["found"]["given up, shown at default"] == 1
    assert found["secrets_to_delete"] == [
        "devices-connectwise-public-key", "devices-connectwise-private-key", "devices-business-central-password",
    ]  # fmt: skip
    assert await registered(world) == ({DEFAULT}, {DEFAULT, "devices"})

    # What cannot be reached is not erased, unless a person says so.
    world.business_central.faults.append(Fault("status", status=403))
    with pytest.raises(SyncError):
        await app.erasure.begin("devices", leave_hooks=False)
    assert await every(app) == before
    world.business_central.faults.clear()
    await app.erasure.begin("devices", leave_hooks=False)
    assert await registered(world) == ({DEFAULT}, {DEFAULT})
    with pytest.raises(MappingError, match="is being erased"):
        await world.put("devices", world.document(routing=rules(2)))

    # Each step dies once before it is noted; the next one goes on.
    monkeypatch.setattr(app.erasure.rows, "most", 5)
    order, rests, steps = Envelope("devices", ERASE, "*", "on demand", app.clock.now()), [timedelta(0)], 0
    with monkeypatch.context() as dying:
        for _ in range(3):
            dying.setattr(TableStateStore, "save", _dies)
            with pytest.raises(RuntimeError, match="dies"):
                await app.erasure.step(order)
            dying.undo()
            steps += 1
    while (rest := await app.erasure.step(order)) is not None:
        rests.append(rest)
        if rests.count(LAST_LOOK) == 1 and rest == LAST_LOOK:
            # A pass that was under way still wrote something.
            await app.state.save("devices", "late", {"at": "now"})
    assert rests.count(LAST_LOOK) == 2, "a look that finds something is followed by another"

    left = await every(app)
    gone = before - left
    assert of_devices(left) == {("connections", "erased%7Cdevices")}
    assert gone >= {key for key in before if key[0].startswith("devices")}
    others = {key for key in before if not key[0].startswith("devices") and key not in of_devices(before)}
    assert others - left == {(DEFAULT, "poison%7Cmine")}
    assert world.books(DEVICES).all("salesInvoices"), "the books themselves stay"

    # The note of the erasure survives and quotes no record; it can be read where all notes are.
    notes = [row for row in await app.audit.month(f"{app.clock.now():%Y-%m}") if row["target"] == "devices"]
    assert [row["action"] for row in notes] == ["erased", "erasure begins"]
    assert "Erased GmbH" not in json.dumps(notes)
    assert {row["person"] for row in notes} == {""}
    assert notes[0]["outcome"]["hooks"]["business_central"] == ["salesInvoices"]

    # What still arrives is dropped, and leaves nothing behind.
    late = Envelope("devices", "company", buyer, "callback", app.clock.now())
    assert await app.erasure.is_erased(late)
    for subject in (FIGURES, RETENTION):
        with pytest.raises(StopConnection):
            await run_sweep(app, Envelope("devices", subject, "*", "timer", app.clock.now()))
    assert await every(app) == left

    # The site still knows what was sent: another connection that gets it by rule does not send it again.
    await world.put(DEFAULT, {"routing": rules(2)})
    sent = len(world.rows_in(SERVICES, "salesInvoices"))
    await world.sync("invoice", mine)
    [item] = [one for one in await world.held(DEFAULT) if one.ref.id == mine]
    assert "was sent by connection devices, which is not there any more" in item.reason
    assert len(world.rows_in(SERVICES, "salesInvoices")) == sent

    # The name can be used again; messages from before stay dropped, later ones do not.
    world.clock.advance(timedelta(seconds=5))
    await world.put("devices", world.document(routing=rules(2)))
    assert await app.erasure.is_erased(early)
    assert not await app.erasure.is_erased(Envelope("devices", "company", "1", "callback", app.clock.now()))


async def _dies(*_: Any) -> None:
    raise RuntimeError("dies before it is noted")


async def asked(name: str, body: Any) -> tuple[int, Any]:
    """What the route answers."""
    answer = await erase_connection(
        func.HttpRequest("POST", "https://x/api", route_params={"name": name}, body=json.dumps(body).encode())
    )
    return answer.status_code, json.loads(answer.get_body())


async def test_default_is_forgotten_and_stays_off(world: Companies) -> None:
    app = world.app
    buyer = await world.buyer("Only")
    await world.sync("company", buyer)
    other = Envelope("devices", "company", "1", "t", app.clock.now()).to_json()
    await app.state.save(DEFAULT, "poison|other", {"text": other})
    assert (await asked(DEFAULT, {}))[0] == 400, "it is switched on"
    await world.put(DEFAULT, {"enabled": False})
    before = await every(app)
    for body, status in (
        ({"confirm": "devices"}, 400),
        ({"leave_hooks": 1}, 400),
        ({"confirmed": True}, 400),
    ):
        assert (await asked(DEFAULT, body))[0] == status
    status, found = await asked(DEFAULT, {})
    assert (status, found["dry_run"], found["found"]["records"]) == (200, True, 1)
    assert (await asked("nobody", {}))[0] == (await asked("nobody", {"confirm": "nobody"}))[0] == 404
    assert await every(app) == before
    status, found = await asked(DEFAULT, {"confirm": DEFAULT, "leave_hooks": True})
    assert (status, found["dry_run"]) == (202, False)
    await erase_all(app, DEFAULT)
    left = {key for key in await every(app) if key[0] != "~schema" and not key[0].startswith("audit")}
    assert left == {
        (DEFAULT, "poison%7Cother"),
        ("connections", "connection%7Cdefault"),
        ("connections", f"{ERASED.replace('|', '%7C')}default"),
    }
    await app.connections.refresh()
    assert await app.connections.names() == []
    assert await app.health.look()
    await world.put(DEFAULT, {})
    assert await app.connections.names() == [DEFAULT]


async def test_names_that_are_nobodys_or_the_apps_own(world: Companies) -> None:
    assert await world.app.erasure.look("nobody") is None
    assert await world.app.erasure.begin("nobody", leave_hooks=True) is None
    for name in ("connections", "~schema", "claims|x", "audit|2026-11", ""):
        with pytest.raises(BadRequest):
            await world.app.erasure.look(name)
    # A name that begins like another one's is not that one's.
    await world.app.state.save("devices-two", "hooks", {"at": "now"})
    assert (await world.app.erasure.look("devices")) is None


async def test_messages_are_seen_without_being_taken(storage: StorageClients) -> None:
    rows = TableConnectionRows(storage.records, storage.state, (storage.sync, storage.sweep, *storage.poison))
    for name in ("devices", DEFAULT):
        await storage.sync.send_message(Envelope(name, "company", "1", "t", START).to_json())
    await storage.sync.send_message("unreadable")
    assert await rows.waiting("devices") == {storage.sync.queue_name: 1}
    taken = [message async for message in storage.sync.receive_messages()]
    assert [message.dequeue_count for message in taken] == [1, 1, 1]
