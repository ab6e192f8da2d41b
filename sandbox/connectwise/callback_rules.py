"""Callback entries: the rules of registration, and which changes an entry hears of."""

from typing import Final
from urllib.parse import urlsplit

from sandbox.connectwise.crud import Collection
from sandbox.connectwise.errors import invalid_field
from sandbox.connectwise.schema import fields
from sandbox.connectwise.service import Service
from sandbox.connectwise.store import Change, Record

ENTITY: Final = "CallbackEntry"

# The levels that each type of callback offers.
LEVELS: Final = {
    "company": "owner status type territory company integratortag",
    "contact": "owner type territory company contact",
    "agreement": "owner type company agreement",
    "invoice": "owner status company invoice",
    "purchaseorder": "owner status vendor company purchaseorder",
    "expense": "owner chargetotype type class company expense",
    "productcatalog": "owner",
    "member": "owner location securityrole member",
    "project": "owner status board project",
    "time": "owner company time",
    "activity": "owner",
    "configuration": "owner",
    "opportunity": "owner",
    "schedule": "owner",
    "ticket": "owner",
}
TYPES: Final = {
    "Company": "company",
    "Contact": "contact",
    "CatalogItem": "productcatalog",
    "Invoice": "invoice",
    "PurchaseOrder": "purchaseorder",
    "ExpenseEntry": "expense",
    "Agreement": "agreement",
    "Project": "project",
    "Member": "member",
}
# The field behind a level, where it is not named as the level itself.
LEVEL_FIELDS: Final = {
    ("purchaseorder", "vendor"): "vendorCompany",
    ("purchaseorder", "company"): "customerCompany",
    ("expense", "class"): "classification",
    ("member", "location"): "defaultLocation",
    ("member", "securityrole"): "securityRole",
}


def collection(service: Service) -> Collection:
    """The callback entries as a collection with their registration rules."""

    def complete(values: Record) -> None:
        _check(service, values, 0)
        values["memberId"] = next(
            row["id"] for row in service.store.rows("Member") if row["identifier"] == service.member
        )
        values.setdefault("payloadVersion", "3.0.0")

    def update(record: Record, changed: Record, _member: str) -> None:
        _check(service, changed, record["id"])
        record.clear()
        record.update({**changed, "failures": 0})

    return Collection(service, "system/callbacks", ENTITY, complete=complete, update=update)


def hears(entry: Record, change: Change, member_id: int) -> bool:
    """Whether an active entry is told of a change; ``member_id`` is the id of the member who made it."""
    if entry["inactiveFlag"] or entry["type"].lower() != TYPES.get(change.entity):
        return False
    if entry["isSelfSuppressedFlag"] and entry["memberId"] == member_id:
        return False
    return entry["level"].lower() == "owner" or entry["objectId"] in _object_ids(
        entry["level"].lower(), change
    )


def _object_ids(level: str, change: Change) -> list[int]:
    kind, record = TYPES[change.entity], change.record
    if level == kind:
        return [record["id"]]
    if level == "chargetotype":
        # the kinds of charge count from 1 in the order of the definition
        options = fields("ExpenseEntry")["chargeToType"].options
        return [options.index(record["chargeToType"]) + 1]
    if level == "type" and "types" in record:
        return [item["id"] for item in record["types"]]
    reference = record.get(LEVEL_FIELDS.get((kind, level), level))
    return [reference["id"]] if isinstance(reference, dict) and "id" in reference else []


def _check(service: Service, values: Record, own_id: int) -> None:
    values["objectId"] = values["objectId"] or 1
    levels = LEVELS.get(values["type"].lower())
    if levels is None:
        raise invalid_field(ENTITY, "type", f"{values['type']} is not a type of callback", "InvalidObject")
    if values["level"].lower() not in levels.split():
        raise invalid_field(
            ENTITY, "level", f"{values['level']} is not a level of {values['type']}", "InvalidObject"
        )
    if not _is_address(values["url"]):
        raise invalid_field(ENTITY, "url", "url is not a valid address")
    if not values["url"].endswith("="):
        service.breach(
            "callback url", f"{values['url']} should end with recordId=: the id is appended as raw text"
        )
    for row in service.store.rows(ENTITY):
        if row["id"] != own_id and _key(row) == _key(values):
            raise invalid_field(
                ENTITY, "objectId", "A matching callback entry already exists", "ObjectExists"
            )


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _key(entry: Record) -> tuple[str, str, int, str]:
    return entry["type"].lower(), entry["level"].lower(), entry["objectId"], entry["url"]
