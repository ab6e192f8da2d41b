"""Closed credit memos, and posted sales credit memos."""

from typing import ClassVar

from sandbox.kit import Json
from tests.conformance import test_sales_invoice
from tests.conformance.world import World


class TestCreditMemo(test_sales_invoice.TestSalesInvoice):
    entity = "credit_memo"
    values: ClassVar[Json] = {"type": "CreditMemo"}

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
