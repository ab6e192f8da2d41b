"""A small company's books, made fast: records are entered in lists and synced side by side."""

import asyncio
import random
from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any, Final

from sandbox.kit import Json
from shared.app import DEFAULT
from shared.reconcile.model import Period, RepairMode
from shared.reconcile.runs import Request
from tests.conformance.invoicing import Invoicing
from tests.conformance.world import World

AT_ONCE: Final = 8
GRACE: Final = timedelta(hours=1)
CURRENCIES: Final = ("USD", "USD", "USD", "EUR", "GBP")


class Books(Invoicing):
    """What people do in both systems, and the runs over what they did."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.chance = random.Random(20260722)
        self.companies: list[str] = []
        self.items: list[str] = []
        self.invoices: list[str] = []
        self.memos: list[str] = []

    async def open(self, **values: Json) -> None:
        """Makes the first customer and item, and has everything synced that is there from the start."""
        await super().open(**values)
        for subject in self.world.app.registry.subjects():
            if subject.path:
                await self.world.sweep(subject.name)

    async def sync_all(self, subject: str, records: Sequence[str]) -> None:
        """Has the engine handle records side by side, then whatever follows."""
        gate = asyncio.Semaphore(AT_ONCE)

        async def one(record: str) -> None:
            async with gate:
                await self.world.deliver(self.world.envelope(subject, record))

        await asyncio.gather(*(one(record) for record in records))
        await self.world.drain()

    async def make_companies(self, count: int) -> list[str]:
        """Customers, each with a name, a phone number and a street."""
        start = len(self.companies)
        rows = [
            {
                "identifier": f"Firm{number}",
                "name": f"Firm {number} Inc",
                "phoneNumber": f"555{number:07d}",
                "addressLine1": f"{number} Main Street",
            }
            for number in range(start, start + count)
        ]
        made = [str(row["id"]) for row in await self.world.cw("companies", rows)]
        await self.sync_all("company", made)
        self.companies += made
        return made

    async def make_items(self, count: int) -> list[str]:
        """Catalog items."""
        start = len(self.items)
        rows = [
            {
                "identifier": f"ITEM-{number}",
                "description": f"Item {number}",
                "customerDescription": f"Item {number}",
                "subcategory": {"name": "Network"},
                "type": {"name": "Hardware"},
                "price": Decimal("10.00"),
            }
            for number in range(start, start + count)
        ]
        made = [str(row["id"]) for row in await self.world.cw("items", rows)]
        await self.sync_all("catalog_item", made)
        self.items += made
        return made

    async def make_invoices(self, count: int, *, sync: bool = True, **values: Json) -> list[str]:
        """Closed invoices of every kind of line, in several currencies, for the companies in turn."""
        rows = [
            {
                "company": {"id": int(self.companies[number % len(self.companies)])},
                "currency": self.currency(CURRENCIES[number % len(CURRENCIES)]),
                "lines": self.some_lines(),
                **values,
            }
            for number in range(count)
        ]
        made = [str(row["id"]) for row in await self.world.cw("invoices", rows)]
        await asyncio.gather(*(self.close(record) for record in made))
        if sync:
            await self.sync_all("invoice", made)
            (self.memos if values.get("type") == "CreditMemo" else self.invoices).extend(made)
        return made

    def currency(self, code: str) -> Json:
        """A reference to a currency."""
        rows = self.world.cw_records("Finance.Currency")
        return {"id": next(row["id"] for row in rows if row["currencyIdentifier"] == code)}

    def some_lines(self) -> list[Json]:
        """Two to four lines whose amounts need rounding."""
        quantity = Decimal(self.chance.randint(1, 4000)).scaleb(-self.chance.randint(0, 2))
        price = Decimal(self.chance.randint(100, 10**6)).scaleb(-4)
        lines = [
            self.item_line(str(quantity), str(price)),
            {"kind": "service", "amount": Decimal(self.chance.randint(5000, 90000)).scaleb(-2)},
        ]
        if self.chance.random() < 0.5:
            tax = Decimal(self.chance.randint(1, 999)).scaleb(-2)
            lines.append({"kind": "tax", "amount": tax, "description": "State tax", "xref": "STATE"})
        return lines

    async def make_payments(self, records: Sequence[str]) -> None:
        """Pays half of each invoice in Business Central and lets the sweep bring it back."""
        for record in records:
            total = self.source(record)["total"]
            code = self.documents(record)[0]["currencyCode"]
            part = str((total / 2).quantize(Decimal("0.01")))
            await self.pay({record: part}, documentNumber=f"PAY{record}", currencyCode=code or "USD")
        await self.world.sweep("settlement")

    async def reconcile(
        self,
        repair: RepairMode = "none",
        *,
        opening: str = "",
        period: Period | None = None,
        wait: bool = True,
    ) -> dict[str, Any]:
        """A run over everything, an hour later unless told otherwise; its head and parts."""
        app, today = self.world.app, self.world.clock.now().date()
        if wait:
            self.world.clock.advance(GRACE)
        period = period or Period(today - timedelta(days=300), today + timedelta(days=60))
        run = await app.reconciler.order(DEFAULT, Request(period, repair, opening), "test")
        await self.world.drain()
        results = app.reconciler.results
        head = await results.head(DEFAULT, run)
        assert head is not None
        assert head["state"] == "done", head
        return {**head, **await results.parts(DEFAULT, head)}

    def document_of(self, record: str) -> Json:
        """The one sales document of an invoice or credit memo."""
        source = self.source(record)
        entity_set = "salesCreditMemos" if source["type"] == "CreditMemo" else "salesInvoices"
        [row] = self.world.bc_records(entity_set, externalDocumentNumber=source["invoiceNumber"])
        return row

    def customer_of(self, company: str) -> Json:
        """The customer of a company, by the number that ConnectWise has of it."""
        number = self.world.cw_record("Company", company)["accountNumber"]
        [row] = self.world.bc_records("customers", number=number)
        return row
