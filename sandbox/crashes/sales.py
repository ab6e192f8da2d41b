"""Stories of invoices, credit memos and what is paid."""

from decimal import Decimal
from typing import ClassVar, Final

from sandbox.crashes.story import Act, Declared, Drafts, Story
from sandbox.kit import Json
from tests.conformance.invoicing import Invoicing
from tests.conformance.test_credit_memo import TestCreditMemo
from tests.conformance.test_sales_invoice import TestSalesInvoice
from tests.conformance.world import World
from tests.documents.support import agreement, amount

CREDIT: Final = "120.00"


class Invoices(Declared):
    """Closed invoices, posted; one is posted there already."""

    entity = "sales_invoice"
    kind = TestSalesInvoice
    acts: ClassVar[tuple[str, ...]] = ("create", "adopt")


class InvoiceDrafts(Drafts):
    """Invoices that stay drafts."""

    entity = "sales_invoice"
    kind = TestSalesInvoice


class MemoDrafts(Drafts):
    """Credit memos that stay drafts."""

    entity = "credit_memo"
    kind = TestCreditMemo


class _Billing(Story):
    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.work = Invoicing(world)
        self.records: list[str] = []

    async def prepare(self) -> None:
        await self.work.open()


class UnknownCustomer(_Billing):
    """An invoice comes before its customer: it waits, asks for the customer, is woken and posted."""

    entity = "sales_invoice"

    def turns(self) -> dict[str, Act]:
        return {"waits for its customer": self.comes_first}

    async def comes_first(self) -> None:
        payer = await self.work.company("Later")
        self.records = [await self.work.invoice(self.work.lines(), payer=payer)]
        await self.hint("invoice", self.records[0])

    def check(self, turn: str) -> None:
        self.work.check_posted(self.records[0])


class Memos(_Billing):
    """A credit memo is applied to the invoice of its agreement, and ConnectWise shows it."""

    entity = "credit_memo"

    async def prepare(self) -> None:
        await super().prepare()
        self.agreement = await agreement(self.work)
        belongs: Json = {"agreement": {"id": self.agreement}}
        self.records = [await self.work.invoice(self.work.lines(), **belongs)]
        await self.world.sync("invoice", self.records[0])

    def turns(self) -> dict[str, Act]:
        return {"apply": self.apply, "show the application": self.show, "without an invoice": self.alone}

    async def apply(self) -> None:
        belongs: Json = {"type": "CreditMemo", "applyToType": "Agreement", "applyToId": self.agreement}
        self.memo = await self.work.invoice([amount("service", CREDIT)], **belongs)
        await self.hint("invoice", self.memo)

    async def show(self) -> None:
        await self.sweep("settlement")

    async def alone(self) -> None:
        self.memo = await self.work.invoice(self.work.lines(), type="CreditMemo")
        await self.hint("invoice", self.memo)

    def check(self, turn: str) -> None:
        self.work.check_posted(self.memo)
        if turn == "show the application":
            [payment] = self.work.payments(self.records[0])
            assert payment["amount"] == Decimal(CREDIT)


class Payments(_Billing):
    """Payments in part, over several invoices, in full, and one taken back."""

    entity = "payment"
    keeps_batch_id = True

    async def prepare(self) -> None:
        await self.world.cw("settings", {"keep_gl_batch_id": self.keeps_batch_id})
        await super().prepare()
        for _ in range(2):
            self.records.append(await self.work.invoice(self.work.lines()))
            await self.world.sync("invoice", self.records[-1])
        # The first sweep begins the ledger's watermark.
        await self.world.sweep("settlement")

    def turns(self) -> dict[str, Act]:
        return {
            "in part": self.part,
            "over two invoices": self.both,
            "taken back": self.back,
            "told by a notification": self.notified,
        }

    async def part(self) -> None:
        await self.work.pay({self.records[0]: "20.05"}, documentNumber="P1")
        await self.sweep("settlement")

    async def both(self) -> None:
        await self.work.pay({self.records[0]: "14.74", self.records[1]: "334.79"}, documentNumber="P2")
        await self.sweep("settlement")

    async def back(self) -> None:
        await self.world.bc("ledger/unapply", {"documentNumber": "P2"})
        await self.sweep("settlement")

    async def notified(self) -> None:
        await self.work.pay({self.records[1]: "34.79"}, documentNumber="P3")
        [document] = self.work.documents(self.records[1])
        hint = self.world.envelope("settlement", document["id"], "notification")
        await self.world.app.queue.send_sweep(hint)

    def check(self, turn: str) -> None:
        paid = {
            "in part": (("20.05",), ()),
            "over two invoices": (("20.05", "14.74"), ("334.79",)),
            "taken back": (("20.05",), ()),
            "told by a notification": (("20.05",), ("34.79",)),
        }
        for record, amounts in zip(self.records, paid[turn], strict=True):
            found = sorted(row["amount"] for row in self.work.payments(record))
            assert found == sorted(map(Decimal, amounts)), (record, found)
            assert self.work.source(record)["balance"] == self.work.remaining(record)


class PaymentsWithoutBatchId(Payments):
    """The same with a ConnectWise that does not keep the key of a payment."""

    keeps_batch_id = False
