"""The host: one app, put together, started and stopped."""

import asyncio
import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from aiohttp import web

from sandbox.host.config import HostConfig, load_config
from sandbox.host.dispatcher import Dispatcher
from sandbox.host.errors import HostError
from sandbox.host.front import Front
from sandbox.host.functions import Function, QueueTrigger, TimerTrigger, read_function
from sandbox.host.keys import Keys
from sandbox.host.listener import INVISIBILITY_SECONDS, QueueListener
from sandbox.host.queues import QueueStorage
from sandbox.host.routing import RouteTable
from sandbox.host.runtime import Runtime
from sandbox.host.settings import AppSettings
from sandbox.host.timers import TimerLoop

_log: Final = logging.getLogger("Host.Startup")
ADDRESS: Final = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class HostOptions:
    """How to run an app.

    Port 0 takes any free one; ``timers`` says whether schedules run; ``invisibility_seconds`` is how long a fetched
    queue message stays invisible unless renewed.
    """

    app: Path
    port: int
    keys: Keys
    timers: bool = True
    invisibility_seconds: int = INVISIBILITY_SECONDS


class FunctionHost:
    """Runs one function app on the running event loop. ``start`` once, ``stop`` once."""

    def __init__(self, options: HostOptions, environment: Mapping[str, str]) -> None:
        self._options = options
        self._settings = AppSettings(environment)
        self._runtime = Runtime()
        self._parts: list[QueueListener | TimerLoop] = []
        self.functions: dict[str, Function] = {}
        self.config: HostConfig = load_config(options.app, environment)
        self._storage = QueueStorage(self.config.extensions.queues.message_encoding)
        self._dispatcher = Dispatcher(self._runtime, self._storage)
        self._runner: web.AppRunner | None = None
        self._site: web.TCPSite | None = None

    @property
    def url(self) -> str:
        """Where the host listens, without a trailing slash."""
        if self._runner is None or not self._runner.addresses:
            raise RuntimeError("the host does not listen")
        return f"http://{ADDRESS}:{self._runner.addresses[0][1]}"

    async def start(self) -> None:
        """Indexes the app, listens and starts every enabled trigger; raises ``HostError`` if the app cannot run."""
        for item in await self._runtime.index(self._options.app):
            self.functions[item.name] = read_function(item.id, item.name, item.raw_bindings, self._settings)
        routes = RouteTable(self.functions.values(), self.config.extensions.http.route_prefix)
        front = Front(self.functions, routes, self._options.keys, self._dispatcher)
        self._runner = web.AppRunner(front.app, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, ADDRESS, self._options.port)
        try:
            await site.start()
        except OSError as error:
            reason = os.strerror(error.errno or 0)
            raise HostError(f"cannot listen on {ADDRESS}:{self._options.port}: {reason}") from error
        self._site = site
        for function in self.functions.values():
            if not function.disabled:
                self._start_trigger(function)

    def _start_trigger(self, function: Function) -> None:
        part: QueueListener | TimerLoop
        match function.trigger:
            case QueueTrigger() as trigger:
                part = QueueListener(
                    function,
                    trigger,
                    self._storage,
                    self._dispatcher,
                    self.config.extensions.queues,
                    self._options.invisibility_seconds,
                )
            case TimerTrigger() as trigger if self._options.timers:
                part = TimerLoop(function, trigger, self._dispatcher)
            case _:
                return
        self._parts.append(part)
        part.start()

    async def stop(self) -> None:
        """Takes nothing new, waits for what runs, then closes every connection."""
        if self._site is not None:
            _log.info("Stopping; %d invocations in flight", self._dispatcher.in_flight)
            await self._site.stop()
        await asyncio.gather(*(part.stop() for part in self._parts))
        await self._dispatcher.drain()
        if self._runner is not None:
            await self._runner.cleanup()
        await self._storage.close()
        self._runtime.close()
