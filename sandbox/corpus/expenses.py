"""Made-up expense reports: who paid, in which currency, with which taxes, and what is wrong with them."""

import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final

from sandbox.corpus.documents import ABSENT_CURRENCY, CENT, UNKNOWN_CURRENCY, cents

type Make = Callable[["Spender"], list["Expense"]]

MANNERS: Final = ("purchase_invoice", "journal")
"""How what a member is owed is booked."""
MEMBER, CARD, NO_ACCOUNT, NOBODY = "member", "card", "no account", "nobody"
"""Who paid: the member, the company's card, a way of paying without an account, the member for himself."""
LOCAL: Final = "USD"
FOREIGN: Final = ("EUR", "GBP", "CAD")
DEFECTS: Final = (
    "several currencies",
    "unknown currency",
    "absent currency",
    "no payment account",
    "old",
    "negative",
    "no vendor number",
)
SHARE_OF_DEFECTS: Final = 0.25


@dataclass(frozen=True, slots=True)
class Expense:
    """One expense; the taxes are part of the amount. ``internal`` ones are charged to no company."""

    paid: str
    amount: Decimal
    taxes: tuple[Decimal, ...] = ()
    currency: str = LOCAL
    internal: bool = False
    rejected: bool = False


@dataclass(frozen=True, slots=True)
class Report:
    """The report of a month; ``numbered`` says whether its member has a vendor number from the start."""

    manner: str
    case: str
    expenses: tuple[Expense, ...]
    approved: bool = True
    old: bool = False
    numbered: bool = True


def reports(count: int, seed: int) -> list[Report]:
    """As many reports; the same seed gives the same ones."""
    chance = random.Random(f"expenses {seed}")
    return [Spender(chance).report() for _ in range(count)]


@dataclass(slots=True)
class Spender:
    """Makes one report."""

    chance: random.Random

    def report(self) -> Report:
        """Any report, one in four with a defect for which a part of it must be held."""
        chance = self.chance
        manner, case = chance.choice(MANNERS), chance.choice(tuple(CASES))
        made = Report(manner, case, tuple(CASES[case](self)), approved=case != "not approved")
        return self._spoil(made) if chance.random() < SHARE_OF_DEFECTS else made

    def _spoil(self, made: Report) -> Report:
        """The report with a defect."""
        chance = self.chance
        defect = chance.choice(DEFECTS)
        spoilt = replace(made, case=defect, approved=True)
        match defect:
            case "several currencies":
                paid = chance.choice((MEMBER, CARD))
                two = [self.expense(paid), replace(self.expense(paid), currency=chance.choice(FOREIGN))]
                return replace(spoilt, expenses=(*_local(made.expenses), *two))
            case "unknown currency" | "absent currency":
                currency = UNKNOWN_CURRENCY if defect == "unknown currency" else ABSENT_CURRENCY
                some = [replace(one, currency=currency) for one in made.expenses]
                return replace(spoilt, expenses=tuple(some))
            case "no payment account":
                return replace(spoilt, expenses=(*_local(made.expenses), self.expense(NO_ACCOUNT)))
            case "old":
                return replace(spoilt, old=True)
            case "negative":
                owed = sum((one.amount for one in made.expenses if one.paid == MEMBER), Decimal(0))
                refund = Expense(MEMBER, -abs(owed) - self.money(90), currency=LOCAL)
                return replace(spoilt, expenses=(*_local(made.expenses), refund))
        return replace(
            spoilt, manner="journal", numbered=False, expenses=(*_local(made.expenses), self.expense(MEMBER))
        )

    def money(self, most: int) -> Decimal:
        """A random amount from one cent to ``most``."""
        return Decimal(self.chance.randint(1, most * 100)).scaleb(-2)

    def expense(self, paid: str, most: int = 2000) -> Expense:
        """An expense, two in five with taxes."""
        amount, taxes = self.money(most), []
        if self.chance.random() < 0.4 and amount > 1:
            taxes = [cents(amount * 19 / 119)]
            taxes += [cents(amount / 50)] if self.chance.random() < 0.3 else []
        internal = self.chance.random() < 0.2
        return Expense(paid, amount, tuple(taxes), internal=internal)

    def some(self, most: int, *paid: str) -> list[Expense]:
        """One expense to ``most``, each paid in one of the ways."""
        return [self.expense(self.chance.choice(paid)) for _ in range(self.chance.randint(1, most))]


def _local(some: tuple[Expense, ...]) -> list[Expense]:
    return [replace(one, currency=LOCAL) for one in some]


def _both(spender: Spender) -> list[Expense]:
    return [*spender.some(4, MEMBER), *spender.some(4, CARD)]


def _refunds(spender: Spender) -> list[Expense]:
    some = _both(spender)
    return [*some, *(Expense(one.paid, -cents(one.amount / 3)) for one in some if one.amount > 1)]


def _smallest(spender: Spender) -> list[Expense]:
    return [Expense(MEMBER, CENT), Expense(CARD, CENT)][: spender.chance.randint(1, 2)]


def _largest(spender: Spender) -> list[Expense]:
    return [spender.expense(MEMBER, 9_999_999), spender.expense(CARD, 9_999_999)]


def _foreign(spender: Spender) -> list[Expense]:
    currency = spender.chance.choice(FOREIGN)
    return [replace(one, currency=currency) for one in spender.some(4, MEMBER, MEMBER, CARD)]


def _rejected(spender: Spender) -> list[Expense]:
    return [*_both(spender), *(replace(one, rejected=True) for one in spender.some(2, MEMBER, CARD))]


CASES: Final[dict[str, Make]] = {
    "owed to the member": lambda spender: spender.some(5, MEMBER),
    "paid by card": lambda spender: spender.some(5, CARD),
    "owed and by card": _both,
    "many expenses": lambda spender: [spender.expense(MEMBER) for _ in range(15)],
    "personal besides": lambda spender: [*spender.some(2, NOBODY), *spender.some(3, MEMBER, CARD)],
    "some rejected": _rejected,
    "with refunds": _refunds,
    "smallest expenses": _smallest,
    "largest expenses": _largest,
    "foreign currency": _foreign,
    "not approved": _both,
}
