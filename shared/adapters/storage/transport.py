"""The transport of the storage clients where a connection string names the account."""

from typing import Final, override

import aiohttp
from azure.core.pipeline.transport import AioHttpTransport

KEPT_SECONDS: Final = 4.0
"""The emulator closes a connection that was idle for five seconds, at the very moment in which it may be used again."""


class ShortLivedTransport(AioHttpTransport):  # type: ignore[misc]  # exported untyped
    """Closes an idle connection before the emulator does."""

    session: aiohttp.ClientSession | None

    @override
    async def open(self) -> None:
        """Opens the session on the running loop."""
        if self.session is None:
            connector = aiohttp.TCPConnector(keepalive_timeout=KEPT_SECONDS)
            self.session = aiohttp.ClientSession(connector=connector, auto_decompress=False)
        await super().open()
