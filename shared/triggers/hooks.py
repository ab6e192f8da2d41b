"""The hooks: where ConnectWise and Business Central tell of changes.

They are reachable without a key, because neither sender can hold one safely, and prove each delivery by themselves.
The statuses are the senders' rules: ConnectWise repeats a delivery only after 404, 409, 419 and 429 (its developer
guide, Callbacks); Business Central deletes its subscriptions after any status but success, 408, 429 and 5xx
(Microsoft, "Working with webhooks"). What is refused or malformed is therefore counted and answered as received.
"""

import asyncio
import hmac
import logging
import re
from typing import TYPE_CHECKING, Any, Final

import azure.functions as func
import simplejson
from azure.core.exceptions import AzureError

from shared.domain.envelope import NOTIFICATION, Envelope, new_correlation, new_traceparent
from shared.domain.errors import SyncError
from shared.ports.hooks import Refused
from shared.triggers.process import get_app

if TYPE_CHECKING:
    from shared.app import App

MOST_BYTES: Final = 256 * 1024
MOST_TOKEN: Final = 2_000
ACCEPTED: Final = 202
TRY_AGAIN: Final = 429
UNAVAILABLE: Final = 503
MOST_SECONDS: Final = 4.0
"""How long a delivery may take here: ConnectWise waits 5 seconds and never repeats what it gave up on itself."""
_RESOURCE: Final = re.compile(r"companies\([^)]*\)/(?P<set>\w+)(?:\((?P<id>[0-9a-fA-F-]{36})\))?")

blueprint: func.Blueprint = func.Blueprint()  # type: ignore[no-untyped-call]
log = logging.getLogger("dynaconnect.hooks")


@blueprint.function_name("connectwise_hook")
@blueprint.route("hooks/connectwise/{connection}", methods=["POST"], auth_level=func.AuthLevel.ANONYMOUS)
async def connectwise_hook(req: func.HttpRequest) -> func.HttpResponse:
    """Takes a ConnectWise callback: verified, queued as a hint, answered."""
    connection = str(req.route_params.get("connection"))
    try:
        async with asyncio.timeout(MOST_SECONDS):
            app = await get_app()
            try:
                content = await _verified(app, connection, req)
                envelope = _hint_of_callback(app, connection, content, req.headers.get("traceparent", ""))
            except Refused as refused:
                return _refused(app, "connectwise", connection, str(refused))
            await app.queue.send(envelope)
    except (AzureError, SyncError, TimeoutError) as error:
        log.error(
            "callback for %s cannot be taken now: %r %s", connection, error, getattr(error, "detail", "")
        )
        return func.HttpResponse(status_code=TRY_AGAIN)
    app.counters["connectwise accepted"] += 1
    return func.HttpResponse(status_code=ACCEPTED)


async def _verified(app: "App", connection: str, req: func.HttpRequest) -> dict[str, Any]:
    verifier = await app.verifier(connection)
    if verifier is None:
        raise Refused("there is no such connection")
    body = req.get_body()
    if len(body) > MOST_BYTES:
        raise Refused(f"the body has {len(body)} bytes")
    return await verifier.verify(body, req.headers.get("x-content-signature", ""))


def _hint_of_callback(app: "App", connection: str, content: dict[str, Any], traceparent: str) -> Envelope:
    kind, record_id = str(content.get("Type", "")).lower(), content.get("ID")
    subject = next((s for s in app.registry.subjects() if s.callback and s.callback == kind), None)
    if subject is None:
        raise Refused(f"nothing travels for callbacks of type {kind[:50]!r}")
    if isinstance(record_id, bool) or not isinstance(record_id, int) or record_id < 1:
        raise Refused("the delivery has no record id")
    correlation = new_correlation()
    return Envelope(
        connection,
        subject.name,
        str(record_id),
        f"callback {str(content.get('Action', ''))[:20]}".strip(),
        app.clock.now(),
        correlation=correlation,
        traceparent=traceparent or new_traceparent(correlation),
        origin=app.origin,
    )


@blueprint.function_name("business_central_hook")
@blueprint.route(
    "hooks/business-central/{connection}", methods=["GET", "POST"], auth_level=func.AuthLevel.ANONYMOUS
)
async def business_central_hook(req: func.HttpRequest) -> func.HttpResponse:
    """Answers the handshake, or takes notifications: compared, queued, answered."""
    token = req.params.get("validationToken")
    if token is not None:
        return func.HttpResponse(token[:MOST_TOKEN], status_code=200, mimetype="text/plain")
    connection = str(req.route_params.get("connection"))
    try:
        async with asyncio.timeout(MOST_SECONDS):
            app = await get_app()
            try:
                found = await _notified(app, connection, req)
            except Refused as refused:
                return _refused(app, "business central", connection, str(refused))
            for envelope in found:
                await app.queue.send_sweep(envelope)
    except (AzureError, SyncError, TimeoutError) as error:
        log.error("notifications for %s cannot be taken now: %r", connection, error)
        return func.HttpResponse(status_code=UNAVAILABLE)
    app.counters["business central accepted"] += len(found)
    return func.HttpResponse(status_code=ACCEPTED)


async def _notified(app: "App", connection: str, req: func.HttpRequest) -> list[Envelope]:
    """One message per record that the notifications name, or one for the whole set."""
    if connection not in await app.connections.names():
        raise Refused("there is no such connection")
    body = req.get_body()
    if len(body) > MOST_BYTES * 4:
        raise Refused(f"the body has {len(body)} bytes")
    try:
        rows = simplejson.loads(body)["value"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise Refused("the body holds no notifications") from error
    if not isinstance(rows, list):
        raise Refused("the body holds no notifications")
    expected = await app.client_state(connection)
    found: dict[tuple[str, str], None] = {}
    forged = 0
    for row in rows:
        if not isinstance(row, dict) or not _genuine(row.get("clientState"), expected):
            forged += 1
            continue
        place = _RESOURCE.search(str(row.get("resource", "")))
        if place:
            whole = row.get("changeType") == "collection" or not place["id"]
            found[place["set"], "*" if whole else place["id"]] = None
    if forged:
        app.counters["business central refused"] += forged
        log.warning("%d notifications for %s have a foreign client state", forged, connection)
    return [
        Envelope(connection, subject.name, record_id, NOTIFICATION, app.clock.now(), origin=app.origin)
        for entity_set, record_id in found
        for subject in app.registry.subjects()
        if subject.business_central == entity_set
    ]


def _genuine(given: object, expected: str) -> bool:
    return isinstance(given, str) and given.isascii() and hmac.compare_digest(given, expected)


def _refused(app: "App", system: str, connection: str, why: str) -> func.HttpResponse:
    app.counters[f"{system} refused"] += 1
    log.warning("delivery of %s for %r refused: %s", system, connection[:50], why)
    return func.HttpResponse(status_code=ACCEPTED)
