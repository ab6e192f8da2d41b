"""Receipts on ConnectWise purchase orders, and receipts in Business Central."""

from collections.abc import Mapping
from typing import ClassVar

from sandbox.kit import Json
from tests.conformance.purchasing import Purchasing
from tests.conformance.suite import EntityConformance
from tests.conformance.world import World


class TestPurchaseReceipt(EntityConformance):
    entity = "purchase_receipt"
    subject = "purchase_order"
    writes_to_make = 1
    """The order travels first."""
    writes_to_create = 4
    """What to receive, what to invoice, the receipt, the batch in ConnectWise."""
    writes_when_changed = 4
    calls_when_unchanged: ClassVar[int] = 2
    """ConnectWise serves an order and its lines by two calls."""
    calls_when_changed = 12
    """ConnectWise: order, lines, the unposted list, export, batch. Business Central: the order before, verified and
    afterwards, the receipts, and three writes."""
    create_call = "business_central.act"
    not_applicable: ClassVar[Mapping[str, str]] = {
        "test_dependency_missing": "what waits is the order; a receipt is only looked at on an order that is there",
        "test_target_missing": "a posted receipt cannot be deleted; one that is undone in Business Central is put"
        " right by test_undone_in_business_central",
    }

    async def prepare(self, world: World) -> None:
        self.work = Purchasing(world)
        await self.work.open()

    async def make(self, world: World, number: int = 1) -> str:
        record = await self.work.synced(self.work.line(100))
        await self.work.receive(record, 4, slip="S0")
        return record

    async def change(self, world: World, record: str, number: int = 1) -> None:
        await self.work.receive(record, number, slip=f"S{number}")

    async def touch(self, world: World, record: str) -> None:
        await world.cw(f"purchaseOrders/{record}", {"internalNotes": "call the vendor"})

    def targets(self, world: World, record: str) -> list[Json]:
        return self.work.receipts(record)

    def check(self, world: World, record: str) -> None:
        self.work.check_received(record)

    async def make_target(self, world: World, record: str) -> str:
        await self.work.receive_at_bc(record, 4)
        [receipt] = self.targets(world, record)
        return str(receipt["id"])

    async def remove_target(self, world: World, record: str) -> None:
        raise NotImplementedError

    async def make_refused(self, world: World) -> str:
        record = await self.make(world)
        await self._block(world, "All")
        return record

    async def mend(self, world: World, record: str) -> None:
        await self._block(world, "_x0020_")

    async def _block(self, world: World, kind: str) -> None:
        number = world.cw_record("Company", self.work.vendor)["vendorIdentifier"]
        await world.bc("edit", {"set": "vendors", "key": number, "values": {"blocked": kind}})
