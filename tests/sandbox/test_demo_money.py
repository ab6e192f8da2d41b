"""The money of the demo is read from both books: one cent more on either side shows, and so does a missing kind."""

import copy
import random
from decimal import Decimal
from typing import Any, cast

import pytest

from sandbox.demo.books import Books
from sandbox.demo.buying import Buying
from sandbox.demo.checks import EXPECTED, _money
from sandbox.demo.money import MoneyRow, settled_money
from sandbox.demo.money_purchasing import purchase_money

NOTHING = Decimal(0)
USD = {"currencyCode": "USD"}
RECEIVED = {"receivedStatus": "PartiallyReceiveCloneRest", "canceledFlag": False, "unitCost": Decimal("2.25")}


def books() -> Books:
    """An order of ten of which four came, a bill of three, and an invoice with a payment and an applied credit."""
    lines = [
        {"purchaseOrderId": 1, "quantity": 4, "receivedQuantity": 4, **RECEIVED},
        {"purchaseOrderId": 1, "quantity": 6, "receivedQuantity": 0, **RECEIVED},
        {"purchaseOrderId": 2, "quantity": 3, "receivedQuantity": 3, **RECEIVED},
    ]
    orders = [
        {"id": 1, "poNumber": "P1", "currency": USD, "closedFlag": False, "freightCost": Decimal("5.00")},
        {"id": 2, "poNumber": "P2", "currency": USD, "closedFlag": True, "vendorInvoiceNumber": "v-1"},
    ]
    payments = [
        {"invoice": {"id": 9}, "amount": Decimal("70.00")},
        {"invoice": {"id": 9}, "amount": Decimal("30.00"), "credit": {"id": 8}},
    ]
    invoice = {
        "id": 9,
        "currency": USD,
        "internalNotes": "[Business Central X, paid, of which discount 1.50]",
    }
    goods = {"documentId": "o", "lineType": "Item", "lineObjectNumber": "SWITCH", "description": "Switch"}
    freight = {"documentId": "o", "lineType": "Account", "lineObjectNumber": "5100", "description": "Freight"}
    amounts = {"directUnitCost": Decimal("2.25"), "amountIncludingTax": Decimal("22.50")}
    central: dict[str, list[dict[str, Any]]] = {
        "purchaseOrders": [{"id": "o", "number": "PO1"}],
        "purchaseOrderLines": [
            {"documentId": "o", "lineType": "Comment", "lineObjectNumber": "", "description": "CW PO P1"},
            goods | amounts,
            freight | {"directUnitCost": Decimal("5.00"), "amountIncludingTax": Decimal("5.00")},
        ],
        "purchaseReceipts": [{"id": "r", "orderNumber": "PO1"}],
        "purchaseReceiptLines": [goods | {"documentId": "r", "quantity": Decimal(4)}],
        "purchaseInvoices": [
            {"status": "Open", "vendorInvoiceNumber": "V-1-S1", "totalAmountIncludingTax": Decimal("6.75")}
        ],
    }
    details = [
        detail(1, 2, "Application", "-70.00"),
        detail(1, 3, "Application", "-30.00"),
        detail(2, 0, "Payment_x0020_Discount", "-1.50"),
    ]
    kinds = {1: "Invoice", 2: "Payment", 3: "Credit_x0020_Memo"}
    entries = [{"entry_no": no, "document_type": kind, "currency_code": ""} for no, kind in kinds.items()]
    tables = {"PurchaseOrder": orders, "PurchaseOrderLineItem": lines, "Invoice": [invoice]}
    return Books(tables | {"InvoicePayment": payments}, [], central, details, entries, {}, [])


def detail(entry: int, applied: int, kind: str, amount: str) -> dict[str, Any]:
    values = {"ledger_entry_no": entry, "applied_entry_no": applied, "entry_type": kind}
    return values | {"amount": Decimal(amount)}


def money(read: Books) -> list[MoneyRow]:
    buying = Buying(
        cast("Any", None), random.Random(1), {}, orders=[{"id": 1, "poNumber": "P1"}], billed=[{"id": 2}]
    )
    return [*settled_money(read), *purchase_money(read, buying)]


def test_both_sides_are_equal() -> None:
    found = {row.kind: (row.count, row.connectwise, row.difference) for row in money(books())}
    assert found == {
        "Payments": (1, Decimal("70.00"), NOTHING),
        "Credits applied": (1, Decimal("30.00"), NOTHING),
        "Discounts granted": (1, Decimal("1.50"), NOTHING),
        "Purchase orders": (1, Decimal("27.50"), NOTHING),
        "Receipts": (1, Decimal("9.00"), NOTHING),
        "Vendor bills": (1, Decimal("6.75"), NOTHING),
    }


@pytest.mark.parametrize(
    ("kind", "entity_set", "values"),
    [
        ("Purchase orders", "purchaseOrderLines", {"amountIncludingTax": Decimal("22.51")}),
        ("Receipts", "purchaseReceiptLines", {"quantity": Decimal(5)}),
        ("Vendor bills", "purchaseInvoices", {"totalAmountIncludingTax": Decimal("6.74")}),
    ],
)
def test_a_difference_shows(kind: str, entity_set: str, values: dict[str, Any]) -> None:
    read = copy.deepcopy(books())
    row = next(one for one in read.business_central[entity_set] if values.keys() <= one.keys())
    row |= values
    assert [one.kind for one in money(read) if one.difference] == [kind]
    assert [check.holds for check in _money(money(read))] == [False, False]


def test_a_kind_that_nobody_entered_shows() -> None:
    rows = [MoneyRow(kind, "USD", 1, Decimal(1), Decimal(1)) for kind in EXPECTED]
    assert all(check.holds for check in _money(rows))
    [present, equal] = _money(rows[1:])
    assert (present.holds, present.found, equal.holds) == (False, str([rows[0].kind]), True)
