"""Approved reimbursable expenses, and purchase invoices of the member's vendor."""

from decimal import Decimal
from typing import ClassVar

from sandbox.kit import Json
from tests.conformance.expensing import Expensing
from tests.conformance.suite import EntityConformance
from tests.conformance.world import World


class TestExpenseReport(EntityConformance):
    entity = "expense_report"
    subject = "expense_report"
    reason = "catch up"
    writes_to_create = 5
    """Draft, its receipt by name and by content, posting, batch."""
    calls_when_unchanged = 3
    """The report, and its entries with what is not exported: what the company paid is looked for each time."""
    drafts = False
    posted_by_hand = ""
    not_applicable: ClassVar = {
        "test_changed_costs_at_most_two_calls": "a posted report never changes again; test_unchanged... proves"
        " that what happens to it in ConnectWise costs no write",
    }

    async def prepare(self, world: World) -> None:
        self.work = Expensing(world)
        await self.work.open()
        await world.sync("member", self.work.member, "on demand")

    async def stay_changeable(self, world: World) -> None:
        self.drafts = True
        await world.keep_drafts()

    async def make(self, world: World, number: int = 1) -> str:
        taxed = self.work.expense("119.00", taxes=[{"amount": Decimal("19.00")}], notes="Train")
        report = await self.work.report(taxed, self.work.expense("7.35"))
        return await self.work.with_receipt(report)

    async def change(self, world: World, record: str, number: int = 1) -> None:
        await self.work.edit(record, f"12{number}.05")

    async def touch(self, world: World, record: str) -> None:
        store = world.connectwise.store
        store.touch("ExpenseReport", store.get("ExpenseReport", int(record)), "admin")

    def targets(self, world: World, record: str) -> list[Json]:
        return self.work.invoices(record)

    def check(self, world: World, record: str) -> None:
        total = self.work.source(record)["total"]
        if not self.drafts:
            self.work.check_invoice(record, str(total))
            assert self.work.unposted(record) == []
            self.check_files(record)
            return
        [draft] = self.work.invoices(record)
        assert (draft["status"], draft["totalAmountIncludingTax"]) == ("Draft", total)
        assert self.work.batches(record) == []
        self.work.check_files(record)

    def check_files(self, record: str) -> None:
        """The receipt is on what we made; what a person has posted is left as it is."""
        [invoice] = self.work.invoices(record)
        if invoice["id"] == self.posted_by_hand:
            assert self.work.files(record) == {}
        else:
            self.work.check_files(record)

    async def make_target(self, world: World, record: str) -> str:
        number = world.cw_record("Member", self.work.member)["vendorNumber"]
        line = {"lineType": "Account", "lineObjectNumber": "6100", "quantity": 1, "taxCode": "NONTAXABLE"}
        document = await world.bc_call(
            "POST",
            "purchaseInvoices",
            {
                "vendorNumber": number,
                "vendorInvoiceNumber": f"EXP-{record}",
                "purchaseInvoiceLines": [line | {"unitCost": self.work.source(record)["total"]}],
            },
        )
        await world.bc("post", {"set": "purchaseInvoices", "key": document["id"]})
        self.posted_by_hand = str(document["id"])
        return self.posted_by_hand

    async def remove_target(self, world: World, record: str) -> None:
        [draft] = self.targets(world, record)
        await world.bc_call("DELETE", f"purchaseInvoices({draft['id']})")

    async def make_dependent(self, world: World) -> str:
        await world.bc("settings", {"manual_nos": {"vendors": False}})
        self.newcomer = await self.work.person("lee")
        return await self.work.report(self.work.expense("20.00"), member=self.newcomer)

    async def supply(self, world: World, record: str) -> None:
        await world.bc("settings", {"manual_nos": {"vendors": True}})
        await world.sync("member", self.newcomer, "on demand")

    async def make_refused(self, world: World) -> str:
        await self._block(world, "All")
        return await self.make(world)

    async def mend(self, world: World, record: str) -> None:
        await self._block(world, "_x0020_")

    async def _block(self, world: World, kind: str) -> None:
        number = world.cw_record("Member", self.work.member)["vendorNumber"]
        await world.bc("edit", {"set": "vendors", "key": number, "values": {"blocked": kind}})
