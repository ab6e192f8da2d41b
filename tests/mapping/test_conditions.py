"""Conditions and the reasons they give."""

import pytest

from shared.mapping import explain
from tests.mapping.support import Json, customer, dec, mapped

RECORD: Json = {
    "name": "Acme",
    "status": {"name": "Active "},
    "deletedFlag": False,
    "types": [{"name": "Client"}, {"name": "Partner"}],
    "limit": dec("12.50"),
    "count": 3,
    "note": "  ",
}


def in_scope(condition: Json, record: Json | None = None) -> bool:
    return mapped(customer(when=condition), RECORD if record is None else record).in_scope


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ({"path": "status.name", "is": "active"}, True),
        ({"path": "status.name", "is": "Inactive"}, False),
        ({"path": "status.name", "not": "Inactive"}, True),
        ({"path": "deletedFlag", "is": False}, True),
        ({"path": "deletedFlag", "not": True}, True),
        ({"path": "missing", "not": True}, True),
        ({"path": "missing", "is": False}, False),
        ({"path": "count", "is": 3}, True),
        ({"path": "limit", "is": dec("12.5")}, True),
        ({"path": "deletedFlag", "is": 0}, False),
        ({"path": "count", "is": True}, False),
        ({"path": "count", "is": "3"}, False),
        ({"path": "status.name", "in": ["Closed", "ACTIVE"]}, True),
        ({"path": "count", "in": [1, 2]}, False),
        ({"path": "types[].name", "any_of": ["client", "Customer"]}, True),
        ({"path": "types[].name", "any_of": ["Vendor"]}, False),
        ({"path": "status.name", "any_of": ["Active"]}, True),
        ({"path": "nothing[].name", "any_of": ["Vendor"]}, False),
        ({"path": "note", "empty": True}, True),
        ({"path": "types", "empty": False}, True),
        ({"path": "deletedFlag", "empty": False}, True),
        ({"path": "name", "starts": "ac"}, True),
        ({"path": "count", "starts": "3"}, False),
        ({"path": "limit", "greater": 12}, True),
        ({"path": "limit", "greater": dec("12.5")}, False),
        ({"path": "limit", "less": dec("12.51")}, True),
        ({"path": "name", "less": 5}, False),
        ({"path": "missing", "less": 5}, False),
        ({"all": [{"path": "count", "greater": 2}, {"path": "count", "less": 4}]}, True),
        ({"all": [{"path": "count", "greater": 2}, {"path": "count", "less": 3}]}, False),
        ({"any": [{"path": "count", "is": 9}, {"path": "count", "is": 3}]}, True),
        ({"any": [{"path": "count", "is": 9}, {"path": "count", "is": 8}]}, False),
        ({"none": [{"path": "count", "is": 9}, {"path": "count", "is": 8}]}, True),
        ({"none": [{"path": "count", "is": 3}]}, False),
        ({"all": [{"any": [{"none": [{"path": "count", "is": 1}]}]}]}, True),
    ],
)
def test_holds(condition: Json, holds: bool) -> None:
    assert in_scope(condition) is holds


def test_numbers_read_inexactly_still_compare_by_what_was_written() -> None:
    assert in_scope({"path": "x", "less": dec("0.2")}, {"name": "A", "x": 0.1})
    assert not in_scope({"path": "x", "greater": 0}, {"name": "A", "x": float("nan")})
    assert not in_scope({"path": "x", "greater": 0}, {"name": "A", "x": dec("NaN")})


@pytest.mark.parametrize(
    ("condition", "why"),
    [
        ({"path": "count", "is": 9}, "count is 3"),
        ({"path": "count", "is": 9, "why": "too few"}, "too few"),
        ({"path": "missing", "is": 9}, "missing is nothing"),
        ({"path": "types[].name", "any_of": ["Vendor"]}, 'types[].name is "Client", "Partner"'),
        (
            {"all": [{"path": "count", "is": 3}, {"path": "name", "is": "B", "why": "another name"}]},
            "another name",
        ),
        (
            {"any": [{"path": "count", "is": 9}, {"path": "name", "is": "B"}]},
            'count is 3, and name is "Acme"',
        ),
        ({"any": [{"path": "count", "is": 9}], "why": "neither"}, "neither"),
        (
            {"none": [{"path": "count", "is": 9}, {"path": "count", "is": 3, "why": "three is out"}]},
            "three is out",
        ),
        ({"none": [{"all": [{"path": "count", "is": 3}]}]}, "count is 3"),
    ],
)
def test_says_why_not(condition: Json, why: str) -> None:
    result = mapped(customer(when=condition), RECORD)
    assert result.why_not == why
    assert not result.ready
    assert (result.create, result.change, result.traces) == ({}, {}, ())
    assert why in explain(result, "displayName")
