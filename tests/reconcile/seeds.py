"""Seeds drifts: does behind the product's back what people do, and remembers how a person mends what only people can."""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from decimal import Decimal

from sandbox.business_central.store import Record
from sandbox.kit import Json
from shared.reconcile.model import DriftClass
from tests.reconcile.books import Books

type Key = tuple[str, str, str]
type Mend = Callable[[], Awaitable[object]]

CENT = Decimal("0.01")


class Seeds:
    """The drifts that were made: class, entity and ConnectWise id, or target number where there is none."""

    def __init__(self, books: Books) -> None:
        self.books, self.world = books, books.world
        self.expected: list[Key] = []
        self.by_hand: list[Mend] = []

    def expect(self, kind: DriftClass, entity: str, *records: str) -> None:
        """These records drift in this way."""
        self.expected += [(kind.value, entity, record) for record in records]

    def mend(self, path: str, body: Json) -> None:
        """What a person does in Business Central to repair it."""
        self.by_hand.append(lambda: self.world.bc(path, body))

    async def missing(self, companies: int, items: int, invoices: int, memos: int) -> None:
        """Records whose callbacks were lost."""
        world = self.world
        rows = [{"identifier": f"Lost{n}", "name": f"Lost {n}"} for n in range(companies)]
        made = await world.cw("companies", rows)
        self.expect(DriftClass.MISSING, "customer", *(str(row["id"]) for row in made))
        goods = [
            {
                "identifier": f"LOST-{n}",
                "description": f"Lost {n}",
                "customerDescription": "Lost",
                "subcategory": {"name": "Network"},
                "type": {"name": "Hardware"},
            }
            for n in range(items)
        ]
        made = await world.cw("items", goods)
        self.expect(DriftClass.MISSING, "item", *(str(row["id"]) for row in made))
        documents = await self.books.make_invoices(invoices, sync=False)
        self.expect(DriftClass.MISSING, "sales_invoice", *documents)
        documents = await self.books.make_invoices(memos, sync=False, type="CreditMemo")
        self.expect(DriftClass.MISSING, "credit_memo", *documents)

    async def extra(self, customers: int, posted: int, drafts: int, payer: str) -> None:
        """Records in Business Central that look like ours."""
        numbers = [f"C9990{n:02d}" for n in range(customers)]
        rows = [{"number": number, "displayName": f"Nobody {number}"} for number in numbers]
        await self.world.bc("records", {"set": "customers", "records": rows})
        self.expect(DriftClass.EXTRA, "customer", *numbers)
        for number in numbers:
            self.mend("delete", {"set": "customers", "key": number})
        for n in range(posted + drafts):
            document = await self.document(f"990{n:02d}", payer, post=n < posted)
            self.expect(DriftClass.EXTRA, "sales_invoice", document["number"])

    async def document(self, external: str, customer: str, *, post: bool) -> Json:
        """A sales invoice that somebody made by hand, and how it is taken back by hand."""
        world = self.world
        line = {
            "lineType": "Account",
            "lineObjectNumber": "4000",
            "quantity": 1,
            "unitPrice": Decimal(10),
            "taxCode": "NONTAXABLE",
        }
        body = {
            "externalDocumentNumber": external,
            "customerNumber": customer,
            "salesInvoiceLines": [line],
        }
        made = await world.bc_call("POST", "salesInvoices", body)
        if not post:
            self.by_hand.append(lambda: world.bc_call("DELETE", f"salesInvoices({made['id']})"))
            return made
        await world.bc("post", {"invoice": made["id"]})
        [row] = world.bc_records("salesInvoices", id=made["id"])
        cancelled = {"set": "salesInvoices", "key": made["id"], "values": {"status": "Canceled"}}
        self.mend("edit", cancelled)
        return row

    async def changed_there(
        self, companies: Sequence[str], items: Sequence[str], invoices: Sequence[str]
    ) -> None:
        """Fields that somebody changed in Business Central."""
        for company in companies:
            number = self.books.customer_of(company)["number"]
            values = {"addressLine1": "Somewhere else", "city": "Elsewhere"}
            await self.world.bc("edit", {"set": "customers", "key": number, "values": values})
        for item in items:
            number = (await self.world.link("catalog_item", item, "item")).target_number
            price = {"unitPrice": Decimal("99.99")}
            await self.world.bc("edit", {"set": "items", "key": number, "values": price})
        for record in invoices:
            document = self.books.document_of(record)
            place = {"set": "salesInvoices", "key": document["id"]}
            await self.world.bc("edit", place | {"values": {"dueDate": "2031-01-01"}})
            self.mend("edit", place | {"values": {"dueDate": document["dueDate"]}})
        self.expect(DriftClass.CHANGED_IN_BUSINESS_CENTRAL, "customer", *companies)
        self.expect(DriftClass.CHANGED_IN_BUSINESS_CENTRAL, "item", *items)
        self.expect(DriftClass.CHANGED_IN_BUSINESS_CENTRAL, "sales_invoice", *invoices)

    async def changed_here(self, companies: Sequence[str], items: Sequence[str]) -> None:
        """Changes in ConnectWise of which no hint arrived; the clock of the stand-in counts whole seconds."""
        for company in companies:
            await self.world.cw(f"companies/{company}", {"addressLine1": "Moved"})
        for item in items:
            await self.world.cw(f"items/{item}", {"price": Decimal("77.70")})
        self.expect(DriftClass.CHANGED_IN_CONNECTWISE, "customer", *companies)
        self.expect(DriftClass.CHANGED_IN_CONNECTWISE, "item", *items)

    async def stale(self, companies: Sequence[str], items: Sequence[str], invoices: Sequence[str]) -> None:
        """Records that somebody deleted in Business Central; a lost posted document is restored by a person."""
        for company in companies:
            await self.world.bc(
                "delete", {"set": "customers", "key": self.books.customer_of(company)["number"]}
            )
        for item in items:
            number = (await self.world.link("catalog_item", item, "item")).target_number
            await self.world.bc("delete", {"set": "items", "key": number})
        for record in invoices:
            self._lose(self.books.document_of(record)["id"])
        self.expect(DriftClass.STALE_LINK, "customer", *companies)
        self.expect(DriftClass.STALE_LINK, "item", *items)
        self.expect(DriftClass.STALE_LINK, "sales_invoice", *invoices)

    def _lose(self, document_id: str) -> None:
        company, store = self.world.company, self.world.business_central.environment.store
        record: Record = company.tables["salesInvoices"][document_id]
        store.delete(company, record)

        async def restore() -> None:
            store._put(company, record)

        self.by_hand.append(restore)

    async def deleted(self, companies: Sequence[str], items: Sequence[str], invoices: Sequence[str]) -> None:
        """Records deleted in ConnectWise: companies go to the recycle bin, the others for good."""
        for company in companies:
            await self.world.cw(f"companies/{company}/delete")
        for item in items:
            await self.world.cw(f"items/{item}/delete")
        for record in invoices:
            self.world.connectwise.store.remove("Invoice", int(record), "admin")
        self.expect(DriftClass.DELETED_IN_CONNECTWISE, "customer", *companies)
        self.expect(DriftClass.DELETED_IN_CONNECTWISE, "item", *items)
        self.expect(DriftClass.DELETED_IN_CONNECTWISE, "sales_invoice", *invoices)

    async def merged(self, companies: Sequence[str], into: str) -> None:
        """Companies that ConnectWise merged: gone, with their documents repointed."""
        store = self.world.connectwise.store
        for company in companies:
            number = self.books.customer_of(company)["number"]
            for invoice in store.rows("Invoice"):
                for name in ("company", "billToCompany", "shipToCompany"):
                    if invoice[name]["id"] == int(company):
                        invoice[name] = {"id": int(into)}
            store.remove("Company", int(company), "admin")
            self.mend("block", {"customerNumber": number, "blocked": "All"})
        self.expect(DriftClass.MERGED, "customer", *companies)

    async def duplicates(
        self, companies: Sequence[str], posted: Sequence[str], drafts: Sequence[str]
    ) -> None:
        """Second records in Business Central for what is there already."""
        for at, company in enumerate(companies):
            customer = self.books.customer_of(company)
            twin = {"number": f"TWIN{at}", "displayName": customer["displayName"].upper()}
            await self.world.bc("records", {"set": "customers", "records": [twin]})
            self.mend("block", {"customerNumber": twin["number"], "blocked": "All"})
        for record in [*posted, *drafts]:
            document = self.books.document_of(record)
            await self.document(
                document["externalDocumentNumber"], document["customerNumber"], post=record in posted
            )
        self.expect(DriftClass.DUPLICATE, "customer", *companies)
        self.expect(DriftClass.DUPLICATE, "sales_invoice", *posted, *drafts)

    async def totals(self, invoices: Sequence[str]) -> None:
        """Totals that are another cent in ConnectWise."""
        for record in invoices:
            row = self.world.connectwise.store.get("Invoice", int(record))
            entity = "credit_memo" if row["type"] == "CreditMemo" else "sales_invoice"
            row["total"] += CENT
            self.expect(DriftClass.TOTAL_DIFFERS, entity, record)

            async def back(row: Json = row) -> None:
                row["total"] -= CENT

            self.by_hand.append(back)

    async def payments(
        self,
        gone: Sequence[str],
        foreign: Sequence[str],
        other: Sequence[str],
        unseen: Sequence[str],
        unapplied: Sequence[str],
    ) -> None:
        """Payments deleted, added and changed in ConnectWise; made and taken back in Business Central."""
        call = self.world.cw_call
        for record, payment in self._paid(gone):
            await call("DELETE", f"finance/invoices/{record}/payments/{payment}")
        for record in foreign:
            made = await call("POST", f"finance/invoices/{record}/payments", {"amount": CENT, "type": "P"})
            path = f"finance/invoices/{record}/payments/{made['id']}"
            self.by_hand.append(lambda path=path: call("DELETE", path))  # type: ignore[misc]
        for record, payment in self._paid(other):
            change = [{"op": "replace", "path": "amount", "value": CENT}]
            await call("PATCH", f"finance/invoices/{record}/payments/{payment}", change)
        for record in unseen:
            code = self.books.document_of(record)["currencyCode"]
            await self.books.pay({record: "1.23"}, documentNumber=f"NEW{record}", currencyCode=code)
        for record in unapplied:
            await self.world.bc("ledger/unapply", {"documentNumber": f"PAY{record}"})
        every = (*gone, *foreign, *other, *unseen, *unapplied)
        self.expect(DriftClass.PAYMENT_DIFFERS, "payment", *every)

    def _paid(self, records: Sequence[str]) -> Iterator[tuple[str, int]]:
        for record in records:
            [payment] = self.books.payments(record)
            yield record, payment["id"]

    async def unconfirmed(self, invoices: Sequence[str]) -> None:
        """Internal notes that somebody cleared."""
        for record in invoices:
            entity = "credit_memo" if self.books.source(record)["type"] == "CreditMemo" else "sales_invoice"
            change = [{"op": "replace", "path": "internalNotes", "value": "Call the customer"}]
            await self.world.cw_call("PATCH", f"finance/closedInvoices/{record}", change)
            self.expect(DriftClass.UNCONFIRMED, entity, record)

    async def unbatched(self, invoices: Sequence[str]) -> None:
        """Documents that somebody took out of their batch."""
        for record in invoices:
            await self.world.cw(f"invoices/{record}/unbatch")
        self.expect(DriftClass.UNBATCHED, "sales_invoice", *invoices)
