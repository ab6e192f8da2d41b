"""The one place that knows azure-functions-runtime: index an app, invoke a function, read what it gave back.

Uses the runtime's protobuf-free entry ``native_invocation``, so an invocation decodes its trigger, builds its
context, runs and encodes its outputs by the very code that runs in Azure. Everything below is tied to version 1.3.0.
"""

import json
import logging
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

import azure_functions_runtime as worker
from azure_functions_runtime.bindings.datumdef import Datum
from azure_functions_runtime.native_invocation import invocation_request_native

from sandbox.host.errors import HostError
from sandbox.host.functions import RETURN

_FRAME: Final = re.compile(r'  File "([^"]+)", line (\d+)')


@dataclass(frozen=True, slots=True)
class HttpCall:
    """An HTTP request for a function."""

    method: str
    url: str
    headers: Mapping[str, str]
    query: Mapping[str, str]
    parameters: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class QueueCall:
    """A queue message for a function, with its trigger metadata (``Id``, ``DequeueCount``, ...) as text."""

    text: str
    metadata: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class TimerCall:
    """A timer event for a function: the JSON document that the timer extension sends."""

    info: Mapping[str, Any]


type Call = HttpCall | QueueCall | TimerCall


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """An HTTP response of a function. A header can occur more than once only as ``Set-Cookie``."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an invocation gave: values by output name (``$return`` for the return value), or an error."""

    error: str | None = None
    traceback: str = ""
    outputs: Mapping[str, Datum] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class IndexedFunction:
    """A function as the runtime describes it; each raw binding is a JSON object."""

    id: str
    name: str
    raw_bindings: list[str]


class _Message(SimpleNamespace):
    """Stands for any message of the worker protocol: it only holds the attributes it was given."""


class _BindingInfo(_Message):
    undefined, out, inout = 0, 1, 2


class _StatusResult(_Message):
    Failure, Success = 0, 1


_PROTOCOL: Final = SimpleNamespace(
    BindingInfo=_BindingInfo,
    FunctionMetadataResponse=_Message,
    RpcException=_Message,
    RpcFunctionMetadata=_Message,
    RpcRetryOptions=_Message,
    StatusResult=_StatusResult,
    WorkerInitResponse=_Message,
    WorkerMetadata=_Message,
)


class Runtime:
    """The Python worker. It keeps its functions in module state, so a process can run one app only."""

    async def index(self, folder: Path) -> list[IndexedFunction]:
        """Imports and indexes the app; raises ``HostError`` with the runtime's own reason and the line at fault."""
        logging.getLogger("azure.functions").setLevel(logging.CRITICAL)
        sys.path.insert(0, str(folder))
        worker.start_threadpool_executor()
        init = _Message(capabilities={}, function_app_directory=str(folder))
        request = _Message(
            request=_Message(worker_init_request=init), properties={"host": "127.0.0.1", "protos": _PROTOCOL}
        )
        result = (await worker.worker_init_request(request)).result
        if result.status != _StatusResult.Success:
            raise HostError(f"the app in {folder} does not index: {_reason(result.exception, folder)}")
        found = (await worker.functions_metadata_request(request)).function_metadata_results
        if not found:
            raise HostError(f"{folder} holds no function_app.py with functions")
        return [IndexedFunction(item.function_id, item.name, list(item.raw_bindings)) for item in found]

    async def invoke(
        self, invocation: str, function: str, parameter: str, call: Call, trace_parent: str
    ) -> Outcome:
        """Runs a function (by its id) with one trigger value; an exception of the function becomes an outcome."""
        metadata = (
            {name: _text(value) for name, value in call.metadata.items()}
            if isinstance(call, QueueCall)
            else {}
        )
        done, returned, outputs, error, traceback = await invocation_request_native(
            invocation, function, [(parameter, _datum(call))], metadata, trace_parent
        )
        if not done:
            return Outcome(error=error, traceback=_without_runtime_frames(traceback or ""))
        return Outcome(outputs=dict(outputs) | ({} if returned is None else {RETURN: returned}))

    def close(self) -> None:
        """Waits for synchronous functions and ends their threads."""
        worker.stop_threadpool_executor()


def http_answer(output: Datum) -> HttpAnswer:
    """Reads an HTTP output; plain text is a 200."""
    if output.type == "string":
        return HttpAnswer(200, (("content-type", "text/plain; charset=utf-8"),), output.value.encode())
    if output.type != "http":
        raise TypeError(f"an HTTP output cannot be of type {output.type}")
    headers = [(name, value.value) for name, value in output.value["headers"].items()]
    for jar in output.value["cookies"] or ():
        headers += [("set-cookie", morsel.OutputString()) for morsel in jar.values()]
    return HttpAnswer(int(output.value["status_code"].value), tuple(headers), output.value["body"].value)


def queue_messages(output: Datum) -> list[bytes]:
    """Reads a queue output: one message, or a list of them as JSON."""
    match output.type:
        case "string":
            return [output.value.encode()]
        case "bytes":
            return [output.value]
        case "json":
            value = json.loads(output.value)
            return [_message(item) for item in (value if isinstance(value, list) else [value])]
        case other:
            raise TypeError(f"a queue output cannot be of type {other}")


def _message(item: object) -> bytes:
    if isinstance(item, dict) and item.keys() == {"id", "body"}:
        item = item["body"]
    return (item if isinstance(item, str) else json.dumps(item)).encode()


def _datum(call: Call) -> Datum:
    match call:
        case HttpCall():
            return Datum(
                {
                    "method": _text(call.method),
                    "url": _text(call.url),
                    "headers": {name: _text(value) for name, value in call.headers.items()},
                    "query": {name: _text(value) for name, value in call.query.items()},
                    "params": {name: _text(value) for name, value in call.parameters.items()},
                    "body": Datum(call.body, "bytes"),
                },
                "http",
            )
        case QueueCall():
            return _text(call.text)
        case TimerCall():
            return Datum(json.dumps(call.info), "json")


def _text(value: str) -> Datum:
    return Datum(value, "string")


def _reason(exception: _Message, folder: Path) -> str:
    """The index error without the runtime's advice, with the deepest line of the app's own code."""
    message = str(exception.message).partition(" Cannot find module.")[0].rstrip(".")
    lines = [
        f"{Path(file).relative_to(folder)} line {line}"
        for file, line in _FRAME.findall(exception.stack_trace)
        if Path(file).is_relative_to(folder) and "site-packages" not in file
    ]
    return f"{message} ({lines[-1]})" if lines else message


def _without_runtime_frames(traceback: str) -> str:
    """Drops the runtime's own frames, which say nothing about the fault."""
    kept: list[str] = []
    dropping = False
    for line in traceback.splitlines():
        if frame := _FRAME.match(line):
            dropping = "azure_functions_runtime" in frame.group(1)
        elif not line.startswith("    "):
            dropping = False
        if not dropping:
            kept.append(line)
    return "\n".join(kept)
