"""The two stand-ins side by side, and a stock of such pairs that are used again instead of built again."""

from collections.abc import AsyncIterator, Hashable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Final, Self

import httpx

from sandbox.business_central.app import BusinessCentral
from sandbox.business_central.settings import Settings as BusinessCentralSettings
from sandbox.connectwise.app import create as create_connectwise
from sandbox.kit import dumps
from sandbox.stage import CLIENT_ID
from shared.app import trust
from tests.conformance.reference import missing_rows
from tests.sandbox.business_central_support import serving

WEBHOOK_DELAY: Final = 0.02


class Pair:
    """A ConnectWise tenant and a Business Central environment that is set up for the standard mappings, both served."""

    def __init__(self) -> None:
        self.connectwise = create_connectwise("acme", "public", "private", CLIENT_ID)
        self.business_central = BusinessCentral(BusinessCentralSettings(webhook_delay=WEBHOOK_DELAY))
        self.connectwise_url = ""
        self.business_central_url = ""
        self.scenes: dict[Hashable, Any] = {}
        """What was prepared on this pair, see ``scenes``."""

    async def open(self, stack: AsyncExitStack) -> None:
        """Serves both until the stack is closed; what a person adds before going live is there and stays."""
        self.connectwise_url = await stack.enter_async_context(serving(self.connectwise.app))
        self.business_central_url = await stack.enter_async_context(serving(self.business_central.app))
        async with httpx.AsyncClient(base_url=self.business_central_url, verify=trust()) as person:
            for entity_set, rows in missing_rows(self.business_central.company):
                body = dumps({"set": entity_set, "records": rows})
                answer = await person.post("/admin/records", content=body)
                assert answer.is_success, answer.text
        self.business_central.keep()

    def restart(self) -> None:
        """Makes both what they were when they were opened."""
        self.connectwise.restart()
        self.business_central.restart()


class Pairs:
    """Lends a pair to one world at a time; as an asynchronous context manager, it ends them all together."""

    def __init__(self) -> None:
        self._idle: list[Pair] = []
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    @asynccontextmanager
    async def lend(self) -> AsyncIterator[Pair]:
        """A pair as if it were new: the one given back last, or another where none is idle."""
        if not self._idle:
            self._idle.append(Pair())
            await self._idle[0].open(self._stack)
        pair = self._idle.pop()
        try:
            yield pair
        finally:
            pair.restart()
            self._idle.append(pair)
