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
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import azure.functions as func
import simplejson
from azure.core.exceptions import AzureError

from shared.domain.envelope import NOTIFICATION, Envelope, new_correlation, new_traceparent
from shared.domain.errors import SyncError, place_of
from shared.ports.hooks import Refused
from shared.ports.metrics import EVENT_TIME, EVENTS
from shared.triggers.process import get_app, get_telemetry

if TYPE_CHECKING:
    from shared.app import App

MOST_BYTES: Final = 256 * 1024
MOST_TOKEN: Final = 2_000
MOST_TRACE: Final = 55
"""Characters of a traceparent."""
ACCEPTED: Final = 202
TRY_AGAIN: Final = 429
UNAVAILABLE: Final = 503
MOST_SECONDS: Final = 4.0
"""How long a delivery may take here: ConnectWise waits 5 seconds and never repeats what it gave up on itself."""
MOST_ID: Final = 2**63 - 1
_TRACEPARENT: Final = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
_RESOURCE: Final = re.compile(r"companies\([^)]*\)/(?P<set>\w+)(?:\((?P<id>[0-9a-fA-F-]{36})\))?")

blueprint: func.Blueprint = func.Blueprint()  # type: ignore[no-untyped-call]
log = logging.getLogger("dynaconnect.hooks")


@dataclass(slots=True)
class Delivery:
    """One delivery while it is taken: ``traced`` is what its hints carry, ``known`` whether the connection exists."""

    system: str
    connection: str
    request: func.HttpRequest
    traced: str = ""
    known: bool = False


async def _taken(
    delivery: Delivery, take: Callable[["App", Delivery], Awaitable[None]], later: int
) -> func.HttpResponse:
    """Answers a delivery: accepted, accepted although refused, or ``later`` where it cannot be kept now."""
    began, outcome, telemetry = time.monotonic(), "unanswered", get_telemetry()
    asked = telemetry.current() or delivery.request.headers.get("traceparent", "")[:MOST_TRACE]
    with telemetry.span(f"hook {delivery.system}", "server", parent=asked, system=delivery.system) as span:
        delivery.traced = span.traceparent or asked
        try:
            async with asyncio.timeout(MOST_SECONDS):
                await take(await get_app(), delivery)
            outcome = "accepted"
        except Refused as refused:
            outcome = "refused"
            log.warning(
                "delivery of %s for %r refused: %s", delivery.system, delivery.connection[:50], refused
            )
        except (AzureError, SyncError, TimeoutError) as error:
            cause = error.cause if isinstance(error, SyncError) else place_of(error)
            log.error("delivery of %s cannot be taken now: %s", delivery.system, cause)
        span.note(outcome=outcome)
        # Anybody can call with any name: only those that exist become part of a figure.
        named = delivery.connection if delivery.known else ""
        telemetry.record(EVENTS, connection=named, system=delivery.system, outcome=outcome)
        telemetry.record(EVENT_TIME, time.monotonic() - began, system=delivery.system, outcome=outcome)
    return func.HttpResponse(status_code=later if outcome == "unanswered" else ACCEPTED)


@blueprint.function_name("connectwise_hook")
@blueprint.route("hooks/connectwise/{connection}", methods=["POST"], auth_level=func.AuthLevel.ANONYMOUS)
async def connectwise_hook(req: func.HttpRequest) -> func.HttpResponse:
    """Takes a ConnectWise callback: verified, queued as a hint, answered."""
    delivery = Delivery("ConnectWise", str(req.route_params.get("connection")), req)
    return await _taken(delivery, _take_callback, TRY_AGAIN)


async def _take_callback(app: "App", delivery: Delivery) -> None:
    verifier = await app.verifier(delivery.connection)
    if verifier is None:
        raise Refused("there is no such connection")
    delivery.known = True
    body = delivery.request.get_body()
    if len(body) > MOST_BYTES:
        raise Refused(f"the body has {len(body)} bytes")
    content = await verifier.verify(body, delivery.request.headers.get("x-content-signature", ""))
    if app.deliveries.is_known(delivery.connection, content.get("MessageId")):
        return
    await app.queue.send(_hint_of_callback(app, delivery, content))
    app.deliveries.remember(delivery.connection, content.get("MessageId"))


def _hint_of_callback(app: "App", delivery: Delivery, content: dict[str, Any]) -> Envelope:
    kind, record_id = str(content.get("Type", "")).lower(), content.get("ID")
    subject = next((s for s in app.registry.subjects() if s.callback and s.callback == kind), None)
    if subject is None:
        raise Refused(f"nothing travels for callbacks of type {kind[:50]!r}")
    if isinstance(record_id, bool) or not isinstance(record_id, int) or not 0 < record_id <= MOST_ID:
        raise Refused("the delivery has no record id")
    correlation, traced = new_correlation(), delivery.traced
    return Envelope(
        delivery.connection,
        subject.name,
        str(record_id),
        f"callback {str(content.get('Action', ''))[:20]}".strip(),
        app.clock.now(),
        correlation=correlation,
        traceparent=traced if _TRACEPARENT.fullmatch(traced) else new_traceparent(correlation),
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
    delivery = Delivery("Business Central", str(req.route_params.get("connection")), req)
    return await _taken(delivery, _take_notifications, UNAVAILABLE)


async def _take_notifications(app: "App", delivery: Delivery) -> None:
    """Queues one message per record that the notifications name, or one for the whole set."""
    connection = delivery.connection
    if connection not in await app.connections.names():
        raise Refused("there is no such connection")
    delivery.known = True
    body = delivery.request.get_body()
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
    for entity_set, record_id in found:
        for subject in app.registry.subjects():
            if subject.business_central == entity_set:
                await app.queue.send_sweep(
                    Envelope(
                        connection,
                        subject.name,
                        record_id,
                        NOTIFICATION,
                        app.clock.now(),
                        origin=app.origin,
                        traceparent=delivery.traced,
                    )
                )
    if forged:
        raise Refused(f"{forged} notifications have a foreign client state")


def _genuine(given: object, expected: str) -> bool:
    return isinstance(given, str) and given.isascii() and hmac.compare_digest(given, expected)
