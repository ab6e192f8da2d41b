"""Work on demand over HTTP, with a function key: sync, preview, list what is open, retry, inspect."""

import json
import logging
import re
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from datetime import datetime
from typing import Any, Final

import azure.functions as func
import simplejson
from azure.core.exceptions import AzureError

from shared.app import DEFAULT, get_app
from shared.domain.errors import SyncError
from shared.domain.records import State
from shared.engine.desk import BadRequest
from shared.mapping import MappingError
from shared.triggers.openapi import DOCUMENT

MOST_IDS: Final = 1_000
OPEN_STATES: Final = tuple(state.value for state in State if state.is_open)
_ID: Final = re.compile(r"[1-9][0-9]{0,18}")

blueprint: func.Blueprint = func.Blueprint()  # type: ignore[no-untyped-call]
log = logging.getLogger("dynaconnect.operations")


@blueprint.function_name("sync_on_demand")
@blueprint.route("sync", methods=["POST"], auth_level=func.AuthLevel.FUNCTION)
async def sync_on_demand(req: func.HttpRequest) -> func.HttpResponse:
    """Queues records of an entity, or shows their plans when ``apply`` is false."""

    async def answer() -> func.HttpResponse:
        body = _body(req, "connection", "entity", "ids", "all", "apply")
        connection, entity = _text(body, "connection", DEFAULT), _text(body, "entity")
        ids, everything = _ids(body), _flag(body, "all", default=False)
        if not entity:
            raise BadRequest("entity is missing")
        if everything == bool(ids):
            raise BadRequest("give either ids or all")
        desk = (await get_app()).desk
        if _flag(body, "apply", default=True):
            return _json({"queued": await desk.sync(connection, entity, ids, everything=everything)}, 202)
        if everything:
            raise BadRequest("a preview needs ids")
        return _json({"plans": await desk.preview(connection, entity, ids)})

    return await _guarded(answer)


@blueprint.function_name("work_list")
@blueprint.route("work", methods=["GET"], auth_level=func.AuthLevel.FUNCTION)
async def work_list(req: func.HttpRequest) -> func.HttpResponse:
    """What waits, is retried or is held, with reasons; and messages that were given up."""

    async def answer() -> func.HttpResponse:
        app = await get_app()
        connection, state = req.params.get("connection", DEFAULT), req.params.get("state", "")
        if state not in ("", *OPEN_STATES):
            raise BadRequest(f"state must be one of {', '.join(OPEN_STATES)}")
        items = await app.desk.work(connection, req.params.get("entity", ""), state)
        poison = [{"name": name, **value} async for name, value in app.desk.poison(connection)]
        return _json(
            {"items": [{**asdict(item), "state": item.state.value} for item in items], "poison": poison}
        )

    return await _guarded(answer)


@blueprint.function_name("retry_work")
@blueprint.route("work/retry", methods=["POST"], auth_level=func.AuthLevel.FUNCTION)
async def retry_work(req: func.HttpRequest) -> func.HttpResponse:
    """Queues open records again: all, those of an entity, named ones, or those of one cause."""

    async def answer() -> func.HttpResponse:
        body = _body(req, "connection", "entity", "ids", "cause")
        desk = (await get_app()).desk
        count = await desk.retry(
            _text(body, "connection", DEFAULT), _text(body, "entity"), _ids(body), _text(body, "cause")
        )
        return _json({"queued": count}, 202)

    return await _guarded(answer)


@blueprint.function_name("release_work")
@blueprint.route("work/release", methods=["POST"], auth_level=func.AuthLevel.FUNCTION)
async def release_work(req: func.HttpRequest) -> func.HttpResponse:
    """Lets documents go that a workflow rule holds."""

    async def answer() -> func.HttpResponse:
        body = _body(req, "connection", "entity", "ids")
        desk, ids = (await get_app()).desk, _ids(body)
        if not ids:
            raise BadRequest("ids are missing")
        count = await desk.release(_text(body, "connection", DEFAULT), _text(body, "entity"), ids)
        return _json({"queued": count}, 202)

    return await _guarded(answer)


@blueprint.function_name("workflow_rules")
@blueprint.route("workflow", methods=["GET", "PUT", "DELETE"], auth_level=func.AuthLevel.FUNCTION)
async def workflow_rules(req: func.HttpRequest) -> func.HttpResponse:
    """The workflow rules: read them, replace them by checked ones, go back to the standard."""

    async def answer() -> func.HttpResponse:
        desk, connection = (await get_app()).desk, req.params.get("connection", DEFAULT)
        if req.method == "DELETE":
            await desk.drop_workflow(connection)
        elif req.method == "PUT":
            await desk.save_workflow(connection, req.get_body().decode(errors="replace"))
        return _json(await desk.workflow(connection))

    return await _guarded(answer)


@blueprint.function_name("record_details")
@blueprint.route("records/{entity}/{id}", methods=["GET"], auth_level=func.AuthLevel.FUNCTION)
async def record_details(req: func.HttpRequest) -> func.HttpResponse:
    """Everything known of one record: its links, what was last written, its latest attempts."""

    async def answer() -> func.HttpResponse:
        desk = (await get_app()).desk
        entity, record_id = str(req.route_params["entity"]), str(req.route_params["id"])
        if not _ID.fullmatch(record_id):
            raise BadRequest("the id must be a ConnectWise record id")
        found = await desk.record(req.params.get("connection", DEFAULT), entity, record_id)
        return _json(found) if found else _json({"error": "nothing is known of this record"}, 404)

    return await _guarded(answer)


@blueprint.function_name("mapping_document")
@blueprint.route("mappings/{entity}", methods=["GET", "PUT", "DELETE"], auth_level=func.AuthLevel.FUNCTION)
async def mapping_document(req: func.HttpRequest) -> func.HttpResponse:
    """The mapping of an entity: read it, replace it by a checked one, go back to the standard."""

    async def answer() -> func.HttpResponse:
        desk = (await get_app()).desk
        connection, entity = req.params.get("connection", DEFAULT), str(req.route_params["entity"])
        if req.method == "DELETE":
            await desk.drop_mapping(connection, entity)
        elif req.method == "PUT":
            text = req.get_body().decode(errors="replace")
            return _json({"number": await desk.save_mapping(connection, entity, text)})
        return _json(await desk.mapping(connection, entity))

    return await _guarded(answer)


@blueprint.function_name("openapi")
@blueprint.route("openapi.json", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
async def openapi(req: func.HttpRequest) -> func.HttpResponse:
    """The description of these routes."""
    return func.HttpResponse(json.dumps(DOCUMENT), mimetype="application/json")


@blueprint.function_name("health")
@blueprint.route("health", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
async def health(req: func.HttpRequest) -> func.HttpResponse:
    """Says that the app is alive, without detail."""
    return _json({"status": "alive"})


async def _guarded(answer: Callable[[], Awaitable[func.HttpResponse]]) -> func.HttpResponse:
    """Turns what was asked wrongly into 400, what failed elsewhere into 502 and absent storage into 503."""
    try:
        return await answer()
    except MappingError as wrong:
        problems = [{"place": one.place, "message": one.message} for one in wrong.problems]
        return _json({"error": "the document has mistakes", "problems": problems}, 400)
    except BadRequest as bad:
        return _json({"error": str(bad)}, 400)
    except SyncError as error:
        return _json({"error": error.operator, "todo": error.todo, "cause": error.cause}, 502)
    except AzureError as error:
        log.error("storage cannot be reached: %r", error)
        return _json({"error": "Storage cannot be reached right now.", "cause": "storage"}, 503)


def _body(req: func.HttpRequest, *names: str) -> dict[str, Any]:
    """The JSON object of a request, which may hold nothing but ``names``: a misspelt ``apply`` would write."""
    try:
        body = simplejson.loads(req.get_body() or b"{}")
    except (ValueError, RecursionError) as error:
        raise BadRequest(f"the body is not JSON: {error}") from error
    if not isinstance(body, dict):
        raise BadRequest("the body must be a JSON object")
    unknown = sorted(set(body) - set(names))
    if unknown:
        raise BadRequest(f"unknown: {', '.join(unknown)[:200]}; known are {', '.join(names)}")
    return body


def _text(body: dict[str, Any], name: str, default: str = "") -> str:
    value = body.get(name, default)
    if not isinstance(value, str):
        raise BadRequest(f"{name} must be a text")
    return value


def _flag(body: dict[str, Any], name: str, *, default: bool) -> bool:
    value = body.get(name, default)
    if not isinstance(value, bool):
        raise BadRequest(f"{name} must be true or false")
    return value


def _ids(body: dict[str, Any]) -> list[str]:
    ids = body.get("ids", [])
    if not isinstance(ids, list) or len(ids) > MOST_IDS:
        raise BadRequest(f"ids must be a list of at most {MOST_IDS}")
    if not all(isinstance(one, int | str) and _ID.fullmatch(str(one)) for one in ids):
        raise BadRequest("ids must be ConnectWise record ids")
    return list(dict.fromkeys(str(one) for one in ids))


def _json(value: object, status: int = 200) -> func.HttpResponse:
    text = simplejson.dumps(value, use_decimal=True, ensure_ascii=False, default=_plain)
    return func.HttpResponse(text, status_code=status, mimetype="application/json")


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
