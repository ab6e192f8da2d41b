"""Checks what a caller writes: known fields, kinds, lengths, enum members, required fields, references."""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from sandbox.connectwise.errors import FieldError, invalid_field, invalid_object
from sandbox.connectwise.schema import Field, fields
from sandbox.connectwise.store import Record, Store
from sandbox.kit import Json

_INSTANT: Final = re.compile(r"\d{4}-[01]\d-[0-3]\dT[0-2]\d:[0-5]\d:[0-5]\dZ")


def require_object(entity: str, body: Json) -> Record:
    """The body when it is a JSON object; raises 400."""
    if not isinstance(body, dict):
        raise invalid_field(entity, "", "the body must be an object")
    return body


def clean(store: Store, entity: str, values: Mapping[str, Json], *, keep_read_only: bool = False) -> Record:
    """The values of a whole record in stored form, nulls dropped; read-only fields are dropped unless kept.

    Raises 400 InvalidObject with every field error found.
    """
    table = fields(entity)
    errors: list[FieldError] = []
    cleaned: Record = {}
    for name, value in values.items():
        field = table.get(name)
        if field is None:
            errors.append(FieldError("InvalidField", f"{name} is not a field of {entity}", name))
        elif value is not None and (keep_read_only or not field.read_only):
            problem = check(field, value)
            if problem:
                errors.append(problem)
            else:
                cleaned[name] = stored(store, entity, field, value)
    errors += missing(entity, cleaned)
    if errors:
        raise invalid_object(entity, errors)
    return cleaned


def missing(entity: str, record: Mapping[str, Json]) -> list[FieldError]:
    """A MissingRequiredField error for each required field without a value."""
    return [
        FieldError("MissingRequiredField", f"{field.name} is required", field.name)
        for field in fields(entity).values()
        if field.required and record.get(field.name) in (None, "")
    ]


def check(field: Field, value: Json) -> FieldError | None:
    """The error of one value against its field, or None when it fits."""
    if field.kind == "datetime":
        if isinstance(value, str) and _INSTANT.fullmatch(value):
            return None
        return FieldError("InvalidField", f"Unsupported format applied to {field.name}", field.name)
    if not _fits(field, value):
        return FieldError("InvalidField", f"{field.name} must be of type {field.kind}", field.name)
    if field.max_length and isinstance(value, str) and len(value) > field.max_length:
        text = f"{field.name} cannot be longer than {field.max_length} characters"
        return FieldError("MaxLengthField", text, field.name)
    return None


def stored(store: Store, entity: str, field: Field, value: Json) -> Json:
    """A checked value in stored form: references by id, custom fields complete, line breaks as blanks."""
    try:
        if field.kind == "ref":
            return store.resolve(field.target, value)
        if field.name == "customFields":
            return store.merged_custom_fields(entity, [], value)
        if field.kind == "list" and field.target.endswith("Reference"):
            return [store.resolve(field.target, item) for item in value]
    except (KeyError, StopIteration):
        raise invalid_field(entity, field.name, f"{field.name} does not exist", "NotFound") from None
    return re.sub(r"[\r\n]+", " ", value) if isinstance(value, str) else value


def _fits(field: Field, value: Json) -> bool:
    match field.kind:
        case "string" | "uuid":
            return isinstance(value, str)
        case "enum":
            return value in field.options
        case "boolean":
            return isinstance(value, bool)
        case "integer":
            return isinstance(value, int) and not isinstance(value, bool)
        case "number":
            return isinstance(value, int | Decimal) and not isinstance(value, bool)
        case "ref":
            return isinstance(value, dict) and _known_keys(field.target, value)
        case "list":
            return isinstance(value, list) and all(_element_fits(field.target, item) for item in value)
        case _:
            return True


def _element_fits(target: str, item: Json) -> bool:
    match target:
        case "integer":
            return isinstance(item, int)
        case "string":
            return isinstance(item, str)
        case _:
            return isinstance(item, dict) and _known_keys(target, item)


def _known_keys(target: str, value: Mapping[str, Json]) -> bool:
    table = fields(target)
    return not table or value.keys() <= table.keys()
