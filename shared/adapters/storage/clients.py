"""Opens Table and Queue Storage from a connection string or with an identity."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from azure.core.credentials_async import AsyncTokenCredential
from azure.core.exceptions import ResourceExistsError
from azure.data.tables.aio import TableClient
from azure.storage.queue import TextBase64DecodePolicy, TextBase64EncodePolicy
from azure.storage.queue.aio import QueueClient

from shared.adapters.patience import USUAL, Patience
from shared.adapters.storage.direct import Queue, Tables
from shared.ports.storage import SWEEP_QUEUE, SYNC_QUEUE

SETTING: Final = "AzureWebJobsStorage"
RECORD_TABLE: Final = "dynaconnectrecords"
STATE_TABLE: Final = "dynaconnectstate"


@dataclass(slots=True)
class StorageClients:
    """The clients of one storage account; one of each per process."""

    records: TableClient
    state: TableClient
    sync: QueueClient
    sweep: QueueClient
    poison: tuple[QueueClient, ...] = ()
    credential: AsyncTokenCredential | None = None

    async def prepare(self) -> None:
        """Makes the tables and queues if they do not exist."""
        for table in (self.records, self.state):
            try:
                await table.create_table()
            except ResourceExistsError:
                continue
        for queue in (self.sync, self.sweep):
            try:
                await queue.create_queue()
            except ResourceExistsError:
                continue

    def queue(self, name: str) -> QueueClient:
        """The client of a queue by the name that the functions listen to."""
        poison = dict(zip((f"{SYNC_QUEUE}-poison", f"{SWEEP_QUEUE}-poison"), self.poison, strict=False))
        return {SYNC_QUEUE: self.sync, SWEEP_QUEUE: self.sweep, **poison}[name]

    def probes(self) -> dict[str, Callable[[], Awaitable[str]]]:
        """Reads that make nothing: each fails where its table or queue is away or not there."""

        def table(client: TableClient) -> Callable[[], Awaitable[str]]:
            async def probe() -> str:
                async for _ in client.query_entities("PartitionKey eq 'none'", results_per_page=1):
                    break
                return ""

            return probe

        def queue(client: QueueClient) -> Callable[[], Awaitable[str]]:
            async def probe() -> str:
                await client.get_queue_properties()
                return ""

            return probe

        found = {f"table {one.table_name}": table(one) for one in (self.records, self.state)}
        return found | {f"queue {one.queue_name}": queue(one) for one in (self.sync, self.sweep)}

    async def close(self) -> None:
        """Closes every connection."""
        for table in (self.records, self.state):
            await table.close()
        for queue in (self.sync, self.sweep, *self.poison):
            await queue.close()
        if self.credential is not None:
            await self.credential.close()


def open_storage(settings: Mapping[str, str], prefix: str = "", patience: Patience = USUAL) -> StorageClients:
    """The clients as the settings ``AzureWebJobsStorage`` or ``AzureWebJobsStorage__...`` say.

    ``prefix`` keeps several apps apart in one account; the functions themselves use none. No proxy or netrc of the
    environment is looked for: that is a thread and a file for each of the many small calls, and storage is reached
    directly.
    """
    connection = settings.get(SETTING, "")
    credential = None if connection else _credential(settings)
    if credential is None:

        def table(name: str) -> TableClient:
            return Tables.from_connection_string(connection, name, **patience.options())

        def queue(name: str) -> QueueClient:
            return Queue.from_connection_string(connection, name, **_for_queues(patience))
    else:

        def table(name: str) -> TableClient:
            endpoint = _endpoint(settings, "table")
            return Tables(endpoint, name, credential=credential, **patience.options())

        def queue(name: str) -> QueueClient:
            endpoint = _endpoint(settings, "queue")
            return Queue(endpoint, name, credential=credential, **_for_queues(patience))

    return StorageClients(
        table(prefix + RECORD_TABLE),
        table(prefix + STATE_TABLE),
        queue(prefix + SYNC_QUEUE),
        queue(prefix + SWEEP_QUEUE),
        tuple(queue(f"{prefix}{name}-poison") for name in (SYNC_QUEUE, SWEEP_QUEUE)),
        credential,
    )


def _for_queues(patience: Patience) -> dict[str, Any]:
    """The queue trigger expects base64."""
    return patience.options() | {
        "message_encode_policy": TextBase64EncodePolicy(),
        "message_decode_policy": TextBase64DecodePolicy(),
    }


def _credential(settings: Mapping[str, str]) -> AsyncTokenCredential:
    # Slow to import, and not needed with a connection string.
    from azure.identity.aio import DefaultAzureCredential, ManagedIdentityCredential

    client = settings.get(f"{SETTING}__clientId", "")
    if settings.get(f"{SETTING}__credential", "").lower() == "managedidentity":
        return ManagedIdentityCredential(client_id=client) if client else ManagedIdentityCredential()
    return DefaultAzureCredential()


def _endpoint(settings: Mapping[str, str], service: str) -> str:
    given = settings.get(f"{SETTING}__{service}ServiceUri", "")
    return given or f"https://{settings.get(f'{SETTING}__accountName', '')}.{service}.core.windows.net"
