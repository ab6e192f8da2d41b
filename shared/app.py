"""The composition root: builds the whole app from its settings, and takes other parts in their place.

Everything that knows a concrete adapter is here. The triggers ask for :func:`get_app`; one app lives per
process and owns one HTTP client and one client per storage service.
"""

import asyncio
import os
import uuid
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

import httpx

from shared.adapters.business_central.authentication import authorization
from shared.adapters.business_central.client import BusinessCentralClient
from shared.adapters.business_central.errors import TABLE as BUSINESS_CENTRAL_ERRORS
from shared.adapters.connectwise.authentication import ConnectWiseAuthorization
from shared.adapters.connectwise.callbacks import CallbackVerifier
from shared.adapters.connectwise.client import ConnectWiseClient
from shared.adapters.connectwise.errors import TABLE as CONNECTWISE_ERRORS
from shared.adapters.http import TIMEOUT, JsonClient
from shared.adapters.secrets import EnvironmentSecrets, KeyVaultSecrets
from shared.adapters.storage.clients import StorageClients, open_storage
from shared.adapters.storage.queues import StorageWorkQueue
from shared.adapters.storage.records import TableRecordStore
from shared.adapters.storage.state import TableStateStore
from shared.domain.errors import StopConnection
from shared.engine.backoff import Backoff
from shared.engine.connection import Connection, Connections
from shared.engine.desk import Desk
from shared.engine.hooks import HookKeeper, client_state
from shared.engine.mapping_book import MappingBook
from shared.engine.pipeline import Pipeline
from shared.engine.registry import Registry
from shared.engine.sweeps import Sweeper
from shared.engine.workflow_book import WorkflowBook
from shared.entities import load_entities
from shared.mapping import STANDARD, CompiledMapping, business_central, compile_mapping, standard_mapping
from shared.ports.hooks import DeliveryVerifier
from shared.ports.platform import Clock, Secrets
from shared.ports.storage import RecordStore, StateStore, WorkQueue
from shared.settings import Settings

DEFAULT: Final = "default"
CONNECTWISE_CALLS: Final = 8
BUSINESS_CENTRAL_CALLS: Final = 4
"""Business Central runs five calls of one user at a time; one is left for people (business-central.md 2)."""


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """The present moment in UTC."""
        return datetime.now(UTC)


@dataclass(slots=True)
class App:
    """Everything a trigger may use."""

    settings: Settings
    registry: Registry
    connections: Connections
    store: RecordStore
    state: StateStore
    queue: WorkQueue
    clock: Clock
    secrets: Secrets
    origin: str
    verifiers: Mapping[str, DeliveryVerifier]
    pipeline: Pipeline
    sweeper: Sweeper
    hooks: HookKeeper
    desk: Desk
    counters: Counter[str] = field(default_factory=Counter)
    http: httpx.AsyncClient | None = None
    storage: StorageClients | None = None

    async def client_state(self, connection: str) -> str:
        """What Business Central must repeat in its notifications for this connection."""
        return client_state(await self.secrets.get("CONNECTWISE_PRIVATE_KEY"), connection)

    async def keep_hooks(self, connection: str) -> dict[str, object]:
        """Registers, renews and heals the hooks of a connection."""
        return await self.hooks.keep(connection, await self.client_state(connection))

    async def close(self) -> None:
        """Closes what the app opened."""
        if self.http is not None:
            await self.http.aclose()
        if self.storage is not None:
            await self.storage.close()


@dataclass(slots=True)
class FixedConnections:
    """Connections that are known from the start."""

    known: Mapping[str, Connection]

    async def get(self, name: str) -> Connection:
        """The connection of that name; raises StopConnection."""
        if name not in self.known:
            raise StopConnection(
                "connection", f"There is no connection {name}.", todo="Check the connection's name."
            )
        return self.known[name]

    async def names(self) -> list[str]:
        """All names."""
        return list(self.known)


async def bootstrap(
    settings: Settings,
    *,
    clock: Clock | None = None,
    http: httpx.AsyncClient | None = None,
    storage: StorageClients | None = None,
    secrets: Secrets | None = None,
    backoff: Backoff | None = None,
    registry: Registry | None = None,
) -> App:
    """Builds the app; every part that a test wants to replace can be given."""
    clock = clock or SystemClock()
    http = http or httpx.AsyncClient(
        timeout=TIMEOUT, follow_redirects=False, limits=httpx.Limits(max_connections=32)
    )
    storage = storage or open_storage(settings.storage)
    try:
        await storage.prepare()
    except BaseException:
        await storage.close()
        await http.aclose()
        raise
    secrets = secrets or _secrets(settings)
    registry = registry or load_entities()
    origin = uuid.uuid4().hex
    queue = StorageWorkQueue(storage.sync, storage.sweep)
    store = TableRecordStore(storage.records, queue, clock, origin, settings.lease_time)
    state = TableStateStore(storage.state)
    connections = FixedConnections({DEFAULT: _connection(settings, http, secrets, registry, state)})
    verifier = CallbackVerifier(
        http, settings.connectwise.url, settings.connectwise.company, settings.connectwise.client_id
    )
    pipeline = Pipeline(connections, registry, store, queue, clock, backoff or Backoff(), origin)
    return App(
        settings=settings,
        registry=registry,
        connections=connections,
        store=store,
        state=state,
        queue=queue,
        clock=clock,
        secrets=secrets,
        origin=origin,
        verifiers={DEFAULT: verifier},
        pipeline=pipeline,
        sweeper=Sweeper(connections, registry, store, state, queue, clock, origin),
        hooks=HookKeeper(connections, registry, state, queue, clock, settings.public_url),
        desk=Desk(connections, registry, store, state, queue, clock, pipeline, origin),
        http=http,
        storage=storage,
    )


def _connection(
    settings: Settings, http: httpx.AsyncClient, secrets: Secrets, registry: Registry, state: StateStore
) -> Connection:
    connectwise, central = settings.connectwise, settings.business_central
    return Connection(
        DEFAULT,
        ConnectWiseClient(
            JsonClient(
                "ConnectWise",
                http,
                connectwise.url,
                ConnectWiseAuthorization(connectwise, secrets),
                CONNECTWISE_ERRORS,
                limit=asyncio.Semaphore(CONNECTWISE_CALLS),
            )
        ),
        BusinessCentralClient(
            JsonClient(
                "Business Central",
                http,
                central.url,
                authorization(central, secrets),
                BUSINESS_CENTRAL_ERRORS,
                # Error texts are told apart by their wording, which follows the language asked for.
                headers={"Accept-Language": "en-US"},
                limit=asyncio.Semaphore(BUSINESS_CENTRAL_CALLS),
            ),
            central.company,
        ),
        MappingBook(DEFAULT, state, standards(), business_central()),
        WorkflowBook(DEFAULT, state, "post" if settings.post_invoices else "draft"),
        {entity.name: entity.subject.name for entity in registry.entities()},
    )


def standards() -> dict[str, CompiledMapping]:
    """The standard mappings, compiled."""
    return {name: compile_mapping(standard_mapping(name), business_central()) for name in STANDARD}


def _secrets(settings: Settings) -> Secrets:
    if not settings.key_vault_url:
        return EnvironmentSecrets(settings.secrets_in_settings)
    from azure.identity.aio import DefaultAzureCredential
    from azure.keyvault.secrets.aio import SecretClient

    return KeyVaultSecrets(SecretClient(settings.key_vault_url, DefaultAzureCredential()))


_app: App | None = None
_lock = asyncio.Lock()


async def get_app() -> App:
    """The app of this process, built at the first call."""
    global _app  # noqa: PLW0603 - one app per process, which no handler can pass to another
    if _app is None:
        async with _lock:
            if _app is None:
                _app = await bootstrap(Settings.read(os.environ))
    return _app
