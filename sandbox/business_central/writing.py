"""Writing entity sets: which module creates, changes or deletes a record, and the checks common to all."""

from sandbox.business_central import dimensions, invoices, lines, masters, odata, views
from sandbox.business_central.calls import Answer, Call, Place, record_of
from sandbox.business_central.environment import Environment
from sandbox.business_central.errors import ApiError, bad_request, dialog, not_found
from sandbox.business_central.reading import Reading
from sandbox.business_central.store import Record
from sandbox.business_central.validate import checked, guid
from sandbox.business_central.views import NAVIGATION
from sandbox.kit import Json


class Writing:
    """Writes of one environment; ``reading`` shows what was written."""

    def __init__(self, environment: Environment, reading: Reading) -> None:
        self.environment = environment
        self.reading = reading

    def create(self, call: Call, place: Place) -> Answer:
        """Answers a POST on a set."""
        environment, company, name = self.environment, place.company, place.entity_set.name
        match name:
            case "salesInvoices":
                record = invoices.create(environment, company, call.body)
            case "salesInvoiceLines":
                header = place.parent or record_of(company, "salesInvoices", _document_id(call.body))
                record = lines.create_line(environment, company, header, call.body)
            case "dimensionSetLines":
                return self._add_dimension(call, place)
            case "defaultDimensions":
                if place.parent is None:
                    raise dialog("You must get to the parent first to get to the default dimensions.")
                values = checked(place.entity_set, call.body)
                record = dimensions.create_default(environment.store, company, place.parent, values)
            case _:
                record = masters.create(environment, company, name, call.body)
        return self._written(call, place, record, 201)

    def _add_dimension(self, call: Call, place: Place) -> Answer:
        if place.parent is None:
            raise dialog("You must get to the parent first to create a dimension set line.")
        values = checked(place.entity_set, call.body)
        current = dimensions.of_document(place.parent)
        code, chosen = dimensions.added(place.company, current, values)
        invoices.set_dimensions(self.environment, place.company, place.parent, chosen)
        line = dimensions.set_line(place.company, place.parent, code, chosen[code])
        return Answer(201, {"@odata.etag": place.parent.etag} | line)

    def modify(self, call: Call, place: Place) -> Answer:
        """Answers a PATCH or DELETE on a record; both need If-Match."""
        self._check_deep(call, place)
        if place.entity_set.name == "dimensionSetLines":
            return self._modify_dimension(call, place)
        environment, company = self.environment, place.company
        record = place.record()
        self._check_match(call, record.etag)
        match place.entity_set.name, call.method:
            case "salesInvoices", "PATCH":
                invoices.change(environment, company, record, call.body)
            case "salesInvoices", _:
                invoices.delete(environment, company, record)
            case "salesInvoiceLines", method:
                header = record_of(company, "salesInvoices", record.values["documentId"])
                if method == "PATCH":
                    lines.change_line(environment, company, header, record, call.body)
                else:
                    lines.delete_line(environment, company, header, record)
            case "defaultDimensions", "PATCH":
                values = checked(place.entity_set, call.body)
                dimensions.change_default(environment.store, company, record, values)
            case _, "PATCH":
                masters.change(environment, company, record, call.body)
            case _:
                masters.delete(environment, company, record)
        return self._written(call, place, record, 200) if call.method == "PATCH" else Answer(204)

    def _modify_dimension(self, call: Call, place: Place) -> Answer:
        if place.parent is None:
            raise dialog("You must get to the parent first to get to the dimension set line.")
        head = place.company.get("dimensions", guid(place.key, "id"))
        code = str(head.values["code"]) if head else ""
        current = dimensions.of_document(place.parent)
        if code not in current:
            raise not_found("record", place.entity_set.table)
        self._check_match(call, place.parent.etag)
        if call.method == "DELETE":
            chosen = {name: value for name, value in current.items() if name != code}
        else:
            values = checked(place.entity_set, call.body)
            chosen = dimensions.changed(place.company, current, code, values)
        invoices.set_dimensions(self.environment, place.company, place.parent, chosen)
        if call.method == "DELETE":
            return Answer(204)
        line = dimensions.set_line(place.company, place.parent, code, chosen[code])
        return Answer(200, {"@odata.etag": place.parent.etag} | line)

    def _check_deep(self, call: Call, place: Place) -> None:
        nested = set(NAVIGATION.get(place.entity_set.name, ()))
        if isinstance(call.body, dict) and nested & call.body.keys():
            raise bad_request("Deep update is not supported: change the nested records one by one.")

    def _check_match(self, call: Call, etag: str) -> None:
        sent = call.headers.get("if-match", "")
        if not sent:
            self.environment.breach("If-Match", f"missing on {call.method} {call.target.template}")
            text = "An If-Match header with the etag or * must be provided."
            raise bad_request(text, "BadRequest_RequiredParamNotProvided")
        if sent not in ("*", etag):
            text = "Another user has already changed the record."
            raise ApiError(self.environment.settings.stale_status, "Request_EntityChanged", text)

    def _written(self, call: Call, place: Place, record: Record, status: int) -> Answer:
        context = f"{call.base}/{call.target.route}/$metadata#companies({place.company.key})/{record.set_name}/$entity"
        options = odata.parsed(call.query)
        odata.check_names(place.entity_set, options, NAVIGATION.get(place.entity_set.name, ()))
        expand = self.reading.expander(place.company, place.entity_set)
        row = views.row_of(place.company, record)
        shown = odata.shown(place.entity_set, row, options, expand)
        return Answer(status, {"@odata.context": context} | shown, {"ETag": record.etag})


def _document_id(body: Json) -> str:
    return str(body.get("documentId", "")) if isinstance(body, dict) else ""
