"""The world of the matrix: the whole product between both stand-ins, with storage and the vault behind faults too.

It is the world of the conformance suite, so that every entity that proves itself there is in the matrix by itself.
"""

import logging
import random
from collections import Counter
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Any, Final, Self, cast

from aiohttp import web
from azure.core.exceptions import AzureError
from azure.storage.queue.aio import QueueClient

import shared.app
from sandbox.azurite import ACCOUNT, ACCOUNT_KEY, Azurite
from sandbox.faults import vault
from sandbox.faults.kinds import DEADLINE_SECONDS, TIMEOUT_SECONDS
from sandbox.faults.proxy import StorageProxy
from sandbox.kit import Fault, StandIn
from shared.adapters.patience import Patience
from shared.adapters.secrets import KeyVaultSecrets
from shared.adapters.storage.clients import SETTING, open_storage
from shared.adapters.wire import open_http
from shared.app import DEFAULT, bootstrap
from shared.domain.envelope import ARRIVED
from shared.domain.errors import RetryLater
from shared.engine.backoff import Backoff
from shared.settings import Settings
from shared.triggers.queues import sweep_poison, sync_record_poison
from tests.conformance.timing import TAKEN_SECONDS, ClockedQueue, Delivery
from tests.conformance.world import QueueMessage, World
from tests.sandbox.business_central_support import serving

AGENT: Final = "DynaConnect"
HOST_TRIES: Final = 5
HOST_REST: Final = timedelta(seconds=30)
"""What the Functions host does with a message whose function failed, as host.json says."""
MOST_STARTS: Final = 10
BRIEF: Final = Patience(connect=TIMEOUT_SECONDS, read=TIMEOUT_SECONDS, tries=1, longest_sleep=0.02)


class Log(logging.Handler):
    """What the product logs."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.lines: list[tuple[int, str]] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keeps a line."""
        self.lines.append((record.levelno, record.getMessage()))


class DirectQueue:
    """Sends through the faults, as the product does, and receives past them, as the host does."""

    def __init__(self, product: QueueClient, host: QueueClient) -> None:
        self.create_queue, self.send_message = product.create_queue, product.send_message
        self.queue_name, self.get_queue_properties = product.queue_name, product.get_queue_properties
        self.receive_messages, self.delete_message = host.receive_messages, host.delete_message
        self._clients = (product, host)

    async def close(self) -> None:
        """Closes both connections."""
        for client in self._clients:
            await client.close()


class UnsureQueue(ClockedQueue):
    """A clocked queue that also holds messages of whose sending nobody was told: these are due at once."""

    async def send_message(self, content: str, *, visibility_timeout: int, time_to_live: int) -> None:
        """As the clocked queue, but without its lock, which a slow answer would hold."""
        sent: Any = await self.client.send_message(content, visibility_timeout=0, time_to_live=time_to_live)
        delay = timedelta(seconds=visibility_timeout)
        self._due[str(sent.id)] = self.clock.now() + delay
        self.delays.append(delay)

    async def fetch(self) -> list[Delivery]:
        """Every message that is not yet completed, due or not."""
        async with self._lock:
            found = self.client.receive_messages(messages_per_page=32, visibility_timeout=TAKEN_SECONDS)
            async for message in found:
                due = self._due.pop(str(message.id), self.clock.now())
                self.deliveries.append(Delivery(due, next(self._numbers), self, message))
        return self.deliveries


class FaultWorld(World):
    """A world in which each of five systems can fail; ``seen`` counts what the product called."""

    def __init__(self, azurite: Azurite) -> None:
        super().__init__(azurite)
        self.vault = vault.Vault()
        self.table = StorageProxy("table", f"http://127.0.0.1:{azurite.ports.table}")
        self.queue = StorageProxy("queue", f"http://127.0.0.1:{azurite.ports.queue}")
        self.seen: Counter[tuple[str, str]] = Counter()
        self.log = Log()
        self.crashes: list[str] = []
        self._trust: Any = None
        self._addresses: dict[str, str] = {}
        self._open: AsyncExitStack = AsyncExitStack()

    @property
    def systems(self) -> dict[str, StandIn]:
        """The five by name."""
        return {
            "connectwise": self.connectwise,
            "business_central": self.business_central,
            "table": self.table,
            "queue": self.queue,
            "vault": self.vault,
        }

    def stand_in(self, system: str) -> StandIn:
        """The stand-in behind a system's name."""
        return self.systems[system]

    async def open(self, stack: AsyncExitStack) -> None:
        """Watches what all five are asked."""
        await super().open(stack)
        for name, system in self.systems.items():
            system.witnesses.append(self._witness(name))

    async def __aenter__(self) -> Self:
        for name, value in self.environment().items():
            if name in ("CONNECTWISE_PUBLIC_KEY", "CONNECTWISE_PRIVATE_KEY", "BUSINESS_CENTRAL_PASSWORD"):
                self.vault.secrets[name.lower().replace("_", "-")] = value
        self._trust = await self._open.enter_async_context(vault.serving(self.vault))
        for proxy in (self.table, self.queue):
            self._addresses[proxy.name] = await self._open.enter_async_context(serving(proxy.app))
        logging.getLogger("dynaconnect").addHandler(self.log)
        return await super().__aenter__()

    async def __aexit__(self, *details: object) -> None:
        await super().__aexit__(*details)
        logging.getLogger("dynaconnect").removeHandler(self.log)
        await self._open.aclose()

    def _witness(self, system: str) -> Any:
        def note(request: web.Request, route: str) -> None:
            agent = request.headers.get("User-Agent", "")
            if agent.startswith(AGENT) or "azsdk" in agent:
                self.seen[system, route] += 1

        return note

    async def _start(self) -> None:
        endpoints = "".join(
            f"{name.title()}Endpoint={url}/{ACCOUNT};" for name, url in self._addresses.items()
        )
        connection = (
            f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={ACCOUNT_KEY};{endpoints}"
        )
        storage = open_storage({SETTING: connection}, prefix=self._prefix, patience=BRIEF)
        direct = open_storage({SETTING: self.azurite.connection_string()}, prefix=self._prefix)
        await direct.records.close()
        await direct.state.close()
        storage.sync = self._unsure("sync", DirectQueue(storage.sync, direct.sync))
        storage.sweep = self._unsure("sweep", DirectQueue(storage.sweep, direct.sweep))
        secrets = vault.client(self.vault.url, self._trust, BRIEF)
        self._secrets = secrets
        try:
            self.app = await bootstrap(
                Settings.read(self.environment()),
                clock=self.clock,
                storage=storage,
                http=open_http(TIMEOUT_SECONDS, headers={"User-Agent": AGENT}),
                secrets=KeyVaultSecrets(secrets),
                backoff=Backoff(base_seconds=1.0, cap_seconds=4.0, chance=random.Random(7)),
            )
        except BaseException:
            await secrets.close()
            raise
        shared.app._app = self.app  # noqa: SLF001 - the functions work on this app
        connection_of = await self.app.connections.get(DEFAULT)
        for port in (connection_of.connectwise, connection_of.business_central):
            cast("Any", port).client.deadline = DEADLINE_SECONDS

    async def _stop(self) -> None:
        await super()._stop()
        await self._secrets.close()

    def _unsure(self, name: str, client: DirectQueue) -> QueueClient:
        queue = self._queues.setdefault(name, UnsureQueue(cast("Any", client), self.clock, self._numbers))
        queue.client = cast("Any", client)
        return cast("QueueClient", queue)

    async def tries(self) -> int:
        """How many messages are queued, but for those that wake a record since what it waited for has arrived."""
        bodies = [delivery.body for delivery in await self._deliveries()]
        return sum(f'"{ARRIVED}"' not in body for body in bodies)

    async def restart_without_faults(self) -> None:
        """A new process while nothing fails; on a busy machine storage may still be late, and it is tried again."""
        for _ in range(MOST_STARTS):
            try:
                return await self.restart()
            except RetryLater as late:
                refused = late
        raise refused

    # Faults.

    def break_(self, system: str, fault: Fault) -> None:
        """Lets every call of its endpoint meet the fault."""
        self.stand_in(system).faults = [fault]

    def mend_all(self) -> None:
        """Ends every fault."""
        for system in self.systems.values():
            system.faults = []

    # The host's part: a message whose function failed comes back, five times; then it is poison.

    async def _deliver(self, delivery: Delivery) -> None:
        try:
            await super()._deliver(delivery)
        except Exception as error:
            self.crashes.append(f"{type(error).__name__}: {str(error)[:200]}")
            delivery.due = self.clock.now() + HOST_REST
            if delivery.dequeues >= HOST_TRIES:
                poisoned = sweep_poison if delivery.queue is self._queues["sweep"] else sync_record_poison
                try:
                    await poisoned(QueueMessage(delivery.body, 1))
                except AzureError:
                    # A poison queue has none of its own: the message stays.
                    return
                await delivery.complete()

    async def try_now(self) -> None:
        """Lets time pass until something is due and handles what is due by then, once."""
        waiting = await self._deliveries()
        if not waiting:
            return
        self.clock.reach(min(waiting).due)
        for delivery in sorted(one for one in waiting if one.due <= self.clock.now()):
            await self._deliver(delivery)
