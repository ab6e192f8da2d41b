"""Stories of what the company buys, spends and counts."""

from decimal import Decimal

from sandbox.crashes.story import Act, Declared, Story
from sandbox.kit import Json, dumps
from shared.app import DEFAULT
from tests.conformance.expensing import Expensing
from tests.conformance.purchasing import Purchasing
from tests.conformance.test_purchase_order import TestPurchaseOrder
from tests.conformance.world import World


class Orders(Declared):
    """Orders while nothing is received."""

    entity = "purchase_order"
    kind = TestPurchaseOrder


class _Buying(Story):
    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.work = Purchasing(world)
        self.record = ""

    async def prepare(self) -> None:
        await self.work.open()
        values: Json = {"vendorInvoiceNumber": "V-100", "freightCost": Decimal("12.50")}
        self.record = await self.work.order(self.work.line(10), self.work.line(3, "CABLE"), **values)
        await self.work.sync(self.record)

    async def part(self) -> None:
        """Some of the switches come."""
        await self.work.receive(self.record, 4, slip="S1")
        await self.hint("purchase_order", self.record)

    async def rest(self) -> None:
        """The other switches and the cables come."""
        await self.work.receive(self.record, 6, slip="S2")
        await self.work.receive(self.record, 3, "CABLE", slip="S2")
        await self.hint("purchase_order", self.record)


class Receipts(_Buying):
    """Received in parts."""

    entity = "purchase_receipt"

    def turns(self) -> dict[str, Act]:
        return {"in part": self.part, "the rest": self.rest}

    def check(self, turn: str) -> None:
        self.work.check_received(self.record)


class Bills(_Buying):
    """Each receipt becomes a purchase invoice."""

    entity = "vendor_bill"

    async def prepare(self) -> None:
        policy = {"options": {"vendor_bills": "purchase_invoice"}}
        await self.world.app.connection_desk.save(DEFAULT, dumps(policy))
        await self.world.drain()
        await super().prepare()

    def turns(self) -> dict[str, Act]:
        return {"in part": self.part, "the rest": self.rest}

    def check(self, turn: str) -> None:
        posted = [row for row in self.work.bills() if row["status"] == "Open"]
        assert len(posted) == {"in part": 1, "the rest": 2}[turn]
        assert sum(row["totalAmountIncludingTax"] for row in posted) == self.work.batched(self.record)
        assert self.work.unposted(self.record) == []


class Expenses(Story):
    """Reports of expenses that are owed, that the company paid, and of both."""

    entity = "expense_report"

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.work = Expensing(world)
        self.reports: list[str] = []

    async def prepare(self) -> None:
        await self.work.open()
        await self.world.sync("member", self.work.member, "on demand")
        owed = self.work.expense("119.00", taxes=[{"amount": Decimal("19.00")}], notes="Train")
        card = self.work.card("50.25", notes="Hotel")
        for entries in self.entries(owed, card):
            record = await self.work.report(*entries, approved=False)
            self.reports.append(record)
            await self.work.attach(self.work.entries(record)[0]["id"], "receipt.pdf", record.encode())

    def entries(self, owed: Json, card: Json) -> tuple[tuple[Json, ...], ...]:
        """The reports."""
        return ((owed, self.work.expense("7.35")), (owed, card))

    def turns(self) -> dict[str, Act]:
        return {"owed": self.first, "both kinds": self.second}

    async def first(self) -> None:
        await self._approved(self.reports[0])

    async def second(self) -> None:
        await self._approved(self.reports[1])

    async def _approved(self, record: str) -> None:
        await self.work.approve(record)
        await self.hint("expense_report", record, "catch up")

    def check(self, turn: str) -> None:
        record, total = (self.reports[0], "126.35") if turn == "owed" else (self.reports[1], "119.00")
        self.work.check_invoice(record, total)
        self.work.check_files(record)
        assert self.work.unposted(record) == []


class CompanyPaid(Expenses):
    """Journals of what the company paid."""

    entity = "company_expense"

    def entries(self, owed: Json, card: Json) -> tuple[tuple[Json, ...], ...]:
        return ((card, self.work.card("9.75")),)

    def turns(self) -> dict[str, Act]:
        return {"by card": self.first}

    def check(self, turn: str) -> None:
        self.work.check_booked(self.reports[0], "60.00")
        assert self.work.unposted(self.reports[0]) == []


class Employees(Expenses):
    """Journals of what is owed, with the employee as the balancing account."""

    entity = "employee_expense"

    async def prepare(self) -> None:
        """The employee, the option, and one report."""
        await super().prepare()
        await self.world.bc_call("POST", "employees", {"number": "E7", "givenName": "Kim", "surname": "Low"})
        await self.world.cw(f"members/{self.work.member}", {"vendorNumber": "E7"})
        policy = {"options": {"expense_reports": "journal"}}
        await self.world.app.connection_desk.save(DEFAULT, dumps(policy))
        await self.world.drain()

    def turns(self) -> dict[str, Act]:
        """One turn."""
        return {"owed": self.first}

    def check(self, turn: str) -> None:
        """Booked once, and nothing left."""
        assert self.world.bc_records("generalLedgerEntries", documentNumber=f"EXR-{self.reports[0]}")
        assert self.work.invoices(self.reports[0]) == []
        assert self.work.unposted(self.reports[0]) == []


class Stock(_Buying):
    """An adjustment that a person has to book, and does."""

    entity = "stock_entry"

    async def prepare(self) -> None:
        await self.work.open()

    def turns(self) -> dict[str, Act]:
        return {"count": self.count, "book": self.book}

    async def count(self) -> None:
        detail: Json = {"catalogItem": {"id": int(self.work.items["SWITCH"])}, "quantityAdjusted": -2}
        detail |= {"warehouse": {"id": 1}, "warehouseBin": {"id": 1}}
        body: Json = {"identifier": "Count", "type": {"identifier": "Count"}, "adjustmentDetails": [detail]}
        adjustment = await self.world.cw("adjustments", body)
        await self.world.cw(f"adjustments/{adjustment['id']}/close")
        await self.sweep("stock_entry")

    async def book(self) -> None:
        [item] = await self.world.work("stock_entry")
        assert await self.world.app.desk.release(DEFAULT, "stock_entry", [item.ref.id]) == 1

    def check(self, turn: str) -> None:
        left = self.world.connectwise.procurement.unposted()
        assert len(left) == (1 if turn == "count" else 0), left
