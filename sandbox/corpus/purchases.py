"""Made-up purchase orders with what is received of them, round by round: parts, rests, freight, taxes, troubles."""

import random
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from sandbox.corpus.documents import ABSENT_CURRENCY, CURRENCIES, UNKNOWN_CURRENCY

MANNERS: Final = ("accounts_payable", "freight_account", "vendor_bills")
"""Accounts payable enters the bill, with freight as a note or on an account; or each receipt is a bill."""
ROUNDS: Final = 3
ALL, CLONE, CANCEL = "all", "clone", "cancel"
"""How a line is received: in full, or in part while the rest stays expected or is dropped."""
CASES: Final = (
    "received in full",
    "received in parts",
    "the rest is dropped",
    "partly open",
    "nothing received",
    "costs below the cent",
    "with freight",
    "without packing slip",
    "taxed",
    "cancelled",
    "cancelled later",
)
DEFECTS: Final = ("unknown currency", "absent currency", "old", "grown", "no invoice number")
SHARE_OF_DEFECTS: Final = 0.2


@dataclass(frozen=True, slots=True)
class OrderLine:
    """A line: which of the items, how many at which cost, the tax on it."""

    item: int
    quantity: int
    cost: Decimal
    tax: Decimal = Decimal("0.00")


@dataclass(frozen=True, slots=True)
class Receipt:
    """So many of a line are received; ``how`` says what becomes of the rest."""

    line: int
    quantity: int
    how: str


@dataclass(frozen=True, slots=True)
class Round:
    """What is received until the product hears of it, or does not: then it finds it with the next one."""

    receipts: tuple[Receipt, ...]
    slip: str
    heard: bool


@dataclass(frozen=True, slots=True)
class Order:
    """One order. ``cancelled`` is the number of the round in which what is left is. ``grown`` is added to its first line after the first round and received at once."""

    manner: str
    case: str
    currency: str
    lines: tuple[OrderLine, ...]
    rounds: tuple[Round, ...]
    freight: Decimal = Decimal("0.00")
    cancelled: int = 0
    old: bool = False
    grown: int = 0
    numbered: bool = True


def orders(count: int, seed: int, items: int) -> list[Order]:
    """As many orders over so many items; the same seed gives the same ones."""
    chance = random.Random(f"purchases {seed}")
    return [Buyer(chance, items).order() for _ in range(count)]


@dataclass(slots=True)
class Buyer:
    """Makes one order."""

    chance: random.Random
    items: int
    case: str = ""
    left: dict[int, int] = field(default_factory=dict)

    def order(self) -> Order:
        """Any order, one in five with a defect."""
        chance = self.chance
        manner, self.case = chance.choice(MANNERS), chance.choice(CASES)
        defect = chance.choice(DEFECTS) if chance.random() < SHARE_OF_DEFECTS else ""
        self.case = defect or self.case
        manner = "vendor_bills" if defect == "no invoice number" else manner
        lines = [self._line() for _ in range(chance.randint(1, 4))]
        self.left = {at: line.quantity for at, line in enumerate(lines)}
        if defect == "grown":
            first = Receipt(0, max(1, lines[0].quantity // 2), CLONE)
            rounds = [Round((first,), "S1", heard=True)]
        else:
            rounds = [self._round(number) for number in range(1, ROUNDS + 1)]
        currencies = {"unknown currency": UNKNOWN_CURRENCY, "absent currency": ABSENT_CURRENCY}
        with_freight = self.case == "with freight" or (not defect and chance.random() < 0.15)
        return Order(
            manner=manner,
            case=self.case,
            currency=currencies.get(defect) or chance.choice(CURRENCIES),
            lines=tuple(lines),
            rounds=tuple(rounds),
            freight=self._money(200) if with_freight else Decimal("0.00"),
            cancelled={"cancelled": 1, "cancelled later": ROUNDS}.get(self.case, 0),
            old=defect == "old",
            grown=lines[0].quantity + chance.randint(1, 5) if defect == "grown" else 0,
            numbered=defect != "no invoice number",
        )

    def _line(self) -> OrderLine:
        chance = self.chance
        places = chance.randint(3, 5) if self.case == "costs below the cent" else 2
        cost = Decimal(chance.randint(1, 900 * 10**places)).scaleb(-places)
        taxed = self.case == "taxed" or chance.random() < 0.15
        tax = self._money(50) if taxed else Decimal("0.00")
        return OrderLine(chance.randrange(self.items), chance.randint(2, 60), cost, tax)

    def _money(self, most: int) -> Decimal:
        return Decimal(self.chance.randint(1, most * 100)).scaleb(-2)

    def _round(self, number: int) -> Round:
        """What is received this time; in the last round all that is left, unless the case says otherwise."""
        receipts: list[Receipt] = []
        idle = self.case == "cancelled later" and number == ROUNDS
        if self.case not in ("nothing received", "cancelled") and not idle:
            last = number == ROUNDS and self.case != "partly open"
            whole = last or self.case == "received in full"
            open_lines = [at for at, left in self.left.items() if left]
            chosen = [at for at in open_lines if whole or self.chance.random() < 0.5]
            receipts = [self._receipt(at, whole=whole) for at in chosen]
        slip = "" if self.case == "without packing slip" else f"S{number}"
        return Round(tuple(receipts), slip, heard=number == ROUNDS or self.chance.random() < 0.7)

    def _receipt(self, at: int, *, whole: bool) -> Receipt:
        left = self.left[at]
        dropping = self.case == "the rest is dropped" and left > 1
        if (whole and not dropping) or left == 1:
            self.left[at] = 0
            return Receipt(at, left, ALL)
        quantity = self.chance.randint(1, left - 1)
        how = CANCEL if dropping else CLONE
        self.left[at] = 0 if how == CANCEL else left - quantity
        return Receipt(at, quantity, how)
