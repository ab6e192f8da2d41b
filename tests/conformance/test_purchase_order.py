"""Purchase orders while nothing of them is received, and Business Central purchase orders."""

from typing import ClassVar

from sandbox.kit import Json
from tests.conformance.purchasing import Purchasing
from tests.conformance.suite import EntityConformance
from tests.conformance.world import World


class TestPurchaseOrder(EntityConformance):
    entity = "purchase_order"
    subject = "purchase_order"
    writes_to_create = 1
    calls_when_unchanged: ClassVar[int] = 2
    """ConnectWise serves an order and its lines by two calls, and a receipt changes only a line."""
    calls_when_changed = 5
    """Order and lines in ConnectWise, the order as it is and afterwards, the line that changed."""

    async def prepare(self, world: World) -> None:
        self.work = Purchasing(world)
        await self.work.open()

    async def make(self, world: World, number: int = 1) -> str:
        return await self.work.order(self.work.line(10), self.work.line(3, "CABLE"))

    async def change(self, world: World, record: str, number: int = 1) -> None:
        await self.work.edit_line(self.work.waiting(record), quantity=10 + number)

    async def touch(self, world: World, record: str) -> None:
        await world.cw(f"purchaseOrders/{record}", {"internalNotes": "call the vendor"})

    def targets(self, world: World, record: str) -> list[Json]:
        return self.work.orders(record)

    def check(self, world: World, record: str) -> None:
        self.work.check(record)

    async def make_target(self, world: World, record: str) -> str:
        number = world.cw_record("Company", self.work.vendor)["vendorIdentifier"]
        mark = {"lineType": "Comment", "description": f"CW PO {self.work.source(record)['poNumber']}"}
        line = {"lineType": "Item", "lineObjectNumber": "SWITCH", "quantity": 7, "directUnitCost": 5}
        other = {"lineType": "Account", "lineObjectNumber": "4000", "quantity": 1, "directUnitCost": 3}
        body = {"vendorNumber": number, "purchaseOrderLines": [line, mark, other]}
        return str((await world.bc_call("POST", "purchaseOrders", body))["id"])

    async def remove_target(self, world: World, record: str) -> None:
        [order] = self.targets(world, record)
        await world.bc_call("DELETE", f"purchaseOrders({order['id']})")

    async def make_dependent(self, world: World) -> str:
        await world.cw("billingTerms", {"name": "By arrangement", "dueDays": 30})
        self.work.vendor = await self.work.company("Later", billingTerms={"name": "By arrangement"})
        return await self.make(world)

    async def supply(self, world: World, record: str) -> None:
        await world.cw(f"companies/{self.work.vendor}", {"billingTerms": {"name": "Net 30"}})
        await world.sync("company", self.work.vendor)

    async def make_refused(self, world: World) -> str:
        await self._block(world, "All")
        return await self.make(world)

    async def mend(self, world: World, record: str) -> None:
        await self._block(world, "_x0020_")

    async def _block(self, world: World, kind: str) -> None:
        number = world.cw_record("Company", self.work.vendor)["vendorIdentifier"]
        await world.bc("edit", {"set": "vendors", "key": number, "values": {"blocked": kind}})
