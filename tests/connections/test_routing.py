"""One ConnectWise site, two companies of Business Central: each record in the right books, once, or held."""

import asyncio
from typing import Any, cast

import pytest

from tests.conformance.taps import Crash
from tests.connections.world import DEVICES, SERVICES, Companies, at_location, rules


async def test_thirty_mixed_records_land_each_in_the_right_books_exactly_once(world: Companies) -> None:
    await world.split()
    buyers = [await world.buyer(f"B{number}") for number in range(8)]
    items = [
        str(
            (
                await world.cw(
                    "items",
                    {
                        "identifier": f"ITEM{number}",
                        "description": f"Item {number}",
                        "customerDescription": f"Item {number}",
                        "subcategory": {"name": "Network"},
                        "type": {"name": "Hardware"},
                    },
                )
            )["id"]
        )
        for number in range(4)
    ]
    for item in items:
        await world.sync("catalog_item", item)
    invoices = {}
    for number in range(18):
        location = 1 + number % 2
        invoice = await world.bill(buyers[number % 8], location, f"{100 + number}.{number:02d}")
        invoices[invoice] = location
        await world.hint("invoice", invoice)
        await world.hint("invoice", invoice)
        await world.drain()

    assert await world.open_everywhere() == []
    services = {world.number(one) for one, location in invoices.items() if location == 1}
    devices = {world.number(one) for one, location in invoices.items() if location == 2}
    assert world.invoices_in(SERVICES) == dict.fromkeys(services, 1)
    assert world.invoices_in(DEVICES) == dict.fromkeys(devices, 1)
    assert all(world.business_central.environment.postings[one] == 1 for one in services | devices)
    assert len(world.cw_records("AccountingBatch")) == 18
    assert all(world.cw_record("Invoice", one).get("glBatch") for one in invoices)
    for name in (SERVICES, DEVICES):
        assert len(world.rows_in(name, "items")) == 4
        assert all(row["status"] == "Open" for row in world.rows_in(name, "salesInvoices"))


async def test_a_shared_company_is_a_customer_in_both_and_the_first_writes_back(world: Companies) -> None:
    await world.split()
    buyer = await world.buyer("Both")
    await world.sync("company", buyer)
    [first], [second] = (world.rows_in(name, "customers") for name in (SERVICES, DEVICES))
    assert first["displayName"] == second["displayName"] == "Both Inc"
    assert world.cw_record("Company", buyer)["accountNumber"] == first["number"]
    await world.sweep("company")
    traffic = world.traffic()
    await world.sweep("company")
    assert traffic.writes == 0


async def test_two_numbers_of_a_shared_company_do_not_overwrite_each_other(world: Companies) -> None:
    await world.bc(
        "records",
        {"company": DEVICES, "set": "customers", "records": [{"number": "D77", "displayName": "Both Inc"}]},
    )
    await world.split()
    buyer = await world.buyer("Both")
    for _ in range(3):
        await world.sync("company", buyer)
        await world.sweep("company")
    [first], [second] = (world.rows_in(name, "customers") for name in (SERVICES, DEVICES))
    assert second["number"] == "D77" != first["number"]
    assert world.cw_record("Company", buyer)["accountNumber"] == first["number"]
    traffic = world.traffic()
    await world.sweep("company")
    assert traffic.writes == 0


async def test_what_no_rule_takes_is_held_at_the_first_connection_until_one_does(world: Companies) -> None:
    await world.split()
    buyer = await world.buyer("Lost")
    await world.sync("company", buyer)
    invoice = await world.bill(buyer, 7)
    await world.sync("invoice", invoice)
    [item] = await world.open_everywhere()
    assert (item.ref.connection, item.entity, item.cause) == ("default", "routing", "routing")
    assert "No routing rule takes this invoice" in item.reason
    assert "default and devices" in item.reason
    assert world.rows_in(SERVICES, "salesInvoices") == world.rows_in(DEVICES, "salesInvoices") == []

    stored = await world.put(
        "devices", world.document(routing=rules(2, invoice={"path": "locationId", "in": [2, 7]}))
    )
    assert stored["queued"] == 1
    await world.drain()
    assert await world.open_everywhere() == []
    assert world.invoices_in(DEVICES) == {world.number(invoice): 1}


async def test_what_two_rules_take_is_held_and_names_both(world: Companies) -> None:
    await world.put("default", {"routing": rules(1)})
    await world.put("devices", world.document(routing=rules(1)))
    buyer = await world.buyer("Torn")
    invoice = await world.bill(buyer, 1)
    await world.sync("invoice", invoice)
    [item] = await world.open_everywhere()
    assert (item.ref.connection, item.cause) == ("default", "routing")
    assert "default and devices all take this invoice" in item.reason
    await world.put("devices", world.document(routing=rules(2)))
    await world.drain()
    assert world.invoices_in(SERVICES) == {world.number(invoice): 1}
    assert world.rows_in(DEVICES, "salesInvoices") == []


async def test_a_posted_document_whose_rule_changes_is_held_and_never_posted_again(world: Companies) -> None:
    await world.split()
    buyer = await world.buyer("Mover")
    ours, theirs = await world.bill(buyer, 1), await world.bill(buyer, 2)
    await world.sync("invoice", ours)
    await world.sync("invoice", theirs)
    await world.put("default", {"routing": rules(2)})
    await world.put("devices", world.document(routing=rules(1)))
    for invoice in (ours, theirs):
        await world.sync("invoice", invoice)
    items = await world.open_everywhere()
    assert {(item.ref.connection, item.ref.id, item.cause) for item in items} == {
        ("default", ours, "routing"),
        ("devices", theirs, "routing"),
    }
    assert all("Nothing is sent a second time" in item.reason for item in items)
    assert world.invoices_in(SERVICES) == {world.number(ours): 1}
    assert world.invoices_in(DEVICES) == {world.number(theirs): 1}

    await world.split()
    await world.drain()
    assert await world.open_everywhere() == []
    assert sum(world.business_central.environment.postings.values()) == 2


async def test_a_document_that_was_not_begun_moves_with_the_rule(world: Companies) -> None:
    await world.split()
    await world.app.desk.save_workflow("devices", '{"otherwise": "hold"}')
    buyer = await world.buyer("Waiting")
    invoice = await world.bill(buyer, 2)
    await world.sync("invoice", invoice)
    [item] = await world.open_everywhere()
    assert (item.ref.connection, item.cause) == ("devices", "awaiting_release")
    await world.put("default", {"routing": rules(2)})
    await world.put("devices", world.document(routing=rules(1)))
    await world.sync("invoice", invoice)
    assert await world.open_everywhere() == []
    assert world.invoices_in(SERVICES) == {world.number(invoice): 1}
    assert world.rows_in(DEVICES, "salesInvoices") == []


async def test_a_document_posted_before_there_was_a_second_company_stays(world: Companies) -> None:
    buyer = await world.buyer("Early")
    invoice = await world.bill(buyer, 2)
    await world.sync("invoice", invoice)
    assert world.invoices_in(SERVICES) == {world.number(invoice): 1}
    assert "home|" not in await world.stored_text()
    await world.split()
    await world.sync("invoice", invoice)
    [item] = await world.open_everywhere()
    assert (item.ref.connection, item.cause) == ("default", "routing")
    assert world.rows_in(DEVICES, "salesInvoices") == []


async def test_a_customer_that_its_rule_sends_elsewhere_holds_the_document(world: Companies) -> None:
    own = {"path": "territory.name", "is": "Branch"}
    other = {"path": "territory.name", "not": "Branch"}
    await world.put("default", {"routing": rules(1, company=other)})
    await world.put("devices", world.document(routing=rules(2, company=own)))
    buyer = await world.buyer("Main")
    await world.sync("company", buyer)
    invoice = await world.bill(buyer, 2)
    await world.sync("invoice", invoice)
    [item] = await world.open_everywhere()
    assert (item.ref.connection, item.ref.id, item.cause) == ("devices", invoice, "routing")
    assert f"Needs company {buyer} in devices, but the routing gives that to default" in item.reason
    assert "mark company as shared in the routing of devices" in item.todo
    assert world.rows_in(DEVICES, "customers") == []

    await world.put("devices", world.document(routing=rules(2)))
    await world.drain()
    assert await world.open_everywhere() == []
    assert world.invoices_in(DEVICES) == {world.number(invoice): 1}


async def test_rules_look_behind_references(world: Companies) -> None:
    vendor = {"path": "company.types[].name", "any_of": ["Vendor"]}
    await world.put("default", {"routing": rules(1, invoice={"none": [vendor]})})
    await world.put("devices", world.document(routing=rules(2, invoice=vendor)))
    plain = await world.buyer("Plain")
    types = [{"name": "Customer"}, {"name": "Vendor"}]
    special = await world.buyer("Special", types=types)
    here, there = await world.bill(plain, 1), await world.bill(special, 1)
    for invoice in (here, there):
        await world.sync("invoice", invoice)
    assert world.invoices_in(SERVICES) == {world.number(here): 1}
    assert world.invoices_in(DEVICES) == {world.number(there): 1}


async def test_the_plan_of_a_record_says_where_it_belongs_and_decides_nothing(world: Companies) -> None:
    await world.split()
    invoice = await world.bill(await world.buyer("Asked"), 2)
    [plan] = await world.app.desk.preview("default", "invoice", [invoice])
    assert (plan["entity"], plan["action"]) == ("routing", "skip")
    assert plan["reason"] == "Belongs to devices."
    assert "home|" not in await world.stored_text()


async def test_payments_return_from_both_companies(world: Companies) -> None:
    await world.split()
    buyer = await world.buyer("Payer")
    for location, name, connection in ((1, SERVICES, "default"), (2, DEVICES, "devices")):
        invoice = await world.bill(buyer, location, "80.00")
        await world.sync("invoice", invoice)
        [document] = [
            row
            for row in world.rows_in(name, "salesInvoices")
            if row["externalDocumentNumber"] == world.number(invoice)
        ]
        await world.bc(
            "ledger/post",
            {
                "company": name,
                "customerNumber": document["billToCustomerNumber"],
                "amount": "30.00",
                "documentNumber": f"PAY{location}",
                "applications": [{"documentNumber": document["number"], "amount": "30.00"}],
            },
        )
        await world.app.sweeper.payments(connection)
        await world.drain()
        assert str(world.cw_record("Invoice", invoice)["balance"]) == "50.00"


async def test_only_the_first_connection_sweeps_and_has_callbacks(world: Companies) -> None:
    await world.split()
    for name in await world.app.connections.names():
        await world.app.keep_hooks(name)
    await world.drain()
    urls = {row["url"].partition("?")[0] for row in world.cw_records("CallbackEntry")}
    assert urls == {f"{world.public_url}/api/hooks/connectwise/default"}
    state = world.business_central_url
    subscriptions = (await world.http.get(f"{state}/admin/state")).json()["subscriptions"]
    assert {row["notificationUrl"].rpartition("/")[2] for row in subscriptions} == {"default", "devices"}
    assert len({row["resource"] for row in subscriptions}) == len(subscriptions)

    traffic = world.traffic()
    assert await world.app.sweeper.catch_up("devices", "invoice") == 0
    assert traffic.calls == 0

    invoice = await world.bill(await world.buyer("Swept"), 2)
    await world.rest()
    assert world.invoices_in(DEVICES) == {world.number(invoice): 1}


async def test_a_held_document_of_another_connection_is_not_asked_for_by_every_sweep(
    world: Companies,
) -> None:
    await world.split()
    await world.app.desk.save_workflow("devices", '{"otherwise": "hold"}')
    invoice = await world.bill(await world.buyer("Patient"), 2)
    await world.sync("invoice", invoice)
    assert await world.held("devices")
    await world.sweep("invoice")
    traffic = world.traffic()
    assert await world.app.sweeper.catch_up("default", "invoice") == 0
    assert traffic.writes == 0


async def test_two_processes_that_choose_at_once_choose_the_same(world: Companies) -> None:
    homes = world.app.pipeline.router.homes
    chosen = await asyncio.gather(
        *(homes.move("acme", "invoice", "5", of="", to=name) for name in ("a", "b", "c", "d"))
    )
    assert len(set(chosen)) == 1
    assert await homes.home("acme", "invoice", "5") == chosen[0]
    assert await homes.move("acme", "invoice", "5", of="nobody", to="e") == chosen[0]
    assert await homes.move("acme", "invoice", "6", of="nobody", to="e") == ""


async def test_a_process_that_knows_of_no_second_company_yet_sends_nothing_twice(world: Companies) -> None:
    """The rules change while another process still has the old ones: the record's own mark makes it look again."""
    buyer = await world.buyer("Stale")
    await world.sync("company", buyer)
    invoice = await world.bill(buyer, 2)
    await world.app.connections.names()
    stale = await world.beside()
    await world.split()
    await world.sync("invoice", invoice)
    assert world.invoices_in(DEVICES) == {world.number(invoice): 1}
    assert await stale.connections.names() == ["default"]
    await stale.pipeline.handle(world.envelope("invoice", invoice, "on demand"))
    await world.drain()
    assert world.invoices_in(DEVICES) == {world.number(invoice): 1}
    assert world.rows_in(SERVICES, "salesInvoices") == []


async def test_a_rule_without_effect_on_others_is_a_condition_too(world: Companies) -> None:
    """A site with one connection and a rule takes only what the rule says."""
    await world.put("default", {"routing": rules(1, invoice=at_location(1))})
    buyer = await world.buyer("Alone")
    invoice = await world.bill(buyer, 2)
    await world.sync("invoice", invoice)
    [item] = await world.open_everywhere()
    assert item.cause == "routing"
    assert world.rows_in(SERVICES, "salesInvoices") == []


class Fragile:
    """A queue that dies with its process before the first hint for one connection is sent."""

    def __init__(self, queue: Any, connection: str) -> None:
        self._queue, self._connection, self.dead = queue, connection, False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._queue, name)

    async def send(self, envelope: Any, **options: Any) -> None:
        if envelope.connection == self._connection and not self.dead:
            self.dead = True
            raise Crash("queue.send")
        await self._queue.send(envelope, **options)


async def test_a_process_that_dies_before_it_hands_over_loses_nothing(world: Companies) -> None:
    await world.split()
    buyer = await world.buyer("Crash")
    await world.sync("company", buyer)
    invoice = await world.bill(buyer, 2)
    await world.hint("invoice", invoice)
    fragile = Fragile(world.app.pipeline.queue, "devices")
    world.app.pipeline.queue = cast("Any", fragile)
    with pytest.raises(Crash):
        await world.drain()
    assert fragile.dead
    await world.restart()
    await world.drain()
    assert world.invoices_in(DEVICES) == {world.number(invoice): 1}
    assert await world.open_everywhere() == []


async def test_a_credit_memo_for_an_invoice_of_other_books_is_held(world: Companies) -> None:
    await world.split()
    buyer = await world.buyer("Memo")
    await world.sync("company", buyer)
    tie = await world.agreement_of(buyer)
    invoice = await world.bill(buyer, 2, "90.00", **tie)
    memo = await world.bill(buyer, 1, "90.00", kind="CreditMemo", **tie)
    await world.sync("invoice", memo)
    [item] = await world.open_everywhere()
    assert (item.ref.connection, item.ref.id, item.cause) == ("default", memo, "routing")
    assert f"Needs invoice {invoice} in default, but the routing gives that to devices" in item.reason
    assert "shared" not in item.todo
    assert world.rows_in(SERVICES, "salesCreditMemos") == []
