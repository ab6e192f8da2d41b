"""PATCH: an array of operations on bare field names, with the traps that the service is known for."""

from collections.abc import Callable
from typing import Final

from sandbox.connectwise.errors import FieldError, invalid_field, invalid_object
from sandbox.connectwise.schema import Field, fields
from sandbox.connectwise.store import Record, Store
from sandbox.connectwise.validate import check, missing, stored
from sandbox.kit import Json

type Breach = Callable[[str, str], None]

_OPERATIONS: Final = frozenset({"add", "replace", "remove"})


def patched(store: Store, entity: str, record: Record, body: Json, breach: Breach) -> Record:
    """The record after all operations of the body; the given record stays untouched. Raises 400.

    A path into a reference or an array is answered as done, changes nothing and is noted as a breach.
    """
    if not isinstance(body, list) or not all(isinstance(step, dict) for step in body):
        raise invalid_field(entity, "", "the body must be an array of {op, path, value}")
    changed = dict(record)
    for step in body:
        _apply(store, entity, changed, step, breach)
    errors = missing(entity, changed)
    if errors:
        raise invalid_object(entity, errors)
    return changed


def _apply(store: Store, entity: str, changed: Record, step: Record, breach: Breach) -> None:
    operation, path = step.get("op"), step.get("path")
    if operation not in _OPERATIONS or not isinstance(path, str) or step.keys() - {"op", "path", "value"}:
        raise invalid_field(entity, str(path), "an operation is {op: add|replace|remove, path, value}")
    if path.startswith("/"):
        breach("patch bare names", f"{entity}: {path} starts with a slash")
    name, *inner = path.removeprefix("/").split("/")
    field = fields(entity).get(name)
    if field is None:
        raise invalid_field(entity, name, f"{name} is not a field of {entity}")
    if inner:
        breach("patch whole references", f"{entity}: {path} is answered with 200 and changes nothing")
        return
    if field.read_only or field.create_only:
        raise invalid_field(entity, name, f"{name} is read-only")
    if operation == "remove":
        _clear(changed, field)
        return
    if step.get("value") is None:
        breach(
            "patch null", f"{entity}: clear {name} with remove; replacing with null is not a documented way"
        )
        _clear(changed, field)
        return
    changed[name] = _value(store, entity, changed, field, step["value"], breach)


def _clear(changed: Record, field: Field) -> None:
    """Empties a field; a flag has no empty state and becomes false."""
    changed.pop(field.name, None)
    if field.kind == "boolean":
        changed[field.name] = False


def _value(store: Store, entity: str, record: Record, field: Field, value: Json, breach: Breach) -> Json:
    problem: FieldError | None = check(field, value)
    if problem:
        raise invalid_object(entity, [problem])
    if field.name != "customFields":
        return stored(store, entity, field, value)
    if {item["id"] for item in store.custom_fields[entity]} - {item.get("id") for item in value}:
        breach("patch whole customFields", f"{entity}: the array leaves out custom fields")
    return store.merged_custom_fields(entity, record.get("customFields", []), value)
