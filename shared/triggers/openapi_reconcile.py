"""The part of the OpenAPI document that describes reconciliations."""

from typing import Any, Final

_ERROR: Final = {
    "description": "What was asked wrongly, or what failed elsewhere.",
    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
}
_FAILURES: Final = {"400": _ERROR, "502": _ERROR, "503": _ERROR}
_CONNECTION: Final = {
    "name": "connection",
    "in": "query",
    "schema": {"type": "string", "default": "default"},
    "description": "The connection; without it the one that the settings describe.",
}
_DAY: Final = {"type": "string", "format": "date"}
_PARTS: Final = ["statement", "proofs", "drifts", "known", "receivables", "close", "opening"]
_REQUEST: Final = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "connection": {"type": "string", "default": "default"},
        "period": {
            "type": "object",
            "additionalProperties": False,
            "properties": {"from": _DAY, "to": _DAY},
            "description": "The days whose documents are proved, both included; without it the last 31.",
        },
        "repair": {
            "type": "string",
            "enum": ["none", "plan", "apply"],
            "nullable": True,
            "description": "Only find drifts, plan their repair too, or have it made as well.",
        },
        "opening": {**_DAY, "description": "Compare the open balances of every customer at this date too."},
    },
}
_QUEUED: Final = {
    "type": "object",
    "required": ["queued", "id"],
    "properties": {"queued": {"type": "integer"}, "id": {"type": "string"}},
}


def _json(schema: dict[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}


PATHS: Final[dict[str, Any]] = {
    "/reconcile": {
        "post": {
            "operationId": "reconcile",
            "summary": "Compare both systems now, and plan or make repairs.",
            "requestBody": {"required": False, "content": _json(_REQUEST)},
            "responses": {
                "202": {"description": "Queued; the id names the result.", "content": _json(_QUEUED)},
                **_FAILURES,
            },
        },
        "get": {
            "operationId": "listReconciliations",
            "parameters": [_CONNECTION],
            "summary": "The newest runs with their figures.",
            "responses": {
                "200": {"description": "The runs, newest first.", "content": _json({"type": "object"})},
                **_FAILURES,
            },
        },
    },
    "/reconcile/{id}": {
        "get": {
            "operationId": "readReconciliation",
            "parameters": [
                {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}},
                _CONNECTION,
                {"name": "part", "in": "query", "schema": {"type": "string", "enum": _PARTS}},
                {"name": "format", "in": "query", "schema": {"type": "string", "enum": ["json", "csv"]}},
            ],
            "summary": "One run in full or in part, as JSON or as a CSV sheet of one part.",
            "responses": {
                "200": {
                    "description": "The run.",
                    "content": {**_json({"type": "object"}), "text/csv": {"schema": {"type": "string"}}},
                },
                "404": _ERROR,
                **_FAILURES,
            },
        }
    },
}
