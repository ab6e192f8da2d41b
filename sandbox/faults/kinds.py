"""The faults of the matrix, in the words of the system that answers."""

from collections.abc import Callable, Mapping
from typing import Final

from sandbox.kit import Fault, Json, dumps

TIMEOUT_SECONDS: Final = 1.0
"""How long the product waits for the next byte in the matrix; 60 seconds in earnest."""
DEADLINE_SECONDS: Final = 1.6
"""How long it waits for a whole answer in the matrix; 100 seconds in earnest."""
REST_SECONDS: Final = "30"

SYSTEMS: Final = ("connectwise", "business_central", "table", "queue", "vault")
CODES: Final[Mapping[str, Mapping[int, str]]] = {
    "connectwise": {403: "Forbidden", 404: "NotFound", 409: "Conflict"},
    "business_central": {
        403: "Internal_ServerError",
        404: "Internal_RecordNotFound",
        409: "Request_EntityChanged",
        412: "Request_EntityChanged",
        429: "Application_TooManyRequests",
    },
    "table": {
        401: "NoAuthenticationInformation",
        403: "AuthorizationPermissionMismatch",
        404: "TableNotFound",
        412: "UpdateConditionNotSatisfied",
        503: "ServerBusy",
    },
    "queue": {403: "AuthorizationPermissionMismatch", 404: "QueueNotFound", 503: "ServerBusy"},
    "vault": {403: "Forbidden", 404: "SecretNotFound"},
}
"""The code that stands in the body of a refusal, where the service has one of its own."""


def _body(system: str, status: int) -> str:
    code, message = CODES[system].get(status, f"Status{status}"), f"injected {status}"
    body: Json = {"code": code, "message": message}
    if system in ("business_central", "vault"):
        body = {"error": body}
    if system == "table":
        body = {"odata.error": {"code": code, "message": {"lang": "en-US", "value": message}}}
    return dumps(body)


def _status(status: int, **headers: str) -> Callable[[str], Fault]:
    def made(system: str) -> Fault:
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        if system in ("table", "queue") and status in CODES[system]:
            given["x-ms-error-code"] = CODES[system][status]
        return Fault("status", status=status, body=_body(system, status), headers=given)

    return made


KINDS: Final[Mapping[str, Callable[[str], Fault]]] = {
    "latency": lambda _: Fault("latency", seconds=0.05),
    "no answer": lambda _: Fault("hang", seconds=TIMEOUT_SECONDS * 1.3),
    "reset": lambda _: Fault("reset"),
    "cut body": lambda _: Fault("cut"),
    "slow body": lambda _: Fault("slow", seconds=0.02, pieces=4),
    "dripping body": lambda _: Fault("slow", seconds=TIMEOUT_SECONDS * 0.6, pieces=8),
    "401": _status(401),
    "403": _status(403),
    "404": _status(404),
    "404 page": lambda _: Fault("status", status=404, body="<html><body>Not here</body></html>"),
    "408": _status(408),
    "409": _status(409),
    "412": _status(412),
    "413": _status(413),
    "429": _status(429),
    "429 later": _status(429, Retry_After=REST_SECONDS),
    "500": _status(500),
    "502": _status(502),
    "503": _status(503),
    "504": _status(504),
    "bad JSON": lambda _: Fault("badjson"),
    "HTML": lambda _: Fault("html"),
    "answer lost": lambda _: Fault("lost"),
}
"""Each lasts for the whole of two tries."""


def fault_of(kind: str, system: str, endpoint: str) -> Fault:
    """The fault at an endpoint. That what is to be deleted is gone is only ever said when it is."""
    fault = KINDS[kind](system)
    fault.route = endpoint
    fault.carried_out = kind == "404" and endpoint.startswith("DELETE")
    return fault


def can_meet(kind: str, endpoint: str) -> bool:
    """Whether an endpoint can show the fault: a file that is no JSON is a file like any other."""
    return kind != "bad JSON" or not endpoint.endswith("/download")
