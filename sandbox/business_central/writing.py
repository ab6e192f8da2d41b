"""Writing entity sets: which module creates, changes or deletes a record, and the checks common to all."""

from sandbox.business_central import (
    attachments,
    dimensions,
    documents,
    journals,
    lines,
    masters,
    odata,
    views,
)
from sandbox.business_central.calls import Answer, Call, Place, record_of
from sandbox.business_central.environment import Environment
from sandbox.business_central.errors import ApiError, bad_request, dialog, not_found
from sandbox.business_central.kinds import BY_LINES, KINDS
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
            case name if name in KINDS:
                record = documents.create(environment, company, KINDS[name], call.body)
            case name if name in BY_LINES:
                header = place.parent or _named(place, BY_LINES[name].set_name, call.body)
                record = lines.create_line(environment, company, header, call.body)
            case "journals":
                record = journals.create(environment, company, call.body)
            case "journalLines":
                batch = place.parent or _named(place, "journals", call.body)
                record = journals.create_line(environment, company, batch, call.body)
            case "attachments" | "documentAttachments":
                record = attachments.create(environment, company, name, place.parent, call.body)
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
        documents.set_dimensions(self.environment, place.company, place.parent, chosen)
        line = dimensions.set_line(place.company, place.parent, code, chosen[code])
        return Answer(201, {"@odata.etag": place.parent.etag} | line)

    def modify(self, call: Call, place: Place) -> Answer:
        """Answers a PATCH or DELETE on a record; both need If-Match."""
        self._check_deep(call, place)
        if place.entity_set.name == "dimensionSetLines":
            return self._modify_dimension(call, place)
        environment, company = self.environment, place.company
        record = place.record()
        check_match(self.environment, call, record.etag)
        match place.entity_set.name, call.method:
            case name, "PATCH" if name in KINDS:
                documents.change(environment, company, record, call.body)
            case name, _ if name in KINDS:
                documents.delete(environment, company, record)
            case name, "PATCH" if name in BY_LINES:
                header = documents.header_of(company, record)
                lines.change_line(environment, company, header, record, call.body)
            case name, _ if name in BY_LINES:
                lines.delete_line(environment, company, documents.header_of(company, record), record)
            case "journals", "PATCH":
                journals.change(environment, company, record, call.body)
            case "journals", _:
                journals.delete(environment, company, record)
            case "journalLines", "PATCH":
                journals.change_line(environment, company, record, call.body)
            case "attachments" | "documentAttachments", "PATCH":
                attachments.change(environment, company, record, call.body)
            case "defaultDimensions", "PATCH":
                values = checked(place.entity_set, call.body)
                dimensions.change_default(environment.store, company, record, values)
            case _, "PATCH":
                masters.change(environment, company, record, call.body)
            case _:
                masters.delete(environment, company, record)
        return self._written(call, place, record, 200) if call.method == "PATCH" else Answer(204)

    def write_file(self, call: Call, place: Place) -> Answer:
        """Answers a PATCH on the content of an attachment; the body is the file itself."""
        record = place.record()
        check_match(self.environment, call, record.etag)
        attachments.write(self.environment, place.company, record, call.body or b"")
        return Answer(204)

    def _modify_dimension(self, call: Call, place: Place) -> Answer:
        if place.parent is None:
            raise dialog("You must get to the parent first to get to the dimension set line.")
        head = place.company.get("dimensions", guid(place.key, "id"))
        code = str(head.values["code"]) if head else ""
        current = dimensions.of_document(place.parent)
        if code not in current:
            raise not_found("record", place.entity_set.table)
        check_match(self.environment, call, place.parent.etag)
        if call.method == "DELETE":
            chosen = {name: value for name, value in current.items() if name != code}
        else:
            values = checked(place.entity_set, call.body)
            chosen = dimensions.changed(place.company, current, code, values)
        documents.set_dimensions(self.environment, place.company, place.parent, chosen)
        if call.method == "DELETE":
            return Answer(204)
        line = dimensions.set_line(place.company, place.parent, code, chosen[code])
        return Answer(200, {"@odata.etag": place.parent.etag} | line)

    def _check_deep(self, call: Call, place: Place) -> None:
        nested = set(NAVIGATION.get(place.entity_set.name, ()))
        if isinstance(call.body, dict) and nested & call.body.keys():
            raise bad_request("Deep update is not supported: change the nested records one by one.")

    def _written(self, call: Call, place: Place, record: Record, status: int) -> Answer:
        context = f"{call.base}/{call.target.route}/$metadata#companies({place.company.key})/{record.set_name}/$entity"
        options = odata.parsed(call.query)
        odata.check_names(place.entity_set, options, NAVIGATION.get(place.entity_set.name, ()))
        expand = self.reading.expander(place.company, place.entity_set)
        row = views.row_of(place.company, record)
        shown = odata.shown(place.entity_set, row, options, expand)
        return Answer(status, {"@odata.context": context} | shown, {"ETag": record.etag})


def check_match(environment: Environment, call: Call, etag: str) -> None:
    """Raises 400 without If-Match, and the environment's status for a stale etag."""
    sent = call.headers.get("if-match", "")
    if not sent:
        environment.breach("If-Match", f"missing on {call.method} {call.target.template}")
        text = "An If-Match header with the etag or * must be provided."
        raise bad_request(text, "BadRequest_RequiredParamNotProvided")
    if sent not in ("*", etag):
        text = "Another user has already changed the record."
        raise ApiError(environment.settings.stale_status, "Request_EntityChanged", text)


def _named(place: Place, set_name: str, body: Json) -> Record:
    """The header or batch that the body of a new line names; raises 404 when it is not there."""
    name = views.PARENT_FIELD[place.entity_set.name]
    key = str(body.get(name, "")) if isinstance(body, dict) else ""
    return record_of(place.company, set_name, key)
