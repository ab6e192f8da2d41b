"""The process that dies: a worker that is told to handle messages one by one, as the Functions host tells its own.

It is forked from a server that has imported everything and runs no event loop, so that a life costs milliseconds.
"""

import asyncio
import gc
import importlib
import logging
import multiprocessing
import random
from dataclasses import dataclass
from datetime import timedelta
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext, ForkServerProcess
from typing import Any, Final, cast

import httpx

import shared.app
from sandbox.crashes.mail import DatedSender
from sandbox.crashes.points import Point, Watch, WatchedTransport
from shared.adapters.http import TIMEOUT
from shared.adapters.storage.clients import open_storage
from shared.app import bootstrap, standards
from shared.engine.backoff import Backoff
from shared.entities import load_entities
from shared.settings import Settings
from shared.triggers.queues import sweep, sync_record
from tests.conformance.timing import ShiftedClock
from tests.conformance.world import QueueMessage

FUNCTIONS: Final = {"sync": sync_record, "sweep": sweep}
LATE: Final = ("anyio._backends._asyncio", "azure.core.rest._aiohttp", "email.generator", "h11", "httpcore")
"""What the libraries import at their first call; a worker would pay for it with most of its life."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a worker works: its settings, the prefix of its tables and queues, and the point at which it dies."""

    settings: dict[str, str]
    prefix: str
    fatal: Point | None = None


@dataclass(frozen=True, slots=True)
class Order:
    """One message to handle. ``shift`` is how far the clock is ahead."""

    queue: str
    body: str
    dequeues: int
    shift: timedelta


def run(pipe: Connection, place: Place) -> None:
    """The life of a worker: ends with the pipe, unless it dies before."""
    logging.disable(logging.CRITICAL)
    asyncio.run(_work(pipe, place))


async def _work(pipe: Connection, place: Place) -> None:
    watch = Watch(place.fatal)
    watch.storage()
    clock = ShiftedClock()
    while True:
        try:
            order: Order = pipe.recv()
        except EOFError:
            return
        clock.advance(order.shift - clock.shift)
        reached = len(watch.points)
        try:
            await watch.drive(_handle(watch, clock, place, order))
        except Exception as error:
            pipe.send(f"{type(error).__name__}: {error}")
            return
        watch.reach("handled", order.queue)
        pipe.send(watch.points[reached:])


async def _handle(watch: Watch, clock: ShiftedClock, place: Place, order: Order) -> None:
    if shared.app._app is None:  # noqa: SLF001 - what get_app does with other parts
        shared.app._app = await _start(watch, clock, place)  # noqa: SLF001
    await FUNCTIONS[order.queue](QueueMessage(order.body, order.dequeues))


async def _start(watch: Watch, clock: ShiftedClock, place: Place) -> shared.app.App:
    settings = Settings.read(place.settings)
    storage = open_storage(settings.storage, prefix=place.prefix)
    storage.sync = cast("Any", DatedSender(storage.sync, clock))
    storage.sweep = cast("Any", DatedSender(storage.sweep, clock))
    http = httpx.AsyncClient(timeout=TIMEOUT, transport=WatchedTransport(watch))
    backoff = Backoff(base_seconds=1.0, cap_seconds=4.0, chance=random.Random(7))
    return await bootstrap(settings, clock=clock, http=http, storage=storage, backoff=backoff)


class Worker:
    """A worker as its host holds it."""

    def __init__(self, place: Place) -> None:
        self._pipe, theirs = nursery().Pipe()
        self._process: ForkServerProcess = nursery().Process(target=run, args=(theirs, place), daemon=True)
        self._process.start()
        theirs.close()

    async def handle(self, order: Order) -> list[Point] | None:
        """Has a message handled: the points that were passed, or None when the worker died of it.

        Raises ``RuntimeError`` when the function failed instead.
        """
        self._pipe.send(order)
        await _readable(self._pipe)
        try:
            answer = self._pipe.recv()
        except (EOFError, ConnectionResetError):
            self.stop()
            return None
        if isinstance(answer, str):
            raise RuntimeError(answer)
        return cast("list[Point]", answer)

    def stop(self) -> None:
        """Ends the worker."""
        self._pipe.close()
        self._process.kill()
        self._process.join()
        self._process.close()


def warm() -> None:
    """Imports and compiles what every worker needs; only the server from which they are forked does it."""
    for name in LATE:
        importlib.import_module(name)
    load_entities()
    standards()
    gc.freeze()


def nursery() -> ForkServerContext:
    """Where workers are forked from."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["sandbox.crashes.nursery"])
    return context


async def _readable(pipe: Connection) -> None:
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    loop.add_reader(pipe.fileno(), ready.set)
    try:
        await ready.wait()
    finally:
        loop.remove_reader(pipe.fileno())
