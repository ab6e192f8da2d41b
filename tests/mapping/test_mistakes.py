"""Mistakes people make in a mapping document: each is found before any record is mapped, at the right place."""

from collections.abc import Callable
from copy import deepcopy

import pytest
import simplejson

from shared.mapping import MappingError, business_central, check, compile_mapping, load, standard_mapping
from shared.mapping.standard import STANDARD
from tests.mapping.support import Json, customer, invoice

GOOD: Json = customer(
    {"to": "number", "from": "accountNumber", "overflow": "hold", "mode": "create"},
    {"to": "displayName", "from": "name", "overflow": "cut_with_warning"},
    {"to": "currencyCode", "from": "currency.name", "lookup": "currencies"},
    {"to": "paymentTermsId", "from": "terms", "resolve": {"set": "paymentTerms", "by": "code", "give": "id"}},
    {"to": "creditLimit", "from": "limit", "type": "money"},
    {"to": "type", "constant": "Company"},
    {"to": "city", "from": "city", "overflow": "cut"},
    lookups={"currencies": {"title": "Currencies", "rows": {"Euro": "EUR"}}},
    when={"all": [{"path": "deletedFlag", "not": True}]},
)
LINE: Json = {
    "to": "salesInvoiceLines",
    "each": "detail",
    "fields": [
        {"to": "lineType", "constant": "Item"},
        {"to": "lineObjectNumber", "from": "item.id", "link": {"entity": "item", "give": "number"}},
        {"to": "description", "from": "text", "overflow": "cut"},
        {"to": "quantity", "from": "quantity"},
        {
            "to": "unitPrice",
            "exact": {"quantity": "quantity", "description": "description", "total": {"from": "total"}},
        },
    ],
}
BALANCE: Json = {
    "to": "salesInvoiceLines",
    "quantity": "quantity",
    "price": "unitPrice",
    "total": {"from": "total"},
}


def found(text: str) -> list[str]:
    try:
        return [str(problem) for problem in check(load(text), business_central())]
    except MappingError as error:
        return [str(problem) for problem in error.problems]


def field(index: int, **changes: Json) -> Callable[[Json], Json]:
    return lambda document: document["fields"][index].update(changes)


def replaced(index: int, rule: Json) -> Callable[[Json], Json]:
    return lambda document: document["fields"].__setitem__(index, rule)


def top(**changes: Json) -> Callable[[Json], Json]:
    return lambda document: document.update(changes)


def line_field(index: int, **changes: Json) -> Callable[[Json], Json]:
    return lambda document: document["lines"][0]["fields"][index].update(changes)


def line(**changes: Json) -> Callable[[Json], Json]:
    return lambda document: document["lines"][0].update(changes)


HEADER_MISTAKES: list[tuple[Callable[[Json], Json], str]] = [
    # words and values
    (field(1, transforms=["uper"]), "fields[1] displayName, transforms[0]: unknown transform 'uper', did you mean 'upper'?"),
    (field(1, overlow="cut"), "fields[1] displayName: unknown word 'overlow', did you mean 'overflow'?"),
    (field(1, overflow="cutt"), "fields[1] displayName, overflow: 'cutt' is not one of hold, cut, cut_with_warning, did you mean 'cut'?"),
    (field(0, mode="creat"), "fields[0] number, mode: 'creat' is not one of always, create, did you mean 'create'?"),
    (field(4, type="mony"), "fields[4] creditLimit, type: 'mony' is not one of text, money, decimal, integer, boolean, date, did you mean 'money'?"),
    (field(6, empty="blank"), "fields[6] city, empty: 'blank' is not one of omit, clear, hold"),
    (field(6, max="30"), "fields[6] city, max: a whole number is needed"),
    (field(6, max=0), "fields[6] city, max: at least 1 is needed"),
    (replaced(6, {"from": "city"}), "fields[6]: 'to' is missing"),
    (replaced(6, "city"), "fields[6]: a group of words in braces is needed"),
    (replaced(6, {"to": "city"}), "fields[6] city: exactly one of from, constant, template, first, cases, exact is needed"),
    (field(5, **{"from": "x"}), "fields[5] type: exactly one of from, constant, template, first, cases, exact is needed"),
    (replaced(5, {"to": "type", "constant": None}), "fields[5] type: 'constant' is null; leave the word out instead"),
    (replaced(5, {"to": "type", "constant": ["Company"]}), "fields[5] type, constant: a text, a number, true or false is needed"),
    (field(1, **{"from": []}), "fields[1] displayName, from: at least one is needed"),
    (field(1, otherwise={"constant": "x"}), "fields[1] displayName: otherwise belongs to cases"),
    (field(1, transforms="trim"), "fields[1] displayName, transforms: a list is needed"),
    (field(1, transforms=[{"name": "truncate"}]), "fields[1] displayName, transforms[0]: transform 'truncate' needs 'length'"),
    (field(1, transforms=[{"name": "truncate", "lenght": 3}]), "fields[1] displayName, transforms[0]: transform 'truncate' has no 'lenght', did you mean 'length'?"),
    (field(1, transforms=[{"name": "truncate", "length": "3"}]), "fields[1] displayName, transforms[0]: transform 'truncate' needs a whole number from 1 to 10000 as 'length'"),
    (field(4, transforms=[{"name": "round", "places": 11}]), "fields[4] creditLimit, transforms[0]: transform 'round' needs a whole number from 0 to 10 as 'places'"),
    (field(4, transforms=[{"name": "divide", "by": "a..b"}]), "fields[4] creditLimit, transforms[0]: transform 'divide' needs a number or a path (the path 'a..b' cannot be read from character 3 on) as 'by'"),
    (top(fields=[]), "fields: at least one is needed"),
    (top(entity="Customer"), "entity: 'Customer' is not a name in small letters"),
    (top(version="one"), "version: a whole number is needed"),
    (lambda document: document.pop("title"), "document: 'title' is missing"),
    (top(feilds=[]), "document: unknown word 'feilds', did you mean 'fields'?"),
    # paths and templates
    (field(1, **{"from": "name..first"}), "fields[1] displayName, from[0]: the path 'name..first' cannot be read from character 6 on"),
    (field(1, **{"from": "types[0].name"}), "fields[1] displayName, from[0]: the path 'types[0].name' cannot be read from character 6 on"),
    (field(1, **{"from": "^.name"}), "fields[1] displayName: a path with ^ belongs to lines; leave the ^ out"),
    (field(1, **{"from": "types[].name"}), "fields[1] displayName: the path gives a list; add the transform join or first"),
    (field(1, **{"from": "types[].name", "transforms": ["upper", "join"]}), "fields[1] displayName: 'upper' needs one value, but the path gives a list; put join or first before it"),
    (replaced(6, {"to": "city", "template": "{name} {types[].name}", "overflow": "cut"}), "fields[6] city, template: the path 'types[].name' gives a list; a template needs single values"),
    (replaced(6, {"to": "city", "template": "{name", "overflow": "cut"}), "fields[6] city, template: the template has a lonely brace at character 1"),
    (replaced(6, {"to": "city", "template": "Paris", "overflow": "cut"}), "fields[6] city, template: the template has no path in braces; use constant for a fixed text"),
    (replaced(6, {"to": "city", "template": "{id}", "transforms": ["first"], "overflow": "cut"}), "fields[6] city: 'first' needs a list, but gets one value"),
    # conditions
    (top(when={"path": "a"}), "when: a condition on a path needs exactly one of is, not, in, any_of, empty, starts, greater, less"),
    (top(when={"path": "a", "is": 1, "not": 2}), "when: a condition on a path needs exactly one of is, not, in, any_of, empty, starts, greater, less"),
    (top(when={"is": 1}), "when: a condition has either a path with one test or one of all, any, none"),
    (top(when={"all": []}), "when.all: at least one is needed"),
    (top(when={"all": [{"path": "a", "equals": 1}]}), "when.all[0]: unknown word 'equals'"),
    (top(when={"path": "a", "greater": "5"}), "when.greater: a number is needed"),
    (top(when={"path": "a", "empty": "yes"}), "when.empty: true or false is needed"),
    (top(when={"path": "^.a", "is": 1}), "when: a path with ^ belongs to lines; leave the ^ out"),
    (replaced(6, {"to": "city", "cases": [{"constant": "x"}], "overflow": "cut"}), "fields[6] city, cases[0]: 'when' is missing"),
    # lookups, resolves and links
    (field(2, lookup="currency"), "fields[2] currencyCode: there is no lookup 'currency', did you mean 'currencies'?"),
    (lambda document: document["fields"].pop(2), "lookups.currencies: no rule uses this lookup"),
    (lambda document: document["lookups"]["currencies"]["rows"].update({"euro ": "EUR"}), "lookups.currencies: the rows 'Euro' and 'euro ' mean the same value"),
    (lambda document: document["lookups"]["currencies"].update({"otherwise": "skip"}), "lookups.currencies.otherwise: 'skip' is not one of hold, same, empty, empty_with_warning"),
    (lambda document: document["lookups"]["currencies"]["rows"].update({"Yen": None}), "lookups.currencies.rows.Yen: a text, a number, true or false is needed"),
    (field(3, resolve={"set": "paymentTerm", "by": "code", "give": "id"}), "fields[3] paymentTermsId: there is no target list 'paymentTerm', did you mean 'paymentTerms'?"),
    (field(3, resolve={"set": "paymentTerms", "by": "cod", "give": "id"}), "fields[3] paymentTermsId: 'paymentTerms' has no field 'cod', did you mean 'code'?"),
    (field(3, resolve={"set": "paymentTerms", "by": "code"}), "fields[3] paymentTermsId, resolve: 'give' is missing"),
    (field(3, link={"entity": "item", "give": "id"}), "fields[3] paymentTermsId: a rule has resolve or link, not both"),
    # the target
    (field(1, to="displayNme"), "fields[1] displayNme: the target has no field 'displayNme', did you mean 'displayName'?"),
    (field(1, to="city"), "fields[6] city: fields[1] fills 'city' already"),
    (replaced(6, {"to": "balanceDue", "from": "x"}), "fields[6] balanceDue: 'balanceDue' is read-only in the target"),
    (replaced(6, {"to": "id", "from": "x"}), "fields[6] id: 'id' is read-only in the target"),
    (lambda document: document["fields"].pop(1), "fields: 'displayName' is required by 'customers', but no rule fills it"),
    (lambda document: document["fields"][0].pop("mode"), "fields[0] number: 'number' may only be sent on creation; add \"mode\": \"create\""),
    (lambda document: document["fields"][6].pop("overflow"), "fields[6] city: the value may be longer than 30 characters; say with overflow what happens then"),
    (field(6, max=31), "fields[6] city: max is 31, but the target takes 30 characters"),
    (field(4, max=5), "fields[4] creditLimit: max belongs to texts, but 'creditLimit' is of type decimal"),
    (field(4, type="date"), "fields[4] creditLimit: 'creditLimit' is of type decimal, which type date does not fit"),
    (field(4, type="integer", decimals=2), "fields[4] creditLimit: decimals belongs to the types money and decimal"),
    (field(5, constant="Compny"), "fields[5] type: \"Compny\" is not one of Company, Person, did you mean 'Company'?"),
    (field(5, empty="clear"), "fields[5] type: 'type' cannot be cleared"),
    (field(5, constant=1), "fields[5] type: 1 is not one of Company, Person"),
    (replaced(6, {"to": "city", "constant": "x" * 31}), f'fields[6] city: "{"x" * 31}" is longer than 30 characters'),
    (replaced(4, {"to": "creditLimit", "constant": "much"}), 'fields[4] creditLimit: "much" is not a number'),
    (field(4, empty={"use": "much"}), 'fields[4] creditLimit: "much" is not a number'),
    (top(target="customer"), "target: there is no target 'customer', did you mean 'customers'?"),
    (top(target="vendors"), "target: the entity 'customer' goes to 'customers'"),
    (top(entity="custmer"), "entity: unknown entity 'custmer', did you mean 'customer'?"),
    (replaced(6, {"to": "city", "exact": {"quantity": "a", "description": "b", "total": {"from": "t"}}}), "fields[6] city: exact belongs to lines"),
]  # fmt: skip

LINE_MISTAKES: list[tuple[Callable[[Json], Json], str]] = [
    (lambda document: (document.pop("balance"), document["lines"][0].update(to="salesInvoiceLine")), "lines[0] salesInvoiceLine: 'salesInvoices' has no lines 'salesInvoiceLine', did you mean 'salesInvoiceLines'?"),
    (line(otherwise="stop"), "lines[0] salesInvoiceLines, otherwise: 'stop' is not one of skip, hold"),
    (lambda document: (document["lines"][0].pop("each"), document["lines"][0].update(otherwise="hold")), "lines[0] salesInvoiceLines: otherwise belongs to a block with each"),
    (line(fields=[]), "lines[0] salesInvoiceLines, fields: at least one is needed"),
    (line(leave_out=True), "lines[0] salesInvoiceLines: a block has either fields or leave_out"),
    (lambda document: document["lines"][0].pop("fields"), "lines[0] salesInvoiceLines: a block has either fields or leave_out"),
    (lambda document: (document["lines"][0].pop("fields"), document["lines"][0].update(leave_out=True, also=True)), "lines[0] salesInvoiceLines: a block that leaves out adds nothing, so also has no meaning here"),
    (line_field(0, constant="Itm"), "lines[0] salesInvoiceLines, fields[0] lineType: \"Itm\" is not one of Comment, Account, Item, Resource, Fixed_x0020_Asset, Charge, Allocation_x0020_Account, did you mean 'Item'?"),
    (line_field(1, link={"entity": "itm", "give": "number"}), "lines[0] salesInvoiceLines, fields[1] lineObjectNumber: unknown entity 'itm', did you mean 'item'?"),
    (line_field(1, link={"entity": "item", "give": "code"}), "lines[0] salesInvoiceLines, fields[1] lineObjectNumber, link.give: 'code' is not one of id, number"),
    (line_field(1, link={"entity": "sales_invoice", "give": "number"}, mode="create"), "lines[0] salesInvoiceLines, fields[1] lineObjectNumber: lines are only sent on creation, so mode has no meaning here"),
    (line_field(1, link={"entity": "journal_line", "give": "number"}), "lines[0] salesInvoiceLines, fields[1] lineObjectNumber: the target of 'journal_line' has no 'number'"),
    (line_field(1, to="lineObjectNo"), "lines[0] salesInvoiceLines, fields[1] lineObjectNo: the target has no field 'lineObjectNo', did you mean 'lineObjectNumber'?"),
    (lambda document: document["lines"][0]["fields"].reverse(), "lines[0] salesInvoiceLines: fields[0] unitPrice: exact needs a rule for 'quantity' before it"),
    (line_field(4, to="description2"), "lines[0] salesInvoiceLines, fields[4] description2: exact needs a number field, but 'description2' is of type text"),
    (line_field(4, transforms=["negate"]), "lines[0] salesInvoiceLines, fields[4] unitPrice: exact stands alone, without transforms"),
    (line_field(4, exact={"quantity": "quantity", "description": "description", "total": {}}), "lines[0] salesInvoiceLines, fields[4] unitPrice, exact.total: exactly one of from, constant, template is needed"),
    (line_field(4, exact={"quantity": "description", "description": "quantity", "total": {"from": "t"}}), "lines[0] salesInvoiceLines, fields[4] unitPrice: exact needs a decimal field, but 'description' is not one"),
    (top(balance={**BALANCE, "to": "salesInvoiceLine"}), "balance: no line block fills 'salesInvoiceLine', did you mean 'salesInvoiceLines'?"),
    (top(balance={**BALANCE, "price": "unitprice"}), "balance: 'unitprice' is not a number field of the lines, did you mean 'unitPrice'?"),
    (top(balance={**BALANCE, "total": {"from": "d[].total"}}), "balance: the path gives a list; add the transform join or first"),
    (top(fields=[{"to": "number", "from": "n", "overflow": "hold"}]), "fields[0] number: 'number' is read-only in the target"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("spoil", "problem"), HEADER_MISTAKES, ids=[problem[:60] for _, problem in HEADER_MISTAKES]
)
def test_mistakes_in_fields(spoil: Callable[[Json], Json], problem: str) -> None:
    document = deepcopy(GOOD)
    spoil(document)
    assert problem in found(simplejson.dumps(document))


@pytest.mark.parametrize(
    ("spoil", "problem"), LINE_MISTAKES, ids=[problem[:60] for _, problem in LINE_MISTAKES]
)
def test_mistakes_in_lines(spoil: Callable[[Json], Json], problem: str) -> None:
    document = deepcopy(invoice(LINE, balance=BALANCE))
    spoil(document)
    assert problem in found(simplejson.dumps(document))


def test_the_documents_are_right_before_they_are_spoiled() -> None:
    assert found(simplejson.dumps(GOOD)) == []
    assert found(simplejson.dumps(invoice(LINE, balance=BALANCE))) == []


def test_a_word_given_twice_is_found() -> None:
    text = simplejson.dumps(GOOD).replace('"Euro": "EUR"', '"Euro": "EUR", "Euro": "USD"')
    assert found(text) == ["document: 'Euro' is given twice in one place"]


def test_unreadable_text_names_the_place() -> None:
    (problem,) = found('{"entity": "customer",\n "fields": [}')
    assert problem.startswith("document: not readable as JSON: ")
    assert "line 2" in problem


def test_the_stock_of_an_item_is_never_sent() -> None:
    document = {
        "entity": "item",
        "version": 1,
        "title": "T",
        "source": "S",
        "target": "items",
        "fields": [{"to": "inventory", "from": "onHand"}],
    }
    assert "fields[0] inventory: 'inventory' must never be sent" in found(simplejson.dumps(document))[0]


def test_every_problem_is_told_at_once_and_nothing_is_compiled() -> None:
    document = deepcopy(GOOD)
    document["fields"][1]["to"] = "displayNme"
    document["fields"][2]["lookup"] = "x"
    document["fields"][6].pop("overflow")
    with pytest.raises(MappingError) as error:
        load(simplejson.dumps(document))
    assert len(error.value.problems) == 2
    document["fields"][2]["lookup"] = "currencies"
    with pytest.raises(MappingError) as error:
        compile_mapping(load(simplejson.dumps(document)), business_central())
    assert len(error.value.problems) == 3


@pytest.mark.parametrize("entity", STANDARD)
def test_standard_mappings_have_no_mistakes(entity: str) -> None:
    assert check(standard_mapping(entity), business_central()) == []
