"""Builds connections from their documents: the clients of both systems, mappings, rules, secrets."""

import asyncio
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Final

import httpx

from shared.adapters.business_central.authentication import authorization
from shared.adapters.business_central.client import BusinessCentralClient
from shared.adapters.business_central.errors import TABLE as BUSINESS_CENTRAL_ERRORS
from shared.adapters.connectwise.authentication import ConnectWiseAuthorization
from shared.adapters.connectwise.callbacks import CallbackVerifier
from shared.adapters.connectwise.client import ConnectWiseClient
from shared.adapters.connectwise.errors import TABLE as CONNECTWISE_ERRORS
from shared.adapters.http import JsonClient
from shared.adapters.pace import Pace
from shared.adapters.secrets import ConnectionSecrets
from shared.domain.calls import Pulse
from shared.domain.records import DEFAULT
from shared.engine.connections.connection import Connection
from shared.engine.connections.document import BusinessCentralPart, ConnectionDocument, ConnectWisePart
from shared.engine.connections.mapping_book import MappingBook
from shared.engine.connections.workflow_book import WorkflowBook
from shared.engine.kinds.masters import MasterData
from shared.engine.registry import Registry
from shared.mapping import CompiledMapping, business_central, compile_routing
from shared.ports.platform import Secrets
from shared.ports.storage import StateStore
from shared.ports.telemetry import SILENT, Telemetry
from shared.settings import SECRETS, SECRETS_OF_AUTH, BusinessCentralSettings, ConnectWiseSettings, Settings

CONNECTWISE_CALLS: Final = 8
BUSINESS_CENTRAL_REQUESTS: Final = 6_000
"""Calls of one user within five minutes. It is not published whether a batch counts once or for each of its
operations: each is counted here, so neither answer is ever refused."""
WINDOW_SECONDS: Final = 300.0
BUSINESS_CENTRAL_CALLS: Final = 4
"""Business Central runs five calls of one user at a time; one is left for people ("Operational limits")."""


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
    requests: int = BUSINESS_CENTRAL_REQUESTS
    window: float = WINDOW_SECONDS
    _limits: dict[tuple[str, ...], asyncio.Semaphore] = field(default_factory=dict)
    _paces: dict[tuple[str, str], Pace] = field(default_factory=dict)

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
        site, books = self._connectwise(connectwise, secrets), self._business_central(central, secrets)
        return Connection(
            name,
            site,
            books,
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
            {"ConnectWise": site.probe, "Business Central": books.probe},
            (site.client.pulse, books.client.pulse),
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
                operation_time=self.settings.operation_time,
                limit=self._limit(CONNECTWISE_CALLS, "ConnectWise", settings.url, settings.company),
                pulse=Pulse("ConnectWise"),
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
                operation_time=self.settings.operation_time,
                limit=self._limit(BUSINESS_CENTRAL_CALLS, "Business Central", settings.url, user),
                pace=self._paces.setdefault((settings.url, user), Pace(self.requests, self.window)),
                pulse=Pulse("Business Central"),
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
