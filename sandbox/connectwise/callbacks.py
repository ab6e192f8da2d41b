"""Callback delivery: signed payloads in the background, retried only on 404, 409, 419 and 429, else lost."""

import asyncio
import base64
import hashlib
import hmac
import uuid
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

import aiohttp
from aiohttp import web
from yarl import URL

from sandbox.connectwise.callback_rules import ENTITY, TYPES, hears
from sandbox.connectwise.errors import no_endpoint
from sandbox.connectwise.service import Service
from sandbox.connectwise.store import Change, Record
from sandbox.kit import dumps, json_response

KEY_PATHS: Final = tuple(f"/v4_6_release{slash}system/callbackkey/index.rails" for slash in ("/", "//"))
RETRIED: Final = frozenset({404, 409, 419, 429})
LONGEST_LOG: Final = 20_000
PARALLEL: Final = 16


@dataclass(slots=True)
class Delivery:
    """One message to one callback entry and what became of it: pending, delivered, lost."""

    message_id: str
    callback_id: int
    url: str
    body: bytes
    signature: str
    answers: list[str] = field(default_factory=list)
    outcome: str = "pending"


def signature(signing_key: str, body: bytes) -> str:
    """Base64 of HMAC-SHA256 over the raw body, keyed with the SHA256 of the signing key."""
    key = hashlib.sha256(signing_key.encode()).digest()
    return base64.b64encode(hmac.digest(key, body, "sha256")).decode()


class Callbacks:
    """Turns announced changes into deliveries. Order is not kept and nothing is delivered twice on purpose."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.log: deque[Delivery] = deque(maxlen=LONGEST_LOG)
        self._tasks: set[asyncio.Task[None]] = set()
        self._slots = asyncio.Semaphore(PARALLEL)
        self._http: aiohttp.ClientSession | None = None
        service.store.listeners.append(self.changed)
        service.app.cleanup_ctx.append(self._session)
        for path in KEY_PATHS:
            service.route("GET", path, self._signing_key)

    @property
    def pending(self) -> int:
        """How many deliveries are still under way, waits between attempts included."""
        return len(self._tasks)

    def clear(self) -> None:
        """Forgets all deliveries and gives up those under way."""
        for task in self._tasks:
            task.cancel()
        self.log.clear()

    def changed(self, change: Change) -> None:
        """Sends a change to every callback entry that hears of it."""
        if change.entity not in TYPES:
            return
        store = self.service.store
        member_id = next((row["id"] for row in store.rows("Member") if row["identifier"] == change.member), 0)
        for entry in store.rows(ENTITY):
            if hears(entry, change, member_id):
                self._send(self._message(entry, change))

    def replay(self, deliveries: Sequence[Delivery]) -> int:
        """Sends past messages again, unchanged, in the given order; returns how many."""
        for past in deliveries:
            self._send(Delivery(past.message_id, past.callback_id, past.url, past.body, past.signature))
        return len(deliveries)

    async def settled(self, seconds: float) -> int:
        """Waits until no delivery is under way, at most ``seconds``; returns how many still are."""
        if seconds > 0:
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    while self._tasks:
                        await asyncio.wait(set(self._tasks))
        return self.pending

    def _message(self, entry: Record, change: Change) -> Delivery:
        service, record_id = self.service, change.record["id"]
        company, message_id = service.credentials.company, str(uuid.uuid4())
        entity = None if change.action == "deleted" else dumps(self._trimmed(change))
        payload = {
            "MessageId": message_id,
            "FromUrl": service.public_url.partition("://")[2],
            "CompanyId": company,
            "MemberId": change.member,
            "Action": change.action,
            "Type": TYPES[change.entity],
            "ID": record_id,
            "ProductInstanceId": None,
            "PartnerId": None,
            "Entity": entity,
            "Metadata": {
                "key_url": f"{service.public_url}{KEY_PATHS[1]}?companyName={company}&id={uuid.uuid4()}"
            },
            "CallbackObjectRecId": entry["id"],
        }
        body = dumps(payload).encode()
        url = f"{entry['url']}{record_id}&action={change.action}"
        return Delivery(message_id, entry["id"], url, body, signature(service.settings.signing_key, body))

    def _trimmed(self, change: Change) -> Record:
        """The record as messages carry it: references by id only, no custom fields."""
        shown = self.service.store.render(change.entity, change.record)
        shown.pop("customFields", None)
        return {
            name: {"id": value["id"]} if isinstance(value, dict) and "id" in value else value
            for name, value in shown.items()
        }

    def _send(self, delivery: Delivery) -> None:
        self.log.append(delivery)
        if self.service.settings.lose_callbacks:
            delivery.outcome = "lost"
            return
        task = asyncio.create_task(self._deliver(delivery))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _deliver(self, delivery: Delivery) -> None:
        for wait in (*self.service.settings.callback_retry_seconds, None):
            async with self._slots:
                answer = await self._attempt(delivery)
            delivery.answers.append(str(answer))
            if wait is None or answer not in RETRIED:
                break
            await asyncio.sleep(wait)
        delivered = delivery.answers[-1].startswith("2")
        delivery.outcome = "delivered" if delivered else "lost"
        self._note(delivery.callback_id, delivered)

    async def _attempt(self, delivery: Delivery) -> int | str:
        if self._http is None:
            return "not started"
        headers = {"Content-Type": "application/json", "x-content-signature": delivery.signature}
        timeout = aiohttp.ClientTimeout(total=self.service.settings.callback_timeout_seconds)
        url = URL(delivery.url, encoded=True)
        try:
            async with self._http.post(
                url, data=delivery.body, headers=headers, timeout=timeout, allow_redirects=False
            ) as answer:
                return answer.status
        except TimeoutError:
            return "timeout"
        except aiohttp.ClientError as error:
            return type(error).__name__

    def _note(self, callback_id: int, delivered: bool) -> None:
        """Counts failures in a row; at the set number the entry is disabled."""
        entry = self.service.store.find(ENTITY, callback_id)
        if entry is None:
            return
        entry["failures"] = 0 if delivered else entry.get("failures", 0) + 1
        limit = self.service.settings.callback_failures_to_disable
        if limit and entry["failures"] >= limit:
            entry["inactiveFlag"] = True

    async def _session(self, _app: web.Application) -> AsyncIterator[None]:
        async with aiohttp.ClientSession() as self._http:
            yield
            for task in list(self._tasks):
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _signing_key(self, request: web.Request) -> web.Response:
        if request.query.get("companyName") != self.service.credentials.company:
            raise no_endpoint()
        return json_response({"signing_key": self.service.settings.signing_key})
