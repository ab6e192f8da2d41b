"""JSON ``$batch``: several operations in one call, in order, each counted by itself."""

from collections.abc import Callable, Mapping
from typing import Final
from urllib.parse import parse_qsl, unquote, urljoin, urlsplit

from sandbox.business_central.calls import Answer, Call
from sandbox.business_central.errors import ApiError, bad_request
from sandbox.business_central.paths import resolved
from sandbox.business_central.service import Service
from sandbox.kit import Json

_JSON_HEADERS: Final = {"content-type": "application/json; odata.metadata=minimal"}


class _Undo(Exception):
    """Leaves a snapshot batch without keeping anything."""


def run(service: Service, call: Call, count: Callable[[str], None]) -> Answer:
    """Runs the operations in order until one fails, or all with ``Prefer: odata.continue-on-error``.

    With ``Isolation: snapshot`` a failure takes back what was not committed by a posting. Raises 413 above
    the largest number of operations.
    """
    requests = _requests(call.body)
    cap = service.environment.settings.batch_cap
    if len(requests) > cap:
        text = f"The batch holds {len(requests)} operations; the maximum is {cap}."
        raise ApiError(413, "RequestEntityTooLarge", text)
    go_on = "odata.continue-on-error" in call.headers.get("prefer", "").lower()
    snapshot = call.headers.get("isolation", "").lower() == "snapshot"
    responses: list[Json] = []

    def all_of_them() -> bool:
        for item in requests:
            response = _operation(service, call, item, count)
            responses.append(response)
            if response["status"] >= 400 and not go_on:
                return False
        return all(response["status"] < 400 for response in responses)

    if not snapshot:
        all_of_them()
        return Answer(200, {"responses": responses})
    try:
        with service.environment.store.transaction():
            if not all_of_them():
                raise _Undo
    except _Undo:
        pass
    return Answer(200, {"responses": responses})


def _requests(body: Json) -> list[dict[str, Json]]:
    requests = body.get("requests") if isinstance(body, dict) else None
    if not isinstance(requests, list) or not all(isinstance(item, dict) for item in requests):
        raise bad_request("A batch needs an array 'requests'.")
    for item in requests:
        if not {"id", "method", "url"} <= item.keys():
            raise bad_request("Every request of a batch needs 'id', 'method' and 'url'.")
    ids = [item["id"] for item in requests]
    if len(set(ids)) < len(ids):
        raise bad_request("The ids within a batch must be different.")
    return requests


def _operation(service: Service, outer: Call, item: Mapping[str, Json], count: Callable[[str], None]) -> Json:
    method = str(item["method"]).upper()
    parts = urlsplit(urljoin(f"/{outer.target.route}/", str(item["url"])))
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    headers = {name.lower(): str(value) for name, value in item.get("headers", {}).items()}
    identity = None if service.environment.settings.batch_null_ids else item["id"]
    try:
        path = unquote(parts.path)
        target = resolved(path, query)
        count(f"BATCH {method} {target.template}")
        inner = Call(method, target, path, query, headers, item.get("body"), outer.base)
        answer = service.answer(inner)
    except ApiError as error:
        return {"id": identity, "status": error.status, "headers": _JSON_HEADERS, "body": error.body()}
    response = {"id": identity, "status": answer.status, "headers": _JSON_HEADERS | answer.headers}
    return response if answer.body is None else response | {"body": answer.body}
