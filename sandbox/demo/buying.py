"""The day's purchasing: orders, receipts in parts, freight, a growing order, and bills for each receipt."""

import random
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

from sandbox.connectwise.ledger import ACCOUNTS
from sandbox.demo.waiting import until
from sandbox.stage import COMPANY, Stage

type Record = dict[str, Any]

ORDERS, BILLED = 10, 4
CANCELLED, CUT, GROWN, OPEN = 6, 7, 8, 9
"""Which orders are cancelled, lose their rest, grow after a receipt, and stay half received."""
SWITCHES, CABLES = 10, 4
FREIGHT: Final = ACCOUNTS["PF"]
TAX: Final = Decimal("8.25")


@dataclass(slots=True)
class Buying:
    """Purchase orders by how they end; ``options`` are the connection's, to which the policy of bills is added."""

    stage: Stage
    chance: random.Random
    options: Record
    orders: list[Record] = field(default_factory=list)
    billed: list[Record] = field(default_factory=list)
    held_bills: int = 0
    steps_by_hand: int = 0

    async def order(self, vendors: list[Record], items: list[Record]) -> None:
        """Ten orders; then a line of one is changed, and one is cancelled."""
        goods = [item for item in items if item["productClass"] in ("Inventory", "NonInventory")]
        for number in range(ORDERS):
            freight = {"freightCost": Decimal("24.80")} if number < 2 else {}
            self.orders.append(await self._enter(vendors[number], goods, **freight))
        changed = await self._waiting(self.orders[0], CABLES)
        await self._edit(changed, {"quantity": CABLES + 3})
        await self.stage.in_connectwise(f"purchaseOrders/{self.orders[CANCELLED]['id']}/cancel")

    async def _enter(self, vendor: Record, goods: list[Record], **values: Any) -> Record:
        lines = [
            {
                "product": {"id": item["id"]},
                "quantity": quantity,
                "unitCost": Decimal(self.chance.randint(100, 90_000)) / 100,
            }
            for item, quantity in zip(self.chance.sample(goods, 2), (SWITCHES, CABLES), strict=True)
        ]
        body = {"vendorCompany": {"id": vendor["id"]}, "currency": {"id": vendor["currency"]["id"]}}
        order: Record = await self.stage.in_connectwise("purchaseOrders", body | {"lines": lines, **values})
        return order

    async def receive_first(self) -> None:
        """A part of the first line of each order; of one the rest is dropped, another one grows."""
        for number, order in enumerate(self.orders):
            if number == CANCELLED:
                continue
            line = await self._waiting(order, SWITCHES)
            await self._receive(line, 4, "S1", rest="cancel" if number == CUT else "clone")

    async def receive_rest(self) -> None:
        """Everything that is still expected but of one order; the grown one is received as it is now."""
        rest = await self._waiting(self.orders[GROWN], SWITCHES - 4)
        await self._edit(rest, {"quantity": SWITCHES})
        for number, order in enumerate(self.orders):
            if number not in (CANCELLED, OPEN):
                await self._receive_all(order, "S2")

    async def settle_by_hand(self) -> None:
        """A person reads what is held of the grown order, makes the steps in Business Central and retries."""
        found: list[Record] = []

        async def told() -> bool:
            items = (await self.stage.api("GET", "work"))["items"]
            of_orders = {"purchase_order": "by_hand", "purchase_receipt": "over_receipt"}
            found[:] = [item for item in items if of_orders.get(item["entity"]) == item["cause"]]
            return len(found) == len(of_orders)

        await until("the grown order and its receipt say what to do by hand", told)
        self.steps_by_hand = len(found)
        number, line = await self._central_line(self.orders[GROWN])
        await self.stage.in_business_central("purchase-orders/reopen", {"order": number})
        grown = {"quantity": SWITCHES + 4}
        await self.stage.in_business_central(
            "edit", {"set": "purchaseOrderLines", "key": line, "values": grown}
        )
        await self.stage.api("POST", "work/retry", {"entity": "purchase_order"})

    async def _central_line(self, order: Record) -> tuple[str, str]:
        """The order in Business Central, and the id of its line for the switches."""
        state = await self.stage.state_of(self.stage.business_central_url)
        records = next(one["records"] for one in state["companies"] if one["name"] == COMPANY)
        lines = records["purchaseOrderLines"]
        mark = next(row for row in lines if row["description"] == f"CW PO {order['poNumber']}")
        own = [row for row in lines if row["documentId"] == mark["documentId"]]
        line = next(row for row in own if row["lineType"] == "Item" and row["quantity"] == SWITCHES)
        return str(mark["documentId"]), str(line["id"])

    async def bill(self, vendors: list[Record], items: list[Record]) -> None:
        """From now on each receipt is a bill: two orders in two parts, one whole, and one whose number is missing."""
        options = {**self.options, "vendor_bills": "purchase_invoice"}
        await self.stage.api("PUT", "connections/default", {"options": options})
        goods = [item for item in items if item["productClass"] == "NonInventory"]
        for number in range(BILLED):
            known = {} if number == BILLED - 1 else {"vendorInvoiceNumber": f"V-{number}"}
            order = await self._enter(vendors[number], goods, **known)
            self.billed.append(order)
            if number < 2:
                line = await self._waiting(order, SWITCHES)
                await self._receive(line, 6, "B1", rest="clone")
            await self._receive_all(order, "B2")

    async def number_by_hand(self) -> None:
        """The bill without a number is held; a person enters the vendor's number in ConnectWise, and it goes on."""
        order = self.billed[-1]

        async def told() -> bool:
            items = (await self.stage.api("GET", "work?entity=vendor_bill"))["items"]
            self.held_bills = sum(item["cause"] == "vendor_invoice_number" for item in items)
            return self.held_bills == 1

        await until("the bill without a number is held", told)
        await self.stage.in_connectwise(f"purchaseOrders/{order['id']}", {"vendorInvoiceNumber": "V-LATE"})

    async def _lines(self, order: Record) -> list[Record]:
        state = await self.stage.state_of(self.stage.connectwise_url, "?tables=PurchaseOrderLineItem")
        rows: list[Record] = state["tables"]["PurchaseOrderLineItem"]
        return [row for row in rows if row["purchaseOrderId"] == order["id"]]

    async def _waiting(self, order: Record, quantity: int) -> Record:
        """The order's line that waits for so many."""
        rows = await self._lines(order)
        return next(row for row in rows if is_waiting(row) and row["quantity"] == quantity)

    async def _edit(self, line: Record, values: Record) -> None:
        await self.stage.in_connectwise(f"purchaseOrderLines/{line['id']}", values)

    async def _receive(self, line: Record, quantity: int, slip: str, **values: Any) -> None:
        body = {"quantity": quantity, "packingSlip": slip, **values}
        await self.stage.in_connectwise(f"purchaseOrderLines/{line['id']}/receive", body)

    async def _receive_all(self, order: Record, slip: str) -> None:
        for line in await self._lines(order):
            if is_waiting(line):
                await self._receive(line, int(line["quantity"]), slip)


def is_waiting(line: Record) -> bool:
    """True for a line that is still expected."""
    return line["receivedStatus"] == "Waiting" and not line["canceledFlag"]
