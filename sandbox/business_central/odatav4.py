"""OData V4 services: pages that an administrator published under a name of their choice."""

import re
from typing import Final

from sandbox.business_central import odata, pages
from sandbox.business_central.calls import Answer, Call, company_of
from sandbox.business_central.dimensions import value_record
from sandbox.business_central.environment import Environment
from sandbox.business_central.errors import (
    ApiError,
    bad_request,
    field_error,
    missing_relation,
    not_found,
    same_key,
)
from sandbox.business_central.fields import EntitySet
from sandbox.business_central.reading import Reading
from sandbox.business_central.store import Company, Record, Values
from sandbox.business_central.validate import checked
from sandbox.business_central.writing import check_match
from sandbox.kit import Json

_TABLE: Final = "Dimension Value"
_SHOWN: Final = {"Code": "code", "Name": "displayName", "Consolidation_Code": "consolidationCode"}
_HIDDEN: Final = {"Dimension_Value_Type": "type", "Totaling": "totaling", "Blocked": "blocked"}
_NEEDED_ACCESS: Final = {"POST": "c", "PATCH": "u", "DELETE": "d"}


class PageServices:
    """The published pages of one environment."""

    def __init__(self, environment: Environment) -> None:
        self.environment = environment
        self.reading = Reading(environment)

    def answer(self, call: Call) -> Answer:
        """Runs one operation in a transaction of its own; raises ``ApiError``."""
        if not call.target.steps:
            names = sorted(self.environment.web_services)
            return Answer(200, {"value": [{"name": name, "url": name} for name in names]})
        step = call.target.steps[0]
        page = self.environment.web_services.get(step.name)
        if page is None or len(call.target.steps) > 1:
            raise not_found("segment", step.name)
        company = company_of(self.environment, call.target, step.name)
        entity_set = pages.PAGES[page]
        with self.environment.store.transaction():
            if call.method == "GET":
                return self._read(call, company, page, step.key)
            needed = _NEEDED_ACCESS.get(call.method, "x")
            if needed not in entity_set.access or (needed == "c") != (step.key is None):
                text = f"The method {call.method} is not allowed on {step.name}."
                raise ApiError(405, "BadRequest_MethodNotAllowed", text)
            if step.key is None:
                return self._create(company, entity_set, call.body)
            return self._modify(call, company, entity_set, step.key)

    def _read(self, call: Call, company: Company, page: str, key: str | None) -> Answer:
        rows, entity_set = pages.rows_of(company, page), pages.PAGES[page]
        if key is None:
            return self.reading.result(call, entity_set, rows, None)
        wanted = key.removeprefix("Entry_No=").replace(" ", "")
        found = next((row for row in rows if row.key.replace(" ", "") == wanted), None)
        if found is None:
            raise not_found("record", entity_set.table)
        options = odata.parsed(call.query)
        odata.check_names(entity_set, options, ())
        return Answer(200, odata.shown(entity_set, found, options, _no_navigation))

    def _create(self, company: Company, entity_set: EntitySet, body: Json) -> Answer:
        values = checked(entity_set, body)
        dimension, code = values.get("Dimension_Code", ""), values.get("Code", "")
        for name, value in (("Dimension Code", dimension), ("Code", code)):
            if not value:
                raise field_error(name, _TABLE, f"Dimension Code='{dimension}',Code='{code}'")
        head = company.find("dimensions", "code", dimension)
        if head is None:
            raise missing_relation("Dimension Code", _TABLE, dimension, "Dimension")
        if value_record(company, dimension, code):
            raise same_key(_TABLE, f"Dimension Code='{dimension}',Code='{code}'")
        shown, hidden = _split(values)
        shown["dimensionId"] = head.key
        record = self.environment.store.insert(company, "dimensionValues", shown, hidden)
        return Answer(201, _shown(company, entity_set, record), {"ETag": record.etag})

    def _modify(self, call: Call, company: Company, entity_set: EntitySet, key: str) -> Answer:
        codes: dict[str, str] = dict(re.findall(r"(\w+)='([^']*)'", key))
        record = value_record(company, codes.get("Dimension_Code", ""), codes.get("Code", ""))
        if record is None:
            raise not_found("record", _TABLE)
        check_match(self.environment, call, record.etag)
        if call.method == "DELETE":
            self.environment.store.delete(company, record)
            return Answer(204)
        values = checked(entity_set, call.body)
        for name, code in codes.items():
            if values.get(name, code) != code:
                raise bad_request(f"The key property '{name}' cannot be changed.")
        self.environment.store.update(company, record, *_split(values))
        return Answer(200, _shown(company, entity_set, record), {"ETag": record.etag})


def _split(values: Values) -> tuple[Values, Values]:
    """What of a dimension value API v2.0 shows, and what only the page does."""
    shown = {name: values[column] for column, name in _SHOWN.items() if column in values}
    return shown, {name: values[column] for column, name in _HIDDEN.items() if column in values}


def _shown(company: Company, entity_set: EntitySet, record: Record) -> Json:
    row = pages.dimension_row(company, record)
    return odata.shown(entity_set, row, odata.Options(), _no_navigation)


def _no_navigation(_row: odata.Row, expansion: odata.Expansion) -> Json:
    raise not_found("segment", expansion.name)
