"""Closed credit memos, and posted sales credit memos."""

from tests.conformance import test_sales_invoice
from tests.conformance.world import World


class TestCreditMemo(test_sales_invoice.TestSalesInvoice):
    entity = "credit_memo"

    async def make(self, world: World, number: int = 1) -> str:
        return await self.work.invoice(self.work.lines(), type="CreditMemo")

    async def make_target(self, world: World, record: str) -> str:
        source, customer = self.work.source(record), world.cw_record("Company", self.work.payer)
        line = {
            "lineType": "Account",
            "lineObjectNumber": "4000",
            "quantity": 1,
            "unitPrice": self.work.billed(record),
            "taxCode": "NONTAXABLE",
        }
        document = await world.bc_call(
            "POST",
            "salesCreditMemos",
            {
                "externalDocumentNumber": source["invoiceNumber"],
                "customerNumber": customer["accountNumber"],
                "salesCreditMemoLines": [line],
            },
        )
        await world.bc("post", {"set": "salesCreditMemos", "key": document["id"]})
        return str(document["id"])

    async def remove_target(self, world: World, record: str) -> None:
        [draft] = self.targets(world, record)
        await world.bc_call("DELETE", f"salesCreditMemos({draft['id']})")

    async def make_dependent(self, world: World) -> str:
        await world.cw("billingTerms", {"name": "By arrangement", "dueDays": 30})
        payer = await self.work.company("Later", billingTerms={"name": "By arrangement"})
        return await self.work.invoice(self.work.lines(), payer=payer, type="CreditMemo")
