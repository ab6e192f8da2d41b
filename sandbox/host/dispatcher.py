"""Invocations: run a function, write its outputs, keep the books."""

import asyncio
import logging
import re
import secrets
import time
import traceback
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Protocol

from azure.core.exceptions import AzureError

from sandbox.host.functions import Function
from sandbox.host.queues import QueueStorage
from sandbox.host.runtime import Call, Outcome, queue_messages

_results: Final = logging.getLogger("Host.Results")
_TRACE_PARENT: Final = re.compile(r"00-([0-9a-f]{32})-[0-9a-f]{16}-([0-9a-f]{2})")


class Invoker(Protocol):
    """What the dispatcher needs of the runtime."""

    async def invoke(
        self, invocation: str, function: str, parameter: str, call: Call, trace_parent: str
    ) -> Outcome:
        """Runs one function with one trigger value."""
        ...


@dataclass(slots=True)
class Record:
    """The books of one function since the host started."""

    running: int = 0
    succeeded: int = 0
    failed: int = 0
    last_error: str | None = None
    last_error_at: datetime | None = None

    def to_json(self) -> dict[str, Any]:
        """As the status route shows it."""
        at = self.last_error_at
        error = None if at is None else {"at": at.isoformat(), "message": self.last_error}
        return {
            "running": self.running,
            "succeeded": self.succeeded,
            "failed": self.failed,
            "lastError": error,
        }


class Dispatcher:
    """Runs every invocation in a task of its own; a function that fails or is cancelled takes nothing else along."""

    def __init__(self, invoker: Invoker, storage: QueueStorage) -> None:
        self._invoker = invoker
        self._storage = storage
        self._tasks: set[asyncio.Task[Outcome]] = set()
        self._records: dict[str, Record] = {}

    def record(self, function: Function) -> Record:
        """The books of a function."""
        return self._records.setdefault(function.name, Record())

    @property
    def in_flight(self) -> int:
        """How many invocations run now."""
        return len(self._tasks)

    def start(self, function: Function, call: Call, trace_parent: str = "") -> asyncio.Task[Outcome]:
        """Starts an invocation and returns its task, which never raises."""
        task = asyncio.get_running_loop().create_task(self._invoke(function, call, _child_of(trace_parent)))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def run(self, function: Function, call: Call, trace_parent: str = "") -> Outcome:
        """Runs an invocation to its end; being cancelled here does not cancel the function."""
        return await asyncio.shield(self.start(function, call, trace_parent))

    async def drain(self) -> None:
        """Waits until nothing runs any more."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def _invoke(self, function: Function, call: Call, trace_parent: str) -> Outcome:
        record = self.record(function)
        invocation = str(uuid.uuid4())
        began = time.perf_counter()
        record.running += 1
        try:
            outcome = await self._invoker.invoke(
                invocation, function.id, function.trigger.parameter, call, trace_parent
            )
            if outcome.error is None:
                outcome = await self._write_outputs(function, outcome)
        except asyncio.CancelledError as error:
            outcome = Outcome(error=repr(error), traceback=traceback.format_exc())
        finally:
            record.running -= 1
        elapsed = round((time.perf_counter() - began) * 1000)
        if outcome.error is None:
            record.succeeded += 1
            _results.info("%s succeeded in %d ms (%s)", function.name, elapsed, invocation)
        else:
            record.failed += 1
            record.last_error, record.last_error_at = outcome.error, datetime.now(UTC)
            _results.error(
                "%s failed after %d ms (%s): %s\n%s",
                function.name,
                elapsed,
                invocation,
                outcome.error,
                outcome.traceback,
            )
        return outcome

    async def _write_outputs(self, function: Function, outcome: Outcome) -> Outcome:
        """Sends the queue outputs; if that fails, the invocation failed, although the function itself did not."""
        try:
            for name, output in _queue_outputs(function, outcome.outputs).items():
                for body in queue_messages(output):
                    await self._storage.send(function.queue_outputs[name], body)
        except (AzureError, TypeError, ValueError) as error:
            return Outcome(error=f"output not written: {error!r}", traceback=traceback.format_exc())
        return outcome


def _queue_outputs(function: Function, outputs: Mapping[str, Any]) -> dict[str, Any]:
    return {name: output for name, output in outputs.items() if name in function.queue_outputs}


def _child_of(trace_parent: str) -> str:
    """A W3C trace context for this invocation: in the caller's trace if it sent a well-formed one."""
    match = _TRACE_PARENT.fullmatch(trace_parent.strip())
    trace, flags = match.groups() if match else (secrets.token_hex(16), "01")
    return f"00-{trace}-{secrets.token_hex(8)}-{flags}"
