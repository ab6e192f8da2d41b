"""The table client with transactions that are written and read directly.

The library composes the body of a transaction, and takes the answer apart, with the e-mail package of the standard
library: of all the processor time of an event that was the largest piece. Here both are a few lines. Serialisation,
authentication, tries and everything but transactions stay the library's. The form is that of
https://learn.microsoft.com/rest/api/storageservices/performing-entity-group-transactions.
"""

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, override

from azure.core.exceptions import (
    ClientAuthenticationError,
    HttpResponseError,
    ResourceNotFoundError,
    map_error,
)
from azure.core.rest import HttpRequest
from azure.data.tables import RequestTooLargeError, TableTransactionError
from azure.data.tables.aio import TableClient

ACCEPTED: Final = 202
TOO_LARGE: Final = 413
MEANINGS: Final[Mapping[int, type[HttpResponseError]]] = {
    401: ClientAuthenticationError,
    403: ClientAuthenticationError,
    404: ResourceNotFoundError,
    TOO_LARGE: RequestTooLargeError,
}
_LINE: Final = b"\r\n"
_BLANK: Final = b"\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Part:
    """The answer to one operation."""

    status: int
    etag: str
    content: bytes


class Tables(TableClient):
    """A table whose transactions are cheap."""

    @override
    async def _batch_send(
        self, table_name: str, *reqs: HttpRequest, **kwargs: Any
    ) -> list[Mapping[str, Any]]:
        """Sends the operations as one transaction; raises TableTransactionError for the one that was refused."""
        boundary = f"batch_{uuid.uuid4()}"
        request = HttpRequest(
            "POST",
            f"{self.url}/$batch",
            headers={
                "x-ms-version": self.api_version,
                "DataServiceVersion": "3.0",
                "MaxDataServiceVersion": "3.0;NetFx",
                "Content-Type": f"multipart/mixed; boundary={boundary}",
                "Accept": "application/json",
            },
            content=composed(reqs, boundary),
        )
        # As a stream, or the library would try to make sense of the answer.
        response = await self._client.send_request(request, stream=True, **kwargs)
        await response.read()
        if response.status_code != ACCEPTED:
            map_error(response.status_code, response, MEANINGS)
            raise HttpResponseError(response=response)
        parts = taken_apart(response.content)
        refused = next((part for part in parts if part.status >= 300), None)
        if refused is not None:
            raise _refusal(refused, response)
        return [{"etag": part.etag} if part.etag else {} for part in parts]


def composed(requests: Sequence[HttpRequest], boundary: str) -> bytes:
    """The body of a transaction: one changeset with the requests as they would be sent alone."""
    changeset = f"changeset_{uuid.uuid4()}"
    lines = [f"--{boundary}", f"Content-Type: multipart/mixed; boundary={changeset}", ""]
    for number, request in enumerate(requests):
        content = request.content
        lines += [
            f"--{changeset}",
            "Content-Type: application/http",
            "Content-Transfer-Encoding: binary",
            f"Content-ID: {number}",
            "",
            f"{request.method} {request.url} HTTP/1.1",
            *(f"{name}: {value}" for name, value in request.headers.items()),
            "",
            (content if isinstance(content, str) else bytes(content or b"").decode()),
        ]
    return "\r\n".join([*lines, f"--{changeset}--", "", f"--{boundary}--", ""]).encode()


def taken_apart(body: bytes) -> list[Part]:
    """The answers of a transaction in order. Between two of them stands the first boundary within the batch's own."""
    _, _, inner = body.partition(_BLANK)
    boundary = inner.lstrip().partition(_LINE)[0]
    return [_part(one) for one in inner.split(boundary)[1:-1]]


def _part(text: bytes) -> Part:
    _, _, answer = text.partition(_BLANK)
    head, _, content = answer.partition(_BLANK)
    status, *headers = head.decode("latin-1").split("\r\n")
    named = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in headers)}
    return Part(int(status.split()[1]), named.get("etag", ""), content.strip())


def _refusal(part: Part, response: Any) -> TableTransactionError:
    """The library's error; its text begins with the number of the operation, which the error reads from it."""
    try:
        told = json.loads(part.content)["odata.error"]
        code, text = str(told["code"]), str(told["message"]["value"])
    except (ValueError, KeyError, TypeError):
        code, text = "", part.content.decode(errors="replace")[:500]
    kind = RequestTooLargeError if part.status == TOO_LARGE else TableTransactionError
    error: TableTransactionError = kind(message=f"{text}\nErrorCode:{code}", response=response)
    error.status_code = part.status
    return error
