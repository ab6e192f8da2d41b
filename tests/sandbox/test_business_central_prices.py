"""Prices that include tax: a setting of the customer, and the tax is a part of the amount."""

from collections.abc import AsyncIterator
from decimal import Decimal

import pytest

from tests.sandbox.business_central_support import Case, running


@pytest.fixture
async def bc() -> AsyncIterator[Case]:
    async with running() as case:
        yield case


async def test_the_tax_is_inside_where_the_customer_says_so(bc: Case) -> None:
    customer = await bc.call("POST", "customers", {"displayName": "Gross"})
    hidden = {"pricesIncludeTax": True}
    await bc.admin("edit", {"set": "customers", "key": customer["number"], "hidden": hidden})
    account = {"lineType": "Account", "lineObjectNumber": "40100", "quantity": 1}
    lines = [
        account | {"unitPrice": Decimal("108.25"), "taxCode": "STANDARD"},
        account | {"unitPrice": Decimal("10.00"), "taxCode": "NONTAXABLE"},
    ]
    body = {"customerNumber": customer["number"], "salesInvoiceLines": lines}
    invoice = await bc.call("POST", "salesInvoices", body)
    assert invoice["pricesIncludeTax"] is True
    names = ("totalAmountExcludingTax", "totalTaxAmount", "totalAmountIncludingTax")
    assert [invoice[name] for name in names] == [Decimal("110.00"), Decimal("8.25"), Decimal("118.25")]
    [first, _] = await bc.rows(f"salesInvoices({invoice['id']})/salesInvoiceLines")
    assert (first["netAmount"], first["netTaxAmount"]) == (Decimal("100.00"), Decimal("8.25"))
    await bc.call("POST", f"salesInvoices({invoice['id']})/Microsoft.NAV.post")


async def test_the_setting_cannot_be_sent(bc: Case) -> None:
    customer = await bc.call("POST", "customers", {"displayName": "Net"})
    body = {"customerNumber": customer["number"], "pricesIncludeTax": True}
    _, text = await bc.fails("POST", "salesInvoices", body)
    assert "read-only" in text
