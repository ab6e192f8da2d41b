"""The part of the OpenAPI document that describes connections and their start."""

from typing import Any, Final

_ERROR: Final = {
    "description": "What was asked wrongly, or what failed elsewhere.",
    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
}
_FAILURES: Final = {"400": _ERROR, "502": _ERROR, "503": _ERROR}
_NAME: Final = {
    "name": "name",
    "in": "path",
    "required": True,
    "schema": {"type": "string", "pattern": "^[a-z][a-z0-9]*(-[a-z0-9]+)*$", "maxLength": 30},
}
_BODY: Final = {"required": True, "content": {"application/json": {"schema": {"type": "object"}}}}

PATHS: Final[dict[str, Any]] = {
    "/connections": {
        "get": {
            "operationId": "listConnections",
            "summary": "Every connection, and what is wrong with those that cannot be used.",
            "responses": {"200": {"description": "The connections in order."}, **_FAILURES},
        }
    },
    "/connections/{name}": {
        "get": {
            "operationId": "readConnection",
            "parameters": [_NAME],
            "summary": "The stored document of a connection. It never holds a secret.",
            "responses": {"200": {"description": "The document."}, "404": _ERROR, **_FAILURES},
        },
        "put": {
            "operationId": "replaceConnection",
            "parameters": [_NAME],
            "summary": "Check and store a connection; every mistake is named with its place.",
            "requestBody": _BODY,
            "responses": {
                "200": {"description": "Stored, in force within a minute; names the secrets still missing."},
                **_FAILURES,
            },
        },
        "delete": {
            "operationId": "dropConnection",
            "parameters": [_NAME],
            "summary": "Take a connection away; what it has synced stays known under its name.",
            "responses": {"200": {"description": "It is gone."}, "404": _ERROR, **_FAILURES},
        },
    },
    "/connections/{name}/rights": {
        "get": {
            "operationId": "lookAtRights",
            "parameters": [_NAME],
            "summary": "Every right that a connection needs in both systems, and which are missing; writes nothing.",
            "responses": {"200": {"description": "The rights."}, "404": _ERROR, **_FAILURES},
        }
    },
    "/connections/{name}/erase": {
        "post": {
            "operationId": "eraseConnection",
            "parameters": [_NAME],
            "summary": "Count what there is of a connection that is switched off; forget it when confirmed.",
            "requestBody": {
                "content": {
                    "application/json": {
                        "schema": {
                            "type": "object",
                            "additionalProperties": False,
                            "properties": {
                                "confirm": {"type": "string", "description": "The name again: erase it."},
                                "leave_hooks": {
                                    "type": "boolean",
                                    "default": False,
                                    "description": "Do not ask the two systems to forget their hooks.",
                                },
                            },
                        }
                    }
                }
            },
            "responses": {
                "200": {"description": "What would go; nothing was changed."},
                "202": {"description": "It is being erased."},
                "404": _ERROR,
                **_FAILURES,
            },
        }
    },
    "/cutover": {
        "get": {
            "operationId": "previewCutover",
            "summary": "The documents that a start date leaves out: ids, count and totals per currency.",
            "parameters": [
                {"name": "connection", "in": "query", "schema": {"type": "string", "default": "default"}},
                {"name": "entity", "in": "query", "schema": {"type": "string"}},
                {
                    "name": "start",
                    "in": "query",
                    "schema": {"type": "string", "format": "date"},
                    "description": "The day to try; without it the stored one.",
                },
            ],
            "responses": {"200": {"description": "What would be left out."}, **_FAILURES},
        }
    },
}
