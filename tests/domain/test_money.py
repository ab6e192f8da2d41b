"""Money is exact and knows its currency."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.money import CENT, Money, cents

AMOUNTS = st.decimals(min_value=-(10**12), max_value=10**12, places=2)
FINE = st.decimals(min_value=-(10**9), max_value=10**9, places=6)


@given(FINE)
def test_cents_round_half_away_from_zero_to_the_nearest(value: Decimal) -> None:
    rounded = cents(value)
    assert rounded.as_tuple().exponent == -2
    assert abs(rounded - value) <= CENT / 2
    if abs(rounded - value) == CENT / 2:
        assert abs(rounded) > abs(value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [("0.005", "0.01"), ("-0.005", "-0.01"), ("2.675", "2.68"), ("1.004999", "1.00"), (7, "7.00")],
)
def test_cents_of(value: str | int, expected: str) -> None:
    assert cents(value) == Decimal(expected)


@pytest.mark.parametrize("value", [0.1, 2.0, float("nan")])
def test_a_float_is_never_money(value: Any) -> None:
    with pytest.raises(TypeError):
        cents(value)


@given(AMOUNTS, AMOUNTS)
def test_adding_and_taking_away_is_exact(first: Decimal, second: Decimal) -> None:
    total = Money(first, "EUR") + Money(second, "EUR")
    assert total - Money(second, "EUR") == Money(first, "EUR")


@pytest.mark.parametrize("others", [("EUR", "USD"), ("", "USD"), ("USD", "")])
def test_two_currencies_are_never_combined(others: tuple[str, str]) -> None:
    first, second = (Money(Decimal(1), currency) for currency in others)
    with pytest.raises(ValueError, match="cannot combine"):
        first + second
    with pytest.raises(ValueError, match="cannot combine"):
        first - second


def test_money_is_shown_with_its_currency() -> None:
    assert str(Money(Decimal("1234567.5"), "USD")) == "1,234,567.50 USD"
    assert str(Money(Decimal("-0.5"), "")) == "-0.50"
