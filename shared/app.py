"""The composition root: builds the whole app from its settings, and takes other parts in their place.

Everything that knows a concrete adapter is here. The triggers ask for :func:`get_app`; one app lives per
process and owns one HTTP client and one client per storage service.
"""

import asyncio
import logging
import os
import platform
import ssl
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib import metadata
from typing import Final

import httpx
from azure.core.exceptions import AzureError

from shared.adapters.http import TIMEOUT
from shared.adapters.patience import USUAL
from shared.adapters.secrets import EnvironmentSecrets, KeyVaultSecrets
from shared.adapters.storage.clients import StorageClients, open_storage
from shared.adapters.storage.forgetting import TableConnectionRows
from shared.adapters.storage.homes import TableHomes
from shared.adapters.storage.meanings import meaning, unexpected
from shared.adapters.storage.queues import StorageWorkQueue, put
from shared.adapters.storage.records import TableRecordStore
from shared.adapters.storage.schema import SCHEMA, bring_forward, layout_of
from shared.adapters.storage.state import TableStateStore
from shared.adapters.storage.upkeep import TableOldRows
from shared.adapters.telemetry import open_telemetry
from shared.adapters.wire import open_http
from shared.domain import records
from shared.engine.audit import AuditLog
from shared.engine.backoff import Backoff
from shared.engine.connections.book import ConnectionBook
from shared.engine.connections.cutover_preview import CutoverPreview
from shared.engine.connections.desk import ConnectionDesk
from shared.engine.connections.rights import RightsCheck
from shared.engine.connections.routing import Router
from shared.engine.deliveries import TakenDeliveries
from shared.engine.desk import Desk
from shared.engine.erasure import Erasure
from shared.engine.figures import Figures
from shared.engine.health import Health
from shared.engine.hooks import HookKeeper, client_state
from shared.engine.loading import Loader
from shared.engine.obstacles import Obstacles
from shared.engine.pipeline import Pipeline
from shared.engine.registry import Registry
from shared.engine.rests import Rests
from shared.engine.retention import Retention
from shared.engine.sweeps import Sweeper
from shared.engine.waits import Waits
from shared.entities import load_entities
from shared.factory import ConnectionFactory
from shared.mapping import (
    STANDARD,
    CompiledMapping,
    business_central,
    compile_mapping,
    standard_mapping,
)
from shared.ports.hooks import DeliveryVerifier
from shared.ports.platform import Clock
from shared.ports.storage import RecordStore, StateStore, WorkQueue
from shared.ports.telemetry import SILENT, Telemetry
from shared.reconcile.reconciler import Reconciler
from shared.reconcile.results import Results
from shared.settings import (
    Settings,
    signs_in,
    tells,
)

# They log the address of every call, and with it what was searched for, which can be a name or an address.
for chatty in ("httpx", "azure.core.pipeline.policies.http_logging_policy"):
    logging.getLogger(chatty).setLevel(logging.WARNING)

DEFAULT: Final = records.DEFAULT
VERSION: Final = "0.1.0"
"""The version of the app, that of pyproject.toml."""

type SecretSource = EnvironmentSecrets | KeyVaultSecrets


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
    secrets: SecretSource
    origin: str
    pipeline: Pipeline
    rests: Rests
    sweeper: Sweeper
    loader: Loader
    hooks: HookKeeper
    desk: Desk
    connection_desk: ConnectionDesk
    cutover_preview: CutoverPreview
    figures: Figures
    health: Health
    audit: AuditLog
    retention: Retention
    erasure: Erasure
    telemetry: Telemetry = SILENT
    deliveries: TakenDeliveries = field(default_factory=TakenDeliveries)
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

    @property
    def rights(self) -> RightsCheck:
        """What looks at the rights of a connection."""
        return RightsCheck(self.connections, self.state, self.clock)

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

    async def postpone(self, queue: str, text: str, rest: timedelta) -> None:
        """Puts a message back as it is; nothing but the queue need answer for that."""
        if self.storage is not None:
            await put(self.storage.queue(queue), text, rest)

    async def prepare(self) -> None:
        """Makes the tables and queues if they do not exist, and brings older rows to the present layout.

        Raises RetryLater where storage does not let it, StopConnection for a layout that is newer than the code.
        """
        if self.storage is None:
            return
        try:
            await self.storage.prepare()
            await bring_forward(self.storage, self.clock, self.origin)
        except AzureError as error:
            raise meaning(error) or unexpected(error) from error

    async def close(self) -> None:
        """Closes what the app opened."""
        if self.http is not None:
            await self.http.aclose()
        if self.storage is not None:
            await self.storage.close()
        await self.secrets.close()


async def bootstrap(
    settings: Settings,
    *,
    clock: Clock | None = None,
    http: httpx.AsyncClient | None = None,
    storage: StorageClients | None = None,
    secrets: "SecretSource | None" = None,
    backoff: Backoff | None = None,
    registry: Registry | None = None,
    telemetry: Telemetry = SILENT,
) -> App:
    """Builds the app and makes its tables and queues; every part that a test wants to replace can be given."""
    app = assemble(
        settings,
        clock=clock,
        http=http,
        storage=storage,
        secrets=secrets,
        backoff=backoff,
        registry=registry,
        telemetry=telemetry,
    )
    try:
        await app.prepare()
    except BaseException:
        await app.close()
        raise
    return app


def assemble(
    settings: Settings,
    *,
    clock: Clock | None = None,
    http: httpx.AsyncClient | None = None,
    storage: StorageClients | None = None,
    secrets: "SecretSource | None" = None,
    backoff: Backoff | None = None,
    registry: Registry | None = None,
    telemetry: Telemetry = SILENT,
) -> App:
    """Puts the app together without a call to anything."""
    clock = clock or SystemClock()
    http = http or open_http(TIMEOUT, trust())
    storage = storage or open_storage(settings.storage)
    origin = uuid.uuid4().hex
    secrets = secrets or _secrets(settings)
    registry = registry or load_entities()
    queue = StorageWorkQueue(storage.sync, storage.sweep, storage.poison)
    store = TableRecordStore(
        storage.records, queue, clock, origin, settings.lease_time, settings.operation_time
    )
    state = TableStateStore(storage.state)
    factory = ConnectionFactory(settings, http, secrets, registry, state, standards(), telemetry)
    connections = ConnectionBook(factory.base, factory, state, clock)
    homes = TableHomes(storage.state)
    router = Router(connections, registry, store, homes)
    hooks = HookKeeper(connections, registry, state, queue, clock, settings.public_url)
    audit = AuditLog(state, clock)
    obstacles = Obstacles(router, registry)
    rests = Rests(connections, state, queue, clock)
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
        rests,
        Waits(store, queue, clock, origin, telemetry),
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
        loader=Loader(connections, registry, store, clock, pipeline, origin),
        rests=rests,
        hooks=hooks,
        desk=Desk(connections, registry, store, state, queue, clock, pipeline, origin),
        connection_desk=ConnectionDesk(
            connections, registry, store, state, queue, clock, origin, factory.secrets_of
        ),
        cutover_preview=CutoverPreview(connections, registry, store, clock, router),
        figures=Figures(connections, registry, store, state, queue, clock, telemetry),
        health=Health(
            storage.probes(),
            secrets.probe,
            state,
            connections.every,
            lambda: factory(DEFAULT, factory.base),
            clock,
            versions(),
            lambda: layout_of(storage),
        ),
        audit=audit,
        erasure=Erasure(
            connections,
            factory,
            registry,
            store,
            state,
            homes,
            TableConnectionRows(
                storage.records, storage.state, (storage.sync, storage.sweep, *storage.poison)
            ),
            hooks,
            queue,
            audit,
            clock,
        ),
        retention=Retention(
            connections,
            registry,
            state,
            TableOldRows(storage.records, storage.state),
            Results(state),
            clock,
            telemetry,
            settings.history_months,
            settings.audit_months,
        ),
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


def versions() -> dict[str, str]:
    """What runs here."""
    return {
        "app": VERSION,
        "python": platform.python_version(),
        "runtime": metadata.version("azure-functions-runtime"),
        "layout": str(SCHEMA),
    }


def _secrets(settings: Settings) -> "EnvironmentSecrets | KeyVaultSecrets":
    if not settings.key_vault_url:
        return EnvironmentSecrets(settings.secrets_in_settings)
    from azure.identity.aio import DefaultAzureCredential
    from azure.keyvault.secrets.aio import SecretClient

    credential = DefaultAzureCredential()
    client = SecretClient(settings.key_vault_url, credential, **USUAL.options())
    return KeyVaultSecrets(client, credential)


_app: App | None = None
_assembled: App | None = None
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
                app = get_assembled()
                await app.prepare()
                _app = app
    return _app


def sign_in_is_on() -> bool:
    """Whether App Service signs people in."""
    return signs_in(os.environ)


def get_assembled() -> App:
    """The app of this process as it is, perhaps before its tables and queues were made."""
    global _assembled  # noqa: PLW0603 - the same one as below
    if _app is not None:
        return _app
    if _assembled is None:
        _assembled = assemble(Settings.read(os.environ), telemetry=get_telemetry())
    return _assembled
