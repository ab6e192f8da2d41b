"""Money: a Decimal with its currency. Adding two currencies is an error, not a number."""

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Final, Self

CENT: Final = Decimal("0.01")


def cents(value: Decimal | int | str) -> Decimal:
    """The amount rounded half up to two decimals, as both systems round amounts."""
    if isinstance(value, float):
        raise TypeError("money is never a float")
    return Decimal(value).quantize(CENT, rounding=ROUND_HALF_UP)


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in one currency (ISO code; empty is the local currency of the books)."""

    amount: Decimal
    currency: str

    def _same(self, other: "Money") -> None:
        if self.currency != other.currency:
            raise ValueError(f"cannot combine {self.currency or 'local currency'} with {other.currency}")

    def __add__(self, other: "Money") -> Self:
        self._same(other)
        return type(self)(self.amount + other.amount, self.currency)

    def __sub__(self, other: "Money") -> Self:
        self._same(other)
        return type(self)(self.amount - other.amount, self.currency)

    def __str__(self) -> str:
        return f"{self.amount:,.2f} {self.currency}".rstrip()
