"""Hostile documents and records do no harm: refused with a reason, or mapped to a finding."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from shared.mapping import (
    STANDARD,
    MappingDocument,
    MappingError,
    Prefetched,
    business_central,
    compile_mapping,
    explain,
    load,
    standard_mapping,
)
from tests.mapping.support import Json, calm, customer, loaded, mapped, one


def test_python_is_out_of_reach() -> None:
    for path in ("__class__", "name.__class__.__mro__", "$", "name.__init__.__globals__", "keys", "items"):
        result = one({"to": "city", "from": path, "overflow": "hold"}, {})
        assert "city" not in result.create
    result = one({"to": "city", "template": "{name.__class__}", "overflow": "hold"}, {})
    assert result.create == {"displayName": "Acme"}


@pytest.mark.parametrize(
    "template", ["{name!r}", "{name:>999999999}", "{0}", "{}", "{name[0]}", "{name", "name}", "{ {name}}"]
)
def test_templates_know_no_formatting(template: str) -> None:
    with pytest.raises(MappingError, match=r"fields\[0\] city"):
        loaded(customer({"to": "city", "template": template, "overflow": "hold"}))


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        '{"a":' * 100_000,
        '{"when": ' + '{"all": [' * 5000 + "]}" * 5000 + "}",
        "",
        "null",
        "[]",
        "1e999999999",
        '"x"',
        " " * 1_000_001,
    ],
)
def test_texts_that_are_no_document(text: str) -> None:
    with pytest.raises(MappingError):
        load(text)


def nested(depth: int) -> Json:
    condition: Json = {"path": "name", "is": "Acme"}
    for _ in range(depth):
        condition = {"all": [condition]}
    return customer(when=condition)


def test_deeply_nested_conditions() -> None:
    assert mapped(nested(15), {"name": "Acme"}).in_scope
    for depth in (50, 200, 400, 900):
        with pytest.raises(MappingError, match="nested too deeply"):
            loaded(nested(depth))


def test_the_model_alone_refuses_what_the_loader_refuses() -> None:
    with pytest.raises(ValidationError):
        MappingDocument.model_validate_json("[" * 10_000)


def test_deeply_nested_records() -> None:
    deep: Json = "x"
    for _ in range(50_000):
        deep = {"name": deep}
    result = mapped(customer({"to": "city", "from": "name.name", "overflow": "hold"}), {"name": deep})
    assert {finding.kind for finding in result.holds} == {"not_text"}


def test_long_texts_are_cut_in_messages() -> None:
    result = one({"to": "city", "from": "a", "overflow": "hold"}, {"a": "x" * 1_000_000})
    assert len(str(result.holds[0])) < 400


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.decimals() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["id", "name", "detail", "total", "company", "item", "glTypeId"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=6,
)
KEYS = sorted(
    {
        path.split(".")[0].split("[")[0]
        for entity in STANDARD
        for rule in standard_mapping(entity).fields
        for path in rule.from_ or ()
    }
    | {"types", "transaction", "invoice", "id"}
)
COMPILED = {entity: compile_mapping(standard_mapping(entity), business_central()) for entity in STANDARD}


@settings(calm, max_examples=200)
@given(st.sampled_from(STANDARD), st.dictionaries(st.sampled_from(KEYS), json_values, max_size=6))
def test_any_record_is_mapped_or_held(entity: str, record: Json) -> None:
    if entity in ("customer", "vendor"):
        record = {**record, "deletedFlag": False, "isVendorFlag": True, "types": [{"name": "Client"}]}
    if entity == "sales_invoice":
        record = {"invoice": record, "transaction": record}
    compiled = COMPILED[entity]
    compiled.references(record)
    result = compiled.apply(record, Prefetched())
    for trace in result.traces:
        assert explain(result, trace.target)
    for finding in (*result.holds, *result.warnings):
        assert finding.what
        assert finding.todo
