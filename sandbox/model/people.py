"""Random people on both sides: what they enter, change, approve, take back, pay and delete."""

import random
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from sandbox.kit import Json
from sandbox.model.world import ModelWorld
from tests.conformance.expensing import Expensing
from tests.conformance.invoicing import Invoicing
from tests.conformance.purchasing import Purchasing

UNLIMITED: Final = 1_000_000_000
CUSTOMER: Final = {"id": 1}
VENDOR: Final = {"id": 2}


class People:
    """Both back offices. A step returns what was done in words, or an empty text when there was nothing to do.

    ``deleted`` holds the invoices that were deleted, ``gone`` the numbers of what was deleted in Business Central: such
    a customer or item is made again when its record changes or a document needs it, not before. ``shrunk`` holds what
    was paid on invoices that people have made smaller than that: their doing, which must then be shown.

    Every step draws from a ``chance`` of its own, so that a step means the same when others are left out.
    """

    def __init__(self, world: ModelWorld) -> None:
        self.world = world
        self.billing, self.buying = Invoicing(world), Purchasing(world)
        self.spending = Expensing(world)
        self.companies: list[str] = []
        self.items: list[str] = []
        self.invoices: list[str] = []
        self.orders: list[str] = []
        self.reports: list[str] = []
        self.payments: list[str] = []
        self.deleted: set[str] = set()
        self.gone: set[str] = set()
        self.shrunk: dict[int, Decimal] = {}
        self._number = 0

    async def open(self) -> None:
        """A customer, a vendor, two items and a member that are in step; both systems notify of everything."""
        await self.world.bc("settings", {"request_limit": UNLIMITED})
        await self.buying.open()
        await self.spending.open()
        self.items = [*self.buying.items.values()]
        self.billing.product = self.items[0]
        self.billing.payer = await self.billing.company("Payer")
        self.companies = [self.billing.payer]
        await self.world.register_hooks()
        await self.world.rest()

    def _next(self) -> int:
        self._number += 1
        return self._number

    def _choose(self, chance: random.Random, records: Sequence[str]) -> str:
        left = [record for record in records if record not in self.deleted]
        return chance.choice(left) if left else ""

    # Master data in ConnectWise.

    async def new_company(self, chance: random.Random) -> str:
        """A company that buys, or sells too."""
        name = f"Company{self._next()}"
        kinds = [CUSTOMER, VENDOR] if chance.random() < 0.2 else [CUSTOMER]
        record = await self.billing.company(name, types=kinds, city=f"City {self._number}")
        self.companies.append(record)
        return f"company {record} is entered"

    async def edit_company(self, chance: random.Random) -> str:
        """A field of a company that travels, or one that does not."""
        record, number = chance.choice(self.companies), self._next()
        field = chance.choice(("name", "city", "phoneNumber", "faxNumber"))
        value = f"555 {number:05d}" if field.endswith("Number") else f"{field.title()} {number}"
        return await self._change(f"companies/{record}", {field: value})

    async def new_item(self, chance: random.Random) -> str:
        """A catalog item."""
        number = self._next()
        body: Json = {
            "identifier": f"PART-{number}",
            "description": f"Part {number}",
            "customerDescription": "Part",
        }
        kinds = {"subcategory": {"name": "Parts"}, "type": {"name": "Hardware"}}
        item = await self.world.cw("items", body | kinds | {"price": _price(chance), "cost": _price(chance)})
        self.items.append(str(item["id"]))
        return f"item {item['id']} is entered"

    async def edit_item(self, chance: random.Random) -> str:
        """Price or description of an item."""
        record = chance.choice(self.items)
        values = chance.choice(({"price": _price(chance)}, {"customerDescription": f"Part {self._next()}"}))
        return await self._change(f"items/{record}", values)

    # Sales.

    def _lines(self, chance: random.Random) -> list[Json]:
        lines: list[Json] = []
        for _ in range(chance.randint(1, 3)):
            if chance.random() < 0.7:
                values = {"item": {"id": int(chance.choice(self.items))}, "unitPrice": _price(chance)}
                lines.append({"kind": "product", "quantity": Decimal(chance.randint(1, 9)), **values})
            else:
                lines.append({"kind": "service", "amount": _price(chance)})
        return lines

    async def bill(self, chance: random.Random) -> str:
        """An invoice or credit memo, which one time in four stays open for now."""
        kind = "CreditMemo" if chance.random() < 0.15 else "Standard"
        day = f"{datetime.now(UTC).date()}T00:00:00Z"
        body = {"type": kind, "company": {"id": int(chance.choice(self.companies))}, "date": day}
        record = str((await self.world.cw("invoices", body | {"lines": self._lines(chance)}))["id"])
        self.invoices.append(record)
        if chance.random() < 0.75:
            await self.world.tries("connectwise", f"invoices/{record}/close")
        return f"{kind} {record} is entered"

    async def close(self, chance: random.Random) -> str:
        """Closes an invoice that is open; one time in ten a G/L mapping is missing."""
        rows = [record for record in self.invoices if record not in self.deleted and not self._closed(record)]
        if not rows:
            return ""
        record = chance.choice(rows)
        mapped = {"glMapping": chance.random() > 0.1}
        done = await self.world.tries("connectwise", f"invoices/{record}/close", mapped)
        return f"invoice {record} is closed" if done else ""

    async def rewrite(self, chance: random.Random) -> str:
        """Opens an invoice again, perhaps out of its batch, gives it other lines and perhaps closes it."""
        record = self._choose(chance, self.invoices)
        if not record:
            return ""
        if chance.random() < 0.3:
            await self.world.tries("connectwise", f"invoices/{record}/unbatch")
        if self._closed(record) and not await self.world.tries("connectwise", f"invoices/{record}/reopen"):
            return ""
        await self.world.tries("connectwise", f"invoices/{record}", {"lines": self._lines(chance)})
        if (paid := self.paid_on(int(record))) > self.billing.source(record)["total"]:
            self.shrunk[int(record)] = paid
        if chance.random() < 0.8:
            await self.world.tries("connectwise", f"invoices/{record}/close")
        return f"invoice {record} is written anew"

    def paid_on(self, invoice: int) -> Decimal:
        """What ConnectWise shows as paid on an invoice."""
        rows = self.world.cw_records("InvoicePayment")
        return sum((row["amount"] for row in rows if row["invoice"]["id"] == invoice), Decimal(0))

    async def delete_invoice(self, chance: random.Random) -> str:
        """Deletes an invoice, if ConnectWise lets one."""
        record = self._choose(chance, self.invoices)
        if not record or not await self.world.tries("connectwise", f"invoices/{record}/delete"):
            return ""
        self.deleted.add(record)
        return f"invoice {record} is deleted"

    def _closed(self, record: str) -> bool:
        return bool(self.billing.source(record)["status"]["isClosed"])

    # Money in Business Central.

    def _open_documents(self) -> list[Json]:
        return [
            row for row in self.world.bc_records("salesInvoices", status="Open") if row["remainingAmount"] > 0
        ]

    async def pay(self, chance: random.Random) -> str:
        """A payment in full, in part, over several invoices of a customer, or applied to nothing yet."""
        rows = self._open_documents()
        if not rows:
            return ""
        first = chance.choice(rows)
        same = ("billToCustomerNumber", "currencyCode")
        rows = [row for row in rows if all(row[name] == first[name] for name in same)]
        chosen = chance.sample(rows, min(len(rows), chance.choice((1, 1, 1, 2, 3))))
        applied = [{"documentNumber": row["number"], "amount": _part(chance, row)} for row in chosen]
        amount = sum((one["amount"] for one in applied), Decimal(0))
        if chance.random() < 0.15:
            applied = []
        number = f"P{self._next()}"
        body = {"customerNumber": first["billToCustomerNumber"], "documentNumber": number, "amount": amount}
        if not await self.world.tries("business_central", "ledger/post", {**body, "applications": applied}):
            return ""
        if applied:
            self.payments.append(number)
        return f"{number} pays {amount} on {len(applied)} invoices"

    async def apply_invoice(self, chance: random.Random) -> str:
        """A payment comes in, and the invoice is applied to it instead of the other way round."""
        rows = self._open_documents()
        if not rows:
            return ""
        row, number = chance.choice(rows), f"P{self._next()}"
        amount = _part(chance, row)
        body = {"customerNumber": row["billToCustomerNumber"], "documentNumber": number, "amount": amount}
        if not await self.world.tries("business_central", "ledger/post", {**body, "applications": []}):
            return ""
        applications = [{"documentNumber": number, "amount": amount}]
        values = {"documentNumber": row["number"], "applications": applications}
        await self.world.tries("business_central", "ledger/apply", values)
        return f"{row['number']} is applied to {number}"

    async def unapply(self, chance: random.Random) -> str:
        """Takes a payment's applications back."""
        if not self.payments:
            return ""
        number = self.payments.pop(chance.randrange(len(self.payments)))
        done = await self.world.tries("business_central", "ledger/unapply", {"documentNumber": number})
        return f"{number} is unapplied" if done else ""

    async def edit_in_bc(self, chance: random.Random) -> str:
        """Somebody edits a customer in Business Central."""
        rows = self.world.bc_records("customers")
        if not rows:
            return ""
        number, values = chance.choice(rows)["number"], {"city": f"Hand {self._next()}"}
        body: dict[str, Any] = {"set": "customers", "key": number, "values": values}
        done = await self.world.tries("business_central", "edit", body)
        return f"customer {number} is edited by hand" if done else ""

    async def delete_in_bc(self, chance: random.Random) -> str:
        """Somebody deletes a customer or an item in Business Central, if nothing was ever booked on it."""
        entity_set, field = chance.choice((("customers", "customerNumber"), ("items", "lineObjectNumber")))
        lines = ("salesInvoices", "salesCreditMemos") if field == "customerNumber" else self._line_sets()
        used = {row.get(field) for name in lines for row in self.world.bc_records(name)}
        used |= {row.get("billToCustomerNumber") for row in self.world.bc_records("salesInvoices")}
        rows = [row for row in self.world.bc_records(entity_set) if row["number"] not in used]
        if not rows:
            return ""
        row = chance.choice(rows)
        if not await self.world.tries("business_central", "delete", {"set": entity_set, "key": row["id"]}):
            return ""
        self.gone.add(row["number"])
        return f"{row['number']} is deleted in Business Central"

    @staticmethod
    def _line_sets() -> tuple[str, ...]:
        return ("salesInvoiceLines", "salesCreditMemoLines", "purchaseOrderLines", "purchaseInvoiceLines")

    # Purchasing and expenses.

    async def order(self, chance: random.Random) -> str:
        """A purchase order of one or two lines."""
        names = chance.sample([*self.buying.items], chance.randint(1, 2))
        record = await self.buying.order(*(self.buying.line(chance.randint(1, 20), name) for name in names))
        self.orders.append(record)
        return f"purchase order {record} is entered"

    async def edit_order(self, chance: random.Random) -> str:
        """Another quantity on a line that is still expected."""
        rows = self._expected(chance)
        if not rows:
            return ""
        line = chance.choice(rows)
        return await self._change(f"purchaseOrderLines/{line['id']}", {"quantity": chance.randint(1, 20)})

    async def receive(self, chance: random.Random) -> str:
        """Receives a line, in full or in part; what is left stays expected."""
        rows = self._expected(chance)
        if not rows:
            return ""
        line = chance.choice(rows)
        quantity = chance.randint(1, int(line["quantity"]))
        body: Json = {"quantity": quantity, "packingSlip": f"S{self._next()}"}
        if quantity < line["quantity"]:
            body["rest"] = "clone"
        done = await self.world.tries("connectwise", f"purchaseOrderLines/{line['id']}/receive", body)
        return f"{quantity} of order {line['purchaseOrderId']} are received" if done else ""

    def _expected(self, chance: random.Random) -> list[Json]:
        record = self._choose(chance, self.orders)
        rows = self.buying.lines(record) if record else []
        return [row for row in rows if row["receivedStatus"] == "Waiting" and not row["canceledFlag"]]

    async def spend(self, chance: random.Random) -> str:
        """An expense report, approved or only entered."""
        make = [self.spending.expense, self.spending.card]
        entries = [chance.choice(make)(str(_price(chance))) for _ in range(chance.randint(1, 3))]
        record = await self.spending.report(*entries, approved=chance.random() < 0.7)
        self.reports.append(record)
        return f"expense report {record} is entered"

    async def approve(self, chance: random.Random) -> str:
        """Approves a report that is not approved."""
        rows = [r for r in self.reports if self.spending.source(r)["status"] == "Open"]
        if not rows:
            return ""
        record = chance.choice(rows)
        await self.world.tries("connectwise", f"expenseReports/{record}/submit")
        await self.world.tries("connectwise", f"expenseReports/{record}/approve")
        return f"expense report {record} is approved"

    async def take_back(self, chance: random.Random) -> str:
        """Reverses an approval and changes an amount."""
        record = self._choose(chance, self.reports)
        if not record or not await self.world.tries("connectwise", f"expenseReports/{record}/reverse"):
            return ""
        entries = self.spending.entries(record)
        await self.world.tries("connectwise", f"expenses/{entries[0]['id']}", {"amount": _price(chance)})
        return f"the approval of expense report {record} is reversed"

    async def _change(self, path: str, values: Json) -> str:
        return f"{path} becomes {values}" if await self.world.tries("connectwise", path, values) else ""


def _price(chance: random.Random) -> Decimal:
    return Decimal(chance.randint(1, 200_000)).scaleb(-2)


def _part(chance: random.Random, row: Json) -> Decimal:
    remaining = Decimal(row["remainingAmount"])
    if chance.random() < 0.4:
        return remaining
    return Decimal(chance.randint(1, int(remaining * 100))).scaleb(-2)
