"""A paying customer with an item, and invoices of theirs, for the tests of documents and payments."""

from decimal import Decimal
from typing import Any

from sandbox.kit import Json
from tests.conformance.world import World


class Invoicing:
    """People at work with invoices; ``payer`` is the ConnectWise company, ``product`` the catalog item."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.payer = ""
        self.product = ""

    async def open(self, **values: Json) -> None:
        """Makes the customer and the item and has them synced."""
        self.payer = await self.company("Payer", **values)
        await self.world.sync("company", self.payer)
        item = await self.world.cw(
            "items",
            {
                "identifier": "SWITCH",
                "description": "Switch",
                "customerDescription": "A switch",
                "subcategory": {"name": "Network"},
                "type": {"name": "Hardware"},
                "price": Decimal("99.90"),
            },
        )
        self.product = str(item["id"])
        await self.world.sync("catalog_item", self.product)

    async def company(self, name: str, **values: Json) -> str:
        """A company that buys."""
        body = {"identifier": name, "name": f"{name} Inc", **values}
        return str((await self.world.cw("companies", body))["id"])

    def lines(self, price: str = "99.90") -> list[Json]:
        """Three lines: two switches, an hour of work, the tax on the switches."""
        return [
            self.item_line(2, price),
            {"kind": "service", "amount": Decimal("120.00"), "description": "Installation"},
            {"kind": "tax", "amount": Decimal("14.99"), "description": "State tax", "xref": "STATE"},
        ]

    def item_line(self, quantity: int | str, price: str, **values: Json) -> Json:
        """A line of the item."""
        line = {"kind": "product", "item": {"id": int(self.product)}, "quantity": Decimal(quantity)}
        return line | {"unitPrice": Decimal(price)} | values

    async def invoice(self, lines: list[Json], *, payer: str = "", close: bool = True, **values: Json) -> str:
        """An invoice, closed unless told otherwise."""
        body = {"company": {"id": int(payer or self.payer)}, "lines": lines, **values}
        record = str((await self.world.cw("invoices", body))["id"])
        if close:
            await self.close(record)
        return record

    async def close(self, record: str, **values: Json) -> None:
        """Closes an invoice."""
        await self.world.cw(f"invoices/{record}/close", values)

    async def reopen(self, record: str) -> None:
        """Opens a closed invoice again."""
        await self.world.cw(f"invoices/{record}/reopen")

    async def edit(self, record: str, lines: list[Json]) -> None:
        """Opens a closed invoice, gives it other lines and closes it."""
        await self.reopen(record)
        await self.world.cw(f"invoices/{record}", {"lines": lines})
        await self.close(record)

    def source(self, record: str) -> Json:
        """The invoice as ConnectWise answers it."""
        return self.world.cw_record("Invoice", record)

    def billed(self, record: str) -> Decimal:
        """The total in Business Central's terms, where that of a credit memo is positive."""
        source = self.source(record)
        return Decimal(-source["total"] if source["type"] == "CreditMemo" else source["total"])

    def documents(self, record: str) -> list[Json]:
        """The sales invoices, or sales credit memos, in Business Central under its number."""
        source = self.source(record)
        entity_set = "salesCreditMemos" if source["type"] == "CreditMemo" else "salesInvoices"
        return self.world.bc_records(entity_set, externalDocumentNumber=source["invoiceNumber"])

    def batches(self, record: str) -> list[Json]:
        """The accounting batches that were made for it."""
        number = self.source(record)["invoiceNumber"]
        batches = self.world.cw_records("AccountingBatch")
        return [row for row in batches if row["batchIdentifier"].endswith(f"I{number}")]

    def postings(self, record: str) -> int:
        """How often Business Central has posted a document under its number."""
        return self.world.business_central.environment.postings[self.source(record)["invoiceNumber"]]

    def check_posted(self, record: str) -> None:
        """Asserts: one document, posted once, equal to the cent, in one batch, its number written back."""
        source = self.source(record)
        [document] = self.documents(record)
        assert document["totalAmountIncludingTax"] == self.billed(record)
        assert document["status"] in ("Open", "Paid")
        assert self.postings(record) == 1
        [batch] = self.batches(record)
        assert source["glBatch"]["id"] == batch["id"]
        assert source["internalNotes"].count(f"Business Central {document['number']}") == 1

    def check_draft(self, record: str) -> None:
        """Asserts: one draft that is equal to the cent, nothing posted and nothing batched."""
        [document] = self.documents(record)
        assert document["totalAmountIncludingTax"] == self.billed(record)
        assert (document["status"], self.postings(record)) == ("Draft", 0)
        assert self.batches(record) == []

    async def pay(self, applied: dict[str, str], *, amount: str = "", **values: Json) -> None:
        """Posts a payment in Business Central; ``applied`` is the amount for each invoice."""
        paid = Decimal(amount) if amount else sum(map(Decimal, applied.values()), Decimal(0))
        applications: list[dict[str, Any]] = []
        customer = ""
        for record, part in applied.items():
            [document] = self.documents(record)
            customer = document["billToCustomerNumber"]
            applications.append({"documentNumber": document["number"], "amount": Decimal(part)})
        body = {"customerNumber": customer, "amount": paid, "applications": applications, **values}
        await self.world.bc("ledger/post", body)

    def payments(self, record: str) -> list[Json]:
        """The payments that ConnectWise shows on the invoice."""
        return [row for row in self.world.cw_records("InvoicePayment") if row["invoice"]["id"] == int(record)]

    def remaining(self, record: str) -> Decimal:
        """What is open on the invoice in Business Central, in its currency."""
        [document] = self.documents(record)
        return Decimal(document["remainingAmount"])

    def check_paid(self, record: str, *amounts: str) -> None:
        """Asserts: exactly these payments in ConnectWise, both agree on what is open, and the notes tell it."""
        assert sorted(row["amount"] for row in self.payments(record)) == sorted(map(Decimal, amounts))
        remaining = self.remaining(record)
        assert self.source(record)["balance"] == remaining
        if amounts:
            standing = f", open {remaining}" if remaining else ", paid "
            assert self.source(record)["internalNotes"].count(standing) == 1
