"""The library's clients with the calls of every event written directly.

Of the processor time of an event the largest piece was neither ours nor the systems' but what the libraries do around
a request: seventeen policies for each call, most of which only look whether there is something to log, to trace or to
redirect; a request built field by field; transactions written and read with the e-mail package. Here the policies
that have nothing to do are left out, and the calls of every event (a row read or written, a transaction, a message put)
are a few lines each.
Authentication, the tries, every other call and the types of values stay the library's.
"""

import json
import uuid
from collections.abc import Iterable, Mapping
from typing import Any, Final, override
from urllib.parse import quote
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

from azure.core import MatchConditions
from azure.core.exceptions import (
    ClientAuthenticationError,
    DecodeError,
    HttpResponseError,
    ResourceExistsError,
    ResourceNotFoundError,
    map_error,
)
from azure.core.pipeline import AsyncPipeline
from azure.core.rest import HttpRequest
from azure.data.tables import RequestTooLargeError, TableEntity, UpdateMode
from azure.data.tables._deserialize import _convert_to_entity
from azure.data.tables._error import _process_table_error
from azure.data.tables._serialize import _add_entity_properties
from azure.data.tables.aio import TableClient
from azure.storage.queue import QueueMessage
from azure.storage.queue._shared.response_handlers import process_storage_error
from azure.storage.queue.aio import QueueClient

from shared.adapters.storage.transactions import TOO_LARGE, composed, refusal, taken_apart

OK: Final = 200
CREATED: Final = 201
ACCEPTED: Final = 202
NO_CONTENT: Final = 204
REFUSALS: Final[Mapping[int, type[HttpResponseError]]] = {
    401: ClientAuthenticationError,
    403: ClientAuthenticationError,
    404: ResourceNotFoundError,
    409: ResourceExistsError,
    TOO_LARGE: RequestTooLargeError,
}
IDLE: Final = frozenset(
    {
        "RequestIdPolicy",
        "RangeHeaderPolicy",
        "ProxyPolicy",
        "AsyncContentValidationPolicy",
        "AsyncRedirectPolicy",
        "StorageRequestHook",
        "AsyncStorageResponseHook",
        "CustomHookPolicy",
        "NetworkTraceLoggingPolicy",
        "StorageLoggingPolicy",
        "HttpLoggingPolicy",
        "DistributedTracingPolicy",
        "StorageSensitiveHeaderCleanupPolicy",
    }
)
"""Policies of which nothing here makes use; one that a later release adds stays."""


def at_work(policies: Iterable[Any]) -> list[Any]:
    """The policies without the idle ones."""
    return [policy for policy in policies if type(policy).__name__ not in IDLE]


async def answer_to(client: Any, request: HttpRequest) -> Any:
    """The answer with its body, whatever its status."""
    # As a stream, or the library would try to make sense of the answer.
    response = await client.send_request(request, stream=True)
    await response.read()
    return response


class Tables(TableClient):
    """A table that is cheap to read and to write."""

    @override
    def _configure_policies(self, **options: Any) -> list[Any]:
        return at_work(super()._configure_policies(**options))

    def _headers(self, **more: str) -> dict[str, str]:
        return {
            "x-ms-version": self.api_version,
            "DataServiceVersion": "3.0",
            "MaxDataServiceVersion": "3.0;NetFx",
        } | more

    def _address(self, place: str) -> str:
        base, mark, query = self.url.partition("?")
        return f"{base}/{place}{mark}{query}"

    @override
    async def get_entity(
        self, partition_key: str, row_key: str, *, select: Any = None, **options: Any
    ) -> TableEntity:
        """One row; raises ResourceNotFoundError."""
        if select is not None or options:
            return await super().get_entity(partition_key, row_key, select=select, **options)
        accept = self._headers(Accept="application/json;odata=minimalmetadata")
        address = self._address(self._place(partition_key, row_key))
        request = HttpRequest("GET", address, headers=accept)
        response = await answer_to(self._client, request)
        if response.status_code != OK:
            # A web page with status 404 is no missing row: the library tells by the code in the body.
            _process_table_error(HttpResponseError(response=response))  # type: ignore[no-untyped-call]
        try:
            row: TableEntity = _convert_to_entity(json.loads(response.content))  # type: ignore[no-untyped-call]
        except (ValueError, AttributeError) as error:
            raise DecodeError("the row cannot be read", response=response) from error
        return row

    @override
    async def create_entity(self, entity: Any, **options: Any) -> Mapping[str, Any]:
        """Inserts a row; returns its etag. Raises ResourceExistsError."""
        if options:
            return await super().create_entity(entity, **options)
        response = await self._write("POST", self.table_name, entity, Prefer="return-no-content")
        if response.status_code != NO_CONTENT:
            map_error(response.status_code, response, REFUSALS)
            raise HttpResponseError(response=response)
        return {"etag": response.headers.get("etag")}

    @override
    async def update_entity(
        self,
        entity: Any,
        mode: UpdateMode | str = UpdateMode.MERGE,
        *,
        etag: str | None = None,
        match_condition: MatchConditions | None = None,
        **options: Any,
    ) -> Mapping[str, Any]:
        """Changes a row that still has the etag; returns the new one. Raises ResourceModifiedError."""
        if options or etag is None or match_condition != MatchConditions.IfNotModified:
            return await super().update_entity(
                entity, mode, etag=etag, match_condition=match_condition, **options
            )
        method = "PUT" if mode == UpdateMode.REPLACE else "PATCH"
        place = self._place(entity["PartitionKey"], entity["RowKey"])
        response = await self._write(method, place, entity, **{"If-Match": etag})
        if response.status_code != NO_CONTENT:
            _process_table_error(HttpResponseError(response=response))  # type: ignore[no-untyped-call]
        return {"etag": response.headers.get("etag")}

    async def _write(self, method: str, place: str, entity: Any, **headers: str) -> Any:
        sent = self._headers(Accept="application/json;odata=minimalmetadata", **headers)
        sent["Content-Type"] = "application/json"
        content = json.dumps(_add_entity_properties(entity))
        request = HttpRequest(method, self._address(place), headers=sent, content=content)
        return await answer_to(self._client, request)

    def _place(self, partition_key: str, row_key: str) -> str:
        return f"{self.table_name}(PartitionKey='{_quoted(partition_key)}',RowKey='{_quoted(row_key)}')"

    @override
    async def _batch_send(
        self, table_name: str, *reqs: HttpRequest, **kwargs: Any
    ) -> list[Mapping[str, Any]]:
        """Sends the operations as one transaction; raises TableTransactionError for the one that was refused."""
        boundary = f"batch_{uuid.uuid4()}"
        headers = self._headers(Accept="application/json")
        headers["Content-Type"] = f"multipart/mixed; boundary={boundary}"
        content = composed(reqs, boundary)
        request = HttpRequest("POST", self._address("$batch"), headers=headers, content=content)
        response = await answer_to(self._client, request)
        if response.status_code != ACCEPTED:
            map_error(response.status_code, response, REFUSALS)
            raise HttpResponseError(response=response)
        parts = taken_apart(response.content)
        refused = next((part for part in parts if part.status >= 300), None)
        if refused is not None:
            raise refusal(refused, response)
        return [{"etag": part.etag} if part.etag else {} for part in parts]


class Queue(QueueClient):
    """A queue into which it is cheap to put a message."""

    @override
    def _create_pipeline(self, credential: Any = None, **options: Any) -> Any:
        config, pipeline = super()._create_pipeline(credential, **options)
        policies = [getattr(one, "_policy", one) for one in pipeline._impl_policies]  # noqa: SLF001
        return config, AsyncPipeline(pipeline._transport, policies=at_work(policies))  # noqa: SLF001

    @override
    async def send_message(
        self,
        content: Any,
        *,
        visibility_timeout: int | None = None,
        time_to_live: int | None = None,
        **options: Any,
    ) -> QueueMessage:
        """Puts a text, not to be seen for so many seconds; raises ResourceNotFoundError where there is no queue."""
        base, _, query = self.url.partition("?")
        asked = {"visibilitytimeout": visibility_timeout, "messagettl": time_to_live}
        parts = [query, *(f"{name}={value}" for name, value in asked.items() if value is not None)]
        text = escape(self._message_encode_policy(content))
        request = HttpRequest(
            "POST",
            f"{base}/messages?{'&'.join(part for part in parts if part)}",
            headers={
                "x-ms-version": self.api_version,
                "Content-Type": "application/xml",
                "Accept": "application/xml",
            },
            content=f"<QueueMessage><MessageText>{text}</MessageText></QueueMessage>".encode(),
        )
        response = await answer_to(self._client, request)
        if response.status_code != CREATED:
            process_storage_error(HttpResponseError(response=response))
        try:
            [told] = ET.fromstring(response.content).findall("QueueMessage")
        except (ET.ParseError, ValueError) as error:
            raise DecodeError("the answer to a message cannot be read", response=response) from error
        return QueueMessage(
            content=content, id=told.findtext("MessageId"), pop_receipt=told.findtext("PopReceipt")
        )


def _quoted(key: str) -> str:
    return quote(key.replace("'", "''"), safe="")
