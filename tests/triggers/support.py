"""The functions as the senders and operators see them: through the host that runs them."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final

import httpx

from sandbox.connectwise.callbacks import KEY_PATHS, signature
from sandbox.stage import Stage
from shared.adapters.storage.clients import SETTING, StorageClients, open_storage
from shared.engine.hooks import client_state

PATIENCE_SECONDS: Final = 20.0
PRIVATE_KEY: Final = "private"


async def eventually[T](condition: Callable[[], Awaitable[T]]) -> T:
    """Waits until the condition gives something true, and gives it back."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (value := await condition()):
        assert time.monotonic() < deadline, "the condition did not come true in time"
        await asyncio.sleep(0.03)
    return value


class Sender:
    """Sends to the hooks what the two systems send, or something like it."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage

    def callback(self, record_id: Any, kind: Any = "company", **changes: Any) -> bytes:
        key_url = f"{self.stage.connectwise_url}{KEY_PATHS[1]}?companyName=acme&id=1"
        content = {"ID": record_id, "Type": kind, "Action": "updated", "CompanyId": "acme"}
        return json.dumps(content | {"Metadata": {"key_url": key_url}} | changes).encode()

    async def to_connectwise_hook(
        self, body: bytes, signed: str | None = None, connection: str = "default"
    ) -> httpx.Response:
        own = signature(self.stage.connectwise.settings.signing_key, body)
        url = f"{self.stage.public_url}/api/hooks/connectwise/{connection}?recordId=7&action=updated"
        headers = {"x-content-signature": own if signed is None else signed}
        return await self.stage.http.post(url, content=body, headers=headers)

    def notification(self, record_id: str = "", state: str | None = None, **changes: Any) -> dict[str, Any]:
        company = next(iter(self.stage.business_central.environment.store.companies))
        place = f"api/v2.0/companies({company})/salesInvoices"
        expected = client_state(PRIVATE_KEY, "default")
        return {
            "subscriptionId": "s",
            "clientState": expected if state is None else state,
            "resource": f"{place}({record_id})" if record_id else place,
            "changeType": "updated",
            **changes,
        }

    async def to_business_central_hook(
        self, body: bytes, connection: str = "default", **query: str
    ) -> httpx.Response:
        url = f"{self.stage.public_url}/api/hooks/business-central/{connection}"
        return await self.stage.http.post(url, content=body, params=query or None)


class Watch:
    """What can be seen of the functions from outside: the queues, the host's books, the record routes."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.storage: StorageClients = open_storage({SETTING: stage.azurite.connection_string()})

    async def _is_idle(self) -> bool:
        # A message that storage has just handed out is known to the host some turns of its loop later.
        for _ in range(3):
            if await self.stage.in_flight():
                return False
            for queue in (self.storage.sync, self.storage.sweep):
                if await queue.peek_messages():
                    return False
        return True

    async def idle(self) -> None:
        """Waits until no visible message is left and no function runs."""
        await eventually(self._is_idle)

    async def run(self, function: str) -> None:
        """Runs a timer by hand and waits for all that follows from it."""
        await self.stage.run(function)
        await self.idle()

    async def record(self, path: str) -> httpx.Response:
        """What the app knows of a record, such as ``company/7``."""
        return await self.call("GET", f"records/{path}")

    async def call(
        self, method: str, path: str, content: bytes | None = None, /, **query: str
    ) -> httpx.Response:
        """A call of an operations route with the function key."""
        return await self.stage.http.request(
            method,
            f"{self.stage.public_url}/api/{path}",
            content=content,
            params=query or None,
            headers={"x-functions-key": self.stage.host.function_key},
        )
