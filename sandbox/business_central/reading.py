"""Reading entity sets: single records, pages, expansion."""

from collections.abc import Iterable, Mapping
from typing import Final
from urllib.parse import urlencode

from sandbox.business_central import odata, views
from sandbox.business_central.calls import Answer, Call, Place
from sandbox.business_central.environment import Environment
from sandbox.business_central.errors import bad_request, dialog, not_found
from sandbox.business_central.fields import SETS, EntitySet
from sandbox.business_central.filters import FilterRules, equalities, has_lambda
from sandbox.business_central.kinds import BY_LINES
from sandbox.business_central.odata import Expansion, Options, Row
from sandbox.business_central.store import INDEXED, Company
from sandbox.business_central.validate import guid
from sandbox.business_central.views import PARENT_FIELD
from sandbox.kit import Json

_NEEDS_FILTER: Final = {
    **dict.fromkeys(BY_LINES, "You must specify an Id or a Document Id to get the lines."),
    "journalLines": "You must specify a journal batch ID or a journal ID to get a journal line.",
}
_NEEDS_PARENT: Final = {
    "dimensionSetLines": "You must get to the parent first to get to the dimension set line.",
    "defaultDimensions": "You must get to the parent first to get to the default dimensions.",
}


def _check_parent(set_name: str, key: str | None, filter_text: str) -> None:
    if set_name in _NEEDS_PARENT:
        raise dialog(_NEEDS_PARENT[set_name])
    names = (PARENT_FIELD.get(set_name, "id"), "id")
    by_filter = any(f"{name} eq" in filter_text for name in names)
    if set_name in _NEEDS_FILTER and key is None and not by_filter:
        raise dialog(_NEEDS_FILTER[set_name])


class Reading:
    """Reads of one environment."""

    def __init__(self, environment: Environment) -> None:
        self.environment = environment

    def read(self, call: Call, place: Place) -> Answer:
        """Answers a GET on a set or a record."""
        entity_set, company = place.entity_set, place.company
        if place.parent is None:
            _check_parent(entity_set.name, place.key, call.query.get("$filter", ""))
        if entity_set.name in company.tables and place.key is not None:
            rows = [views.row_of(company, place.record())]
        else:
            rows = self._rows(call, place)
        return self.result(call, entity_set, rows, place.key, company)

    def _rows(self, call: Call, place: Place) -> list[Row]:
        """The rows to filter; those of the index where the filter fixes an indexed property."""
        company, entity_set, text = place.company, place.entity_set, call.query.get("$filter", "")
        if place.parent is None and entity_set.name in company.tables and text and not has_lambda(text):
            fixed = equalities(entity_set, text, self._rules())
            for name in INDEXED:
                if name in fixed:
                    records = company.where(entity_set.name, name, fixed[name])
                    return [views.row_of(company, record) for record in records]
        return list(views.rows_of(self.environment, company, entity_set, place.parent))

    def result(
        self,
        call: Call,
        entity_set: EntitySet,
        rows: Iterable[Row],
        key: str | None,
        company: Company | None = None,
    ) -> Answer:
        """The answer of a read: one record by key, else a page of the rows."""
        context = f"{call.base}/{call.target.route}/$metadata#{call.path.split(call.target.route + '/')[-1]}"
        options = odata.parsed(self._without_lambda(call))
        self._check_order(entity_set, options)
        odata.check_names(entity_set, options, views.NAVIGATION.get(entity_set.name, ()))
        expand = self.expander(company, entity_set)
        if key is not None:
            found = next((row for row in rows if row.key == guid(key, "id")), None)
            if found is None:
                raise not_found("record", entity_set.table)
            body = {"@odata.context": f"{context}/$entity"} | odata.shown(entity_set, found, options, expand)
            return Answer(200, body)
        page = odata.page(entity_set, rows, options, self._rules(), self._page_size(call))
        result: dict[str, Json] = {"@odata.context": context}
        if page.total is not None:
            result["@odata.count"] = page.total
        result["value"] = [odata.shown(entity_set, row, options, expand) for row in page.rows]
        if page.next_token is not None:
            result["@odata.nextLink"] = self._next_link(call, options, page)
        return Answer(200, result)

    def _next_link(self, call: Call, options: Options, page: odata.Page) -> str:
        query = {name: value for name, value in call.query.items() if name != "$skip"}
        query["$skiptoken"] = str(page.next_token)
        if options.top is not None:
            query["$top"] = str(options.top - page.taken)
        return f"{call.base}{call.path}?{urlencode(query)}"

    def _without_lambda(self, call: Call) -> Mapping[str, str]:
        if not has_lambda(call.query.get("$filter", "")):
            return call.query
        self.environment.breach(
            "lambda in $filter", f"{call.query['$filter']} is ignored: everything is returned"
        )
        return {name: value for name, value in call.query.items() if name != "$filter"}

    def _check_order(self, entity_set: EntitySet, options: Options) -> None:
        if options.order and entity_set.name == "customerLedgerEntries":
            text = "The $orderby query option is not supported on this query."
            raise bad_request(text, "BadRequest_MethodNotImplemented")

    def _rules(self) -> FilterRules:
        settings = self.environment.settings
        return FilterRules(settings.computed_filters, settings.encoded_enum_filters)

    def _page_size(self, call: Call) -> int:
        cap = self.environment.settings.page_cap
        for part in call.headers.get("prefer", "").split(","):
            name, _equals, value = part.strip().partition("=")
            if name.lower() == "odata.maxpagesize" and value.isdecimal() and int(value):
                return min(cap, int(value))
        return cap

    def expander(self, company: Company | None, entity_set: EntitySet) -> odata.Expander:
        """What answers the rows of an expanded navigation property of one row of the set."""

        def expand(row: Row, expansion: Expansion) -> Json:
            if company is None:
                raise not_found("segment", expansion.name)
            target, options = SETS[expansion.name], expansion.options
            odata.check_names(target, options, views.NAVIGATION.get(target.name, ()))
            parent = company.tables[entity_set.name][row.key]
            rows = views.rows_of(self.environment, company, target, parent)
            page = odata.page(target, rows, options, self._rules(), self.environment.settings.page_cap)
            deeper = self.expander(company, target)
            return [odata.shown(target, item, options, deeper) for item in page.rows]

        return expand
