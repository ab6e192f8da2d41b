"""The app in this process between both stand-ins, without a host: a test sees each message that is queued."""

import uuid
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any, Self

from azure.storage.queue.aio import QueueClient

from sandbox.azurite import Azurite
from sandbox.business_central.app import BusinessCentral
from sandbox.business_central.settings import DEFAULT_USER
from sandbox.connectwise.app import create as create_connectwise
from sandbox.kit import Json, dumps, loads
from sandbox.stage import CLIENT_ID, COMPANY
from shared.adapters.storage.clients import SETTING, open_storage
from shared.adapters.wire import open_http
from shared.app import DEFAULT, App, bootstrap, trust
from shared.domain.envelope import Envelope
from shared.domain.records import Link, RecordRef
from shared.ports.storage import Lease
from shared.settings import Settings
from shared.triggers.queues import run_sweep
from tests.adapters.support import serving


@dataclass
class Timer:
    """What the host hands to a timer function."""

    past_due: bool = False


class Bench:
    """Both stand-ins and the app over queues and tables of their own, as an asynchronous context manager."""

    def __init__(self, azurite: Azurite) -> None:
        self.connectwise = create_connectwise("acme", "public", "private", CLIENT_ID)
        self.business_central = BusinessCentral()
        self.http = open_http(30, trust())
        self.app: App
        self._connection = azurite.connection_string()
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        enter = self._stack.enter_async_context
        await enter(self.http)
        self.connectwise_url = await enter(serving(self.connectwise.app))
        self.business_central_url = await enter(serving(self.business_central.app))
        settings = Settings.read(
            {
                "CONNECTWISE_URL": f"{self.connectwise_url}/v4_6_release/apis/3.0",
                "CONNECTWISE_COMPANY": "acme",
                "CONNECTWISE_CLIENT_ID": CLIENT_ID,
                "CONNECTWISE_PUBLIC_KEY": "public",
                "CONNECTWISE_PRIVATE_KEY": "private",
                "BUSINESS_CENTRAL_URL": self.business_central_url,
                "BUSINESS_CENTRAL_COMPANY": COMPANY,
                "BUSINESS_CENTRAL_AUTH": "basic",
                "BUSINESS_CENTRAL_USERNAME": DEFAULT_USER,
                "BUSINESS_CENTRAL_PASSWORD": "web-service-key",
                "PUBLIC_URL": "https://dynaconnect.example",
                SETTING: self._connection,
            }
        )
        storage = open_storage({SETTING: self._connection}, prefix="t" + uuid.uuid4().hex[:16])
        self.app = await bootstrap(settings, storage=storage)
        terms = [{"code": "30 DAYS", "displayName": "Net 30 days", "dueDateCalculation": "30D"}]
        await self.central_admin("records", {"set": "paymentTerms", "records": terms})
        self._stack.push_async_callback(self.app.close)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def connectwise_admin(self, path: str, body: Json = None) -> Json:
        return await self._admin(self.connectwise_url, path, body)

    async def central_admin(self, path: str, body: Json = None) -> Json:
        return await self._admin(self.business_central_url, path, body)

    async def _admin(self, url: str, path: str, body: Json) -> Json:
        answer = await self.http.post(f"{url}/admin/{path}", content=dumps(body or {}))
        assert answer.is_success, answer.text
        return loads(answer.content)

    async def sweep(self, subject: str, record_id: str = "*", **options: Any) -> list[Envelope]:
        """Works on one sweep message; returns the hints that it queued, which are taken."""
        envelope = Envelope(DEFAULT, subject, record_id, "test", self.app.clock.now(), options=options)
        sent = await run_sweep(self.app, envelope)
        hints = await self.hints()
        assert sent == len(hints)
        return hints

    async def work(self, hints: list[Envelope]) -> None:
        """Works on hints as the queue function does."""
        for hint in hints:
            await self.app.pipeline.handle(hint)

    async def finish(self, subject: str, record_id: str, *links: Link, read: bool = True) -> None:
        """One finished pass over a record, which leaves these links; ``read`` false leaves it unsettled."""
        ref, now = RecordRef(DEFAULT, subject, record_id), self.app.clock.now()
        lease = await self.app.store.begin(ref, now, same_clock=True, impatient=True)
        assert isinstance(lease, Lease)
        lease.record.read_at = now if read else None
        lease.record.links = {link.entity: link for link in links}
        await self.app.store.finish(lease, [], keep_if_hinted=False)

    async def hints(self) -> list[Envelope]:
        """The hints that are waiting, by record id; they are taken."""
        assert self.app.storage is not None
        return sorted(await self.taken(self.app.storage.sync), key=lambda hint: int(hint.id))

    async def swept(self) -> list[Envelope]:
        """The sweep messages that are waiting; they are taken."""
        assert self.app.storage is not None
        return await self.taken(self.app.storage.sweep)

    async def taken(self, queue: QueueClient) -> list[Envelope]:
        """The visible messages of a queue; they are taken."""
        found = []
        while messages := [message async for message in queue.receive_messages(max_messages=32)]:
            for message in messages:
                found.append(Envelope.from_json(message.content))
                await queue.delete_message(message)
        return found
