"""The part of the OpenAPI document that describes the reports."""

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
_TEXT: Final = {"type": "string"}
_COUNT: Final = {"type": "integer"}
_AMOUNT: Final = {"type": "number", "description": "With two decimals, in the currency beside it."}


def _object(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


def _list(of: dict[str, Any], text: str = "") -> dict[str, Any]:
    return {"type": "array", "items": of} | ({"description": text} if text else {})


def _report(operation: str, summary: str, schema: dict[str, Any]) -> dict[str, Any]:
    found = {"description": "The report.", "content": {"application/json": {"schema": schema}}}
    return {
        "get": {
            "operationId": operation,
            "summary": summary,
            "parameters": [_CONNECTION],
            "responses": {"200": found, **_FAILURES},
        }
    }


_AGREEMENT: Final = _object(
    id=_TEXT,
    name=_TEXT,
    company=_object(id=_COUNT, name=_TEXT),
    project=_TEXT,
    status={"type": "string", "enum": ["Active", "Cancelled", "Expired", "Inactive", ""]},
    start=_TEXT,
    end=_TEXT,
    cancelled=_TEXT,
    cycle=_TEXT,
    currency=_TEXT,
    recurring={**_AMOUNT, "description": "What is billed each cycle, with the additions in effect today."},
    monthly={**_AMOUNT, "nullable": True, "description": "Null where the cycle's length is not known."},
    additions={**_COUNT, "description": "How many are in effect today."},
    invoiced=_list(_object(currency=_TEXT, total=_AMOUNT, count=_COUNT), "Posted documents, by currency."),
    history=_list({"type": "object"}, "What changed when, newest last."),
)
_TOTAL: Final = _object(currency=_TEXT, active=_COUNT, monthly=_AMOUNT, invoiced=_AMOUNT, count=_COUNT)
_NEED: Final = _object(entity=_TEXT, id=_TEXT, state=_TEXT)
_VALUE: Final = _object(dimension=_TEXT, value=_TEXT, name=_TEXT, needed_by=_list(_NEED))

PATHS: Final[dict[str, Any]] = {
    "/agreements": _report(
        "listAgreements",
        "Recurring revenue by agreement, and what was invoiced for it.",
        _object(agreements=_list(_AGREEMENT), totals=_list(_TOTAL, "By currency.")),
    ),
    "/dimensions/missing": _report(
        "listMissingDimensions",
        "Dimension values that records need and Business Central lacks.",
        _object(values=_list(_VALUE)),
    ),
}
