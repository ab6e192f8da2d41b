"""The day's invoices: every type that bills, with tax, discounts, sub-cent prices and zero totals."""

import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

type Record = dict[str, Any]

INVOICES: Final = 120
TYPES: Final = (
    *("Standard",) * 5,
    *("Agreement",) * 2,
    "Progress",
    "DownPayment",
    "Miscellaneous",
    "Consolidated",
    "Standard",
)
DRAFTED, RELEASED = slice(100, 102), slice(102, 104)
"""The invoices that a workflow rule leaves to an accountant, and those that it holds until a person releases them."""
RULES: Final = (
    {"entity": "sales_invoice", "when": {"path": "invoice.customerPO", "is": "ACCOUNTANT"}, "do": "draft"},
    {
        "entity": "sales_invoice",
        "when": {"path": "invoice.customerPO", "is": "LOOK FIRST"},
        "do": "hold",
        "note": "Somebody looks at it first.",
    },
)
TAX: Final = Decimal("0.0825")
CENT: Final = Decimal("0.01")


def invoices(chance: random.Random, customers: list[Record], items: list[Record]) -> list[Record]:
    """120 invoices over the given ConnectWise customers and items, dated within the last month."""
    today = datetime.now(UTC).date()
    made = []
    for number in range(INVOICES):
        kind = TYPES[number % len(TYPES)]
        day = today - timedelta(days=chance.randint(0, 25))
        customer = customers[number % len(customers)]
        lines = _lines(chance, kind, items, zero=number % 24 == 23)
        made.append(
            {
                "type": kind,
                "company": {"id": customer["id"]},
                "date": f"{day}T00:00:00Z",
                "currency": {"id": customer["currency"]["id"]},
                "customerPO": f"PO-{number:05d}",
                "lines": lines,
            }
        )
    for invoice in made[DRAFTED]:
        invoice["customerPO"] = "ACCOUNTANT"
    for invoice in made[RELEASED]:
        invoice["customerPO"] = "LOOK FIRST"
    return made


def _lines(chance: random.Random, kind: str, items: list[Record], *, zero: bool) -> list[Record]:
    if zero:
        # A prepaid agreement bills 0.00: what was worked is covered by what was paid.
        return [{"kind": "service", "amount": "180.00"}, {"kind": "discount", "amount": "180.00"}]
    if kind == "DownPayment":
        return [{"kind": "downPayment", "amount": f"{chance.randint(500, 5000)}.00"}]
    lines: list[Record] = []
    for _ in range(chance.randint(1, 6)):
        price = Decimal(chance.randint(100, 500_000)) / 10_000
        quantity = Decimal(chance.choice((1, 2, 3, 7, 12, 100)))
        kinds = "agreementProduct" if kind == "Agreement" else "product"
        item = {"id": chance.choice(items)["id"]}
        lines.append({"kind": kinds, "item": item, "quantity": quantity, "unitPrice": price})
    if kind in ("Standard", "Progress", "Consolidated"):
        lines.append({"kind": "service", "amount": _amount(chance)})
    if kind == "Agreement":
        lines.append({"kind": "agreement", "amount": _amount(chance)})
    if chance.random() < 0.4:
        lines.append({"kind": "discount", "amount": "0.37"})
    if chance.random() < 0.6:
        base = sum((_worth(line) for line in lines), Decimal(0))
        lines.append({"kind": "tax", "amount": (base * TAX).quantize(CENT), "xref": "STATE"})
    return lines


def _amount(chance: random.Random) -> Decimal:
    return Decimal(chance.randint(1_000, 900_000)) / 100


def _worth(line: Record) -> Decimal:
    if "unitPrice" in line:
        return Decimal(line["quantity"]) * Decimal(line["unitPrice"])
    return Decimal(line["amount"]) * (-1 if line["kind"] == "discount" else 1)
