"""The bodies of table transactions, written and read directly.

The library does both with the e-mail package of the standard library; here they are a few lines. The form is that of
https://learn.microsoft.com/rest/api/storageservices/performing-entity-group-transactions.
"""

import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from azure.core.rest import HttpRequest
from azure.data.tables import RequestTooLargeError, TableTransactionError

TOO_LARGE: Final = 413
_LINE: Final = b"\r\n"
_BLANK: Final = b"\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Part:
    """The answer to one operation."""

    status: int
    etag: str
    content: bytes


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


def refusal(part: Part, response: Any) -> TableTransactionError:
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
