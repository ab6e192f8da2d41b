"""Connections and their start over HTTP, with a function key: list, read, check and store, take away, preview."""

from datetime import date

import azure.functions as func

from shared.domain.errors import BadRequest
from shared.domain.records import DEFAULT
from shared.triggers.answers import body_of, flag_of, guarded, json_answer, text_of
from shared.triggers.process import get_app

blueprint: func.Blueprint = func.Blueprint()  # type: ignore[no-untyped-call]


@blueprint.function_name("connection_list")
@blueprint.route("connections", methods=["GET"], auth_level=func.AuthLevel.FUNCTION)
async def connection_list(req: func.HttpRequest) -> func.HttpResponse:
    """Every connection, and what is wrong with those that cannot be used."""

    async def answer() -> func.HttpResponse:
        return json_answer({"connections": await (await get_app()).connection_desk.every()})

    return await guarded(answer)


@blueprint.function_name("connection_document")
@blueprint.route("connections/{name}", methods=["GET", "PUT", "DELETE"], auth_level=func.AuthLevel.FUNCTION)
async def connection_document(req: func.HttpRequest) -> func.HttpResponse:
    """One connection: read its document, replace it by a checked one, take it away."""

    async def answer() -> func.HttpResponse:
        desk, name = (await get_app()).connection_desk, str(req.route_params["name"])
        if req.method == "PUT":
            return json_answer(await desk.save(name, req.get_body().decode(errors="replace")))
        if req.method == "DELETE":
            dropped = await desk.drop(name)
            return json_answer({"dropped": name}) if dropped else _unknown(name)
        found = await desk.read(name)
        return json_answer(found) if found else _unknown(name)

    return await guarded(answer)


@blueprint.function_name("connection_rights")
@blueprint.route("connections/{name}/rights", methods=["GET"], auth_level=func.AuthLevel.FUNCTION)
async def connection_rights(req: func.HttpRequest) -> func.HttpResponse:
    """The rights of a connection in both systems: asked there now, nothing is written."""

    async def answer() -> func.HttpResponse:
        app, name = await get_app(), str(req.route_params["name"])
        if name not in await app.connections.names():
            return _unknown(name)
        return json_answer(await app.rights.look(name))

    return await guarded(answer)


@blueprint.function_name("erase_connection")
@blueprint.route("connections/{name}/erase", methods=["POST"], auth_level=func.AuthLevel.FUNCTION)
async def erase_connection(req: func.HttpRequest) -> func.HttpResponse:
    """Shows what there is of a connection; forgets all of it when its name is repeated as ``confirm``."""

    async def answer() -> func.HttpResponse:
        erasure, name = (await get_app()).erasure, str(req.route_params["name"])
        body = body_of(req, "confirm", "leave_hooks")
        confirm, leave = text_of(body, "confirm"), flag_of(body, "leave_hooks", default=False)
        if confirm not in ("", name):
            raise BadRequest("confirm must repeat the connection's name")
        found = await (erasure.begin(name, leave_hooks=leave) if confirm else erasure.look(name))
        if found is None:
            return _unknown(name)
        return json_answer({"dry_run": not confirm, **found}, 202 if confirm else 200)

    return await guarded(answer)


@blueprint.function_name("cutover_preview")
@blueprint.route("cutover", methods=["GET"], auth_level=func.AuthLevel.FUNCTION)
async def cutover_preview(req: func.HttpRequest) -> func.HttpResponse:
    """What a start date leaves out, the stored one or one that is only tried."""

    async def answer() -> func.HttpResponse:
        preview = (await get_app()).cutover_preview
        connection, entity = req.params.get("connection", DEFAULT), req.params.get("entity", "")
        return json_answer(await preview.show(connection, entity, _day(req.params.get("start", ""))))

    return await guarded(answer)


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError as error:
        raise BadRequest("start must be a day such as 2026-01-31") from error


def _unknown(name: str) -> func.HttpResponse:
    return json_answer({"error": f"there is no stored connection {name[:50]}"}, 404)
