"""A world for conformance tests: the whole product on real storage between two strict stand-ins, without a host.

Real are the storage emulator, the adapters, HTTP on loopback, both stand-ins and the code of the triggers. The
test takes messages from the queues in the host's place and moves the clock; see ``timing``.
"""

import random
import uuid
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Any, Final, Self, cast

import azure.functions as func
from azure.storage.queue.aio import QueueClient

import shared.app
from sandbox.azurite import Azurite
from sandbox.business_central.settings import DEFAULT_USER
from sandbox.stage import CLIENT_ID, COMPANY
from shared.adapters.storage.clients import SETTING, open_storage
from shared.app import DEFAULT, App, assemble
from shared.domain.envelope import Envelope
from shared.domain.records import Link, Record, RecordRef
from shared.engine.backoff import Backoff
from shared.engine.connections.connection import Connection
from shared.ports.storage import OpenItem
from shared.settings import Settings
from shared.triggers.queues import sweep, sync_record
from tests.conformance import hooks
from tests.conformance.pairs import Pairs
from tests.conformance.systems import Systems
from tests.conformance.taps import Fuse, Once, Tap, Watch
from tests.conformance.timing import ClockedQueue, Delivery, ShiftedClock, numbering
from tests.sandbox.business_central_support import KEY, serving

MOST_MESSAGES: Final = 200
"""Messages after which a test that should come to rest is taken to go round in circles."""


class QueueMessage(func.QueueMessage):
    """A message as the host hands it to a function."""

    def __init__(self, body: str, dequeues: int) -> None:
        super().__init__(body=body)
        self._dequeues = dequeues

    @property
    def dequeue_count(self) -> int:
        """How often the message was delivered, this time included."""
        return self._dequeues


class World(Systems):
    """Everything a conformance test needs, as an asynchronous context manager.

    It borrows its two systems from ``pairs``; without these it builds its own.
    """

    def __init__(self, azurite: Azurite, pairs: Pairs | None = None) -> None:
        super().__init__(pairs)
        self.azurite = azurite
        self.clock = ShiftedClock()
        self.app: App
        self.public_url = ""
        self.settings: dict[str, str] = {}
        self._prefix = "t" + uuid.uuid4().hex[:16]
        self._numbers = numbering()
        self._prepared = False
        self._queues: dict[str, ClockedQueue] = {}
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        async with self._stack:
            await self.open(self._stack)
            self.connectwise.store.clock = self.clock.now
            self.public_url = await self._stack.enter_async_context(serving(hooks.application()))
            await self._start()
            self._stack = self._stack.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stop()
        await self._stack.aclose()

    async def _start(self) -> None:
        storage = open_storage({SETTING: self.azurite.connection_string()}, prefix=self._prefix)
        storage.sync = self._clocked("sync", storage.sync)
        storage.sweep = self._clocked("sweep", storage.sweep)
        backoff = Backoff(base_seconds=1.0, cap_seconds=4.0, chance=random.Random(7))
        settings = Settings.read(self.environment())
        self.app = assemble(settings, clock=self.clock, storage=storage, backoff=backoff)
        if not self._prepared:
            # Tables and queues outlive the process.
            await self.app.prepare()
            self._prepared = True
        shared.app._app = self.app

    def _clocked(self, name: str, client: QueueClient) -> QueueClient:
        """The queue of this name; what it has taken outlives the app that sent it."""
        queue = self._queues.setdefault(name, ClockedQueue(client, self.clock, self._numbers))
        queue.client = client
        return cast("QueueClient", queue)

    async def _stop(self) -> None:
        shared.app._app = None
        await self.app.close()

    async def restart(self) -> None:
        """A new process in place of the present one; what was not completed is delivered again."""
        await self._stop()
        await self._start()

    def environment(self) -> dict[str, str]:
        """The app's settings."""
        return {
            "CONNECTWISE_URL": f"{self.connectwise_url}/v4_6_release/apis/3.0",
            "CONNECTWISE_COMPANY": "acme",
            "CONNECTWISE_CLIENT_ID": CLIENT_ID,
            "CONNECTWISE_PUBLIC_KEY": "public",
            "CONNECTWISE_PRIVATE_KEY": "private",
            "BUSINESS_CENTRAL_URL": self.business_central_url,
            "BUSINESS_CENTRAL_COMPANY": COMPANY,
            "BUSINESS_CENTRAL_AUTH": "basic",
            "BUSINESS_CENTRAL_USERNAME": DEFAULT_USER,
            "BUSINESS_CENTRAL_PASSWORD": KEY,
            "PUBLIC_URL": self.public_url,
            SETTING: self.azurite.connection_string(),
            **self.settings,
        }

    # Hints and their delivery.

    def envelope(self, subject: str, record_id: str, why: str = "callback updated") -> Envelope:
        """A hint as a hook makes it now."""
        return Envelope(DEFAULT, subject, record_id, why, self.clock.now(), origin=self.app.origin)

    async def hint(self, subject: str, record_id: str, why: str = "callback updated") -> None:
        """Queues a hint."""
        await self.app.queue.send(self.envelope(subject, record_id, why))

    async def sync(self, subject: str, record_id: str, why: str = "callback updated") -> None:
        """Queues a hint and waits until everything has come to rest."""
        await self.hint(subject, record_id, why)
        await self.drain()

    async def sweep(self, subject: str) -> None:
        """Runs the sweep of a subject as its timer does, and waits until everything has come to rest."""
        await self.app.queue.send_sweep(self.envelope(subject, "*", "timer"))
        await self.drain()

    async def deliver(self, hint: Envelope) -> None:
        """Hands a hint to the function at once, past the queue."""
        await sync_record(QueueMessage(hint.to_json(), 1))

    async def run(self) -> int:
        """Handles what is due now, in the order in which it is due; returns how many messages."""
        for handled in range(MOST_MESSAGES):
            due = [one for one in await self._deliveries() if one.due <= self.clock.now()]
            if not due:
                return handled
            await self._deliver(min(due))
        raise AssertionError(f"the queues are not empty after {MOST_MESSAGES} messages")

    async def drain(self) -> None:
        """Handles everything, letting time pass until delayed messages are due."""
        for _ in range(MOST_MESSAGES):
            waiting = await self._deliveries()
            if not waiting:
                return
            self.clock.reach(min(waiting).due)
            await self._deliver(min(waiting))
        raise AssertionError(f"the queues are not empty after {MOST_MESSAGES} messages")

    async def pass_time(self, by: timedelta) -> None:
        """Lets time pass and handles what becomes due meanwhile, in the order in which it does."""
        end = self.clock.now() + by
        while due := [one for one in await self._deliveries() if one.due <= end]:
            self.clock.reach(min(due).due)
            await self._deliver(min(due))
        self.clock.reach(end)

    async def _deliveries(self) -> list[Delivery]:
        return [delivery for queue in self._queues.values() for delivery in await queue.fetch()]

    async def _deliver(self, delivery: Delivery) -> None:
        delivery.dequeues += 1
        function = sweep if delivery.queue is self._queues["sweep"] else sync_record
        await function(QueueMessage(delivery.body, delivery.dequeues))
        await delivery.complete()

    async def messages(self) -> int:
        """How many messages are queued, due or not."""
        return len(await self._deliveries())

    @property
    def delays(self) -> list[timedelta]:
        """The delay of every hint that was queued so far."""
        return self._queues["sync"].delays

    # Hooks.

    async def register_hooks(self) -> None:
        """Registers at both systems as the product does, but hears of its own ConnectWise changes too."""
        await self.app.keep_hooks(DEFAULT)
        for entry in self.connectwise.store.rows("CallbackEntry"):
            entry["isSelfSuppressedFlag"] = False

    async def rest(self) -> None:
        """Handles everything until no notification is under way and the queues are empty."""
        for _ in range(MOST_MESSAGES):
            await self.rest_of_hooks()
            if not await self.messages():
                return
            await self.drain()
        raise AssertionError("both systems keep notifying")

    # What the product knows.

    async def connection(self) -> Connection:
        """The connection of the present process."""
        return await self.app.connections.get(DEFAULT)

    async def keep_drafts(self) -> None:
        """Leaves drafts for the accountant, as the setting does."""
        self.settings["DYNACONNECT_POST_INVOICES"] = "false"
        await self.restart()

    async def record(self, subject: str, record_id: str) -> Record:
        """The record as it is stored."""
        record = await self.app.store.get(RecordRef(DEFAULT, subject, record_id))
        assert record is not None
        return record

    async def link(self, subject: str, record_id: str, entity: str) -> Link:
        """The stored link of an entity."""
        return (await self.record(subject, record_id)).links[entity]

    async def work(self, entity: str) -> list[OpenItem]:
        """The work list of an entity; where its subject has the same name, without the subject's other entities."""
        items = await self.app.desk.work(DEFAULT, entity)
        return [item for item in items if item.entity == entity]

    async def rows(self) -> int:
        """How many rows the product keeps in its tables."""
        storage = self.app.storage
        assert storage is not None
        count = 0
        for table in (storage.records, storage.state):
            async for _ in table.list_entities():
                count += 1
        return count

    # Acting in the middle of a pass.

    async def tap(self, *, before: Watch | None = None, after: Watch | None = None) -> None:
        """Puts a tap on both systems and on the record store of the present process."""
        watches: dict[str, Any] = {
            name: watch for name, watch in (("before", before), ("after", after)) if watch
        }
        connection, pipeline = await self.connection(), self.app.pipeline
        connection.connectwise = cast("Any", Tap("connectwise", connection.connectwise, **watches))
        connection.business_central = cast(
            "Any", Tap("business_central", connection.business_central, **watches)
        )
        pipeline.store = cast("Any", Tap("store", pipeline.store, **watches))

    async def die_after(self, steps: int) -> Fuse:
        """Lets the present process die after so many writes and kept steps."""
        fuse = Fuse(steps)
        await self.tap(after=fuse.step)
        return fuse

    async def before(self, call: str, action: Callable[[], Awaitable[None]]) -> Once:
        """Acts once, right before the first call of that name."""
        once = Once(call, action)
        await self.tap(before=once.step)
        return once
