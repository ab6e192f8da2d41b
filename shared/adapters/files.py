"""Files from a system: kept outside memory as soon as they are large, and never beyond a limit."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from tempfile import SpooledTemporaryFile
from typing import Final

import httpx

from shared.adapters.http import JsonClient
from shared.domain.errors import HoldForPerson, RetryLater
from shared.ports.systems import Content

IN_MEMORY: Final = 2**20
"""Bytes of one file that a process holds; what is larger goes to a temporary file."""
PIECE: Final = 2**16


@asynccontextmanager
async def downloaded(client: JsonClient, path: str, *, most: int, page: bool) -> AsyncIterator[Content]:
    """The content of a file of at most ``most`` bytes; it is gone when the context ends.

    Raises HoldForPerson when it is larger, RetryLater when a web page comes in its place.
    """
    with SpooledTemporaryFile(max_size=IN_MEMORY) as file:

        async def keep(answer: httpx.Response) -> None:
            if not page and answer.headers.get("Content-Type", "").startswith("text/html"):
                raise RetryLater("not_a_file", f"{client.system} answered with a web page instead of a file.")
            file.seek(0)
            file.truncate()
            async for piece in answer.aiter_bytes(PIECE):
                if file.tell() + len(piece) > most:
                    raise HoldForPerson("attachment", f"It has more than {most:,} bytes.")
                file.write(piece)

        async def pieces() -> AsyncIterator[bytes]:
            file.seek(0)
            while piece := file.read(PIECE):
                yield piece

        await client.request("GET", path, headers={"Accept": "*/*"}, sink=keep)
        yield Content(file.tell(), pieces)
