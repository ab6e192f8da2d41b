"""Transactions are written as the library writes them, and told apart as it tells them."""

import asyncio
from typing import Any

import pytest
from azure.core import MatchConditions
from azure.core.exceptions import HttpResponseError
from azure.core.pipeline.policies import HeadersPolicy
from azure.core.rest import HttpRequest
from azure.data.tables import TableTransactionError, UpdateMode
from azure.data.tables.aio import TableClient

from shared.adapters.storage import transactions
from shared.adapters.storage.clients import StorageClients
from shared.adapters.storage.direct import Tables

ROW: dict[str, Any] = {
    "PartitionKey": "p|q",
    "RowKey": "r|1 é%",
    "text": "ü\r\n\r\n--x\r\n",
    "bytes": b"\x00\xff",
}
OTHER: dict[str, Any] = {"PartitionKey": "p|q", "RowKey": "r|2", "number": 7}
STALE = {"mode": UpdateMode.REPLACE, "etag": 'W/"x"', "match_condition": MatchConditions.IfNotModified}


def by_the_library(requests: list[HttpRequest]) -> bytes:
    """What the library would send, without the dates that only the whole request needs."""
    whole, changeset = HttpRequest("POST", ""), HttpRequest("POST", "")
    changeset.set_multipart_mixed(*requests, policies=[HeadersPolicy()], boundary="inner")
    whole.set_multipart_mixed(changeset, policies=[HeadersPolicy()], boundary="outer")
    whole.prepare_multipart_body()
    return bytes(whole.content)


async def test_the_body_is_the_librarys(storage: StorageClients, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[HttpRequest] = []

    async def keep(_table: TableClient, _name: str, *requests: HttpRequest, **_: Any) -> list[Any]:
        seen.extend(requests)
        return []

    monkeypatch.setattr(Tables, "_batch_send", keep)
    operations: list[Any] = [("upsert", ROW), ("create", OTHER), ("update", ROW, STALE), ("delete", OTHER)]
    await storage.records.submit_transaction(operations)
    own = transactions.composed(seen, "outer")
    inner = own.split(b"boundary=")[1].partition(b"\r\n")[0]
    assert own.replace(inner, b"inner") == by_the_library(seen)


async def test_what_was_written_is_there_and_each_etag_is_told(storage: StorageClients) -> None:
    table = storage.records
    results = await table.submit_transaction([("upsert", ROW), ("create", OTHER)])
    stored = [await table.get_entity(row["PartitionKey"], row["RowKey"]) for row in (ROW, OTHER)]
    assert [dict(row) for row in stored] == [ROW, OTHER]
    assert [one["etag"] for one in results] == [row.metadata["etag"] for row in stored]
    both: list[Any] = [("delete", ROW), ("delete", OTHER)]
    assert await table.submit_transaction(both) == [{}, {}]


async def test_a_refusal_names_the_operation_and_nothing_is_written(storage: StorageClients) -> None:
    table = storage.records
    await table.submit_transaction([("upsert", OTHER)])
    for refused, status in (
        (("update", OTHER, STALE), 412),
        (("create", OTHER), 409),
        (("delete", ROW), 404),
    ):
        third = OTHER | {"RowKey": "r|3"}
        with pytest.raises(TableTransactionError) as caught:
            await table.submit_transaction([("upsert", third), refused])
        assert (caught.value.index, caught.value.status_code) == (1, status)
        with pytest.raises(HttpResponseError):
            await table.get_entity("p|q", "r|3")


async def test_many_at_once_do_not_mix(storage: StorageClients) -> None:
    def pair(number: int) -> list[Any]:
        return [("upsert", OTHER | {"RowKey": f"{number}-{row}", "number": number}) for row in range(2)]

    await asyncio.gather(*(storage.records.submit_transaction(pair(number)) for number in range(8)))
    for number in range(8):
        assert (await storage.records.get_entity("p|q", f"{number}-1"))["number"] == number
