"""The routes of people who sign in: the same handlers as with a function key, by role, with a note of who did what.

App Service Authentication stands in front of the app and sets the principal's header; a client cannot set it then.
While it is off, anybody can, so the header counts for nothing.
"""

import base64
import re
from collections.abc import Awaitable, Callable
from typing import Any, Final

import azure.functions as func
import simplejson
from azure.core.exceptions import AzureError

from shared.domain.people import Person, Role
from shared.triggers import connections, operations, reconcile, reports
from shared.triggers.answers import json_answer
from shared.triggers.process import get_app, sign_in_is_on

type Handler = Callable[[func.HttpRequest], Awaitable[func.HttpResponse]]

PRINCIPAL: Final = "x-ms-client-principal"
LONGEST: Final = 64 * 1024
OBJECT_ID: Final = ("http://schemas.microsoft.com/identity/claims/objectidentifier", "oid")
ROLES: Final = ("roles", "http://schemas.microsoft.com/ws/2008/06/identity/claims/role")
_GUID: Final = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
READS: Final = {"GET": Role.READER}
ACTS: Final = {"POST": Role.OPERATOR}
CHANGES: Final = READS | {"PUT": Role.ADMINISTRATOR, "DELETE": Role.ADMINISTRATOR}
ROUTES: Final[tuple[tuple[str, dict[str, Role], Any], ...]] = (
    ("work", READS, operations.work_list),
    ("work/retry", ACTS, operations.retry_work),
    ("work/release", ACTS, operations.release_work),
    ("sync", ACTS, operations.sync_on_demand),
    ("workflow", CHANGES, operations.workflow_rules),
    ("records/{entity}/{id}", READS, operations.record_details),
    ("mappings/{entity}", CHANGES, operations.mapping_document),
    ("health/details", READS, operations.health_details),
    ("audit", {"GET": Role.ADMINISTRATOR}, operations.audit_log),
    ("agreements", READS, reports.agreement_report),
    ("dimensions/missing", READS, reports.missing_dimensions),
    ("connections", READS, connections.connection_list),
    ("connections/{name}", CHANGES, connections.connection_document),
    ("connections/{name}/rights", READS, connections.connection_rights),
    ("connections/{name}/erase", {"POST": Role.ADMINISTRATOR}, connections.erase_connection),
    ("cutover", READS, connections.cutover_preview),
    ("reconcile", READS, reconcile.reconcile_list),
    ("reconcile", ACTS, reconcile.reconcile_now),
    ("reconcile/{id}", READS, reconcile.reconcile_result),
)
"""Every route with the least role for each method. What is not here is not for people."""

_COMPILED: Final = [
    (re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", path)), roles, handler)
    for path, roles, handler in ROUTES
]

blueprint: func.Blueprint = func.Blueprint()  # type: ignore[no-untyped-call]


@blueprint.function_name("signed_in")
@blueprint.route(
    "console/{*path}", methods=["GET", "POST", "PUT", "DELETE"], auth_level=func.AuthLevel.ANONYMOUS
)
async def signed_in(req: func.HttpRequest) -> func.HttpResponse:
    """Lets a person who signed in do what the role allows; every action is noted before it is carried out."""
    person = person_of(req)
    if person is None:
        return json_answer({"error": "sign in first"}, 401)
    path = str(req.route_params.get("path") or "").strip("/")
    found = [
        (match, roles[req.method], handler)
        for pattern, roles, handler in _COMPILED
        if (match := pattern.fullmatch(path)) and req.method in roles
    ]
    if not found:
        return json_answer({"error": "there is no such route"}, 404)
    match, least, handler = found[0]
    if person.role < least:
        return json_answer({"error": f"this needs the role {least.name.lower()}"}, 403)
    passed = func.HttpRequest(
        req.method,
        req.url,
        headers=dict(req.headers),
        params=dict(req.params),
        route_params=match.groupdict(),
        body=req.get_body(),
    )
    if req.method == "GET":
        return await _answered(handler, passed)
    # A page of another site can make a browser send a form with the person's cookie, but no JSON.
    if not req.headers.get("content-type", "").lower().startswith("application/json"):
        return json_answer({"error": "content-type must be application/json"}, 415)
    return await _noted(person, path, handler, passed)


async def _noted(person: Person, path: str, handler: Handler, req: func.HttpRequest) -> func.HttpResponse:
    try:
        audit = (await get_app()).audit
        place = await audit.begin(person, f"{req.method} {path}", _target(req), _asked(req))
    except AzureError:
        unknown = "What you do cannot be noted right now, so it is not done."
        return json_answer({"error": unknown, "cause": "storage"}, 503)
    answer = await _answered(handler, req)
    await audit.end(place, answer.status_code)
    return answer


async def _answered(handler: Handler, req: func.HttpRequest) -> func.HttpResponse:
    return await handler(req)


def _target(req: func.HttpRequest) -> str:
    return " ".join([*req.route_params.values(), *(f"{name}={value}" for name, value in req.params.items())])[
        :500
    ]


def _asked(req: func.HttpRequest) -> dict[str, Any]:
    """What names the records; a document is not kept here, because it is kept where it was stored."""
    try:
        body = simplejson.loads(req.get_body() or b"{}")
    except (ValueError, RecursionError):
        return {}
    names = ("connection", "entity", "ids", "all", "apply", "cause", "period", "repair", "confirm")
    return {name: body[name] for name in names if name in body} if isinstance(body, dict) else {}


def person_of(req: func.HttpRequest) -> Person | None:
    """Who signed in; None where nobody did, where sign-in is off, or where the header cannot be read."""
    given = req.headers.get(PRINCIPAL, "")
    if not sign_in_is_on() or not given or len(given) > LONGEST:
        return None
    try:
        principal = simplejson.loads(base64.b64decode(given, validate=True))
        claims = [(str(one["typ"]), str(one["val"])) for one in principal["claims"]]
        kinds = {*ROLES, str(principal.get("role_typ") or "roles")}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    ids = {value for kind, value in claims if kind in OBJECT_ID and _GUID.fullmatch(value)}
    if len(ids) != 1:
        return None
    return Person(ids.pop().lower(), Role.of([value for kind, value in claims if kind in kinds]))
