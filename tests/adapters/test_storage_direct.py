"""The calls that are written directly do what the library's own do, and fail as they fail."""

import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any, Final

import pytest
from azure.core import MatchConditions
from azure.core.exceptions import (
    ResourceExistsError,
    ResourceModifiedError,
    ResourceNotFoundError,
)
from azure.data.tables import EdmType, EntityProperty, TableEntity, UpdateMode
from azure.data.tables.aio import TableClient
from azure.storage.queue import TextBase64DecodePolicy, TextBase64EncodePolicy
from azure.storage.queue.aio import QueueClient

from sandbox.azurite import Azurite
from shared.adapters.storage.clients import StorageClients
from shared.adapters.storage.direct import IDLE

ROW: Final[dict[str, Any]] = {
    "PartitionKey": "p'q|%",
    "RowKey": "r é \u20ac+&",
    "text": "ü\r\n<&>",
    "empty": "",
    "number": 7,
    "large": EntityProperty(2**40, EdmType.INT64),
    "yes": True,
    "share": 0.5,
    "at": datetime(2026, 3, 1, 12, 30, 15, 250000, tzinfo=UTC),
    "id": uuid.UUID(int=5),
    "bytes": b"\x00\xff",
}
HELD: Final[dict[str, Any]] = {"match_condition": MatchConditions.IfNotModified}


@pytest.fixture
async def table(azurite: Azurite, storage: StorageClients) -> AsyncIterator[TableClient]:
    """The library's own client of the same table."""
    name = storage.records.table_name
    async with TableClient.from_connection_string(azurite.connection_string(), name) as client:
        yield client


@pytest.fixture
async def queue(azurite: Azurite, storage: StorageClients) -> AsyncIterator[QueueClient]:
    """The library's own client of the same queue."""
    async with QueueClient.from_connection_string(
        azurite.connection_string(),
        storage.sync.queue_name,
        message_encode_policy=TextBase64EncodePolicy(),
        message_decode_policy=TextBase64DecodePolicy(),
    ) as client:
        yield client


async def both_read(storage: StorageClients, table: TableClient, row: dict[str, Any]) -> TableEntity:
    """The row as both clients read it, after a look that they agree."""
    own = await storage.records.get_entity(row["PartitionKey"], row["RowKey"])
    theirs = await table.get_entity(row["PartitionKey"], row["RowKey"])
    assert dict(own) == dict(theirs)
    assert own.metadata == theirs.metadata
    return own


async def test_a_row_is_written_and_read_as_by_the_library(
    storage: StorageClients, table: TableClient
) -> None:
    made = await storage.records.create_entity(ROW)
    row = await both_read(storage, table, ROW)
    assert made["etag"] == row.metadata["etag"]
    theirs = ROW | {"RowKey": "theirs"}
    await table.create_entity(theirs)
    read = await both_read(storage, table, theirs)
    assert {**read, "RowKey": ""} == {**row, "RowKey": ""}


async def test_a_change_needs_the_etag_and_keeps_or_drops_the_rest(
    storage: StorageClients, table: TableClient
) -> None:
    keys = {name: ROW[name] for name in ("PartitionKey", "RowKey")}
    first = str((await storage.records.create_entity(ROW))["etag"])
    merged = await storage.records.update_entity(keys | {"number": 8}, etag=first, **HELD)
    row = await both_read(storage, table, ROW)
    assert (row["number"], row["text"], row.metadata["etag"]) == (8, ROW["text"], merged["etag"])
    for mode in (UpdateMode.MERGE, UpdateMode.REPLACE):
        with pytest.raises(ResourceModifiedError):
            await storage.records.update_entity(keys, mode, etag=first, **HELD)
    etag = str(merged["etag"])
    await storage.records.update_entity(keys | {"number": 9}, UpdateMode.REPLACE, etag=etag, **HELD)
    assert dict(await both_read(storage, table, ROW)) == keys | {"number": 9}


async def test_what_is_there_or_not_is_told_as_by_the_library(storage: StorageClients) -> None:
    keys = {name: ROW[name] for name in ("PartitionKey", "RowKey")}
    with pytest.raises(ResourceNotFoundError):
        await storage.records.get_entity(partition_key="p", row_key="none")
    with pytest.raises(ResourceNotFoundError):
        await storage.records.update_entity(keys, etag='W/"x"', **HELD)
    await storage.records.create_entity(ROW)
    with pytest.raises(ResourceExistsError):
        await storage.records.create_entity(ROW)
    await storage.records.delete_table()
    with pytest.raises(ResourceNotFoundError):
        await storage.records.create_entity(ROW)


@pytest.mark.parametrize("text", ["plain", "<&>'\"", "ü \u20ac", "x" * 48_000, ""])
async def test_a_message_is_put_as_by_the_library(
    storage: StorageClients, queue: QueueClient, text: str
) -> None:
    own = await storage.sync.send_message(text, visibility_timeout=0, time_to_live=-1)
    theirs = await queue.send_message(text, visibility_timeout=0, time_to_live=-1)
    taken = [message async for message in queue.receive_messages()]
    assert [message.id for message in taken] == [own.id, theirs.id]
    assert [message.content for message in taken] == [text, text]
    assert taken[0].expires_on == taken[1].expires_on
    await storage.sync.delete_message(own.id, taken[0].pop_receipt)


async def test_a_message_can_come_later_and_needs_its_queue(
    storage: StorageClients, queue: QueueClient
) -> None:
    await storage.sync.send_message("later", visibility_timeout=600, time_to_live=-1)
    assert [message async for message in queue.receive_messages()] == []
    assert (await queue.get_queue_properties()).approximate_message_count == 1
    await queue.delete_queue()
    with pytest.raises(ResourceNotFoundError):
        await storage.sync.send_message("none", visibility_timeout=0, time_to_live=-1)


def test_only_idle_policies_are_left_out(storage: StorageClients, table: TableClient) -> None:
    """A release that renames one or brings a new one shows here."""
    own = [type(one).__name__ for one in storage.records._policies]
    theirs = [type(one).__name__ for one in table._policies]
    assert own == [name for name in theirs if name not in IDLE]
    assert own == [
        "StorageHeadersPolicy",
        "UserAgentPolicy",
        "SharedKeyCredentialPolicy",
        "ContentDecodePolicy",
        "StorageHosts",
        "AsyncTablesRetryPolicy",
    ]
    queued = [type(getattr(one, "_policy", one)).__name__ for one in storage.sync._pipeline._impl_policies]
    assert queued == [
        "QueueMessagePolicy",
        "UserAgentPolicy",
        "ContentDecodePolicy",
        "StorageHosts",
        "ExponentialRetry",
        "StorageHeadersPolicy",
        "SharedKeyCredentialPolicy",
    ]
