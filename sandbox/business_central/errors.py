"""Errors as Business Central answers them: code, text, correlation id."""

import uuid
from typing import Literal

from sandbox.kit import Json

DIALOG = "Application_DialogException"
TEST_FIELD = "Application_FieldValidationException"


class ApiError(Exception):
    """An answer other than success; nothing of the operation is kept."""

    def __init__(self, status: int, code: str, message: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(f"{status} {code}: {message}")
        self.status = status
        self.code = code
        self.message = message
        self.headers = headers or {}

    def body(self) -> Json:
        """The JSON body; the text ends with the correlation id, set off by two spaces."""
        text = f"{self.message}  CorrelationId:  {uuid.uuid4()}."
        return {"error": {"code": self.code, "message": text}}


def bad_request(message: str, code: str = "BadRequest") -> ApiError:
    """A request that is wrong in itself (400)."""
    return ApiError(400, code, message)


def dialog(message: str) -> ApiError:
    """An error raised by business logic, such as a blocked customer (400)."""
    return ApiError(400, DIALOG, message)


def field_error(caption: str, table: str, key: str, *, wanted: str = "", current: str = "") -> ApiError:
    """A field that does not hold what the operation demands (400); ``wanted`` blank means any value."""
    if wanted:
        text = f"{caption} must be equal to '{wanted}'  in {table}: {key}. Current value is '{current}'."
    else:
        text = f"{caption} must have a value in {table}: {key}. It cannot be zero or empty."
    return ApiError(400, TEST_FIELD, text)


def missing_relation(caption: str, table: str, value: str, related: str) -> ApiError:
    """A value that names no record of the related table (400)."""
    text = f"The field {caption} of table {table} contains a value ({value}) that cannot be found in the related table ({related})."
    return ApiError(400, "Internal_InvalidTableRelation", text)


def same_key(table: str, key: str) -> ApiError:
    """A record that exists already (400)."""
    text = f"The record in table {table} already exists. Identification fields and values: {key}"
    return ApiError(400, "Internal_EntityWithSameKeyExists", text)


def not_found(kind: Literal["segment", "record"], name: str) -> ApiError:
    """An unknown part of the address, or a record that is not there (404)."""
    if kind == "segment":
        return ApiError(404, "BadRequest_NotFound", f"Resource not found for the segment '{name}'.")
    return ApiError(404, "Internal_RecordNotFound", f"The {name} does not exist.")


def outside_filter(table: str, filters: str) -> ApiError:
    """A record that business logic looks for within filters and does not find (400)."""
    text = f"There is no {table} within the filter.\r\n\r\nFilters: {filters}"
    return ApiError(400, "Internal_DataNotFoundFilter", text)
