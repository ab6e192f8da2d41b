"""Sales tax in its three modes: whoever computes it, the totals of both systems are equal or the document is held."""

from decimal import Decimal
from typing import Final

import pytest

from sandbox.kit import Json, dumps
from shared.app import DEFAULT
from shared.domain.records import State
from shared.reconcile.runs import Request
from tests.conformance.invoicing import Invoicing
from tests.conformance.scenes import set_up
from tests.conformance.world import World

ROUNDING: Final = "4000"
PENNIES: Final[dict[str, Json]] = {"penny_cap": Decimal("0.05"), "rounding_account": ROUNDING}


async def opened(world: World, mode: str, *, inclusive: bool = False, **options: Json) -> Invoicing:
    """A paying customer with an item, in a connection of that tax mode."""
    work, document = Invoicing(world), dumps({"options": {"tax_mode": mode, **options}})

    async def prepare() -> None:
        await world.app.connection_desk.save(DEFAULT, document)
        await work.open()
        if inclusive:
            await include_tax(work)

    await set_up(world, work, prepare, document, inclusive)
    return work


async def include_tax(work: Invoicing) -> None:
    """Has somebody switch on, for the customer, that prices include tax."""
    number = work.world.cw_record("Company", work.payer)["accountNumber"]
    await work.world.bc("edit", {"set": "customers", "key": number, "hidden": {"pricesIncludeTax": True}})


async def proofs(world: World) -> list[Json]:
    """The penny proofs of a reconciliation."""
    reconciler = world.app.reconciler
    run = await reconciler.order(DEFAULT, Request.nightly(world.clock.now()), "test")
    await world.drain()
    head = await reconciler.results.head(DEFAULT, run)
    assert head is not None
    return (await reconciler.results.parts(DEFAULT, head, "proofs"))["proofs"]


def taxed(work: Invoicing, tax: str = "16.48") -> list[Json]:
    """Two switches for 199.80, taxed with 8.25 percent, and an hour of work that is not."""
    return [
        work.item_line(2, "99.90", taxable=True),
        {"kind": "service", "amount": Decimal("120.00"), "description": "Installation"},
        {"kind": "tax", "amount": Decimal(tax), "description": "State tax"},
    ]


def lines_of(work: Invoicing, record: str) -> list[Json]:
    """The lines of the document that carry an amount."""
    [document] = work.documents(record)
    kind = "salesCreditMemoLines" if "creditMemoDate" in document else "salesInvoiceLines"
    rows = work.world.bc_records(kind, documentId=document["id"])
    return [row for row in rows if row["lineType"] != "Comment"]


def check(work: Invoicing, record: str, tax: str) -> None:
    """Asserts: posted once, batched once, equal to the cent, with that tax as Business Central sees it."""
    [document] = work.documents(record)
    assert document["totalAmountIncludingTax"] == abs(work.source(record)["total"])
    assert document["totalTaxAmount"] == Decimal(tax)
    assert document["status"] in ("Open", "Paid")
    assert (work.postings(record), len(work.batches(record))) == (1, 1)


async def held(work: Invoicing, record: str) -> str:
    """The cause for which the only open document is held; nothing of it is posted."""
    [item] = [one for one in await work.world.app.desk.work(DEFAULT) if one.ref.id == record]
    assert (item.state, work.postings(record), work.batches(record)) == (State.HELD, 0, [])
    assert item.reason
    assert item.todo
    return item.cause


@pytest.mark.parametrize("kind", ["Standard", "CreditMemo"])
@pytest.mark.parametrize(
    ("mode", "tax"), [("as_lines", "0"), ("business_central", "16.48"), ("prices_include_tax", "16.48")]
)
async def test_every_mode_gives_the_same_total(world: World, mode: str, tax: str, kind: str) -> None:
    work = await opened(world, mode, inclusive=mode == "prices_include_tax")
    record = await work.invoice(taxed(work), type=kind)
    await world.sync("invoice", record)
    check(work, record, tax)
    accounts = [row["lineObjectNumber"] for row in lines_of(work, record)]
    assert ("2200" in accounts) == (mode == "as_lines")
    [proof] = await proofs(world)
    assert (proof["id"], proof["equal"]) == (record, True)
    codes = {row["taxCode"] for row in lines_of(work, record)}
    assert codes == ({"NONTAXABLE"} if mode == "as_lines" else {"NONTAXABLE", "STANDARD"})


async def test_a_document_without_tax_is_the_same_in_every_mode(world: World) -> None:
    work = await opened(world, "prices_include_tax", inclusive=True)
    record = await work.invoice([work.item_line(3, "33.333")])
    await world.sync("invoice", record)
    check(work, record, "0")


@pytest.mark.parametrize("tax", ["16.44", "16.53"])
async def test_pennies_go_to_the_rounding_account(world: World, tax: str) -> None:
    work = await opened(world, "business_central", **PENNIES)
    record = await work.invoice(taxed(work, tax))
    await world.sync("invoice", record)
    check(work, record, "16.48")
    last = lines_of(work, record)[-1]
    assert (last["lineObjectNumber"], last["unitPrice"]) == (ROUNDING, Decimal(tax) - Decimal("16.48"))


@pytest.mark.parametrize(("tax", "options"), [("16.54", PENNIES), ("16.49", {})], ids=["too much", "no cap"])
async def test_a_tax_that_differs_by_more_is_held(world: World, tax: str, options: Json) -> None:
    work = await opened(world, "business_central", **options)
    record = await work.invoice(taxed(work, tax))
    await world.sync("invoice", record)
    assert await held(work, record) == "total_differs"


async def test_a_rate_that_was_mended_lets_the_document_go(world: World) -> None:
    """The draft is made anew: the one that was held keeps the tax of its day."""
    work = await opened(world, "business_central")
    await world.bc("settings", {"tax_rates": {"STANDARD": Decimal(7)}})
    record = await work.invoice(taxed(work))
    await world.sync("invoice", record)
    assert await held(work, record) == "total_differs"
    await world.bc("settings", {"tax_rates": {"STANDARD": Decimal("8.25")}})
    assert await world.app.desk.retry(DEFAULT, cause="total_differs") == 1
    await world.drain()
    check(work, record, "16.48")


async def test_prices_that_exclude_tax_are_held_until_the_customer_is_mended(world: World) -> None:
    work = await opened(world, "prices_include_tax")
    record = await work.invoice(taxed(work))
    await world.sync("invoice", record)
    assert await held(work, record) == "prices_exclude_tax"
    await include_tax(work)
    assert await world.app.desk.retry(DEFAULT, cause="prices_exclude_tax") == 1
    await world.drain()
    check(work, record, "16.48")


async def test_another_tax_inside_an_equal_total_is_held(world: World) -> None:
    """The total alone would hide it: part of the revenue would be booked as tax."""
    work = await opened(world, "prices_include_tax", inclusive=True, **PENNIES)
    record = await work.invoice(taxed(work, "20.00"))
    await world.sync("invoice", record)
    assert await held(work, record) == "tax_differs"


async def test_a_tax_on_nothing_is_held(world: World) -> None:
    work = await opened(world, "prices_include_tax", inclusive=True)
    lines = [line | ({"taxable": False} if line["kind"] == "product" else {}) for line in taxed(work)]
    record = await work.invoice(lines)
    await world.sync("invoice", record)
    assert await held(work, record) == "tax_without_base"
