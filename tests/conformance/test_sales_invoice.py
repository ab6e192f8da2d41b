"""Closed invoices, and posted sales invoices."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import ClassVar

import pytest

from sandbox.kit import Fault, Json
from shared.domain.records import State
from tests.conformance.invoicing import Invoicing
from tests.conformance.suite import EntityConformance
from tests.conformance.taps import Crash
from tests.conformance.world import World


class TestSalesInvoice(EntityConformance):
    entity = "sales_invoice"
    subject = "invoice"
    writes_to_create = 4
    drafts = False
    values: ClassVar[Json] = {}
    """What makes an invoice the document under test."""
    not_applicable: ClassVar[Mapping[str, str]] = {
        "test_changed_costs_at_most_two_calls": "a posted invoice never changes again; test_unchanged... proves"
        " that whatever happens to it in ConnectWise costs one call and no write",
    }

    async def prepare(self, world: World) -> None:
        self.work = Invoicing(world)
        await self.work.open()

    async def stay_changeable(self, world: World) -> None:
        self.drafts = True
        await world.keep_drafts()

    async def make(self, world: World, number: int = 1) -> str:
        return await self.work.invoice(self.work.lines(), **self.values)

    async def change(self, world: World, record: str, number: int = 1) -> None:
        await self.work.edit(record, self.work.lines(f"10{number}.35"))

    async def touch(self, world: World, record: str) -> None:
        paid = next(row["id"] for row in world.cw_records("BillingStatus") if row["name"] == "Paid")
        await self.work.close(record, status=paid)

    def targets(self, world: World, record: str) -> list[Json]:
        return self.work.documents(record)

    def check(self, world: World, record: str) -> None:
        if self.drafts:
            self.work.check_draft(record)
        else:
            self.work.check_posted(record)

    async def make_target(self, world: World, record: str) -> str:
        source, customer = self.work.source(record), world.cw_record("Company", self.work.payer)
        line = {
            "lineType": "Account",
            "lineObjectNumber": "4000",
            "quantity": 1,
            "unitPrice": source["total"],
        }
        document = await world.bc_call(
            "POST",
            "salesInvoices",
            {
                "externalDocumentNumber": source["invoiceNumber"],
                "customerNumber": customer["accountNumber"],
                "salesInvoiceLines": [line | {"taxCode": "NONTAXABLE"}],
            },
        )
        await world.bc("post", {"invoice": document["id"]})
        return str(document["id"])

    async def remove_target(self, world: World, record: str) -> None:
        [draft] = self.targets(world, record)
        await world.bc_call("DELETE", f"salesInvoices({draft['id']})")

    async def make_dependent(self, world: World) -> str:
        await world.cw("billingTerms", {"name": "By arrangement", "dueDays": 30})
        payer = await self.work.company("Later", billingTerms={"name": "By arrangement"})
        return await self.work.invoice(self.work.lines(), payer=payer, **self.values)

    async def supply(self, world: World, record: str) -> None:
        payer = self.work.source(record)["company"]["id"]
        await world.cw(f"companies/{payer}", {"billingTerms": {"name": "Net 30"}})
        await world.sync("company", str(payer))

    async def make_refused(self, world: World) -> str:
        record = await self.make(world)
        await self._block(world, record, "All")
        return record

    async def mend(self, world: World, record: str) -> None:
        await self._block(world, record, "_x0020_")

    async def _block(self, world: World, record: str, kind: str) -> None:
        number = world.cw_record("Company", self.work.payer)["accountNumber"]
        await world.bc("block", {"customerNumber": number, "blocked": kind})

    async def test_waits_until_connectwise_knows_the_customer(self, scene: World) -> None:
        """Business Central has the customer, but ConnectWise exports nothing while it shows no account number."""
        payer = await self.work.company("Later")
        record = await self.work.invoice(self.work.lines(), payer=payer, **self.values)
        scene.fault("connectwise", Fault("status", status=503, route="PATCH ", times=1))
        await scene.hint(self.subject, record, self.reason)
        states = []
        while await scene.messages():
            await scene.pass_time(timedelta(seconds=0.1))
            states += [item.state for item in await scene.work(self.entity)]
        assert set(states) == {State.WAITING}
        self.work.check_posted(record)
        assert await scene.work(self.entity) == []

    async def test_goes_before_connectwise_knows_the_item(self, scene: World) -> None:
        """ConnectWise exports lines of items without a number too, so nothing waits for that."""
        body = {"identifier": "HUB", "description": "Hub", "customerDescription": "A hub"}
        kinds = {"subcategory": {"name": "Network"}, "type": {"name": "Hardware"}, "price": Decimal("99.90")}
        self.work.product = str((await scene.cw("items", body | kinds))["id"])
        record = await self.make(scene)
        scene.fault("connectwise", Fault("status", status=503, route="PATCH ", times=1))
        await scene.hint(self.subject, record, self.reason)
        await scene.run()
        [item] = await scene.work("item")
        assert (item.state, item.cause) == (State.RETRYING, "unavailable")
        self.check(scene, record)
        await scene.drain()
        assert await scene.work("item") == []

    async def test_total_that_differs_is_held_with_both_figures(self, scene: World) -> None:
        """Somebody else's document under the same number is never taken for ours when its total differs."""
        record = await self.make(scene)
        await self.make_target(scene, record)
        await self.work.edit(record, self.work.lines("99.91"))
        await self.sync(scene, record)
        [item] = await scene.work(self.entity)
        assert (item.state, item.cause) == (State.HELD, "total_differs")
        assert "334.81" in item.reason
        assert "334.79" in item.reason
        assert self.work.batches(record) == []

    async def test_reopened_while_it_is_posted_is_held(self, scene: World) -> None:
        """Business Central has posted what ConnectWise no longer bills: a person must see it."""
        record = await self.make(scene)

        async def reopen() -> None:
            await self.work.edit(record, self.work.lines("1.00"))

        await scene.before("business_central.act", reopen)
        await self.sync(scene, record)
        [item] = await scene.work(self.entity)
        assert item.state is State.HELD
        assert item.todo
        assert self.work.postings(record) == 1
        assert self.work.batches(record) == []

    async def test_closed_posting_period_is_held_and_goes_on(self, scene: World) -> None:
        record = await self.make(scene)
        year = datetime.now(UTC).year
        window = {"from": f"{year + 1}-01-01", "to": f"{year + 1}-12-31"}
        await scene.bc("posting-window", window)
        await self.sync(scene, record)
        [item] = await scene.work(self.entity)
        assert (item.state, item.cause) == (State.HELD, "posting_window")
        await scene.bc("posting-window", {"from": f"{year}-01-01", "to": f"{year + 1}-12-31"})
        await scene.restart()
        await scene.app.desk.retry("default", self.entity)
        await scene.drain()
        self.work.check_posted(record)

    async def test_the_total_of_the_draft_is_known_though_the_process_died_while_posting(
        self, scene: World
    ) -> None:
        record = await self.make(scene)

        async def die(call: str) -> None:
            if call == "business_central.act":
                raise Crash(call)

        await scene.tap(after=die)
        with pytest.raises(Crash):
            await self.sync(scene, record)
        await scene.restart()
        await scene.drain()
        self.check(scene, record)
        facts = (await scene.link(self.subject, record, self.entity)).facts
        assert facts["draft_total"] == facts["posted_total"] == self.work.billed(record)

    async def test_goes_on_though_the_process_died_when_its_dependency_arrived(self, scene: World) -> None:
        record = await self.make_dependent(scene)
        await self.sync(scene, record)
        payer = self.work.source(record)["company"]["id"]
        await scene.cw(f"companies/{payer}", {"billingTerms": {"name": "Net 30"}})

        async def die(call: str) -> None:
            if call.endswith(".finish"):
                raise Crash(call)

        await scene.tap(after=die)
        with pytest.raises(Crash):
            await scene.sync("company", str(payer))
        await scene.restart()
        await scene.drain()
        self.work.check_posted(record)
