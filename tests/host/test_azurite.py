from pathlib import Path

import pytest
from azure.data.tables import TableServiceClient
from azure.storage.queue import QueueServiceClient

from sandbox import azurite as module
from sandbox.azurite import (
    DEFAULT_PORTS,
    Azurite,
    AzuriteError,
    Ports,
    connection_string,
    is_reachable,
    local_ports,
)


def test_queues_and_tables_work_with_the_connection_string(azurite: Azurite) -> None:
    with (
        QueueServiceClient.from_connection_string(azurite.connection_string()) as queues,
        TableServiceClient.from_connection_string(azurite.connection_string()) as tables,
    ):
        queues.create_queue("azurite-test").send_message("x")
        tables.create_table("azuritetest").create_entity({"PartitionKey": "p", "RowKey": "r"})
    assert is_reachable(azurite.ports)


async def test_a_folder_keeps_what_was_stored_and_the_ports_are_let_go(tmp_path: Path) -> None:
    async with Azurite(tmp_path) as first:
        with QueueServiceClient.from_connection_string(first.connection_string()) as queues:
            queues.create_queue("kept")
    assert not is_reachable(first.ports)
    async with Azurite(tmp_path, first.ports) as second:
        assert second.ports == first.ports
        with QueueServiceClient.from_connection_string(second.connection_string()) as queues:
            assert [queue.name for queue in queues.list_queues()] == ["kept"]


def test_a_taken_port_is_reported(azurite: Azurite) -> None:
    with pytest.raises(AzuriteError, match="did not start"):
        Azurite(ports=azurite.ports).start()


def test_a_missing_installation_is_reported(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(module, "_COMMAND", tmp_path / "azurite")
    with pytest.raises(AzuriteError, match="make setup"):
        Azurite().start()


def test_which_storage_is_local() -> None:
    ports = Ports(1, 2, 3)
    assert local_ports(connection_string(ports)) == ports
    assert local_ports("UseDevelopmentStorage=true") == DEFAULT_PORTS
    assert local_ports("DefaultEndpointsProtocol=https;AccountName=a;AccountKey=k;EndpointSuffix=x") is None
