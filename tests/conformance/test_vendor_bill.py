"""Receipts on ConnectWise purchase orders, and purchase invoices of the vendor."""

from decimal import Decimal
from typing import ClassVar

from sandbox.kit import Json, dumps
from shared.app import DEFAULT
from tests.conformance.purchasing import Purchasing
from tests.conformance.suite import EntityConformance
from tests.conformance.world import World


class TestVendorBill(EntityConformance):
    entity = "vendor_bill"
    subject = "purchase_order"
    writes_to_create = 3
    """The draft, the posting, the batch in ConnectWise; of the order itself nothing is expected any more."""
    writes_when_changed = 3
    calls_when_unchanged: ClassVar[int] = 2
    """ConnectWise serves an order and its lines by two calls."""
    calls_when_changed = 14
    drafts = False

    async def prepare(self, world: World) -> None:
        self.work = Purchasing(world)
        await self.work.open()
        options = {"vendor_bills": "purchase_invoice"}
        await world.app.connection_desk.save(DEFAULT, dumps({"options": options}))

    async def stay_changeable(self, world: World) -> None:
        self.drafts = True
        await world.keep_drafts()

    async def make(self, world: World, number: int = 1) -> str:
        """An order with a number of its own for the vendor's invoices, received in full."""
        record = await self.work.order(self.work.line(4))
        await world.cw(f"purchaseOrders/{record}", {"vendorInvoiceNumber": f"V-{record}"})
        await self.work.receive(record, 4, slip="S0")
        return record

    async def change(self, world: World, record: str, number: int = 1) -> None:
        """A further line and its receipt, which is a further bill: what was billed never changes."""
        if self.work.source(record)["closedFlag"]:
            await world.cw(f"purchaseOrders/{record}/reopen")
        await world.cw("purchaseOrderLines", {**self.work.line(number), "purchaseOrderId": int(record)})
        await self.work.receive(record, number, slip=f"S{number}")

    async def touch(self, world: World, record: str) -> None:
        await world.cw(f"purchaseOrders/{record}", {"internalNotes": "call the vendor"})

    def targets(self, world: World, record: str) -> list[Json]:
        bills = self.work.bills()
        return [row for row in bills if f"{row['vendorInvoiceNumber']}-".startswith(f"V-{record}-")]

    def check(self, world: World, record: str) -> None:
        bills, lines = self.targets(world, record), self.work.lines(record)
        assert len(bills) == len({line["packingSlip"] for line in lines})
        total = sum(line["receivedQuantity"] * Decimal(line["unitCost"]) for line in lines)
        assert sum(row["totalAmountIncludingTax"] for row in bills) == total
        assert {row["status"] for row in bills} == {"Draft" if self.drafts else "Open"}
        assert self.work.batched(record) == (0 if self.drafts else total)
        assert len(self.work.batches(record)) == (0 if self.drafts else len(bills))
        assert world.bc_records("purchaseReceipts") == []

    async def make_target(self, world: World, record: str) -> str:
        vendor = world.cw_record("Company", self.work.vendor)["vendorIdentifier"]
        item = {"lineType": "Item", "lineObjectNumber": "SWITCH", "quantity": 4, "taxCode": "NONTAXABLE"}
        mark = {"lineType": "Comment", "description": f"CW PO {self.work.source(record)['poNumber']}"}
        document = await world.bc_call(
            "POST",
            "purchaseInvoices",
            {
                "vendorNumber": vendor,
                "vendorInvoiceNumber": f"V-{record}",
                "purchaseInvoiceLines": [mark, item | {"unitCost": Decimal("89.90")}],
            },
        )
        await world.bc("post", {"set": "purchaseInvoices", "key": document["id"]})
        return str(document["id"])

    async def remove_target(self, world: World, record: str) -> None:
        for draft in self.targets(world, record):
            await world.bc_call("DELETE", f"purchaseInvoices({draft['id']})")

    async def make_dependent(self, world: World) -> str:
        await world.cw("billingTerms", {"name": "By arrangement", "dueDays": 30})
        self.work.vendor = await self.work.company("Later", billingTerms={"name": "By arrangement"})
        return await self.make(world)

    async def supply(self, world: World, record: str) -> None:
        await world.cw(f"companies/{self.work.vendor}", {"billingTerms": {"name": "Net 30"}})
        await world.sync("company", self.work.vendor)

    async def make_refused(self, world: World) -> str:
        record = await self.make(world)
        await self._block(world, "All")
        return record

    async def mend(self, world: World, record: str) -> None:
        await self._block(world, "_x0020_")

    async def _block(self, world: World, kind: str) -> None:
        number = world.cw_record("Company", self.work.vendor)["vendorIdentifier"]
        await world.bc("edit", {"set": "vendors", "key": number, "values": {"blocked": kind}})
