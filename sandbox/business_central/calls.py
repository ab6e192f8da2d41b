"""One operation on the services, and the place in a company that it points at."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from sandbox.business_central import views
from sandbox.business_central.environment import Environment
from sandbox.business_central.errors import ApiError, bad_request, not_found
from sandbox.business_central.fields import SETS, EntitySet
from sandbox.business_central.paths import Target
from sandbox.business_central.store import Company, Record
from sandbox.business_central.validate import guid
from sandbox.kit import Json

_SINCE_ANALYTICS_1: Final = {"cleClosedAtDate", "cleReasonCode"}


@dataclass(slots=True)
class Call:
    """One operation, from HTTP or from a batch; header names in lower case."""

    method: str
    target: Target
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: Json = None
    base: str = ""


@dataclass(slots=True)
class Answer:
    """The result of one operation; ``content`` instead of a JSON body for a file."""

    status: int
    body: Json = None
    headers: dict[str, str] = field(default_factory=dict)
    content: bytes | None = None


@dataclass(slots=True)
class Place:
    """Where in a company a call points: the set, its parent record, the key, and an action or a file, if any."""

    company: Company
    entity_set: EntitySet
    parent: Record | None
    key: str | None
    action: str = ""
    stream: str = ""

    def record(self) -> Record:
        """The addressed record; raises 404 when it is not there or belongs to another parent."""
        return record_of(self.company, self.entity_set.name, self.key or "", self.parent)


def located(environment: Environment, target: Target) -> Place:
    """The place of a target; raises 404 for an unknown set, company or parent record."""
    steps = list(target.steps)
    action = steps.pop().name if "." in steps[-1].name else ""
    stream = steps.pop().name if not action and is_stream(target) else ""
    parent: Record | None = None
    company = company_of(environment, target, steps[0].name if steps else "")
    for position, step in enumerate(steps):
        entity_set = SETS.get(step.name)
        known = entity_set is not None and _is_served(environment, entity_set, target.route)
        reachable = parent is None or step.name in views.NAVIGATION.get(parent.set_name, ())
        if entity_set is None or not known or not reachable:
            raise not_found("segment", step.name)
        if position == len(steps) - 1:
            return Place(company, _as_of(entity_set, target.route), parent, step.key, action, stream)
        parent = record_of(company, step.name, step.key or "", parent)
    raise not_found("segment", action)


def is_stream(target: Target) -> bool:
    """Whether the address ends with a property that holds a file."""
    if len(target.steps) < 2:
        return False
    owner = SETS.get(target.steps[-2].name)
    field_of = owner.fields.get(target.steps[-1].name) if owner else None
    return field_of is not None and field_of.kind == "Stream"


def record_of(company: Company, set_name: str, key: str, parent: Record | None = None) -> Record:
    """The record with this id; raises 404 when it is not there or belongs to another parent."""
    record = company.get(set_name, guid(key, "id"))
    if record is None or (parent and record.values[views.PARENT_FIELD[set_name]] != parent.key):
        raise not_found("record", SETS[set_name].table)
    return record


def _as_of(entity_set: EntitySet, route: str) -> EntitySet:
    """The set as its route version shows it: the ledger query has two properties only from v1.0."""
    if not route.endswith("analytics/v0.5"):
        return entity_set
    fields = {name: item for name, item in entity_set.fields.items() if name not in _SINCE_ANALYTICS_1}
    return replace(entity_set, fields=fields)


def _is_served(environment: Environment, entity_set: EntitySet, route: str) -> bool:
    if entity_set.name == "customerLedgerEntries":
        version = environment.settings.analytics_version
        return bool(version) and route == f"api/microsoft/analytics/{version}"
    if entity_set.name == "documentAttachments" and not environment.settings.document_attachments:
        return False
    return entity_set.name not in ("companies", "subscriptions") and route == entity_set.route


def company_of(environment: Environment, target: Target, set_name: str) -> Company:
    """The company that an address names; raises 400 when it names none and 404 when there is no such company."""
    if not target.company:
        text = f'You must choose a company before you can access the "{set_name}" service.'
        raise bad_request(text, "BadRequest_RequiredParamNotProvided")
    company = environment.store.company(target.company)
    if company is None:
        raise ApiError(404, "Internal_CompanyNotFound", f"The company '{target.company}' does not exist.")
    return company
