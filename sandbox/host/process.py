"""The host as a child process, for the demo and for tests: start, call, stop, kill."""

import asyncio
import os
import secrets
import signal
import sys
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Self

import aiohttp

from sandbox.host.__main__ import READY
from sandbox.host.errors import HostError

_ROOT: Final = Path(__file__).resolve().parents[2]
_KEPT_LINES: Final = 2000


class HostProcess:
    """One ``python -m sandbox.host``. As a context manager it starts on entry and stops gracefully on exit.

    ``module`` may be another one that takes the same arguments. ``env`` comes on top of this process's environment; the two keys are made up here. ``output`` keeps the last
    lines that the host or the app printed.
    """

    def __init__(
        self,
        app: Path,
        *,
        env: Mapping[str, str] | None = None,
        settings: Path | None = None,
        port: int = 0,
        queue_invisibility: int | None = None,
        module: str = "sandbox.host",
    ) -> None:
        self.function_key = secrets.token_urlsafe(24)
        self.master_key = secrets.token_urlsafe(24)
        self.output: deque[str] = deque(maxlen=_KEPT_LINES)
        self.url = ""
        self._arguments = ["-m", module, "--app", str(app.resolve()), "--port", str(port)]
        if settings is not None:
            self._arguments += ["--settings", str(settings.resolve())]
        if queue_invisibility is not None:
            self._arguments += ["--queue-invisibility", str(queue_invisibility)]
        keys = {"HOST_FUNCTION_KEY": self.function_key, "HOST_MASTER_KEY": self.master_key}
        self._environment = {**os.environ, "PYTHONUNBUFFERED": "1", **(env or {}), **keys}
        self._process: asyncio.subprocess.Process | None = None
        self._reader: asyncio.Task[None] | None = None
        self._ready: asyncio.Future[str] | None = None

    @property
    def pid(self) -> int:
        """The process id; raises ``RuntimeError`` before the first start."""
        if self._process is None:
            raise RuntimeError("the host was not started")
        return self._process.pid

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self) -> None:
        """Starts the process and waits until it serves; raises ``HostError`` with its last line if it ends instead."""
        self._ready = asyncio.get_running_loop().create_future()
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            *self._arguments,
            cwd=_ROOT,
            env=self._environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )
        self._reader = asyncio.create_task(self._read(self._process, self._ready))
        try:
            self.url = await self._ready
        except HostError:
            await self._ended()
            raise

    async def stop(self) -> int:
        """Ends the process with SIGTERM, which lets invocations in flight finish; returns its exit code."""
        return await self._end(signal.SIGTERM)

    async def kill(self) -> None:
        """Ends the process at once with SIGKILL, as a crash does."""
        await self._end(signal.SIGKILL)

    async def run(self, function: str, value: str = "") -> None:
        """Starts a function by hand with an input; raises ``aiohttp.ClientResponseError`` unless accepted."""
        await self._admin("POST", f"/admin/functions/{function}", {"input": value})

    async def status(self) -> dict[str, Any]:
        """The host's books: functions with ``running``, ``succeeded``, ``failed``, ``lastError``."""
        answer: dict[str, Any] = await self._admin("GET", "/admin/host/status")
        return answer

    async def _admin(self, method: str, path: str, body: object = None) -> Any:
        headers = {"x-functions-key": self.master_key}
        async with (
            aiohttp.ClientSession(self.url, raise_for_status=True) as session,
            session.request(method, path, json=body, headers=headers) as answer,
        ):
            return await answer.json() if answer.content_type == "application/json" else None

    async def _read(self, process: asyncio.subprocess.Process, ready: asyncio.Future[str]) -> None:
        assert process.stdout is not None
        async for raw in process.stdout:
            line = raw.decode(errors="replace").rstrip()
            self.output.append(line)
            if line.startswith(READY) and not ready.done():
                ready.set_result(line.removeprefix(READY))
        if not ready.done():
            ready.set_exception(
                HostError(self.output[-1] if self.output else "the host ended without a word")
            )

    async def _end(self, number: signal.Signals) -> int:
        if self._process is None:
            return 0
        if self._process.returncode is None:
            self._process.send_signal(number)
        return await self._ended()

    async def _ended(self) -> int:
        assert self._process is not None
        assert self._reader is not None
        await self._reader
        return await self._process.wait()
