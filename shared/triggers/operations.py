"""Work on demand over HTTP, with a function key: sync, preview, list what is open, retry, inspect."""

import json
import re
from dataclasses import asdict
from typing import Final

import azure.functions as func

from shared.domain.errors import BadRequest
from shared.domain.records import DEFAULT, State
from shared.triggers.answers import RECORD_ID, body_of, flag_of, guarded, ids_of, json_answer, text_of
from shared.triggers.openapi import DOCUMENT
from shared.triggers.process import get_app, get_assembled

MONTH: Final = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])")
OPEN_STATES: Final = tuple(state.value for state in State if state.is_open)

blueprint: func.Blueprint = func.Blueprint()  # type: ignore[no-untyped-call]


@blueprint.function_name("sync_on_demand")
@blueprint.route("sync", methods=["POST"], auth_level=func.AuthLevel.FUNCTION)
async def sync_on_demand(req: func.HttpRequest) -> func.HttpResponse:
    """Queues records of an entity, or shows their plans when ``apply`` is false."""

    async def answer() -> func.HttpResponse:
        body = body_of(req, "connection", "entity", "ids", "all", "apply")
        connection, entity = text_of(body, "connection", DEFAULT), text_of(body, "entity")
        ids, everything = ids_of(body), flag_of(body, "all", default=False)
        if not entity:
            raise BadRequest("entity is missing")
        if everything == bool(ids):
            raise BadRequest("give either ids or all")
        desk = (await get_app()).desk
        if flag_of(body, "apply", default=True):
            return json_answer(
                {"queued": await desk.sync(connection, entity, ids, everything=everything)}, 202
            )
        if everything:
            raise BadRequest("a preview needs ids")
        return json_answer({"plans": await desk.preview(connection, entity, ids)})

    return await guarded(answer)


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
        rows = [{**asdict(item), "state": item.state.value} for item in items]
        return json_answer({"items": rows, "poison": poison, "resting": await app.rests.shown(connection)})

    return await guarded(answer)


@blueprint.function_name("retry_work")
@blueprint.route("work/retry", methods=["POST"], auth_level=func.AuthLevel.FUNCTION)
async def retry_work(req: func.HttpRequest) -> func.HttpResponse:
    """Queues open records again: all, those of an entity, named ones, or those of one cause."""

    async def answer() -> func.HttpResponse:
        body = body_of(req, "connection", "entity", "ids", "cause")
        desk = (await get_app()).desk
        count = await desk.retry(
            text_of(body, "connection", DEFAULT),
            text_of(body, "entity"),
            ids_of(body),
            text_of(body, "cause"),
        )
        return json_answer({"queued": count}, 202)

    return await guarded(answer)


@blueprint.function_name("release_work")
@blueprint.route("work/release", methods=["POST"], auth_level=func.AuthLevel.FUNCTION)
async def release_work(req: func.HttpRequest) -> func.HttpResponse:
    """Lets documents go that a workflow rule holds."""

    async def answer() -> func.HttpResponse:
        body = body_of(req, "connection", "entity", "ids")
        desk, ids = (await get_app()).desk, ids_of(body)
        if not ids:
            raise BadRequest("ids are missing")
        count = await desk.release(text_of(body, "connection", DEFAULT), text_of(body, "entity"), ids)
        return json_answer({"queued": count}, 202)

    return await guarded(answer)


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
        return json_answer(await desk.workflow(connection))

    return await guarded(answer)


@blueprint.function_name("record_details")
@blueprint.route("records/{entity}/{id}", methods=["GET"], auth_level=func.AuthLevel.FUNCTION)
async def record_details(req: func.HttpRequest) -> func.HttpResponse:
    """Everything known of one record: its links, what was last written, its latest attempts."""

    async def answer() -> func.HttpResponse:
        desk = (await get_app()).desk
        entity, record_id = str(req.route_params["entity"]), str(req.route_params["id"])
        if not RECORD_ID.fullmatch(record_id):
            raise BadRequest("the id must be a ConnectWise record id")
        found = await desk.record(req.params.get("connection", DEFAULT), entity, record_id)
        return json_answer(found) if found else json_answer({"error": "nothing is known of this record"}, 404)

    return await guarded(answer)


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
            return json_answer({"number": await desk.save_mapping(connection, entity, text)})
        return json_answer(await desk.mapping(connection, entity))

    return await guarded(answer)


@blueprint.function_name("openapi")
@blueprint.route("openapi.json", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
async def openapi(req: func.HttpRequest) -> func.HttpResponse:
    """The description of these routes."""
    return func.HttpResponse(json.dumps(DOCUMENT), mimetype="application/json")


@blueprint.function_name("audit_log")
@blueprint.route("audit", methods=["GET"], auth_level=func.AuthLevel.FUNCTION)
async def audit_log(req: func.HttpRequest) -> func.HttpResponse:
    """What people who signed in did in a month, newest first."""

    async def answer() -> func.HttpResponse:
        app = await get_app()
        month = req.params.get("month", f"{app.clock.now():%Y-%m}")
        if not MONTH.fullmatch(month):
            raise BadRequest("month must be like 2026-11")
        return json_answer({"month": month, "actions": await app.audit.month(month)})

    return await guarded(answer)


@blueprint.function_name("health_details")
@blueprint.route("health/details", methods=["GET"], auth_level=func.AuthLevel.FUNCTION)
async def health_details(req: func.HttpRequest) -> func.HttpResponse:
    """Every dependency, versions, the last success, and what will soon end. Makes nothing and hangs on nothing."""
    return json_answer(await get_assembled().health.look())


@blueprint.function_name("health")
@blueprint.route("health", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
async def health(req: func.HttpRequest) -> func.HttpResponse:
    """Says that the app is alive, without detail."""
    return json_answer({"status": "alive"})
