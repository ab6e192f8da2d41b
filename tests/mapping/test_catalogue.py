"""The catalogue says of every field what the published contract says."""

from pathlib import Path

import pytest
import simplejson

from shared.mapping import business_central
from tests.mapping.support import Json

SPEC = Path(__file__).parents[3] / "shared" / "specs" / "business-central-api-v2.json"
TYPES = {
    "Edm.Guid": "guid",
    "Edm.Decimal": "decimal",
    "Edm.Int32": "integer",
    "Edm.Boolean": "boolean",
    "Edm.Date": "date",
    "Edm.DateTimeOffset": "datetime",
    "Enum": "enum",
}
CATALOGUE = business_central()


@pytest.fixture(scope="module")
def entities() -> Json:
    if not SPEC.exists():
        pytest.skip("the published contract is not here")
    return simplejson.loads(SPEC.read_text("utf-8"))["apis"]["v2.0"]["entities"]


AS_DIMENSIONS = {"departmentCode", "locationCode", "projectCode"}
"""What a journal line carries as dimensions."""
BY_CODE = {"defaultDimensions", "dimensionSetLines"}
"""Rows that a mapping names by codes; default dimensions are sent by the ids behind them."""


@pytest.mark.parametrize("name", sorted(set(CATALOGUE.sets) - BY_CODE))
def test_fields_match_the_contract(name: str, entities: Json) -> None:
    fields = {key: field for key, field in CATALOGUE.sets[name].fields.items() if key not in AS_DIMENSIONS}
    published = {field["name"]: field for field in entities[name]["fields"]}
    assert list(fields) == list(published)
    for key, field in fields.items():
        entry = published[key]
        is_code = entry["alType"].startswith("Code")
        assert field.type_ == TYPES.get(entry["edmType"], "code" if is_code else "text"), key
        assert field.length == entry.get("maxLength"), key
        assert field.read_only is not entry["editable"], key
        assert field.enum == tuple(choice["odata"] for choice in entry.get("enumValues", ())), key
        assert field.required is bool(entry.get("mandatory")), key


@pytest.mark.parametrize("name", sorted(BY_CODE))
def test_rows_named_by_code_have_the_contracts_lengths(name: str, entities: Json) -> None:
    published = {field["name"]: field for field in entities[name]["fields"]}
    for key, field in CATALOGUE.sets[name].fields.items():
        assert (field.type_, field.length) == ("code", published[key]["maxLength"])


@pytest.mark.parametrize("name", sorted(set(CATALOGUE.sets) - BY_CODE))
def test_lines_match_the_contract(name: str, entities: Json) -> None:
    links = {link["name"]: link["targetEntitySet"] for link in entities[name]["navigationProperties"]}
    for array, lines in CATALOGUE.sets[name].lines.items():
        assert links[array] == lines
        assert lines in CATALOGUE.sets


def test_every_entity_has_its_set_and_renaming_is_prevented() -> None:
    assert set(CATALOGUE.entities.values()) <= set(CATALOGUE.sets)
    for name in ("customers", "vendors", "items", "projects"):
        assert CATALOGUE.sets[name].fields["number"].create_only
    assert CATALOGUE.sets["items"].fields["inventory"].never
