"""A vendor with items, and purchase orders, for the tests of orders, receipts and vendor bills."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

from sandbox.connectwise.ledger import ACCOUNTS
from sandbox.kit import Json
from shared.domain.money import cents
from tests.conformance.world import World

ITEMS = {"SWITCH": "89.90", "CABLE": "2.345"}


class Purchasing:
    """People at work with purchase orders; ``vendor`` is the ConnectWise company, ``items`` the catalog items."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.vendor = ""
        self.items: dict[str, str] = {}

    async def open(self, **values: Json) -> None:
        """Makes the accounts of freight and purchase tax, the vendor and the items, and has these synced."""
        rows = [
            {"number": ACCOUNTS[kind], "displayName": kind, "accountType": "Posting", "directPosting": True}
            for kind in ("PF", "PT")
        ]
        await self.world.bc("records", {"set": "accounts", "records": rows})
        self.vendor = await self.company("Supplier", **values)
        await self.world.sync("company", self.vendor)
        for name, cost in ITEMS.items():
            body: Json = {"identifier": name, "description": name.title(), "customerDescription": f"A {name}"}
            body |= {
                "productClass": "Inventory",
                "subcategory": {"name": "Network"},
                "type": {"name": "Hardware"},
                "cost": Decimal(cost),
            }
            item = await self.world.cw("items", body | {"price": Decimal("150.00")})
            self.items[name] = str(item["id"])
            await self.world.sync("catalog_item", self.items[name])

    async def company(self, name: str, **values: Json) -> str:
        """A company that sells to us."""
        body = {"identifier": name, "name": f"{name} Ltd", "types": [{"name": "Vendor"}], **values}
        return str((await self.world.cw("companies", body))["id"])

    async def options(self, **values: Any) -> None:
        """Decides how the connection's documents travel, until the process is restarted."""
        connection = await self.world.connection()
        connection.options = replace(connection.options, **values)

    def line(self, quantity: int, item: str = "SWITCH", **values: Json) -> Json:
        """A line as a person enters it; the cost is the item's unless given."""
        return {"product": {"id": int(self.items[item])}, "quantity": quantity, **values}

    async def order(self, *lines: Json, **values: Json) -> str:
        """An order; ten switches unless told otherwise."""
        body: Json = {
            "vendorCompany": {"id": int(self.vendor)},
            "lines": list(lines or [self.line(10)]),
            **values,
        }
        return str((await self.world.cw("purchaseOrders", body))["id"])

    async def synced(self, *lines: Json, **values: Json) -> str:
        """An order that is in Business Central."""
        record = await self.order(*lines, **values)
        await self.sync(record)
        self.check(record)
        return record

    async def sync(self, record: str) -> None:
        """Hints at the order and lets everything come to rest."""
        await self.world.sync("purchase_order", record)

    # ConnectWise.

    def source(self, record: str) -> Json:
        """The order as ConnectWise answers it."""
        return self.world.cw_record("PurchaseOrder", record)

    def lines(self, record: str) -> list[Json]:
        """Its lines."""
        rows = self.world.cw_records("PurchaseOrderLineItem")
        return [row for row in rows if row["purchaseOrderId"] == int(record)]

    def waiting(self, record: str, item: str = "SWITCH") -> Json:
        """The one line of an item that is still expected."""
        product = int(self.items[item])
        [row] = [
            row
            for row in self.lines(record)
            if (row["receivedStatus"], row["product"]["id"]) == ("Waiting", product)
            and not row["canceledFlag"]
        ]
        return row

    async def edit_line(self, line: Json, **values: Json) -> None:
        """Changes a line as a person does."""
        await self.world.cw(f"purchaseOrderLines/{line['id']}", values)

    async def receive(
        self, record: str, quantity: int, item: str = "SWITCH", *, slip: str = "", **values: Json
    ) -> None:
        """Receives so many of an item; what is left goes to a line of its own."""
        line = self.waiting(record, item)
        body: Json = {"quantity": quantity, **values}
        if quantity < line["quantity"]:
            body.setdefault("rest", "clone")
        if slip:
            body["packingSlip"] = slip
        await self.world.cw(f"purchaseOrderLines/{line['id']}/receive", body)

    def received(self, record: str, item: str = "SWITCH") -> Decimal:
        """What ConnectWise has received of an item."""
        product = int(self.items[item])
        rows = [
            row for row in self.lines(record) if row["product"]["id"] == product and not row["canceledFlag"]
        ]
        return Decimal(sum(row["receivedQuantity"] for row in rows))

    def unposted(self, record: str) -> list[Json]:
        """What ConnectWise still lists as to be exported for the order."""
        rows: list[Json] = self.world.connectwise.procurement.unposted()
        return [row for row in rows if row.get("purchaseOrder", {}).get("id") == int(record)]

    def batches(self, record: str) -> list[str]:
        """The names of the accounting batches that were made for the order."""
        number = self.source(record)["poNumber"]
        rows = self.world.cw_records("AccountingBatch")
        return [row["batchIdentifier"] for row in rows if f"-P{number}" in row["batchIdentifier"]]

    def batched(self, record: str) -> Decimal:
        """The sum of the order's ledger entries that are in a batch."""
        entries = self.world.connectwise.procurement.orders.source.order_entries(
            self.world.connectwise.store.get("PurchaseOrder", int(record))
        )
        return sum((entry["amount"] for entry in entries if entry["isBatched"]), Decimal(0))

    # Business Central.

    def orders(self, record: str) -> list[Json]:
        """The purchase orders in Business Central that carry its number."""
        mark = f"CW PO {self.source(record)['poNumber']}"
        rows = self.world.bc_records("purchaseOrderLines", lineType="Comment", description=mark)
        return [self.world.bc_records("purchaseOrders", id=row["documentId"])[0] for row in rows]

    def order_lines(self, record: str) -> list[Json]:
        """The lines of the order in Business Central that are no comments."""
        [order] = self.orders(record)
        rows = self.world.bc_records("purchaseOrderLines", documentId=order["id"])
        return [row for row in rows if row["lineType"] != "Comment"]

    def line_of(self, record: str, item: str = "SWITCH") -> Json:
        """The one line of an item."""
        [row] = [row for row in self.order_lines(record) if row["lineObjectNumber"] == item]
        return row

    def receipts(self, record: str) -> list[Json]:
        """The posted receipts of the order."""
        [order] = self.orders(record)
        return self.world.bc_records("purchaseReceipts", orderNumber=order["number"])

    def receipt_quantities(self, record: str, item: str = "SWITCH") -> list[Decimal]:
        """The quantity of an item on each posted receipt."""
        ids = [row["id"] for row in self.receipts(record)]
        rows = self.world.bc_records("purchaseReceiptLines", lineObjectNumber=item)
        return [row["quantity"] for row in rows if row["documentId"] in ids and row["quantity"]]

    def bills(self) -> list[Json]:
        """All purchase invoices."""
        return self.world.bc_records("purchaseInvoices")

    async def at_bc(self, record: str, action: str, **values: Json) -> None:
        """What a person does with the order in Business Central: ``reopen``, ``post``, ``vendor-invoice``."""
        [order] = self.orders(record)
        await self.world.bc(f"purchase-orders/{action}", {"order": order["id"], **values})

    async def receive_at_bc(self, record: str, quantity: int) -> None:
        """A person receives so many switches in Business Central, past ConnectWise."""
        line = self.line_of(record)
        await self.world.bc_call("PATCH", f"purchaseOrderLines({line['id']})", {"receiveQuantity": quantity})
        await self.at_bc(record, "post", invoice=False)

    # Both.

    def check(self, record: str) -> None:
        """Asserts: one order whose lines say what ConnectWise orders, position by position and to the cent."""
        [order] = self.orders(record)
        expected: dict[tuple[str, Decimal, str], Decimal] = {}
        for line in self.lines(record):
            if not line["canceledFlag"]:
                key = (line["product"]["identifier"], Decimal(line["unitCost"]), line["description"])
                expected[key] = expected.get(key, Decimal(0)) + line["quantity"]
        lines = [row for row in self.order_lines(record) if row["lineType"] == "Item"]
        found = {
            (row["lineObjectNumber"], row["directUnitCost"], row["description"]): row["quantity"]
            for row in lines
        }
        assert found == {key: quantity for key, quantity in expected.items() if quantity}
        assert len(found) == len(lines)
        for row in lines:
            assert row["amountIncludingTax"] == cents(row["quantity"] * row["directUnitCost"])
        if all(cents(row["directUnitCost"]) == row["directUnitCost"] for row in lines):
            assert sum(row["amountIncludingTax"] for row in lines) == self.source(record)["subTotal"]
        assert order["vendorNumber"] == self.world.cw_record("Company", self.vendor)["vendorIdentifier"]

    def check_received(self, record: str) -> None:
        """Asserts: Business Central has received what ConnectWise has, invoiced nothing, and all of it is batched."""
        for item in self.items:
            lines = [row for row in self.order_lines(record) if row["lineObjectNumber"] == item]
            assert sum(row["receivedQuantity"] for row in lines) == self.received(record, item)
            assert sum(self.receipt_quantities(record, item)) == self.received(record, item)
        assert {row["invoicedQuantity"] for row in self.order_lines(record)} == {0}
        assert self.bills() == []
        assert self.unposted(record) == []
        names = self.batches(record)
        assert len(names) == len(set(names))
