"""Differences and fingerprints go by meaning."""

from copy import deepcopy
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.mapping import FieldChange, diff, fingerprint
from tests.mapping.support import Json, calm, dec

numbers = st.integers(-(10**20), 10**20) | st.decimals(allow_nan=False, allow_infinity=False)
json_values = st.recursive(
    st.none() | st.booleans() | numbers | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=10,
)
payloads = st.dictionaries(st.text(max_size=4), json_values, max_size=4)


@pytest.mark.parametrize(
    ("before", "after", "changes"),
    [
        ({"a": dec("1.50")}, {"a": dec("1.5")}, []),
        ({"a": 1}, {"a": dec("1.00")}, []),
        ({"a": dec("-0.0")}, {"a": 0}, []),
        ({"a": dec("1E+2")}, {"a": 100}, []),
        ({"a": None}, {}, []),
        ({"a": "x"}, {"a": "x "}, [("a", "x", "x ")]),
        ({"a": "x"}, {"a": "X"}, [("a", "x", "X")]),
        ({"a": True}, {"a": 1}, [("a", True, 1)]),
        ({"a": "1"}, {"a": 1}, [("a", "1", 1)]),
        ({}, {"a": 0}, [("a", None, 0)]),
        ({"a": 1}, {}, [("a", 1, None)]),
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": 1, "c": 3}}, [("a.c", 2, 3)]),
        ({"l": [{"p": 1}, {"p": 2}]}, {"l": [{"p": 1}, {"p": 3}]}, [("l[1].p", 2, 3)]),
        ({"l": [1]}, {"l": [1, 2]}, [("l[1]", None, 2)]),
        ({"l": [1, 2]}, {"l": [2, 1]}, [("l[0]", 1, 2), ("l[1]", 2, 1)]),
        ({"b": 1, "a": 1}, {"a": 2, "b": 2}, [("a", 1, 2), ("b", 1, 2)]),
    ],
)
def test_diff(before: Json, after: Json, changes: list[tuple[str, Json, Json]]) -> None:
    assert diff(before, after) == tuple(FieldChange(*change) for change in changes)


def test_diff_can_be_restricted_to_the_mapped_fields() -> None:
    record = {"city": "Paris", "balanceDue": 5, "number": "C1"}
    assert diff(record, {"city": "Rome"}, fields={"city"}) == (FieldChange("city", "Paris", "Rome"),)


@calm
@given(payloads)
def test_a_payload_equals_itself(payload: Json) -> None:
    assert diff(payload, deepcopy(payload)) == ()
    assert fingerprint(payload) == fingerprint(dict(reversed(payload.items())))


@calm
@given(payloads, payloads)
def test_no_difference_exactly_when_fingerprints_agree(before: Json, after: Json) -> None:
    assert (diff(before, after) == ()) == (fingerprint(before) == fingerprint(after))
    assert len(diff(before, after)) == len(diff(after, before))


@calm
@given(st.decimals(allow_nan=False, allow_infinity=False), st.integers(0, 5))
def test_zeros_at_the_end_of_a_number_mean_nothing(number: Decimal, zeros: int) -> None:
    sign, digits, exponent = number.as_tuple()
    assert isinstance(exponent, int)
    longer = Decimal((sign, digits + (0,) * zeros, exponent - zeros))
    assert fingerprint({"a": number}) == fingerprint({"a": longer})
    assert diff({"a": number}, {"a": longer}) == ()


@calm
@given(numbers, numbers)
def test_numbers_are_equal_exactly_when_their_fingerprints_are(one: Json, other: Json) -> None:
    assert (Decimal(one) == Decimal(other)) == (fingerprint({"a": one}) == fingerprint({"a": other}))


@pytest.mark.parametrize("value", [1.5, float("nan"), dec("NaN"), dec("Infinity"), object(), b"x", {1}])
def test_inexact_values_are_refused(value: Json) -> None:
    with pytest.raises(TypeError, match="no exact JSON form"):
        fingerprint({"a": value})
    with pytest.raises(TypeError, match="no exact JSON form"):
        diff({"a": value}, {"a": 1})


def test_the_fingerprint_never_changes_between_releases() -> None:
    payload = {"name": "Größe", "price": dec("1.50"), "flag": True, "lines": [{"q": 1}], "none": None}
    assert fingerprint(payload) == "a2f9f5bd0a1100fac86160f4fbdd3fed7b5f709fdae615be7984ab07164a54b2"
