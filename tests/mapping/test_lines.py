"""Line blocks: which element becomes which line, never twice, never lost."""

from shared.mapping import Prefetched, Wait, business_central, compile_mapping
from shared.mapping.results import SetReference
from tests.mapping.support import Json, dec, invoice, loaded, mapped

ACCOUNT: Json = [
    {"to": "lineType", "constant": "Account"},
    {"to": "lineObjectNumber", "from": "account", "overflow": "hold"},
    {"to": "unitPrice", "from": "total"},
]
ITEM: Json = [
    {"to": "lineType", "constant": "Item"},
    {"to": "lineObjectNumber", "from": "item.id", "link": {"entity": "item", "give": "number"}},
]
COMMENT: Json = [
    {"to": "lineType", "constant": "Comment"},
    {"to": "description", "from": "^.agreement", "overflow": "cut"},
]


def block(fields: Json, **more: Json) -> Json:
    return {"to": "salesInvoiceLines", "fields": fields, **more}


def test_every_element_is_one_line_and_literal_blocks_are_one_line() -> None:
    document = invoice(
        block(COMMENT, when={"path": "agreement", "empty": False}),
        block(ACCOUNT, each="detail", when={"path": "kind", "is": "R"}),
    )
    source = {
        "agreement": "Gold",
        "detail": [{"kind": "R", "account": "1", "total": 5}, {"kind": "X"}, {"kind": "R", "account": "2"}],
    }
    result = mapped(document, source)
    assert result.create["salesInvoiceLines"] == [
        {"lineType": "Comment", "description": "Gold"},
        {"lineType": "Account", "lineObjectNumber": "1", "unitPrice": 5},
        {"lineType": "Account", "lineObjectNumber": "2"},
    ]
    assert "salesInvoiceLines" not in result.change
    assert mapped(document, {}).create == {}


def test_an_element_is_taken_once_by_the_first_block_that_fits() -> None:
    document = invoice(
        block(ITEM, each="d", when={"path": "item.id", "empty": False}), block(ACCOUNT, each="d")
    )
    context = Prefetched()
    context.add_link("item", 3, {"number": "I3"})
    result = mapped(document, {"d": [{"item": {"id": 3}, "account": "1"}, {"account": "2"}]}, context)
    assert [line["lineObjectNumber"] for line in result.create["salesInvoiceLines"]] == ["I3", "2"]


def test_a_block_with_also_adds_lines_beside() -> None:
    text = [
        {"to": "lineType", "constant": "Comment"},
        {"to": "description", "from": "memo", "overflow": "cut"},
    ]
    document = invoice(
        block(ACCOUNT, each="d"), block(text, each="d", also=True, when={"path": "memo", "empty": False})
    )
    result = mapped(document, {"d": [{"account": "1", "memo": "M"}]})
    assert [line["lineType"] for line in result.create["salesInvoiceLines"]] == ["Account", "Comment"]


def test_an_element_nobody_takes_holds_the_document() -> None:
    document = invoice(
        block(ACCOUNT, each="d", when={"path": "kind", "is": "R"}, otherwise="hold"),
        block(ACCOUNT, each="d", when={"path": "kind", "is": "S"}),
    )
    result = mapped(document, {"d": [{"kind": "S", "account": "1"}, {"kind": "Z", "account": "1"}]})
    (finding,) = result.holds
    assert (finding.kind, finding.where) == ("line_left_over", "d[1]")
    assert 'kind "Z"' in finding.what
    assert not result.ready


def test_what_is_no_list_of_objects_is_held_once() -> None:
    document = invoice(block(ACCOUNT, each="d"), block(ACCOUNT, each="d", otherwise="hold"))
    result = mapped(document, {"d": ["x", 1]})
    assert [finding.kind for finding in result.holds] == ["not_a_list"]
    assert mapped(document, {"d": {"account": "1"}}).create["salesInvoiceLines"] == [
        {"lineType": "Account", "lineObjectNumber": "1"}
    ]


def test_lines_of_several_lists_share_one_array_and_traces_are_numbered() -> None:
    document = invoice(block(ACCOUNT, each="a"), block(ACCOUNT, each="b.c"))
    result = mapped(document, {"a": [{"account": "1"}], "b": {"c": [{"account": "2"}]}})
    places = {trace.target: trace.rule for trace in result.traces}
    assert places["salesInvoiceLines[1].lineObjectNumber"] == "lines[1].fields[1]"


def test_references_name_everything_to_fetch_once() -> None:
    header = [
        {"to": "customerNumber", "from": "company.id", "link": {"entity": "customer", "give": "number"}},
        {
            "to": "paymentTermsId",
            "from": "terms",
            "resolve": {"set": "paymentTerms", "by": "code", "give": "id"},
        },
        {"to": "currencyId", "from": "nothing", "resolve": {"set": "currencies", "by": "code", "give": "id"}},
        {
            "to": "shipmentMethodId",
            "from": "flag",
            "resolve": {"set": "shipmentMethods", "by": "code", "give": "id"},
        },
    ]
    document = invoice(
        block(ITEM, each="d", when={"path": "skip", "not": True}),
        fields=header,
        when={"path": "out", "not": True},
    )
    compiled = compile_mapping(loaded(document), business_central())
    source = {
        "company": {"id": 1},
        "terms": " 30 DAYS",
        "flag": True,
        "d": [
            {"item": {"id": 3}},
            {"item": {"id": 3}},
            {"item": {"id": 4}},
            {"item": {"id": 5}, "skip": True},
        ],
    }
    found = compiled.references(source)
    assert found.links == (Wait("customer", "1"), Wait("item", "3"), Wait("item", "4"))
    assert found.records == (SetReference("paymentTerms", "code", " 30 DAYS"),)
    assert found.sets == {"paymentTerms"}
    assert compiled.references({**source, "out": True}).links == ()
    assert compiled.apply(source, Prefetched()).waits == found.links


def test_what_is_left_out_on_purpose_gives_no_line_and_no_hold() -> None:
    tax = {"path": "kind", "is": "ST"}
    left_out = {"to": "salesInvoiceLines", "each": "d", "when": tax, "leave_out": True}
    document = invoice(
        left_out,
        block(ITEM, each="d", when={"path": "kind", "is": "RP"}, otherwise="hold"),
    )
    source = {"d": [{"kind": "ST", "item": {"id": 9}}, {"kind": "RP", "item": {"id": 3}}]}
    compiled = compile_mapping(loaded(document), business_central())
    assert compiled.references(source).links == (Wait("item", "3"),)
    assert mapped(document, {"d": [{"kind": "ST"}]}).holds == ()
    assert mapped(document, {"d": [{"kind": "ST"}]}).create.get("salesInvoiceLines", []) == []
    assert [one.kind for one in mapped(document, {"d": [{"kind": "X"}]}).holds] == ["line_left_over"]


def test_balance_holds_what_does_not_add_up() -> None:
    fields = [*ACCOUNT[:2], {"to": "quantity", "constant": 1}, ACCOUNT[2]]
    document = invoice(
        block(COMMENT),
        block(fields, each="d"),
        balance={
            "to": "salesInvoiceLines",
            "quantity": "quantity",
            "price": "unitPrice",
            "total": {"from": "total"},
        },
    )
    lines = [{"account": "1", "total": dec("10.01")}, {"account": "1", "total": dec("0.99")}]
    assert mapped(document, {"d": lines, "total": 11}).ready
    (finding,) = mapped(document, {"d": lines, "total": dec("11.01")}).holds
    assert finding.kind == "unbalanced"
    assert "the lines add up to 11.00, the document says 11.01" in finding.what
    assert mapped(document, {"d": lines}).holds[0].kind == "required_empty"
    assert mapped(document, {"d": lines, "total": dec("11.005")}).holds[0].kind == "fraction_of_cent"
    assert mapped(document, {"d": [], "total": 0}).ready
