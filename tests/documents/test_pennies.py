"""A difference within the cap becomes a line that everybody sees; a larger one holds the document."""

from decimal import Decimal
from typing import Final

import pytest

from sandbox.kit import Json
from tests.conformance.invoicing import Invoicing
from tests.conformance.taps import Crash
from tests.documents.support import options, the_open_item

ROUNDING: Final = "4990"
TAXED: Final = {"tax_rates": {"NONTAXABLE": Decimal("0.004")}}
"""A tax setup that adds a cent to 334.79: where a difference comes from does not matter here."""


@pytest.fixture(autouse=True)
async def _account(work: Invoicing) -> None:
    row = {"number": ROUNDING, "displayName": "Rounding", "accountType": "Posting", "directPosting": True}
    await work.world.bc("records", {"set": "accounts", "records": [row]})
    untaxed = {"code": "ZERO", "displayName": "Never taxed"}
    await work.world.bc("records", {"set": "taxGroups", "records": [untaxed]})
    await work.world.bc("settings", TAXED)


async def allow(work: Invoicing, cap: str) -> None:
    """Lets differences up to the cap go to the rounding account."""
    account = {"rounding_account": ROUNDING, "rounding_tax_code": "ZERO"}
    await options(work.world, penny_cap=Decimal(cap), **account)


def rounding_lines(work: Invoicing, record: str) -> list[Json]:
    """The lines on the rounding account."""
    [document] = work.documents(record)
    entity_set = "salesCreditMemoLines" if "creditMemoDate" in document else "salesInvoiceLines"
    return work.world.bc_records(entity_set, documentId=document["id"], lineObjectNumber=ROUNDING)


@pytest.mark.parametrize("kind", ["Standard", "CreditMemo"])
async def test_within_the_cap(work: Invoicing, kind: str) -> None:
    await allow(work, "0.01")
    record = await work.invoice(work.lines(), type=kind)
    await work.world.sync("invoice", record)
    work.check_posted(record)
    [line] = rounding_lines(work, record)
    assert (line["unitPrice"], line["description"]) == (
        Decimal("-0.01"),
        "Rounding difference to ConnectWise",
    )
    entity = "credit_memo" if kind == "CreditMemo" else "sales_invoice"
    facts = (await work.world.link("invoice", record, entity)).facts
    assert facts["penny"] == Decimal("-0.01")
    assert facts["rounding"][-1][2:] == [Decimal("334.80"), Decimal("334.79")]


async def test_beyond_the_cap(work: Invoicing) -> None:
    await allow(work, "0.01")
    await work.world.bc("settings", {"tax_rates": {"NONTAXABLE": Decimal("0.006")}})
    record = await work.invoice(work.lines())
    await work.world.sync("invoice", record)
    item = await the_open_item(work.world, "sales_invoice")
    assert item.cause == "total_differs"
    assert "334.79" in item.reason
    assert "-0.02" in item.reason
    assert (rounding_lines(work, record), work.postings(record)) == ([], 0)


async def test_without_a_cap_every_difference_holds(work: Invoicing) -> None:
    record = await work.invoice(work.lines())
    await work.world.sync("invoice", record)
    assert (await the_open_item(work.world, "sales_invoice")).cause == "total_differs"


async def test_an_account_that_is_missing_holds(work: Invoicing) -> None:
    await options(work.world, penny_cap=Decimal("0.05"), rounding_account="4991")
    record = await work.invoice(work.lines())
    await work.world.sync("invoice", record)
    item = await the_open_item(work.world, "sales_invoice")
    assert item.todo
    assert work.postings(record) == 0
    await work.world.bc("settings", {"tax_rates": {"NONTAXABLE": Decimal(0)}})
    await work.world.sync("invoice", record)
    work.check_posted(record)
    assert "penny" not in (await work.world.link("invoice", record, "sales_invoice")).facts


@pytest.mark.parametrize("steps", range(1, 6))
async def test_one_line_whenever_the_process_dies(work: Invoicing, steps: int) -> None:
    await allow(work, "0.01")
    record = await work.invoice(work.lines())
    fuse = await work.world.die_after(steps)
    with pytest.raises(Crash):
        await work.world.sync("invoice", record)
    assert fuse.burnt
    await work.world.restart()
    await work.world.drain()
    work.check_posted(record)
    assert len(rounding_lines(work, record)) == 1
    facts = (await work.world.link("invoice", record, "sales_invoice")).facts
    assert facts["rounding"][-1][2:] == [Decimal("334.80"), Decimal("334.79")]
