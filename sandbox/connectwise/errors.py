"""The refusals of the service: status, top-level code, message and the nested field errors."""

from collections.abc import Sequence
from dataclasses import dataclass

from sandbox.kit import Json


@dataclass(frozen=True, slots=True)
class FieldError:
    """One nested error: ``MissingRequiredField``, ``InvalidField``, ``MaxLengthField``, ``ObjectExists``, ..."""

    code: str
    message: str
    field: str


class ApiError(Exception):
    """A refusal, answered with ``status`` and the body ``{code, message, errors}``; errors is null when empty."""

    def __init__(
        self, status: int, code: str, message: str, resource: str = "", errors: Sequence[FieldError] = ()
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.resource = resource
        self.errors = tuple(errors)

    def body(self) -> Json:
        """The JSON body of the refusal."""
        nested = [
            {"code": error.code, "message": error.message, "resource": self.resource, "field": error.field}
            for error in self.errors
        ]
        return {"code": self.code, "message": self.message, "errors": nested or None}


def resource_name(entity: str) -> str:
    """How error bodies spell an entity: ``Company`` becomes ``company``."""
    short = entity.rpartition(".")[2]
    return short[:1].lower() + short[1:]


def invalid_object(entity: str, errors: Sequence[FieldError]) -> ApiError:
    """400 InvalidObject with its field errors."""
    resource = resource_name(entity)
    return ApiError(400, "InvalidObject", f"{resource} object is invalid", resource, errors)


def invalid_field(entity: str, field: str, message: str, code: str = "InvalidField") -> ApiError:
    """400 InvalidObject with a single field error."""
    return invalid_object(entity, [FieldError(code, message, field)])


def not_found(entity: str, record_id: int) -> ApiError:
    """404 NotFound for a record id."""
    return ApiError(404, "NotFound", f"{entity.rpartition('.')[2]} {record_id} not found")


def no_endpoint() -> ApiError:
    """404 for an address that is not served; also what the cloud answers to wrong keys."""
    return ApiError(404, "ConnectWiseApi", "The endpoint does not exist.")
