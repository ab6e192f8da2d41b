"""Exact lines: whatever price and quantity, the line amounts to its total to the cent."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.mapping import business_central, compile_mapping, explain
from shared.mapping.exact import line_amount
from shared.mapping.results import Mapped, Prefetched
from tests.mapping.support import Json, calm, dec, invoice, loaded, mapped

DOCUMENT: Json = invoice(
    {
        "to": "salesInvoiceLines",
        "each": "d",
        "fields": [
            {"to": "description", "from": "text", "overflow": "cut"},
            {"to": "quantity", "from": "quantity"},
            {
                "to": "unitPrice",
                "exact": {"quantity": "quantity", "description": "description", "total": {"from": "total"}},
            },
        ],
    },
    balance={
        "to": "salesInvoiceLines",
        "quantity": "quantity",
        "price": "unitPrice",
        "total": {"from": "total"},
    },
)
COMPILED = compile_mapping(loaded(DOCUMENT), business_central())


def apply(lines: Json, total: Json) -> Mapped:
    return COMPILED.apply({"d": lines, "total": total}, Prefetched())


def line(quantity: Json, total: Json, text: str = "Widget") -> Json:
    return apply([{"quantity": quantity, "total": total, "text": text}], total).create["salesInvoiceLines"][0]


@pytest.mark.parametrize(
    ("quantity", "total", "expected"),
    [
        (3, "10.00", ("Widget", "3", "3.33333")),
        (100, "524.56", ("Widget", "100", "5.2456")),
        (-2, "-9.00", ("Widget", "-2", "4.50")),
        (2, "0.00", ("Widget", "2", "0.00")),
        (3_000_000, "10.00", ("3000000 x Widget", "1", "10.00")),
        (0, "5.00", ("0 x Widget", "1", "5.00")),
        (0, "0", ("0 x Widget", "1", "0.00")),
        (None, "5.00", ("Widget", "1", "5.00")),
        ("0.000001", "5.00", ("0.000001 x Widget", "1", "5.00")),
        ("1.2345678", "5.00", ("Widget", "1.23457", "4.05")),
        ("0.00001", "999999999999999.99", ("0.00001 x Widget", "1", "999999999999999.99")),
    ],
)
def test_lines(quantity: Json, total: str, expected: tuple[str, str, str]) -> None:
    given_quantity = dec(quantity) if isinstance(quantity, str) else quantity
    result = line(given_quantity, dec(total))
    assert result["quantity"] == dec(expected[1])
    assert line_amount(result["quantity"], result["unitPrice"], 2) == dec(total)
    assert result["description"] == expected[0]
    if quantity != "1.2345678":
        assert result["unitPrice"] == dec(expected[2])


def test_the_real_quantity_stays_readable_within_the_length() -> None:
    result = apply([{"quantity": 3_000_000, "total": 10, "text": "x" * 100}], 10)
    text = result.create["salesInvoiceLines"][0]["description"]
    assert text.startswith("3000000 x xxx")
    assert len(text) == 100
    assert result.warnings[0].kind == "cut"
    assert "3000000 x" in line(3_000_000, 10, "")["description"]


def test_it_explains_itself() -> None:
    result = apply([{"quantity": 3_000_000, "total": 10, "text": "Widget"}], 10)
    assert "no price gives 10 exactly, so one piece" in explain(result, "salesInvoiceLines[0].unitPrice")
    assert "from quantity 3000000" in explain(result, "salesInvoiceLines[0].quantity")
    assert "with the real quantity" in explain(result, "salesInvoiceLines[0].description")


@pytest.mark.parametrize(
    ("total", "kind"),
    [(None, "required_empty"), (dec("1.001"), "fraction_of_cent"), (1.5, "not_exact"), ("x", "not_a_number")],
)
def test_holds_a_total_that_cannot_be_exact(total: Json, kind: str) -> None:
    result = apply([{"quantity": 1, "total": total, "text": "W"}], 1)
    assert [finding.kind for finding in result.holds] == [kind]
    assert result.holds[0].where == "salesInvoiceLines[0].unitPrice"


cents = st.integers(-(10**16), 10**16).map(lambda number: Decimal(number).scaleb(-2))
quantities = st.one_of(
    st.none(),
    st.integers(-(10**9), 10**9),
    st.decimals(-(10**6), 10**6, places=5),
    st.decimals(-(10**6), 10**6, allow_nan=False, allow_infinity=False),
)


@calm
@given(st.lists(st.tuples(quantities, cents), max_size=6))
def test_the_sum_always_equals_the_total(pairs: list[tuple[Json, Decimal]]) -> None:
    lines = [{"quantity": quantity, "total": total, "text": "W"} for quantity, total in pairs]
    total = sum((total for _, total in pairs), Decimal(0))
    result = apply(lines, total)
    assert result.ready, result.holds
    sent = result.create.get("salesInvoiceLines", [])
    assert [line_amount(one["quantity"], one["unitPrice"], 2) for one in sent] == [
        total for _, total in pairs
    ]
    for one in sent:
        assert one["unitPrice"] == round(one["unitPrice"], 5)
        assert one["quantity"] == round(one["quantity"], 5)


def test_other_currencies_may_have_other_decimals() -> None:
    document = invoice(
        {
            "to": "salesInvoiceLines",
            "each": "d",
            "fields": [
                {"to": "description", "constant": "W"},
                {"to": "quantity", "from": "quantity"},
                {
                    "to": "unitPrice",
                    "exact": {
                        "quantity": "quantity",
                        "description": "description",
                        "total": {"from": "total"},
                        "decimals": 0,
                    },
                },
            ],
        }
    )
    source = {"d": [{"quantity": 3, "total": 100}]}
    assert mapped(document, source).create["salesInvoiceLines"][0]["unitPrice"] == dec("33.33333")
    assert (
        mapped(document, {"d": [{"quantity": 3, "total": dec("100.5")}]}).holds[0].kind == "fraction_of_cent"
    )
