"""The Azure Functions: thin handlers that hand over to the app. One blueprint per kind of trigger."""

import azure.functions as func

from shared.triggers import connections, hooks, operations, queues, reconcile, reports, signed_in, timers

BLUEPRINTS: tuple[func.Blueprint, ...] = (
    hooks.blueprint,
    queues.blueprint,
    timers.blueprint,
    operations.blueprint,
    connections.blueprint,
    reconcile.blueprint,
    reports.blueprint,
    signed_in.blueprint,
)
