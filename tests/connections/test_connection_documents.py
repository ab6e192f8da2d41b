"""Documents of connections: checked completely, without secrets, in force in every process."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from sandbox.kit import Json
from shared.domain.errors import StopConnection
from shared.engine.connections.book import FRESH
from shared.mapping import MappingError
from tests.connections.world import DEVICES, SERVICES, Companies, at_location, rules
from tests.sandbox.business_central_support import KEY


async def problems(world: Companies, name: str, document: Json) -> dict[str, str]:
    """The mistakes by place; nothing may be stored."""
    with pytest.raises(MappingError) as caught:
        await world.put(name, document)
    assert name == "default" or name not in await world.app.connections.names()
    return {one.place: one.message for one in caught.value.problems}


def without(document: Json, *words: str) -> Json:
    return {word: value for word, value in document.items() if word not in words}


def bad_parts(document: Json) -> Iterator[tuple[Json, str, str]]:
    """Documents with one mistake each, its place and a part of its text."""
    central, connectwise = document["business_central"], document["connectwise"]
    yield without(document, "site"), "document", "'site' is missing"
    yield without(document, "connectwise"), "document", "'connectwise' is missing"
    yield document | {"connectwise": without(connectwise, "company")}, "connectwise", "'company' is missing"
    yield document | {"sight": "x"}, "document", "unknown word 'sight'"
    yield document | {"site": "a/b"}, "site", "letters, digits"
    for url in (
        "ftp://host",
        "https://",
        "http://example.com",
        "https://user:hush@host",
        "https://host?code=1",
    ):
        yield document | {"connectwise": connectwise | {"url": url}}, "connectwise.url", "address"
    yield (
        document | {"business_central": central | {"auth": "kerberos"}},
        "business_central.auth",
        "is not one of",
    )
    yield (
        document | {"business_central": without(central, "username")},
        "business_central",
        "basic needs username",
    )
    yield (
        document | {"business_central": central | {"auth": "client_secret"}},
        "business_central",
        "client_secret needs tenant and client_id",
    )
    yield document | {"routing": {"invoices": at_location(1)}}, "routing.invoices", "did you mean 'invoice'?"
    yield document | {"routing": {"invoice": "shared"}}, "routing.invoice", "only master data can be shared"
    yield document | {"routing": {"invoice": {"path": "locationId"}}}, "routing.invoice", "exactly one of"
    yield document | {"routing": {"company": "all"}}, "routing.company", "is not one of shared"
    yield document | {"cutover": {"customer": "2026-01-01"}}, "cutover.customer", "no documents of entity"
    for day in ("2026-02-30", "01.02.2026", "2026-01-01T00:00:00Z", 20260101):
        yield document | {"cutover": {"sales_invoice": day}}, "cutover.sales_invoice", "day"
    yield document | {"options": {"penny_cup": 1}}, "options", "did you mean 'penny_cap'?"
    yield document | {"options": {"missing_dimension": "drop"}}, "options", "hold, skip or default:"
    yield document | {"options": {"expense_tiers": 3}}, "options", "1 or 2"


async def test_every_mistake_is_told_with_its_place_and_nothing_is_stored(world: Companies) -> None:
    for document, place, text in bad_parts(world.document()):
        found = await problems(world, "devices", document)
        assert place in found, (document, found)
        assert text in found[place], (document, found)
    assert "hush" not in await world.stored_text()


async def test_all_mistakes_are_told_at_once(world: Companies) -> None:
    wrong = world.document(routing={"thing": "shared"}, cutover={"thing": "2026-01-01"})
    assert set(await problems(world, "Devices!", wrong)) == {"name", "routing.thing", "cutover.thing"}


@pytest.mark.parametrize("name", ["connections", "a--b", "-a", "a-", "A", "1a", "a" * 31, "a_b", "a/b", ""])
async def test_names_that_cannot_be_keys_are_refused(world: Companies, name: str) -> None:
    assert "name" in await problems(world, name, world.document())


@pytest.mark.parametrize(
    ("part", "word"),
    [
        ("connectwise", "private_key"),
        ("connectwise", "public_key"),
        ("business_central", "password"),
        ("business_central", "client_secret"),
        ("business_central", "certificate"),
        ("", "BUSINESS_CENTRAL_PASSWORD"),
        ("", "secrets"),
    ],
)
async def test_secrets_are_refused_wherever_they_stand(world: Companies, part: str, word: str) -> None:
    document = world.document()
    place = document[part] if part else document
    place[word] = "hush-hush"
    found = await problems(world, "devices", document)
    assert "is a secret: keep it in Key Vault" in found[part or "document"]
    assert "hush-hush" not in str(found) + await world.stored_text()


async def test_no_secret_is_ever_stored(world: Companies) -> None:
    await world.split()
    await world.put("north", world.document(site="north") | {"business_central": central(world, "Third")})
    buyer = await world.buyer("Anyone")
    for location in (1, 2):
        await world.sync("invoice", await world.bill(buyer, location))
    for name in await world.app.connections.names():
        if name != "north":
            await world.app.keep_hooks(name)
    stored = await world.stored_text()
    assert "Northwind Devices" in stored
    for secret in (KEY, "north-private", "north-public"):
        assert secret not in stored
    for shown in (await world.app.connection_desk.every(), await world.app.connection_desk.read("devices")):
        assert KEY not in str(shown)


def central(world: Companies, company: str) -> Json:
    part: Json = world.document()["business_central"]
    return part | {"company": company}


async def test_one_site_has_one_name(world: Companies) -> None:
    found = await problems(world, "devices", world.document(site="acme") | {"site": "acme"})
    assert "connection default calls this ConnectWise site 'default'" in found["site"]
    found = await problems(world, "devices", world.document(site="north") | {"site": "default"})
    assert "another ConnectWise site 'default'" in found["site"]


async def test_one_company_has_one_connection(world: Companies) -> None:
    upper = central(world, SERVICES.upper())
    found = await problems(world, "devices", world.document() | {"business_central": upper})
    assert "connection default already writes to this company" in found["business_central.company"]


async def test_the_settings_keep_the_systems_of_default(world: Companies) -> None:
    found = await problems(world, "default", world.document())
    assert set(found) == {"connectwise", "business_central"}
    await world.put("default", {"site": "acme", "options": {"gl_interface": "GL"}, "post_invoices": False})
    site = await world.app.connections.site("default")
    assert (site.name, site.first.options.gl_interface) == ("acme", "GL")
    invoice = await world.bill(await world.buyer("Draft"), 1)
    await world.sync("invoice", invoice)
    assert [row["status"] for row in world.rows_in(SERVICES, "salesInvoices")] == ["Draft"]
    assert await world.app.connection_desk.drop("default")
    assert (await world.app.connections.site("default")).name == "default"
    assert not await world.app.connection_desk.drop("default")


async def test_what_one_process_stores_is_in_force_in_another_within_a_minute(world: Companies) -> None:
    other = await world.beside()
    assert await other.connections.names() == ["default"]
    await world.put("devices", world.document(routing=rules(2)))
    assert await world.app.connections.names() == ["default", "devices"]
    assert timedelta(seconds=60) > FRESH
    world.clock.advance(FRESH)
    assert await other.connections.names() == ["default", "devices"]
    await world.put("devices", world.document(routing=rules(3)))
    before = await other.connections.get("devices")
    world.clock.advance(FRESH)
    assert (await other.connections.get("devices")).routing.matches("invoice", {"locationId": 3})
    assert await other.connections.get("devices") is not before
    assert await world.app.connection_desk.drop("devices")
    world.clock.advance(FRESH)
    with pytest.raises(StopConnection, match="There is no connection devices"):
        await other.connections.get("devices")


async def test_an_unchanged_connection_stays_the_same_object(world: Companies) -> None:
    await world.split()
    before = await world.app.connections.get("default")
    await world.put("devices", world.document(routing=rules(3)))
    assert await world.app.connections.get("default") is before


async def test_a_name_that_has_synced_keeps_its_company(world: Companies) -> None:
    await world.split()
    await world.sync("invoice", await world.bill(await world.buyer("Kept"), 2))
    assert await world.app.connection_desk.drop("devices")
    with pytest.raises(MappingError, match="choose another name"):
        await world.put("devices", world.document() | {"business_central": central(world, "Elsewhere")})
    await world.put("devices", world.document(routing=rules(2)))
    assert await world.app.connections.names() == ["default", "devices"]


async def test_a_document_sent_by_a_connection_that_is_gone_is_held(world: Companies) -> None:
    await world.split()
    invoice = await world.bill(await world.buyer("Orphan"), 2)
    await world.sync("invoice", invoice)
    await world.app.connection_desk.drop("devices")
    await world.put("default", {"routing": rules(2)})
    await world.sync("invoice", invoice)
    [item] = await world.held("default")
    assert "was sent by connection devices, which is not there any more" in item.reason
    assert world.rows_in(SERVICES, "salesInvoices") == []
    assert len(world.rows_in(DEVICES, "salesInvoices")) == 1


async def test_hooks_of_a_connection_that_is_gone_are_removed(world: Companies) -> None:
    await world.split()
    for name in ("default", "devices"):
        await world.app.keep_hooks(name)
    await world.app.connection_desk.drop("devices")
    done = await world.app.keep_hooks("default")
    assert len(done["business_central"]["removed"]) == 1  # type: ignore[index]
    await world.drain()
    state = (await world.http.get(f"{world.business_central_url}/admin/state")).json()
    assert {row["notificationUrl"].rpartition("/")[2] for row in state["subscriptions"]} == {"default"}


async def test_a_stored_document_that_no_longer_fits_stops_only_its_connection(world: Companies) -> None:
    await world.split()
    await world.app.state.save("connections", "connection|old", {"text": '{"sight": 1}', "created": "2020"})
    await world.app.connections.refresh()
    assert await world.app.connections.names() == ["default", "devices"]
    shown = {row["name"]: row for row in await world.app.connection_desk.every()}
    assert "unknown word 'sight'" in shown["old"]["problem"]
    with pytest.raises(StopConnection, match="cannot be used"):
        await world.app.connections.get("old")


async def test_a_hint_for_a_connection_that_is_gone_is_kept_until_it_is_back(world: Companies) -> None:
    await world.split()
    buyer = await world.buyer("Late")
    await world.sync("company", buyer)
    invoice = await world.bill(buyer, 2)
    await world.app.connections.refresh()
    await world.hint("invoice", invoice)
    await world.run_one()
    await world.app.connection_desk.drop("devices")
    await world.drain()
    [(_, shown)] = [found async for found in world.app.desk.poison("default")]
    assert shown["id"] == invoice
    assert shown["reason"] == "There is no connection devices."
    await world.put("devices", world.document(routing=rules(2)))
    assert await world.app.desk.retry("default") == 1
    await world.drain()
    assert world.invoices_in(DEVICES) == {world.number(invoice): 1}
    assert [found async for found in world.app.desk.poison("default")] == []
