"""Invoice lines: what a person enters, exact line amounts and the totals of the header.

The product keeps unit prices to fractions of a cent; a line amount is quantity times unit price, rounded half up
to the cent, once. On a credit memo every amount turns negative.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Final

from sandbox.connectwise.errors import invalid_field
from sandbox.connectwise.store import Record, Store
from sandbox.kit import Json

CENT: Final = Decimal("0.01")
ZERO: Final = Decimal("0.00")

# The general ledger account type of each kind of line, and the account it is mapped to.
GL_TYPES: Final = {
    "product": "RP",
    "agreementProduct": "AP",
    "service": "R",
    "agreement": "RA",
    "expense": "RE",
    "discount": "SD",
    "downPayment": "RD",
    "previousProgress": "R",
    "tax": "ST",
}
ACCOUNTS: Final = {
    "AR": "1200",
    "RP": "4010",
    "AP": "4020",
    "R": "4000",
    "RA": "4030",
    "RE": "4040",
    "SD": "4900",
    "RD": "2100",
    "ST": "2200",
}


@dataclass(frozen=True, slots=True)
class Line:
    """One line of an invoice. ``amount`` is in cents exactly, positive when it raises the invoice total.

    ``unit_price`` is exact to fractions of a cent; ``quantity`` turns negative on a credit memo, the price does not.
    """

    id: int
    kind: str
    description: str
    amount: Decimal
    quantity: Decimal = Decimal(1)
    unit_price: Decimal = ZERO
    cost: Decimal = ZERO
    item_id: int | None = None
    taxable: bool = False
    account: str = ""
    tax_level: int = 1
    tax_xref: str = ""
    down_payment_id: int | None = None

    @property
    def gl_type(self) -> str:
        """The general ledger account type, such as ``RP``."""
        return GL_TYPES[self.kind]


def cents(value: Decimal) -> Decimal:
    """Rounds half up to the cent."""
    return value.quantize(CENT, ROUND_HALF_UP)


def read_lines(store: Store, invoice_type: str, given: Iterable[Mapping[str, Json]]) -> list[Line]:
    """The lines of an invoice as entered; raises 400 for an unknown kind, member, item or a broken amount.

    Product lines carry ``item`` {id}, ``quantity`` and ``unitPrice``; other lines carry ``amount``. Amounts are
    entered positive: discounts, applied down payments and previous progress billings lower the total, a credit
    memo turns every sign. A ``downPayment`` {id} on a line of that kind names the invoice that is drawn on.
    """
    return [_line(store, invoice_type, dict(values)) for values in given]


def header_totals(invoice_type: str, lines: Iterable[Line]) -> Record:
    """The header amounts of an invoice: exact sums of its line amounts."""
    by_kind = dict.fromkeys(GL_TYPES, ZERO)
    for line in lines:
        by_kind[line.kind] += line.amount
    applied = ZERO if invoice_type == "DownPayment" else -by_kind["downPayment"]
    total = sum(by_kind.values(), ZERO)
    return {
        "productTotal": by_kind["product"] + by_kind["agreementProduct"] + by_kind["discount"],
        "serviceTotal": by_kind["service"],
        "expenseTotal": by_kind["expense"],
        "agreementAmount": by_kind["agreement"],
        "salesTax": by_kind["tax"],
        "downpaymentApplied": applied,
        "previousProgressApplied": -by_kind["previousProgress"],
        "subtotal": total - by_kind["tax"] + applied - by_kind["previousProgress"],
        "total": total,
    }


def _line(store: Store, invoice_type: str, values: Record) -> Line:
    kind = values.pop("kind", "product")
    if kind not in GL_TYPES:
        raise invalid_field("Invoice", "lines", f"{kind} is not a kind of line: {', '.join(GL_TYPES)}")
    item = _item(store, values.pop("item", None))
    quantity = Decimal(values.pop("quantity", 1))
    price = Decimal(values.pop("unitPrice", item["price"] if item and item.get("price") is not None else 0))
    amount = Decimal(values.pop("amount", cents(quantity * price)))
    if amount != cents(amount):
        raise invalid_field("Invoice", "lines", f"an amount has at most two decimals: {amount}")
    drawn = values.pop("downPayment", None)
    lowers = kind in {"discount", "previousProgress"} or (
        kind == "downPayment" and invoice_type != "DownPayment"
    )
    credit = invoice_type == "CreditMemo"
    line = Line(
        id=store.next_id("ProductItem"),
        kind=kind,
        description=values.pop("description", item["description"] if item else kind),
        amount=cents(-amount if lowers != credit else amount),
        quantity=-quantity if credit else quantity,
        unit_price=price,
        cost=Decimal(values.pop("cost", 0)),
        item_id=item["id"] if item else None,
        taxable=bool(values.pop("taxable", False)),
        account=values.pop("account", ACCOUNTS[GL_TYPES[kind]]),
        tax_level=values.pop("level", 1),
        tax_xref=values.pop("xref", ""),
        down_payment_id=drawn["id"] if drawn else None,
    )
    if values:
        raise invalid_field("Invoice", "lines", f"a line has no {', '.join(values)}")
    return line


def _item(store: Store, given: Mapping[str, Json] | None) -> Record | None:
    if given is None:
        return None
    try:
        return store.get("CatalogItem", store.resolve("IvItemReference", given)["id"])
    except (KeyError, StopIteration):
        raise invalid_field("Invoice", "lines", f"the item {given} does not exist", "NotFound") from None
