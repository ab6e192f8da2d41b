"""The functions of an app as the host sees them: one trigger each, and the queues they write to."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from sandbox.host.errors import HostError
from sandbox.host.keys import AuthLevel
from sandbox.host.ncrontab import Ncrontab
from sandbox.host.settings import AppSettings

RETURN: Final = "$return"
_QUEUE_NAME: Final = re.compile(r"(?=.{3,63}$)[a-z0-9]+(-[a-z0-9]+)*")
_DEFAULT_CONNECTION: Final = "AzureWebJobsStorage"


@dataclass(frozen=True, slots=True)
class HttpTrigger:
    """An HTTP route below the route prefix; ``methods`` empty means every method."""

    parameter: str
    route: str
    methods: frozenset[str]
    level: AuthLevel


@dataclass(frozen=True, slots=True)
class Queue:
    """One storage queue: its name and the connection string of its account."""

    name: str
    connection: str


@dataclass(frozen=True, slots=True)
class QueueTrigger:
    """Runs for each message of a queue."""

    parameter: str
    queue: Queue


@dataclass(frozen=True, slots=True)
class TimerTrigger:
    """Runs on a schedule, and once when the host starts if ``run_on_startup``."""

    parameter: str
    schedule: Ncrontab
    run_on_startup: bool


type Trigger = HttpTrigger | QueueTrigger | TimerTrigger


@dataclass(frozen=True, slots=True)
class Function:
    """One indexed function. ``queue_outputs`` and ``http_output`` are keyed by parameter or ``$return``."""

    id: str
    name: str
    trigger: Trigger
    queue_outputs: Mapping[str, Queue]
    http_output: str | None
    disabled: bool


def read_function(function_id: str, name: str, raw_bindings: list[str], settings: AppSettings) -> Function:
    """Builds a function from the runtime's metadata (a list of JSON bindings), with every setting resolved.

    Raises ``HostError`` on a binding that this host does not serve or that does not resolve.
    """
    trigger: Trigger | None = None
    outputs: dict[str, Queue] = {}
    http_output: str | None = None
    for binding in map(json.loads, raw_bindings):
        match binding["type"]:
            case "httpTrigger":
                trigger = _http_trigger(name, binding)
            case "queueTrigger":
                trigger = QueueTrigger(binding["name"], _queue(name, binding, settings))
            case "timerTrigger":
                trigger = _timer_trigger(name, binding, settings)
            case "queue":
                outputs[binding["name"]] = _queue(name, binding, settings)
            case "http":
                http_output = binding["name"]
            case other:
                raise HostError(f"{name}: the local host does not serve bindings of type {other}")
    if trigger is None:
        raise HostError(f"{name}: the function has no trigger")
    return Function(function_id, name, trigger, outputs, http_output, settings.is_disabled(name))


def _http_trigger(function: str, binding: Mapping[str, Any]) -> HttpTrigger:
    methods = frozenset(method.upper() for method in binding.get("methods") or ())
    level = AuthLevel(str(binding.get("authLevel", AuthLevel.FUNCTION)).lower())
    return HttpTrigger(binding["name"], (binding.get("route") or function).strip("/"), methods, level)


def _queue(function: str, binding: Mapping[str, Any], settings: AppSettings) -> Queue:
    where = f"{function}.{binding['name']}"
    queue = settings.expand(binding["queueName"], where)
    if not _QUEUE_NAME.fullmatch(queue):
        raise HostError(
            f"{where}: {queue!r} is not a queue name (3 to 63 small letters, digits, single hyphens)"
        )
    return Queue(queue, settings.connection_string(binding.get("connection") or _DEFAULT_CONNECTION, where))


def _timer_trigger(function: str, binding: Mapping[str, Any], settings: AppSettings) -> TimerTrigger:
    where = f"{function}.{binding['name']}"
    expression = settings.expand(binding["schedule"], where)
    try:
        schedule = Ncrontab.parse(expression)
    except ValueError as error:
        raise HostError(f"{where}: {error}") from error
    return TimerTrigger(binding["name"], schedule, bool(binding.get("runOnStartup")))
