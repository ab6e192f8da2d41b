"""The OpenAPI document of the routes that people and tools call."""

from typing import Any, Final

from shared.triggers import openapi_connections, openapi_reconcile, openapi_reports

_ERROR: Final = {
    "description": "What was asked wrongly, or what failed elsewhere.",
    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
}
_CONNECTION: Final = {
    "name": "connection",
    "in": "query",
    "schema": {"type": "string", "default": "default"},
    "description": "The connection; without it the one that the settings describe.",
}
_ENTITY: Final = {"name": "entity", "in": "path", "required": True, "schema": {"type": "string"}}


def _answer(schema: str, text: str) -> dict[str, Any]:
    return {
        "description": text,
        "content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}},
    }


def _body(schema: str) -> dict[str, Any]:
    return {
        "required": True,
        "content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}},
    }


_IDS: Final = {
    "type": "array",
    "items": {"oneOf": [{"type": "integer"}, {"type": "string", "pattern": "^[1-9][0-9]*$"}]},
    "maxItems": 1000,
}

DOCUMENT: Final[dict[str, Any]] = {
    "openapi": "3.0.3",
    "info": {
        "title": "DynaConnect operations",
        "version": "1",
        "description": "Sync on demand, see what waits, is retried or is held, and retry it.",
    },
    "servers": [{"url": "/api"}],
    "security": [{"functionKey": []}],
    "paths": {
        "/sync": {
            "post": {
                "operationId": "sync",
                "summary": "Sync records now, or show what a sync would do.",
                "requestBody": _body("SyncRequest"),
                "responses": {
                    "200": _answer("Plans", "What a sync would do; nothing was written."),
                    "202": _answer("Queued", "The records are queued."),
                    "400": _ERROR,
                    "503": _ERROR,
                    "502": _ERROR,
                },
            }
        },
        "/work": {
            "get": {
                "operationId": "listWork",
                "summary": "What waits, is retried or is held, oldest first.",
                "parameters": [
                    _CONNECTION,
                    {"name": "entity", "in": "query", "schema": {"type": "string"}},
                    {
                        "name": "state",
                        "in": "query",
                        "schema": {"type": "string", "enum": ["waiting", "retrying", "held"]},
                    },
                ],
                "responses": {"200": _answer("WorkList", "The open records."), "400": _ERROR, "503": _ERROR},
            }
        },
        "/work/retry": {
            "post": {
                "operationId": "retryWork",
                "summary": "Queue open records again.",
                "requestBody": _body("RetryRequest"),
                "responses": {
                    "202": _answer("Queued", "The records are queued."),
                    "400": _ERROR,
                    "503": _ERROR,
                },
            }
        },
        "/work/release": {
            "post": {
                "operationId": "releaseWork",
                "summary": "Let documents go that a workflow rule holds.",
                "requestBody": _body("ReleaseRequest"),
                "responses": {
                    "202": _answer("Queued", "The documents are queued."),
                    "400": _ERROR,
                    "503": _ERROR,
                },
            }
        },
        "/workflow": {
            "get": {
                "operationId": "readWorkflow",
                "parameters": [_CONNECTION],
                "summary": "The workflow rules in force.",
                "responses": {"200": {"description": "The rules."}, "400": _ERROR, "503": _ERROR},
            },
            "put": {
                "operationId": "replaceWorkflow",
                "parameters": [_CONNECTION],
                "summary": "Check and store workflow rules; every mistake is named with its place.",
                "requestBody": {
                    "required": True,
                    "content": {"application/json": {"schema": {"type": "object"}}},
                },
                "responses": {
                    "200": {"description": "Stored, in force within a minute."},
                    "400": _ERROR,
                    "503": _ERROR,
                },
            },
            "delete": {
                "operationId": "dropWorkflow",
                "parameters": [_CONNECTION],
                "summary": "Go back to posting every document.",
                "responses": {"200": {"description": "The standard."}, "400": _ERROR, "503": _ERROR},
            },
        },
        "/records/{entity}/{id}": {
            "get": {
                "operationId": "readRecord",
                "summary": "Everything known of one record.",
                "parameters": [
                    _ENTITY,
                    {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}},
                    _CONNECTION,
                ],
                "responses": {
                    "200": _answer("Record", "The record's links and latest attempts."),
                    "400": _ERROR,
                    "503": _ERROR,
                    "404": _ERROR,
                },
            }
        },
        "/mappings/{entity}": {
            "get": {
                "operationId": "readMapping",
                "parameters": [_ENTITY, _CONNECTION],
                "summary": "The mapping document in force; number 0 is the standard.",
                "responses": {"200": _answer("Mapping", "The document."), "400": _ERROR, "503": _ERROR},
            },
            "put": {
                "operationId": "replaceMapping",
                "parameters": [_ENTITY, _CONNECTION],
                "summary": "Check and store a mapping document; every mistake is named with its place.",
                "requestBody": {
                    "required": True,
                    "content": {"application/json": {"schema": {"type": "object"}}},
                },
                "responses": {
                    "200": {"description": "Stored, in force within a minute."},
                    "400": _ERROR,
                    "503": _ERROR,
                },
            },
            "delete": {
                "operationId": "dropMapping",
                "parameters": [_ENTITY, _CONNECTION],
                "summary": "Go back to the standard mapping.",
                "responses": {
                    "200": _answer("Mapping", "The standard document."),
                    "400": _ERROR,
                    "503": _ERROR,
                },
            },
        },
        **openapi_connections.PATHS,
        **openapi_reconcile.PATHS,
        **openapi_reports.PATHS,
        "/health": {
            "get": {
                "operationId": "health",
                "summary": "Whether the app is alive.",
                "security": [],
                "responses": {"200": {"description": "It is."}},
            }
        },
        "/audit": {
            "get": {
                "operationId": "auditLog",
                "summary": "What people who signed in did in a month, newest first.",
                "parameters": [
                    {
                        "name": "month",
                        "in": "query",
                        "schema": {"type": "string", "pattern": "^[0-9]{4}-(0[1-9]|1[0-2])$"},
                    }
                ],
                "responses": {"200": {"description": "Person, action, target and outcome of each."}},
            }
        },
        "/health/details": {
            "get": {
                "operationId": "healthDetails",
                "summary": "Every dependency, versions, the last success and what will soon end.",
                "responses": {"200": {"description": "How all of it is; `healthy` sums it up."}},
            }
        },
    },
    "components": {
        "securitySchemes": {"functionKey": {"type": "apiKey", "in": "header", "name": "x-functions-key"}},
        "schemas": {
            "SyncRequest": {
                "type": "object",
                "additionalProperties": False,
                "required": ["entity"],
                "properties": {
                    "connection": {"type": "string", "default": "default"},
                    "entity": {
                        "type": "string",
                        "description": "An entity such as customer, or a subject such as company.",
                    },
                    "ids": _IDS,
                    "all": {"type": "boolean", "default": False},
                    "apply": {
                        "type": "boolean",
                        "default": True,
                        "description": "False shows the plans only.",
                    },
                },
            },
            "ReleaseRequest": {
                "type": "object",
                "additionalProperties": False,
                "required": ["entity", "ids"],
                "properties": {
                    "connection": {"type": "string", "default": "default"},
                    "entity": {"type": "string"},
                    "ids": _IDS,
                },
            },
            "RetryRequest": {
                "type": "object",
                "additionalProperties": False,
                "properties": {
                    "connection": {"type": "string", "default": "default"},
                    "entity": {"type": "string"},
                    "ids": _IDS,
                    "cause": {"type": "string", "description": "Only what is open for this cause."},
                },
            },
            "Queued": {
                "type": "object",
                "properties": {"queued": {"type": "integer"}},
                "required": ["queued"],
            },
            "Plans": {
                "type": "object",
                "properties": {"plans": {"type": "array", "items": {"type": "object"}}},
            },
            "WorkList": {
                "type": "object",
                "properties": {
                    "items": {"type": "array", "items": {"type": "object"}},
                    "poison": {"type": "array", "items": {"type": "object"}},
                },
            },
            "Record": {
                "type": "object",
                "properties": {"links": {"type": "array", "items": {"type": "object"}}},
            },
            "Mapping": {
                "type": "object",
                "properties": {
                    "entity": {"type": "string"},
                    "number": {"type": "integer"},
                    "document": {"type": "object"},
                },
            },
            "Error": {
                "type": "object",
                "properties": {
                    "error": {"type": "string"},
                    "todo": {"type": "string"},
                    "cause": {"type": "string"},
                    "problems": {"type": "array", "items": {"type": "object"}},
                },
                "required": ["error"],
            },
        },
    },
}
