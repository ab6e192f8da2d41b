"""Every figure that the app tells, in one place: alerts, the workbook and docs/telemetry.md name no others."""

from typing import Final

from shared.ports.telemetry import Metric

EVENTS: Final = Metric(
    "dynaconnect.events",
    "count",
    "1",
    "Deliveries of the two systems: accepted, refused (not genuine) or unanswered (asked to come again)",
    ("connection", "system", "outcome"),
)
EVENT_TIME: Final = Metric(
    "dynaconnect.event.duration",
    "spread",
    "s",
    "Time from a delivery to its answer",
    ("system", "outcome"),
)
RECORDS: Final = Metric(
    "dynaconnect.records",
    "count",
    "1",
    "Passes over a record by what came of them; the cause is empty where all went well",
    ("connection", "entity", "result", "cause"),
)
CHANGE_TIME: Final = Metric(
    "dynaconnect.change.duration",
    "spread",
    "s",
    "Time from the change, or from when its record began to wait, to its arrival in the other system",
    ("connection", "entity"),
)
MONEY: Final = Metric(
    "dynaconnect.money.posted",
    "count",
    "{currency}",
    "Totals of documents that were posted and confirmed on both sides, by currency",
    ("connection", "entity", "currency"),
)
CALLS: Final = Metric(
    "dynaconnect.calls",
    "count",
    "1",
    "Calls to the two systems by HTTP status; 0 where there was no answer",
    ("system", "status"),
)
CALL_TIME: Final = Metric(
    "dynaconnect.call.duration", "spread", "s", "Time from a call to its answer", ("system",)
)
SWEEPS: Final = Metric(
    "dynaconnect.sweeps",
    "count",
    "1",
    "Sweeps, notifications, looks after hooks and reconciliations by what came of them",
    ("connection", "subject", "outcome", "cause"),
)
FAILURES: Final = Metric(
    "dynaconnect.failures",
    "count",
    "1",
    "Functions that ended with an error nobody foresaw; the host tries the message again",
    ("function", "kind"),
)
POISONED: Final = Metric(
    "dynaconnect.poisoned",
    "count",
    "1",
    "Messages that failed five times, and whether they get another chance or were given up",
    ("queue", "outcome"),
)
OPEN: Final = Metric(
    "dynaconnect.open",
    "level",
    "1",
    "Records that wait, are retried or are held, from the work list",
    ("connection", "entity", "state"),
)
OPEN_AGE: Final = Metric(
    "dynaconnect.open.age",
    "level",
    "s",
    "Age of the oldest record that waits, is retried or is held; 0 where there is none",
    ("connection", "state"),
)
QUEUE: Final = Metric(
    "dynaconnect.queue.length",
    "level",
    "1",
    "Messages in a queue, about; those that rest count too",
    ("queue",),
)
GIVEN_UP: Final = Metric(
    "dynaconnect.given_up", "level", "1", "Messages that were given up and wait for a person", ("connection",)
)
WATERMARK_AGE: Final = Metric(
    "dynaconnect.watermark.age",
    "level",
    "s",
    "Time since a sweep of the subject last reached its end",
    ("connection", "subject"),
)
HOOK: Final = Metric(
    "dynaconnect.hook",
    "level",
    "1",
    "1 where the registration is in order, 0 where it was found gone or switched off at the last look",
    ("connection", "system", "hook"),
)
HOOK_LEFT: Final = Metric(
    "dynaconnect.hook.expires_in",
    "level",
    "s",
    "Time until a subscription of Business Central ends; negative once it has",
    ("connection", "hook"),
)
CREDENTIAL_LEFT: Final = Metric(
    "dynaconnect.credential.expires_in",
    "level",
    "s",
    "Time until a secret or certificate ends, where its end is known; negative once it has",
    ("connection", "credential"),
)
REMOVED: Final = Metric(
    "dynaconnect.retention.removed",
    "count",
    "1",
    "Rows of history that were taken away because their months are over",
    ("connection", "kind"),
)
DIFFERENCES: Final = Metric(
    "dynaconnect.reconcile.differences",
    "level",
    "1",
    "Differences that the newest finished reconciliation found",
    ("connection",),
)
