"""Every invoice total arrives to the cent, or the invoice is held with a reason."""

import random
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Final

import pytest

from sandbox.connectwise.schema import fields
from sandbox.kit import Json
from shared.domain.records import State
from tests.conformance.invoicing import Invoicing
from tests.conformance.scenes import set_up
from tests.conformance.world import World

TYPES: Final = [kind for kind in fields("Invoice")["type"].options if kind != "CreditMemo"]
KINDS: Final = ("product", "agreementProduct", "service", "agreement", "expense", "tax")
RANDOM_INVOICES: Final = 30


@pytest.fixture
async def work(world: World) -> AsyncIterator[Invoicing]:
    """A paying customer with an item; afterwards nothing was posted twice, whatever the test did."""
    work = Invoicing(world)
    await set_up(world, work, work.open)
    yield work
    assert set(world.business_central.environment.postings.values()) <= {1}


async def arrives(work: Invoicing, lines: list[Json], **values: Json) -> str:
    """Syncs an invoice of these lines and asserts that it is posted with an equal total."""
    record = await work.invoice(lines, **values)
    await work.world.sync("invoice", record)
    assert await work.world.work("sales_invoice") == []
    work.check_posted(record)
    return record


async def is_held(work: Invoicing, lines: list[Json], **values: Json) -> str:
    """Syncs an invoice of these lines and asserts that it is held with a reason; returns the cause."""
    record = await work.invoice(lines, **values)
    await work.world.sync("invoice", record)
    [item] = await work.world.work("sales_invoice")
    assert (item.state, item.ref.id) == (State.HELD, record)
    assert item.reason
    assert item.todo
    assert work.postings(record) == 0
    assert work.batches(record) == []
    return item.cause


def amount(kind: str, text: str, **values: Json) -> Json:
    """A line that is an amount."""
    return {"kind": kind, "amount": Decimal(text), **values}


@pytest.mark.parametrize("kind", TYPES)
async def test_every_type(work: Invoicing, kind: str) -> None:
    await arrives(work, work.lines(), type=kind)


@pytest.mark.parametrize("kind", [*KINDS, "downPayment"])
async def test_every_kind_of_line(work: Invoicing, kind: str) -> None:
    invoice_type = "DownPayment" if kind == "downPayment" else "Standard"
    await arrives(work, [amount(kind, "1234.56")], type=invoice_type)


async def test_tax_of_several_levels(work: Invoicing) -> None:
    taxes = [
        amount("tax", "6.24", level=1, xref="STATE"),
        amount("tax", "1.05", level=2, xref="COUNTY"),
        amount("tax", "0.33", level=3, xref="CITY"),
    ]
    await arrives(work, [work.item_line(1, "99.90", taxable=True), *taxes])


async def test_discounts(work: Invoicing) -> None:
    await arrives(
        work,
        [work.item_line(3, "33.33"), amount("discount", "9.99"), amount("service", "80.00")],
    )


async def test_applied_down_payment(work: Invoicing) -> None:
    await arrives(work, [work.item_line(2, "750.00"), amount("downPayment", "500.00")])


@pytest.mark.parametrize(
    ("quantity", "price"),
    [
        ("100", "5.2456"),
        ("3", "0.3333"),
        ("7", "0.145"),
        ("1.5", "33.333"),
        ("0.25", "89.99"),
        ("1000", "0.00449"),
        ("37", "0.123456"),
        ("0.333333", "100"),
        ("12345", "0.99999"),
    ],
)
async def test_prices_below_the_cent(work: Invoicing, quantity: str, price: str) -> None:
    await arrives(work, [work.item_line(quantity, price), work.item_line("3", "3.335")])


@pytest.mark.parametrize("total", ["0.01", "0.99", "9999999.99"])
async def test_smallest_and_largest(work: Invoicing, total: str) -> None:
    await arrives(work, [amount("service", total)])


async def test_zero_totals(work: Invoicing) -> None:
    await arrives(work, [amount("agreement", "0.00")], type="Agreement")
    await arrives(work, [work.item_line(1, "99.90"), amount("discount", "99.90")])
    await arrives(work, [work.item_line(2, "0")])


async def test_no_lines_at_all(work: Invoicing) -> None:
    assert await is_held(work, []) == "business_rule"


async def test_negative_total(work: Invoicing) -> None:
    """Business Central posts no invoice below zero: it has to become a credit memo."""
    assert await is_held(work, [work.item_line(1, "10.00"), amount("discount", "10.01")])


@pytest.mark.parametrize("code", ["EUR", "GBP", "CAD"])
async def test_foreign_currency(work: Invoicing, code: str) -> None:
    record = await arrives(
        work, [*work.lines(), work.item_line(7, "0.1457")], currency=_named(work.world, code)
    )
    [document] = work.documents(record)
    assert document["currencyCode"] == code


def _named(world: World, code: str) -> Json:
    rows = world.cw_records("Finance.Currency")
    return {"id": next(row["id"] for row in rows if row["currencyIdentifier"] == code)}


async def test_currency_that_business_central_lacks(work: Invoicing) -> None:
    await work.world.bc("delete", {"set": "currencies", "key": "GBP"})
    assert await is_held(work, work.lines(), currency=_named(work.world, "GBP")) == "missing_reference"


async def test_billed_to_another_company(work: Invoicing) -> None:
    billed = await work.company("Headquarters")
    record = await arrives(work, work.lines(), billToCompany={"id": int(billed)})
    [document] = work.documents(record)
    assert document["customerNumber"] == work.world.cw_record("Company", billed)["accountNumber"]


async def test_tax_that_business_central_adds_is_noticed(work: Invoicing) -> None:
    """A tax set up on the group that is meant to be free makes the totals differ: nothing is posted."""
    await work.world.bc("settings", {"tax_rates": {"NONTAXABLE": Decimal("8.25")}})
    assert await is_held(work, work.lines()) == "total_differs"


async def test_missing_gl_mapping_is_held(work: Invoicing) -> None:
    record = await work.invoice(work.lines(), close=False)
    await work.close(record, glMapping=False)
    await work.world.sync("invoice", record)
    [item] = await work.world.work("sales_invoice")
    assert (item.state, item.cause) == (State.HELD, "no_gl_entries")


async def test_account_that_business_central_lacks(work: Invoicing) -> None:
    assert await is_held(work, [amount("service", "10.00", account="4711")])


async def test_random_invoices(work: Invoicing) -> None:
    """Any mixture of lines: equal to the cent, or held with a reason; the sums over all agree as well."""
    chance = random.Random(20260722)
    records = []
    for _ in range(RANDOM_INVOICES):
        lines = [_random_line(work, chance) for _ in range(chance.randint(1, 6))]
        records.append(await work.invoice(lines, type=chance.choice(TYPES)))
        await work.world.hint("invoice", records[-1])
    await work.world.drain()
    held = {item.ref.id: item for item in await work.world.work("sales_invoice")}
    for record in records:
        if record in held:
            assert work.source(record)["total"] < 0, held[record].reason
            assert work.postings(record) == 0
        else:
            work.check_posted(record)
    assert len(held) < RANDOM_INVOICES / 2


def _random_line(work: Invoicing, chance: random.Random) -> Json:
    if chance.random() < 0.5:
        quantity = Decimal(chance.randint(1, 5000)).scaleb(-chance.randint(0, 3))
        price = Decimal(chance.randint(0, 10**6)).scaleb(-chance.randint(0, 5))
        return work.item_line(str(quantity), str(price))
    kind = chance.choice([*KINDS, "discount"])
    return amount(kind, str(Decimal(chance.randint(0, 10**5)).scaleb(-2)))
