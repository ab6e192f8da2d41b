"""A tax that is spread over amounts stays the same tax."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.errors import HoldForPerson
from shared.engine.kinds.taxes import spread, taxed_source

CENTS = st.integers(-(10**7), 10**7).map(lambda cents: Decimal(cents).scaleb(-2))


@given(CENTS, st.lists(CENTS, min_size=1, max_size=30))
def test_the_shares_add_up_to_the_tax(tax: Decimal, amounts: list[Decimal]) -> None:
    if not sum(amounts):
        with pytest.raises(HoldForPerson, match="add up to nothing"):
            spread(tax, amounts)
        return
    shares = spread(tax, amounts)
    assert sum(shares) == tax
    assert all(share == share.quantize(Decimal("0.01")) for share in shares)


@given(st.integers(1, 10**6), st.lists(st.integers(1, 10**7), min_size=1, max_size=10))
def test_a_share_is_in_proportion_to_the_cent(tax: int, amounts: list[int]) -> None:
    shares = spread(Decimal(tax).scaleb(-2), [Decimal(amount).scaleb(-2) for amount in amounts])
    base = sum(amounts)
    for share, amount in zip(shares, amounts, strict=True):
        exact = Decimal(tax) * amount / base / 100
        assert abs(share - exact) <= Decimal("0.005") * len(amounts)


@pytest.mark.parametrize("mode", ["as_lines", "business_central", "prices_include_tax"])
def test_the_source_of_others_is_left_alone(mode: str) -> None:
    detail = [{"glTypeId": "RP", "total": Decimal(-10), "taxableFlag": True}, {"glTypeId": "ST", "total": -1}]
    source = {"transaction": {"total": Decimal(11), "detail": detail}}
    before = repr(source)
    result = taxed_source(mode, source)  # type: ignore[arg-type]
    assert repr(source) == before
    assert result["options"] == {"taxMode": mode}
    assert result.get("linesTotal") == (Decimal(10) if mode == "business_central" else None)
    first = result["transaction"]["detail"][0]
    assert first.get("totalWithTax") == (Decimal(-11) if mode == "prices_include_tax" else None)
