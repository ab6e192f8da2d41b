"""Payments applied in Business Central, and payments on ConnectWise invoices."""

from collections import defaultdict
from collections.abc import Mapping
from decimal import Decimal
from typing import ClassVar

from sandbox.kit import Json
from shared.domain.envelope import NOTIFICATION
from tests.conformance.invoicing import Invoicing
from tests.conformance.suite import EntityConformance
from tests.conformance.world import World


class TestPayment(EntityConformance):
    entity = "payment"
    subject = "settlement"
    reason = NOTIFICATION
    writes_to_make = 4
    """The invoice that is paid travels first."""
    writes_to_create = 2
    """The payment, and the invoice's standing in its notes."""
    writes_when_changed = 2
    calls_when_changed = 7
    """The invoice in both systems, its applications and who applied, ConnectWise's payments, and two writes."""
    create_call = "connectwise.create"
    not_applicable: ClassVar[Mapping[str, str]] = {
        "test_dependency_missing": "a payment is only ever found on an invoice that was synced before",
    }

    async def prepare(self, world: World) -> None:
        self.work = Invoicing(world)
        self.applied: defaultdict[str, list[str]] = defaultdict(list)
        await self.work.open()

    async def make(self, world: World, number: int = 1) -> str:
        record = await self.work.invoice(self.work.lines())
        await world.sync("invoice", record)
        await self._pay(record, "20.05")
        return record

    async def change(self, world: World, record: str, number: int = 1) -> None:
        await self._pay(record, f"{number}.10")

    async def _pay(self, record: str, amount: str) -> None:
        number = f"PAY-{record}-{len(self.applied[record])}"
        await self.work.pay({record: amount}, documentNumber=number)
        self.applied[record].append(amount)

    async def touch(self, world: World, record: str) -> None:
        [document] = self.work.documents(record)
        values = {"promisedPayDate": "2031-01-31"}
        await world.bc("edit", {"set": "salesInvoices", "key": document["id"], "values": values})

    def targets(self, world: World, record: str) -> list[Json]:
        return self.work.payments(record)

    def check(self, world: World, record: str) -> None:
        self.work.check_paid(record, *self.applied[record])

    async def make_target(self, world: World, record: str) -> str:
        row = await world.cw_call(
            "POST", f"finance/invoices/{record}/payments", {"type": "P", "amount": Decimal("20.05")}
        )
        return str(row["id"])

    async def remove_target(self, world: World, record: str) -> None:
        [row] = self.targets(world, record)
        await world.cw_call("DELETE", f"finance/invoices/{record}/payments/{row['id']}")

    async def make_refused(self, world: World) -> str:
        record = await self.make(world)
        balance = self.work.source(record)["balance"]
        self.extra = await world.cw_call("POST", f"finance/invoices/{record}/payments", {"amount": balance})
        return record

    async def mend(self, world: World, record: str) -> None:
        await world.cw_call("DELETE", f"finance/invoices/{record}/payments/{self.extra['id']}")
