"""Paths: what they read, what they refuse, and that they never fail on a record."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.mapping.paths import compile_path, parse_path
from tests.mapping.support import Json, calm

RECORD: Json = {
    "id": 7,
    "company": {"id": 12, "name": "Acme", "site": {"name": "Main"}},
    "types": [{"id": 1, "name": "Client"}, {"id": 2}, {"id": 3, "name": "Vendor"}],
    "groups": [{"tags": ["a", "b"]}, {"tags": ["c"]}, {"tags": None}],
    "customFields": [
        {"caption": "Region", "value": "North"},
        {"caption": "Sales Area", "value": 4},
        {"id": 9, "value": 5},
    ],
}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("id", 7),
        ("company.name", "Acme"),
        ("company.site.name", "Main"),
        ("company.nothing.name", None),
        ("id.name", None),
        ("types.name", None),
        ("types[].name", ["Client", "Vendor"]),
        ("types[]", RECORD["types"]),
        ("groups[].tags[]", ["a", "b", "c"]),
        ("nothing[].name", []),
        ("company[].name", []),
        ("customFields[caption=Region].value", "North"),
        ("customFields[caption=sales  area].value", 4),
        ("customFields[id=9].value", 5),
        ("customFields[caption=None].value", None),
        ("company[name=Acme].id", None),
        ("$", RECORD),
        ("__class__.__mro__", None),
        ("company.__class__", None),
        ("company.keys", None),
    ],
)
def test_reads(path: str, value: Json) -> None:
    assert compile_path(parse_path(path))(RECORD, RECORD) == value


def test_starts_at_the_record_again_from_a_line() -> None:
    line = {"id": 1}
    assert compile_path(parse_path("^.company.id"))(line, RECORD) == 12
    assert compile_path(parse_path("^"))(line, RECORD) is RECORD
    assert compile_path(parse_path("id"))(line, RECORD) == 1


@pytest.mark.parametrize(
    "path",
    [
        "",
        ".",
        "a.",
        ".a",
        "a..b",
        "a b",
        "a[",
        "a[]b",
        "a[0]",
        "a[x]",
        "a[x=]",
        "a[x=y",
        "$.a",
        "^a",
        "^.",
        "a.^",
        "1a",
        "a()",
        "a" * 201,
    ],
)
def test_refuses(path: str) -> None:
    with pytest.raises(ValueError, match="path"):
        parse_path(path)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.floats(),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["a", "b", "c"]), inner, max_size=3)
    ),
    max_leaves=12,
)
paths = st.lists(
    st.sampled_from(["a", "b", "c", "a[]", "b[]", "c[a=x]", "a[b=1]"]), min_size=1, max_size=5
).map(".".join)


@calm
@given(json_values, paths)
def test_never_fails_on_a_record(record: Json, path: str) -> None:
    parsed = parse_path(path)
    value = compile_path(parsed)(record, record)
    assert isinstance(value, list) or not parsed.is_list


@calm
@given(st.lists(st.sampled_from(["a", "b", "_info", "x-1"]), min_size=1, max_size=6), st.integers())
def test_finds_what_was_put_there(names: list[str], leaf: int) -> None:
    record: Json = leaf
    for name in reversed(names):
        record = {name: record}
    assert compile_path(parse_path(".".join(names)))(record, record) == leaf


def reason(text: str) -> str:
    try:
        parse_path(text)
    except ValueError as error:
        return str(error)
    return ""


@calm
@given(st.text(max_size=30))
def test_any_text_is_read_or_refused_with_a_reason(text: str) -> None:
    assert not reason(text) or "path" in reason(text)
