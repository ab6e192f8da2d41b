"""Every transform: what it gives, on which values, and that it never fails otherwise than with a finding."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.mapping.transforms import TRANSFORMS, Operand, Places, Size, bind
from shared.mapping.values import Unfit, width
from tests.mapping.support import Json, calm, dec

RECORD: Json = {"quantity": 4, "zero": 0}


@pytest.mark.parametrize(
    ("name", "arguments", "value", "result"),
    [
        ("trim", {}, "  a b ", "a b"),
        ("upper", {}, "aé", "AÉ"),
        ("lower", {}, "AB", "ab"),
        ("collapse_spaces", {}, " a \n b\tc ", "a b c"),
        ("strip_invisible", {}, "\ufeffA\u200bc\u200f\x07me\nX", "Acme X"),
        ("ascii_code", {}, "Café  Größe-1/a", ""),
        ("ascii_code", {}, " Café-1/a & b ", "CAFE-1/A - B"),
        ("ascii_code", {}, "測試", ""),
        ("ascii_code", {}, "--", ""),
        ("digits", {}, "+44 (0)20 1", "440201"),
        ("phone", {}, "Tel: +1 (555) 123-4567 ext. 12", "+1 (555) 123-4567"),
        ("phone", {}, "n/a", ""),
        ("truncate", {"length": 3}, "abcdef", "abc"),
        ("truncate", {"length": 3}, "ab😀", "ab"),
        ("empty_if_longer", {"length": 3}, "abcd", ""),
        ("empty_if_longer", {"length": 4}, "abcd", "abcd"),
        ("prefix", {"text": "C"}, "1", "C1"),
        ("prefix", {"text": "C"}, 1, "C1"),
        ("suffix", {"text": "-X"}, "1", "1-X"),
        ("replace", {"find": "a", "with": "b"}, "aXa", "bXb"),
        ("replace", {"find": "", "with": "b"}, "aXa", "aXa"),
        ("pad_left", {"width": 6}, 42, "000042"),
        ("pad_left", {"width": 4, "fill": "*"}, "42", "**42"),
        ("pad_left", {"width": 1}, "42", "42"),
        ("first_line", {}, "\n \n a \nb", "a"),
        ("negate", {}, dec("-1.50"), dec("1.50")),
        ("negate", {}, "3", -3),
        ("negate", {}, dec("0.00"), 0),
        ("absolute", {}, dec("-1.5"), dec("1.5")),
        ("round", {"places": 2}, dec("1.005"), dec("1.01")),
        ("round", {"places": 0}, dec("-2.5"), -3),
        ("multiply", {"by": dec("0.1")}, dec("0.2"), dec("0.02")),
        ("multiply", {"by": "quantity"}, dec("0.25"), 1),
        ("divide", {"by": 4}, 1, dec("0.25")),
        ("divide", {"by": "quantity"}, 1, dec("0.25")),
        ("default_if_zero", {"value": 1}, dec("0.0"), 1),
        ("default_if_zero", {"value": 1}, 5, 5),
        ("date_only", {}, "2026-11-23T23:59:59Z", "2026-11-23"),
        ("add_days", {"days": 8}, "2026-11-23T00:00:00Z", "2026-12-01"),
        ("add_days", {"days": -23}, "2026-11-23", "2026-10-31"),
        ("join", {}, ["a", 1], "a, 1"),
        ("join", {"separator": "/"}, ["a", "b"], "a/b"),
        ("first", {}, ["a", "b"], "a"),
    ],
)
def test_gives(name: str, arguments: Json, value: Json, result: Json) -> None:
    assert bind(name, arguments)(value, RECORD, RECORD) == result


@pytest.mark.parametrize(
    ("name", "arguments", "value"),
    [
        ("trim", {}, True),
        ("trim", {}, ["a"]),
        ("upper", {}, {"a": 1}),
        ("negate", {}, "abc"),
        ("negate", {}, 1.5),
        ("negate", {}, True),
        ("negate", {}, dec("1E+15")),
        ("divide", {"by": 0}, 1),
        ("divide", {"by": "zero"}, 1),
        ("divide", {"by": "missing"}, 1),
        ("multiply", {"by": "missing.deep"}, 1),
        ("date_only", {}, "23/11/2026"),
        ("add_days", {"days": 9999}, "9999-12-31"),
        ("join", {}, "a"),
        ("join", {}, [{"a": 1}]),
        ("first", {}, 5),
    ],
)
def test_refuses(name: str, arguments: Json, value: Json) -> None:
    with pytest.raises(Unfit) as unfit:
        bind(name, arguments)(value, RECORD, RECORD)
    assert unfit.value.what
    assert unfit.value.todo.endswith(".")


def test_every_transform_tells_what_it_does() -> None:
    assert len(TRANSFORMS) == 25
    for transform in TRANSFORMS.values():
        assert transform.help.endswith(".")
        assert set(transform.arguments.values()) <= {Size, Places, Operand, str, int} | {
            argument for name, argument in transform.arguments.items() if name == "value"
        }


values = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.decimals(),
    st.floats(),
    st.text(),
    st.lists(st.text(max_size=3)),
    st.just({"a": 1}),
)
ARGUMENTS: Json = {
    "truncate": {"length": 5},
    "empty_if_longer": {"length": 5},
    "prefix": {"text": "C"},
    "suffix": {"text": "C"},
    "replace": {"find": "a", "with": "b"},
    "pad_left": {"width": 9},
    "round": {"places": 2},
    "multiply": {"by": 3},
    "divide": {"by": 3},
    "default_if_zero": {"value": 3},
    "add_days": {"days": 3},
}


def finding(name: str, value: Json) -> str:
    try:
        bind(name, ARGUMENTS.get(name, {}))(value, {}, {})
    except Unfit as unfit:
        return unfit.what
    return "none"


@calm
@given(st.sampled_from(sorted(TRANSFORMS)), values.filter(lambda value: value not in (None, [])))
def test_gives_a_value_or_a_finding(name: str, value: Json) -> None:
    assert finding(name, value)


@calm
@given(st.text(max_size=40), st.integers(1, 20))
def test_a_cut_text_fits_and_is_a_beginning(text: str, length: int) -> None:
    result = bind("truncate", {"length": length})(text, {}, {})
    assert width(result) <= length
    assert text.startswith(result)
