"""A backup holds every row with its types, and is restored whole into an empty account or not at all."""

import json
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from azure.data.tables import EdmType, EntityProperty

from sandbox import backup
from sandbox.azurite import Azurite
from shared.adapters.storage.archive import ArchiveError, restore, save
from shared.adapters.storage.clients import SETTING, StorageClients, open_storage
from shared.adapters.storage.schema import bring_forward
from tests.adapters.support import START, HandClock

ROW: dict[str, Any] = {
    "PartitionKey": "default|company",
    "RowKey": "r|é 7",
    "text": 'quotes " and \n lines, ünïcode, 0012',
    "flag": True,
    "count": 7,
    "large": EntityProperty(2**40, EdmType.INT64),
    "ratio": 0.1,
    "at": datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC),
    "key": uuid.UUID(int=7),
    "bytes": b"\x00\xff",
}


@pytest.fixture
async def other(azurite: Azurite) -> AsyncIterator[StorageClients]:
    """A second account, empty but for the version that a starting app writes."""
    clients = open_storage({SETTING: azurite.connection_string()}, prefix="u" + uuid.uuid4().hex[:16])
    await clients.prepare()
    await bring_forward(clients, HandClock(), "app")
    yield clients
    await clients.close()


async def saved(storage: StorageClients) -> list[str]:
    return [line async for line in save(storage, START)]


async def test_every_type_comes_back_as_it_was(storage: StorageClients, other: StorageClients) -> None:
    await storage.records.create_entity(ROW)
    await storage.state.create_entity({"PartitionKey": "default", "RowKey": "hooks", "value": "{}"})
    lines = await saved(storage)
    assert await restore(other, lines) == 2
    found = await other.records.get_entity(ROW["PartitionKey"], ROW["RowKey"])
    assert dict(found) == ROW
    assert {key: type(value) for key, value in found.items()} == {
        key: type(value)
        for key, value in (await storage.records.get_entity(ROW["PartitionKey"], ROW["RowKey"])).items()
    }
    again = await saved(other)
    assert [line for line in again if "~schema" not in line][:-1] == lines[:-1]


async def test_more_rows_than_a_transaction_holds(storage: StorageClients, other: StorageClients) -> None:
    rows = [{"PartitionKey": f"p{n % 2}", "RowKey": f"{n:04d}", "text": "x" * 30_000} for n in range(230)]
    for start in range(0, len(rows), 40):
        for part in ("p0", "p1"):
            batch = [("upsert", row) for row in rows[start : start + 40] if row["PartitionKey"] == part]
            await storage.records.submit_transaction(batch)
    assert await restore(other, await saved(storage)) == 230
    assert len([row async for row in other.records.list_entities(select=["RowKey"])]) == 230


async def test_an_account_in_use_is_left_alone(storage: StorageClients, other: StorageClients) -> None:
    await storage.records.create_entity(ROW)
    await other.state.create_entity({"PartitionKey": "default", "RowKey": "hooks"})
    with pytest.raises(ArchiveError, match="state is not empty"):
        await restore(other, await saved(storage))
    assert [row async for row in other.records.list_entities()] == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda lines: lines[:-1], "cut off"),
        (lambda lines: [lines[0], lines[-1]], "has 0 rows and should have 1"),
        (lambda lines: lines[1:], "no backup of format"),
        (lambda lines: [*lines, lines[1]], "follows the end"),
        (lambda lines: [lines[0], lines[1][:-9], lines[-1]], "line 2 is not JSON"),
        (lambda lines: [lines[0], lines[1].replace("records", "orders"), lines[-1]], "no table orders"),
        (lambda lines: [json.dumps({"dynaconnect": "backup", "format": 9}), *lines[1:]], "of format 1"),
    ],
)
async def test_a_doubtful_file_is_refused(
    storage: StorageClients, other: StorageClients, change: Any, message: str
) -> None:
    await storage.records.create_entity(ROW)
    with pytest.raises(ArchiveError, match=message):
        await restore(other, change(await saved(storage)))


async def test_the_command_writes_a_packed_file_once(storage: StorageClients, tmp_path: Path) -> None:
    await storage.records.create_entity(ROW)
    path = tmp_path / "tables.jsonl.gz"
    assert await backup.run("save", path, storage) == 1
    with pytest.raises(FileExistsError):
        await backup.run("save", path, storage)
    await storage.records.delete_entity(ROW["PartitionKey"], ROW["RowKey"])
    assert await backup.run("restore", path, storage) == 1
    assert dict(await storage.records.get_entity(ROW["PartitionKey"], ROW["RowKey"])) == ROW


def test_the_environment_names_the_account_before_the_local_file(tmp_path: Path) -> None:
    local = tmp_path / "local.settings.json"
    local.write_text(json.dumps({"Values": {SETTING: "UseDevelopmentStorage=true", "OTHER": "x"}}))
    assert backup.account({}, local) == {SETTING: "UseDevelopmentStorage=true"}
    named = {f"{SETTING}__accountName": "stdynaconnect"}
    assert backup.account(named | {"PATH": "/bin"}, local) == named
    assert backup.account({}, tmp_path / "absent.json") == {}
