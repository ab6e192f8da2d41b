"""The buyers of the corpus: they order, receive round by round, and look at what became of it."""

import random
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final

from sandbox.corpus.books import PurchaseBooks
from sandbox.corpus.claims import ZERO, Found, Part
from sandbox.corpus.delivery import Delivery, Held
from sandbox.corpus.documents import OLD_DAY
from sandbox.corpus.oracle_purchases import ORDER, RECEIPT, claims
from sandbox.corpus.purchases import ALL, MANNERS, ROUNDS, Order, Receipt, Round, orders
from sandbox.kit import Json, dumps
from shared.app import DEFAULT
from tests.conformance.purchasing import ITEMS, Purchasing
from tests.conformance.world import World

SUBJECT: Final = "purchase_order"
OPTIONS: Final[Mapping[str, Json]] = {
    "accounts_payable": {},
    "freight_account": {"freight_account": "5100"},
    "vendor_bills": {"vendor_bills": "purchase_invoice"},
}


class Buying:
    """The purchase orders of the corpus."""

    def __init__(self, world: World, delivery: Delivery, currencies: Mapping[str, int]) -> None:
        self.world, self.delivery, self.currencies = world, delivery, currencies
        self.work = Purchasing(world)
        self.entered: dict[str, Order] = {}
        self._lines: dict[tuple[str, int], int] = {}

    async def open(self) -> None:
        """Accounts, a vendor and items that are in step."""
        await self.work.open()

    async def process(self, count: int, seed: int) -> None:
        """Orders and receives, manner by manner; the engine hears of a round or finds it with the next one."""
        made, chance = orders(count, seed, len(ITEMS)), random.Random(seed)
        for manner in MANNERS:
            await self.world.app.connection_desk.save(DEFAULT, dumps({"options": OPTIONS[manner]}))
            mine = [one for one in made if one.manner == manner]
            for some in self.delivery.portions(mine):
                records = {await self._enter(one): one for one in some}
                await self.delivery.deliver(SUBJECT, records, chance)
                for number in range(ROUNDS):
                    heard = [
                        record for record, one in records.items() if await self._round(record, one, number)
                    ]
                    await self.delivery.deliver(SUBJECT, heard, chance)

    async def _enter(self, order: Order) -> str:
        goods = list(self.work.items)
        lines = [
            self.work.line(one.quantity, goods[one.item], unitCost=one.cost, tax=one.tax)
            for one in order.lines
        ]
        values: Json = {"currency": {"id": self.currencies[order.currency]}}
        values |= {"freightCost": order.freight} if order.freight else {}
        values |= {"vendorInvoiceNumber": f"V-{len(self.entered)}"} if order.numbered else {}
        record = await self.work.order(*lines, **values)
        self.entered[record] = order
        for at, row in enumerate(sorted(self.work.lines(record), key=lambda row: int(row["id"]))):
            self._lines[record, at] = row["id"]
        return record

    async def _round(self, record: str, order: Order, number: int) -> bool:
        """What happens to an order in a round; returns whether the product hears of it."""
        if number + 1 == order.cancelled and any(
            line["receivedStatus"] == "Waiting" for line in self.work.lines(record)
        ):
            await self.world.cw(f"purchaseOrders/{record}/cancel")
        if number == 1 and order.grown:
            await self.world.cw(f"purchaseOrderLines/{self._lines[record, 0]}", {"quantity": order.grown})
            whole = Receipt(0, order.grown, ALL)
            await self._receive(record, order, Round((whole,), "S2", heard=True), whole, number)
            return True
        if number >= len(order.rounds):
            return True
        one = order.rounds[number]
        for receipt in one.receipts:
            await self._receive(record, order, one, receipt, number)
        return one.heard

    async def _receive(self, record: str, order: Order, one: Round, receipt: Receipt, number: int) -> None:
        day = datetime.now(UTC).date() - timedelta(days=ROUNDS - number)
        body: Json = {
            "quantity": receipt.quantity,
            "dateReceived": f"{OLD_DAY if order.old else day.isoformat()}T00:00:00Z",
        }
        body |= {"packingSlip": one.slip} if one.slip else {}
        body |= {"rest": receipt.how} if receipt.how != ALL else {}
        line = self._lines[record, receipt.line]
        before = {row["id"] for row in self.work.lines(record)}
        await self.world.cw(f"purchaseOrderLines/{line}/receive", body)
        for row in self.work.lines(record):
            if row["id"] not in before:
                self._lines[record, receipt.line] = row["id"]

    # What became of them.

    def parts(self, held: Held) -> list[Part]:
        """What became of every order, of its receipts and of its bills."""
        books = PurchaseBooks(self.world)
        found = []
        for at, (record, order) in enumerate(self.entered.items()):
            source = self.world.connectwise.store.get("PurchaseOrder", int(record))
            number, own = str(source["poNumber"]), self._marked(source)
            for claim in claims(order):
                if claim.entity == ORDER:
                    documents, total, faults = books.ordered(number)
                elif claim.entity == RECEIPT:
                    documents, total, faults = books.received(number)
                else:
                    documents, total, faults = books.billed(f"V-{at}")
                batches, marked = (0, ZERO) if claim.entity == ORDER else (books.batches[number], own)
                told = held.of(SUBJECT, record, claim.entity)
                state = Found(*told, documents, total, batches, marked, faults)
                found.append(Part(order.manner, order.case, order.currency, f"order {number}", claim, state))
        return found + books.left_over()

    def _marked(self, source: Json) -> Decimal:
        """What ConnectWise has as exported of an order."""
        entries = self.world.connectwise.procurement.orders.source.order_entries(source)
        return sum((row["amount"] for row in entries if row["isBatched"]), ZERO)
