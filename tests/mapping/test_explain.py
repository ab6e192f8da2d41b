"""One sentence for every field."""

import pytest

from shared.mapping import Prefetched, explain
from tests.mapping.support import Json, customer, mapped

DOCUMENT: Json = customer(
    {
        "to": "number",
        "first": [
            {"from": "account"},
            {"from": "id", "transforms": [{"name": "pad_left", "width": 6}, {"name": "prefix", "text": "C"}]},
        ],
        "overflow": "hold",
        "mode": "create",
    },
    {"to": "type", "constant": "Company"},
    {"to": "city", "from": "city", "overflow": "cut"},
    {"to": "state", "from": "state", "overflow": "hold", "empty": "clear"},
    {"to": "country", "from": "country", "overflow": "hold", "empty": {"use": "GB"}},
    {"to": "website", "template": "www.{name}", "overflow": "hold"},
    {"to": "email", "from": ["mail", "mail2"], "overflow": "hold"},
    {"to": "currencyCode", "from": "currency.name", "lookup": "currencies"},
    {"to": "paymentTermsId", "from": "terms", "resolve": {"set": "paymentTerms", "by": "code", "give": "id"}},
    {"to": "creditLimit", "from": "limit", "type": "money"},
    {
        "to": "addressLine1",
        "cases": [{"when": {"path": "id", "is": 1}, "from": "name"}],
        "otherwise": {"constant": "-"},
        "overflow": "hold",
    },
    lookups={"currencies": {"title": "Currencies", "rows": {"Euro": "EUR"}}},
)
SOURCE: Json = {
    "name": "Acme",
    "id": 42,
    "city": "x" * 31,
    "currency": {"name": "Euro"},
    "terms": "NO",
    "limit": 1.5,
}


@pytest.mark.parametrize(
    ("field", "sentence"),
    [
        ("currencyCode", 'currencyCode is "EUR": from currency.name "Euro", looked up in currencies'),
        ("number", 'number is "C000042": from id 42, choice 2 of 2, pad_left -> "000042", prefix'),
        ("type", 'type is "Company": fixed value'),
        ("city", f'city is "{"x" * 30}": from city "{"x" * 31}", cut to 30 characters'),
        ("state", "state is cleared: state is empty"),
        ("country", 'country is "GB": country is empty, so the fixed value'),
        ("website", 'website is "www.Acme": from template "www.{name}"'),
        ("email", "email is left out: mail or mail2 is empty"),
        (
            "paymentTermsId",
            'paymentTermsId is held: from terms: "NO" is not in the target list paymentTerms (by code)',
        ),
        (
            "creditLimit",
            "creditLimit is held: from limit: the number was read as a binary fraction, which is not exact",
        ),
        ("addressLine1", 'addressLine1 is "-": fixed value, no case, otherwise'),
        ("displayNam", "no rule fills displayNam, did you mean 'displayName'?"),
    ],
)
def test_sentences(field: str, sentence: str) -> None:
    assert explain(mapped(DOCUMENT, SOURCE), field) == sentence


def test_every_rule_leaves_exactly_one_trace() -> None:
    result = mapped(DOCUMENT, SOURCE, Prefetched())
    assert [trace.target for trace in result.traces] == [rule["to"] for rule in DOCUMENT["fields"]]
    for trace in result.traces:
        assert (trace.target in result.create) == (trace.outcome in ("sent", "cleared"))
        assert result.create.get(trace.target) == trace.result
