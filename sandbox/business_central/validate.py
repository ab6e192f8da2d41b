"""Checks of the properties in a request body before any business logic sees them."""

import re
import uuid
from datetime import datetime
from decimal import Decimal
from typing import Final

from sandbox.business_central.environment import is_date
from sandbox.business_central.errors import ApiError, bad_request
from sandbox.business_central.fields import BLANK_OPTION, EntitySet, Field
from sandbox.business_central.store import Values
from sandbox.kit import Json

_PYTHON_TYPES: Final = {"Boolean": bool, "Int32": int, "Int64": int}


def checked(entity_set: EntitySet, body: Json) -> Values:
    """The body as values to store: codes upper-cased, numbers as Decimal, in the order they were sent.

    Raises 400 for unknown or read-only properties, wrong types, too long texts and unknown options.
    """
    if not isinstance(body, dict):
        raise bad_request("The request body must be a JSON object.")
    values: Values = {}
    for name, value in body.items():
        if "@odata." in name:
            continue
        field = entity_set.fields.get(name)
        if field is None:
            text = f"The property '{name}' does not exist on type 'Microsoft.NAV.{entity_set.entity}'. Make sure to only use property names that are defined by the type."
            raise bad_request(text, "BadRequest_InvalidOperation")
        if field.read_only:
            raise bad_request(f"Control '{name}' is read-only.", "BadRequest_InvalidOperation")
        values[name] = _value(field, value)
    return values


def _value(field: Field, value: Json) -> Json:
    match field.kind:
        case "String" | "Code":
            return _text(field, value)
        case "Enum":
            return _option(field, value)
        case "Decimal":
            return _number(field, value)
        case "Guid":
            return guid(value, field.name)
        case "Date" if isinstance(value, str) and is_date(value):
            return value
        case "DateTimeOffset" if isinstance(value, str) and _is_time(value):
            return value
        case "Boolean" | "Int32" | "Int64" if type(value) is _PYTHON_TYPES[field.kind]:
            return value
    raise _conversion(field, value)


def _text(field: Field, value: Json) -> str:
    if not isinstance(value, str):
        raise _conversion(field, value)
    text = value.strip().upper() if field.kind == "Code" else value
    if field.length is not None and len(text) > field.length:
        message = f"The length of the string is {len(text)}, but it must be less than or equal to {field.length} characters. Value: {text}"
        raise bad_request(message, "Application_StringExceededLength")
    return text


def _option(field: Field, value: Json) -> str:
    if not isinstance(value, str):
        raise _conversion(field, value)
    if value == " " and BLANK_OPTION in field.options:
        return BLANK_OPTION
    if value not in field.options:
        raise ApiError(400, "Unknown", f"The value '{value}' of '{field.name}' is not an option")
    return value


def _number(field: Field, value: Json) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise _conversion(field, value)
    number = Decimal(value)
    if field.lowest is not None and number < field.lowest:
        raise bad_request(
            f"The value of {field.name} must be greater than or equal to {field.lowest}. Value: {number}.",
            "Application_EvaluateException",
        )
    if field.highest is not None and number > field.highest:
        raise bad_request(
            f"The value of {field.name} must be less than or equal to {field.highest}. Value: {number}.",
            "Application_EvaluateException",
        )
    return number


def guid(value: Json, name: str) -> str:
    """A GUID in lower case; raises 400 when it is none."""
    try:
        return str(uuid.UUID(value))
    except (ValueError, AttributeError, TypeError):
        raise bad_request(
            f"Invalid format of GUID string in {name}: {value}.", "Application_InvalidGUID"
        ) from None


def option_member(field: Field, text: str) -> str | None:
    """The member meant by its encoded or its plain name; a blank means the blank member."""
    for member in field.options:
        if text == member or text == decoded(member):
            return member
    return None


def decoded(member: str) -> str:
    """The plain name of an encoded enum member: ``Credit_x0020_Memo`` is ``Credit Memo``."""
    return re.sub(r"_x([0-9A-Fa-f]{4})_", lambda found: chr(int(found.group(1), 16)), member)


def _is_time(text: str) -> bool:
    try:
        return datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False


def _conversion(field: Field, value: Json) -> ApiError:
    return bad_request(
        f"Cannot convert the value '{value}' of '{field.name}' to the expected type '{field.edm_type}'."
    )
