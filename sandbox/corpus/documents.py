"""Made-up invoices and credit memos: every type, currency and tax mode, every way in which amounts can be awkward."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Final

from sandbox.kit import Json

type Line = dict[str, Json]
type Make = Callable[["Maker"], list[Line]]

MODES: Final = ("as_lines", "business_central", "prices_include_tax")
CREDIT_MEMO: Final = "CreditMemo"
TYPES: Final = (
    *("Standard",) * 4,
    *("Agreement", CREDIT_MEMO) * 2,
    *("Progress", "DownPayment", "Miscellaneous", "Consolidated"),
)
CURRENCIES: Final = ("USD", "USD", "USD", "EUR", "GBP", "CAD")
UNKNOWN_CURRENCY: Final = "XAU"
"""ConnectWise bills in it, but no mapping knows it."""
ABSENT_CURRENCY: Final = "SEK"
"""The mapping knows it, but Business Central has no such currency."""
ABSENT_ACCOUNT: Final = "4711"
OLD_DAY: Final = "2019-03-31"
RATE: Final = Decimal("8.25")
CENT: Final = Decimal("0.01")
LOWERING: Final = frozenset({"discount", "previousProgress"})
DEFECTS: Final = (
    "negative",
    "empty",
    "unmapped",
    "unknown currency",
    "absent currency",
    "absent account",
    "old",
    "other tax",
    "tax on nothing",
)
SHARE_OF_DEFECTS: Final = 0.15


@dataclass(frozen=True, slots=True)
class Document:
    """One document as a person enters it. ``case`` names what is awkward about it, ``inclusive`` its customer.

    Line amounts are positive where they raise the document's total, on credit memos too.
    """

    mode: str
    type: str
    case: str
    currency: str
    date: str
    lines: tuple[Line, ...]
    inclusive: bool
    mapped: bool = True

    @property
    def amounts(self) -> list[Decimal]:
        """The amount of each line in cents, with its sign."""
        return [amount_of(line, self.type) for line in self.lines]

    @property
    def total(self) -> Decimal:
        """The document's total."""
        return sum(self.amounts, Decimal("0.00"))

    @property
    def tax(self) -> Decimal:
        """The sales tax in it."""
        pairs = zip(self.lines, self.amounts, strict=True)
        return sum((amount for line, amount in pairs if line["kind"] == "tax"), Decimal("0.00"))


def cents(value: Decimal) -> Decimal:
    """Rounds half away from zero to the cent."""
    return value.quantize(CENT, ROUND_HALF_UP)


def amount_of(line: Line, invoice_type: str) -> Decimal:
    """What a line adds to the total."""
    if "unitPrice" in line:
        return cents(Decimal(line["quantity"]) * Decimal(line["unitPrice"]))
    lowers = line["kind"] in LOWERING or (line["kind"] == "downPayment" and invoice_type != "DownPayment")
    return cents(-line["amount"] if lowers else line["amount"])


def documents(count: int, seed: int, items: Sequence[int]) -> list[Document]:
    """As many documents over the given ConnectWise items; the same seed gives the same ones."""
    chance = random.Random(seed)
    return [Maker(chance, items).document() for _ in range(count)]


@dataclass(slots=True)
class Maker:
    """Makes one document."""

    chance: random.Random
    items: Sequence[int]
    type: str = ""

    def document(self) -> Document:
        """Any document, one in seven with a defect for which it must be held."""
        chance = self.chance
        mode, self.type = chance.choice(MODES), chance.choice(TYPES)
        case = chance.choice(tuple(CASES))
        defect = chance.choice(DEFECTS) if chance.random() < SHARE_OF_DEFECTS else ""
        lines = self._defective(defect, CASES[case](self)) if defect else self._taxed(CASES[case](self))
        day = datetime.now(UTC).date() - timedelta(days=chance.randint(0, 25))
        currencies = {"unknown currency": UNKNOWN_CURRENCY, "absent currency": ABSENT_CURRENCY}
        return Document(
            mode=mode,
            type=self.type,
            case=defect or case,
            currency=currencies.get(defect) or chance.choice(CURRENCIES),
            date=OLD_DAY if defect == "old" else day.isoformat(),
            lines=tuple(lines),
            inclusive=mode == "prices_include_tax" and chance.random() < 0.9,
            mapped=defect != "unmapped",
        )

    def product(self, quantity: str | Decimal, price: str | Decimal) -> Line:
        """A line of an item."""
        kind = "agreementProduct" if self.type == "Agreement" else "product"
        item, taxable = {"id": self.chance.choice(self.items)}, self.chance.random() < 0.7
        values = {"quantity": Decimal(quantity), "unitPrice": Decimal(price), "taxable": taxable}
        return {"kind": kind, "item": item, **values}

    def amount(self, kind: str, amount: str | Decimal) -> Line:
        """A line that is an amount."""
        return {"kind": kind, "amount": Decimal(amount), "taxable": self.chance.random() < 0.3}

    def number(self, most: int, decimals: int) -> Decimal:
        """A random number from one smallest unit to ``most``."""
        return Decimal(self.chance.randint(1, most * 10**decimals)).scaleb(-decimals)

    def some(self, most: int, make: Callable[[], Line]) -> list[Line]:
        """One line to ``most`` of a kind."""
        return [make() for _ in range(self.chance.randint(1, most))]

    def _taxed(self, lines: list[Line]) -> list[Line]:
        """With the tax that ConnectWise computes on the sum of the taxable lines, sometimes of two levels."""
        base = sum((amount_of(line, self.type) for line in lines if line.get("taxable")), Decimal(0))
        tax = cents(base * RATE / 100)
        if tax <= 0:
            return [{**line, "taxable": False} for line in lines]
        if self.chance.random() < 0.25:
            return lines if self.chance.random() < 0.2 else [{**line, "taxable": False} for line in lines]
        county = cents(tax / 5) if self.chance.random() < 0.3 else Decimal(0)
        levels = [tax - county, county] if county else [tax]
        taxes: list[Line] = [
            {"kind": "tax", "amount": part, "level": level} for level, part in enumerate(levels, 1)
        ]
        return [*lines, *taxes]

    def _defective(self, defect: str, lines: list[Line]) -> list[Line]:
        base = self._taxed(lines)
        match defect:
            case "negative":
                total = sum((amount_of(line, self.type) for line in base), Decimal(0))
                return [*base, self.untaxed("discount", max(total, Decimal(0)) + self.number(90, 2))]
            case "empty":
                return []
            case "absent account":
                return [*base, self.untaxed("service", self.number(900, 2)) | {"account": ABSENT_ACCOUNT}]
            case "other tax":
                return [*base, {"kind": "tax", "amount": self.number(3, 2) + Decimal("0.20"), "level": 3}]
            case "tax on nothing":
                plain: list[Line] = [{**line, "taxable": False} for line in lines]
                return [*plain, {"kind": "tax", "amount": self.number(20, 2), "level": 1}]
        return base

    def untaxed(self, kind: str, amount: Decimal) -> Line:
        """A line that is an amount and never taxable."""
        return {"kind": kind, "amount": amount, "taxable": False}


def _ordinary(maker: Maker) -> list[Line]:
    lines = maker.some(5, lambda: maker.product(str(maker.chance.randint(1, 40)), maker.number(2000, 2)))
    kinds = ("service", "agreement", "expense")
    return [*lines, *maker.some(3, lambda: maker.amount(maker.chance.choice(kinds), maker.number(5000, 2)))]


def _below_the_cent(maker: Maker) -> list[Line]:
    places = (3, 4, 5, 6)
    return maker.some(
        6,
        lambda: maker.product(
            str(maker.chance.choice((1, 3, 7, 12, 100, 12345))),
            maker.number(20, maker.chance.choice(places)),
        ),
    )


def _fine_quantities(maker: Maker) -> list[Line]:
    places = (3, 4, 5, 6)
    return maker.some(
        6, lambda: maker.product(maker.number(30, maker.chance.choice(places)), maker.number(300, 3))
    )


def _discounted(maker: Maker) -> list[Line]:
    lines = _ordinary(maker)
    worth = sum((amount_of(line, maker.type) for line in lines), Decimal(0))
    kind = "previousProgress" if maker.type == "Progress" else "discount"
    part = cents(worth * maker.chance.randint(1, 60) / 100)
    return [*lines, maker.amount(kind, part)] if part else lines


def _prepaid(maker: Maker) -> list[Line]:
    if maker.type == "DownPayment":
        return [maker.untaxed("downPayment", maker.number(5000, 2))]
    lines = _ordinary(maker)
    worth = sum((amount_of(line, maker.type) for line in lines), Decimal(0))
    return [*lines, maker.untaxed("downPayment", cents(worth / 3) + CENT)]


def _nothing(maker: Maker) -> list[Line]:
    worth = maker.number(900, 2)
    both = [maker.untaxed("service", worth), maker.untaxed("discount", worth)]
    return maker.chance.choice([both, [maker.product("2", "0")], [maker.untaxed("agreement", Decimal(0))]])


def _smallest(maker: Maker) -> list[Line]:
    return maker.chance.choice(
        [[maker.untaxed("service", CENT)], [maker.product("1", "0.005")], [maker.product("0.001", "9.99")]]
    )


def _largest(maker: Maker) -> list[Line]:
    return maker.chance.choice(
        [
            [maker.untaxed("service", Decimal("9999999.99"))],
            [maker.product("3000000", "0.33333"), maker.product("1", "33.333")],
            [maker.product("999", "9999.9999")],
        ]
    )


CASES: Final[dict[str, Make]] = {
    "ordinary": _ordinary,
    "prices below the cent": _below_the_cent,
    "quantities of 3 to 6 decimals": _fine_quantities,
    "discounts": _discounted,
    "down payments": _prepaid,
    "total of zero": _nothing,
    "smallest amounts": _smallest,
    "largest amounts": _largest,
}
