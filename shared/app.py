"""The composition root: builds the whole app from its settings, and takes other parts in their place.

Everything that knows a concrete adapter is here. The triggers ask for :func:`get_app`; one app lives per
process and owns one HTTP client and one client per storage service.
"""

import asyncio
import logging
import os
import ssl
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from functools import cache
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
from shared.adapters.secrets import ConnectionSecrets, EnvironmentSecrets, KeyVaultSecrets
from shared.adapters.storage.clients import StorageClients, open_storage
from shared.adapters.storage.homes import TableHomes
from shared.adapters.storage.queues import StorageWorkQueue
from shared.adapters.storage.records import TableRecordStore
from shared.adapters.storage.state import TableStateStore
from shared.adapters.telemetry import open_telemetry
from shared.domain import records
from shared.engine.backoff import Backoff
from shared.engine.connections.book import ConnectionBook
from shared.engine.connections.connection import Connection
from shared.engine.connections.cutover_preview import CutoverPreview
from shared.engine.connections.desk import ConnectionDesk
from shared.engine.connections.document import BusinessCentralPart, ConnectionDocument, ConnectWisePart
from shared.engine.connections.mapping_book import MappingBook
from shared.engine.connections.routing import Router
from shared.engine.connections.workflow_book import WorkflowBook
from shared.engine.desk import Desk
from shared.engine.figures import Figures
from shared.engine.hooks import HookKeeper, client_state
from shared.engine.kinds.masters import MasterData
from shared.engine.obstacles import Obstacles
from shared.engine.pipeline import Pipeline
from shared.engine.registry import Registry
from shared.engine.sweeps import Sweeper
from shared.entities import load_entities
from shared.mapping import (
    STANDARD,
    CompiledMapping,
    business_central,
    compile_mapping,
    compile_routing,
    standard_mapping,
)
from shared.ports.hooks import DeliveryVerifier
from shared.ports.platform import Clock, Secrets
from shared.ports.storage import RecordStore, StateStore, WorkQueue
from shared.ports.telemetry import SILENT, Telemetry
from shared.reconcile.reconciler import Reconciler
from shared.settings import (
    SECRETS,
    SECRETS_OF_AUTH,
    BusinessCentralSettings,
    ConnectWiseSettings,
    Settings,
    tells,
)

# They log the address of every call, and with it what was searched for, which can be a name or an address.
for chatty in ("httpx", "azure.core.pipeline.policies.http_logging_policy"):
    logging.getLogger(chatty).setLevel(logging.WARNING)

DEFAULT: Final = records.DEFAULT
CONNECTWISE_CALLS: Final = 8
BUSINESS_CENTRAL_CALLS: Final = 4
"""Business Central runs five calls of one user at a time; one is left for people ("Operational limits")."""


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
    connections: ConnectionBook
    store: RecordStore
    state: StateStore
    queue: WorkQueue
    clock: Clock
    secrets: Secrets
    origin: str
    pipeline: Pipeline
    sweeper: Sweeper
    hooks: HookKeeper
    desk: Desk
    connection_desk: ConnectionDesk
    cutover_preview: CutoverPreview
    figures: Figures
    telemetry: Telemetry = SILENT
    http: httpx.AsyncClient | None = None
    storage: StorageClients | None = None

    @property
    def reconciler(self) -> Reconciler:
        """What reconciles both systems."""
        return Reconciler(
            self.connections,
            self.registry,
            self.pipeline.router,
            self.store,
            self.state,
            self.queue,
            self.clock,
            self.origin,
            self.telemetry,
        )

    async def client_state(self, connection: str) -> str:
        """What Business Central must repeat in its notifications for this connection."""
        secrets = (await self.connections.get(connection)).secrets
        return client_state(await secrets.get("CONNECTWISE_PRIVATE_KEY"), connection)

    async def verifier(self, connection: str) -> DeliveryVerifier | None:
        """What proves the callbacks of a connection, None when there is no such connection."""
        if connection not in await self.connections.names():
            return None
        return (await self.connections.get(connection)).verifier

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
class ConnectionFactory:
    """Builds connections from their documents. Those that call the same system share its limit of parallel calls."""

    settings: Settings
    http: httpx.AsyncClient
    secrets: Secrets
    registry: Registry
    state: StateStore
    standards: Mapping[str, CompiledMapping]
    telemetry: Telemetry = SILENT
    _limits: dict[tuple[str, ...], asyncio.Semaphore] = field(default_factory=dict)

    @property
    def base(self) -> ConnectionDocument:
        """What the settings say of the connection ``default``."""
        connectwise, central = self.settings.connectwise, self.settings.business_central
        return ConnectionDocument.model_construct(
            site=DEFAULT,
            connectwise=ConnectWisePart.model_construct(**asdict(connectwise)),
            business_central=BusinessCentralPart.model_construct(
                **{name: getattr(central, name) for name in BusinessCentralPart.model_fields}
            ),
            post_invoices=self.settings.post_invoices,
        )

    def secrets_of(self, name: str) -> Secrets:
        """The secrets of a connection."""
        return self.secrets if name == DEFAULT else ConnectionSecrets(self.secrets, name)

    def __call__(self, name: str, document: ConnectionDocument) -> Connection:
        """The connection that a complete document describes."""
        if document.connectwise is None or document.business_central is None:
            raise ValueError(f"the document of connection {name} is not complete")
        connectwise = ConnectWiseSettings(**document.connectwise.model_dump())
        central = BusinessCentralSettings(
            **document.business_central.model_dump(),
            identity_client_id=self.settings.business_central.identity_client_id,
        )
        secrets = self.secrets_of(name)
        return Connection(
            name,
            self._connectwise(connectwise, secrets),
            self._business_central(central, secrets),
            MappingBook(name, self.state, self.standards, business_central()),
            WorkflowBook(name, self.state, "draft" if document.post_invoices is False else "post"),
            secrets,
            CallbackVerifier(self.http, connectwise.url, connectwise.company, connectwise.client_id),
            {entity.name: entity.subject.name for entity in self.registry.entities()},
            makers(self.registry),
            document.options,
            document.site or name,
            compile_routing(document.routing),
            document.cutover,
            (*SECRETS, *SECRETS_OF_AUTH.get(central.auth, ())),
        )

    def _limit(self, calls: int, *key: str) -> asyncio.Semaphore:
        return self._limits.setdefault(key, asyncio.Semaphore(calls))

    def _connectwise(self, settings: ConnectWiseSettings, secrets: Secrets) -> ConnectWiseClient:
        return ConnectWiseClient(
            JsonClient(
                "ConnectWise",
                self.http,
                settings.url,
                ConnectWiseAuthorization(settings, secrets),
                CONNECTWISE_ERRORS,
                limit=self._limit(CONNECTWISE_CALLS, "ConnectWise", settings.url, settings.company),
                telemetry=self.telemetry,
            )
        )

    def _business_central(self, settings: BusinessCentralSettings, secrets: Secrets) -> BusinessCentralClient:
        user = settings.username or settings.client_id
        return BusinessCentralClient(
            JsonClient(
                "Business Central",
                self.http,
                settings.url,
                authorization(settings, secrets),
                BUSINESS_CENTRAL_ERRORS,
                # Error texts are told apart by their wording, which follows the language asked for.
                headers={"Accept-Language": "en-US"},
                limit=self._limit(BUSINESS_CENTRAL_CALLS, "Business Central", settings.url, user),
                telemetry=self.telemetry,
            ),
            settings.company,
        )


def makers(registry: Registry) -> dict[str, list[tuple[str, str]]]:
    """The subjects and entities of master data by the set of Business Central that holds their records."""
    found: dict[str, list[tuple[str, str]]] = {}
    for entity in registry.entities():
        if isinstance(entity, MasterData):
            found.setdefault(entity.target, []).append((entity.subject.name, entity.name))
    return found


async def bootstrap(
    settings: Settings,
    *,
    clock: Clock | None = None,
    http: httpx.AsyncClient | None = None,
    storage: StorageClients | None = None,
    secrets: Secrets | None = None,
    backoff: Backoff | None = None,
    registry: Registry | None = None,
    telemetry: Telemetry = SILENT,
) -> App:
    """Builds the app; every part that a test wants to replace can be given."""
    clock = clock or SystemClock()
    http = http or httpx.AsyncClient(
        timeout=TIMEOUT, follow_redirects=False, limits=httpx.Limits(max_connections=32), verify=trust()
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
    queue = StorageWorkQueue(storage.sync, storage.sweep, storage.poison)
    store = TableRecordStore(storage.records, queue, clock, origin, settings.lease_time)
    state = TableStateStore(storage.state)
    factory = ConnectionFactory(settings, http, secrets, registry, state, standards(), telemetry)
    connections = ConnectionBook(factory.base, factory, state, clock)
    router = Router(connections, registry, store, TableHomes(storage.state))
    obstacles = Obstacles(router, registry)
    pipeline = Pipeline(
        connections,
        registry,
        store,
        queue,
        clock,
        backoff or Backoff(),
        origin,
        router,
        obstacles,
        telemetry,
    )
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
        pipeline=pipeline,
        sweeper=Sweeper(connections, registry, store, state, queue, clock, origin, telemetry),
        hooks=HookKeeper(connections, registry, state, queue, clock, settings.public_url),
        desk=Desk(connections, registry, store, state, queue, clock, pipeline, origin),
        connection_desk=ConnectionDesk(
            connections, registry, store, state, queue, clock, origin, factory.secrets_of
        ),
        cutover_preview=CutoverPreview(connections, registry, store, clock, router),
        figures=Figures(connections, registry, store, state, queue, clock, telemetry),
        telemetry=telemetry,
        http=http,
        storage=storage,
    )


@cache
def trust() -> ssl.SSLContext:
    """The certificate authorities that are trusted; loading them takes longer than everything else of a client."""
    return httpx.create_ssl_context()


@cache
def standards() -> Mapping[str, CompiledMapping]:
    """The standard mappings, compiled once; they hold no state."""
    return {name: compile_mapping(standard_mapping(name), business_central()) for name in STANDARD}


def _secrets(settings: Settings) -> Secrets:
    if not settings.key_vault_url:
        return EnvironmentSecrets(settings.secrets_in_settings)
    from azure.identity.aio import DefaultAzureCredential
    from azure.keyvault.secrets.aio import SecretClient

    return KeyVaultSecrets(SecretClient(settings.key_vault_url, DefaultAzureCredential()))


_app: App | None = None
_lock = asyncio.Lock()


def get_telemetry() -> Telemetry:
    """Where this process tells of its work, also while the app cannot be built."""
    return _app.telemetry if _app is not None else open_telemetry(enabled=tells(os.environ))


async def get_app() -> App:
    """The app of this process, built at the first call."""
    global _app  # noqa: PLW0603 - one app per process, which no handler can pass to another
    if _app is None:
        async with _lock:
            if _app is None:
                _app = await bootstrap(Settings.read(os.environ), telemetry=get_telemetry())
    return _app
