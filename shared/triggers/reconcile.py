"""Reconciliation: nightly, on demand, and its results as JSON or CSV."""

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import azure.functions as func

from shared.domain.errors import BadRequest
from shared.domain.records import DEFAULT
from shared.reconcile.runs import Request
from shared.triggers.answers import body_of, guarded, json_answer, text_of
from shared.triggers.process import get_app

if TYPE_CHECKING:
    from shared.app import App
    from shared.reconcile.results import Results

PARTS: Final = ("statement", "proofs", "drifts", "known", "receivables", "close", "opening")
FIRST_DAYS: Final = timedelta(days=31)
"""How far back a run looks that names no period."""

blueprint: func.Blueprint = func.Blueprint()  # type: ignore[no-untyped-call]


@blueprint.function_name("reconcile")
@blueprint.timer_trigger(arg_name="timer", schedule="0 23 2 * * *", run_on_startup=False)
async def reconcile(timer: func.TimerRequest) -> None:
    """Orders a reconciliation of every connection each night."""
    app = await get_app()
    for name in await app.connections.names():
        why = "timer" if not timer.past_due else "timer past due"
        await app.reconciler.order(name, Request.nightly(app.clock.now()), why)


@blueprint.function_name("reconcile_now")
@blueprint.route("reconcile", methods=["POST"], auth_level=func.AuthLevel.FUNCTION)
async def reconcile_now(req: func.HttpRequest) -> func.HttpResponse:
    """Orders a reconciliation; the answer names its id, under which the result can be read when it is done."""

    async def answer() -> func.HttpResponse:
        app, body = await get_app(), body_of(req, "connection", "period", "repair", "opening")
        connection = text_of(body, "connection", DEFAULT)
        await _check(app, connection)
        run = await app.reconciler.order(connection, _request(app, body), "on demand")
        return json_answer({"queued": 1, "id": run}, 202)

    return await guarded(answer)


@blueprint.function_name("reconcile_list")
@blueprint.route("reconcile", methods=["GET"], auth_level=func.AuthLevel.FUNCTION)
async def reconcile_list(req: func.HttpRequest) -> func.HttpResponse:
    """The heads of the newest runs."""

    async def answer() -> func.HttpResponse:
        app, connection = await get_app(), req.params.get("connection", DEFAULT)
        await _check(app, connection)
        return json_answer({"runs": await app.reconciler.results.heads(connection)})

    return await guarded(answer)


@blueprint.function_name("reconcile_result")
@blueprint.route("reconcile/{id}", methods=["GET"], auth_level=func.AuthLevel.FUNCTION)
async def reconcile_result(req: func.HttpRequest) -> func.HttpResponse:
    """One run with its parts, or one part of it as CSV."""

    async def answer() -> func.HttpResponse:
        app, connection = await get_app(), req.params.get("connection", DEFAULT)
        part, form = req.params.get("part", ""), req.params.get("format", "json")
        if part not in ("", *PARTS):
            raise BadRequest(f"part must be one of {', '.join(PARTS)}")
        if form not in ("json", "csv"):
            raise BadRequest("format must be json or csv")
        await _check(app, connection)
        results, run = app.reconciler.results, str(req.route_params["id"])
        head = await results.head(connection, run)
        if head is None:
            return json_answer({"error": "there is no such run, or it is no longer kept"}, 404)
        if form == "csv":
            return await _sheet(results, connection, head, part or "drifts")
        return json_answer(head | await results.parts(connection, head, part))

    return await guarded(answer)


async def _sheet(results: "Results", connection: str, head: dict[str, Any], part: str) -> func.HttpResponse:
    from shared.reconcile.sheets import as_csv

    if head.get("state") != "done":
        raise BadRequest(f"the run is {head.get('state')}: there is no sheet yet")
    rows = (await results.parts(connection, head, part)).get(part, [])
    name = f"reconciliation-{head['id']}-{part}.csv"
    # The mark at the start tells spreadsheets that the text is UTF-8.
    return func.HttpResponse(
        "\ufeff" + as_csv(rows),
        mimetype="text/csv",
        charset="utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def _request(app: "App", body: dict[str, Any]) -> Request:
    today = app.clock.now().date()
    period = body.get("period") or {}
    if not isinstance(period, dict) or set(period) - {"from", "to"}:
        raise BadRequest("period must be an object with from and to")
    first = text_of(period, "from", (today - FIRST_DAYS).isoformat())
    last = text_of(period, "to", today.isoformat())
    repair = "none" if body.get("repair") is None else text_of(body, "repair")
    try:
        return Request.checked(first, last, repair, text_of(body, "opening"))
    except ValueError as error:
        raise BadRequest(str(error)) from error


async def _check(app: "App", connection: str) -> None:
    if connection not in await app.connections.names():
        raise BadRequest(f"there is no connection {connection}")
