"""Delivery of webhook notifications: collected per notification url, merged per record, sent after a delay."""

import asyncio
import uuid
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final, Literal
from urllib.parse import quote

from aiohttp import ClientError, ClientSession, ClientTimeout

from sandbox.business_central.environment import Environment
from sandbox.business_central.store import Change, ChangeType, utc_text
from sandbox.kit import Json, dumps

_COLLECTION_MARGIN: Final = timedelta(milliseconds=50)
_SOURCES: Final = {"customerFinancialDetails": "customers"}
"""Sets that show the records of another set; a change of those is a change of theirs."""

type _Outcome = Literal["done", "again", "refused"]


@dataclass(slots=True)
class Subscription:
    """One subscription: where to notify, of which set in which company, until when."""

    key: str
    url: str
    resource: str
    company: str
    set_name: str
    client_state: str
    expires: datetime
    created: datetime = field(default_factory=lambda: datetime.now(UTC))
    version: int = 1

    @property
    def etag(self) -> str:
        """The weak etag of this version."""
        return f'W/"{self.key}-{self.version}"'

    @property
    def path(self) -> str:
        """The address of the set, without a leading slash."""
        return f"api/v2.0/companies({self.company})/{self.set_name}"


@dataclass(frozen=True, slots=True)
class _Note:
    kind: ChangeType
    modified: str
    first: str


type _Notes = dict[tuple[str, str], _Note]


@dataclass(slots=True)
class _Bucket:
    """What one notification url has yet to hear about one company, by subscription and record."""

    url: str
    notes: _Notes = field(default_factory=dict)
    task: asyncio.Task[None] | None = None


class Webhooks:
    """The live subscriptions and their undelivered notifications."""

    def __init__(self, environment: Environment) -> None:
        self.environment = environment
        self.delivered = 0
        self._subscriptions: dict[str, Subscription] = {}
        self._buckets: dict[tuple[str, str], _Bucket] = {}
        self._session: ClientSession | None = None
        self._idle = asyncio.Event()
        environment.store.listeners.append(self._changed)

    def session(self) -> ClientSession:
        """The client for handshakes and notifications."""
        if self._session is None or self._session.closed:
            self._session = ClientSession()
        return self._session

    async def close(self) -> None:
        """Stops all deliveries."""
        tasks = [bucket.task for bucket in self._buckets.values() if bucket.task]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._session:
            await self._session.close()

    def live(self) -> list[Subscription]:
        """The subscriptions that have not expired."""
        now = datetime.now(UTC)
        self.drop([item for item in self._subscriptions.values() if item.expires <= now])
        return list(self._subscriptions.values())

    def add(self, subscription: Subscription) -> None:
        """Starts notifying."""
        self._subscriptions[subscription.key] = subscription

    def drop(self, subscriptions: Iterable[Subscription]) -> int:
        """Ends subscriptions and forgets their undelivered notifications; answers how many were ended."""
        keys = {item.key for item in subscriptions}
        for key in keys:
            self._subscriptions.pop(key, None)
        for bucket in self._buckets.values():
            for slot in [slot for slot in bucket.notes if slot[0] in keys]:
                del bucket.notes[slot]
        self._mark_idle()
        return len(keys)

    def clear(self) -> None:
        """Forgets all subscriptions and gives up the deliveries under way."""
        for bucket in self._buckets.values():
            if bucket.task:
                bucket.task.cancel()
        self._buckets.clear()
        self._subscriptions.clear()
        self.delivered = 0
        self._mark_idle()

    def pending(self) -> int:
        """How many notifications are not yet delivered."""
        return sum(len(bucket.notes) for bucket in self._buckets.values())

    async def settled(self, seconds: float) -> int:
        """Waits until everything is delivered or dropped, at most so long; answers what is still pending."""
        self._mark_idle()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._idle.wait(), seconds)
        return self.pending()

    def _mark_idle(self) -> None:
        if self.pending():
            self._idle.clear()
        else:
            self._idle.set()

    def _changed(self, change: Change) -> None:
        for subscription in self.live() if self._subscriptions else ():
            source = _SOURCES.get(subscription.set_name, subscription.set_name)
            if (subscription.company, source) != (change.company, change.set_name):
                continue
            slot = (subscription.url, subscription.company)
            bucket = self._buckets.setdefault(slot, _Bucket(subscription.url))
            self._idle.clear()
            _merge(bucket.notes, (subscription.key, change.key), change)
            if bucket.task is None or bucket.task.done():
                bucket.task = asyncio.get_running_loop().create_task(self._deliver(bucket))

    async def _deliver(self, bucket: _Bucket) -> None:
        """Sends until nothing is left: waits the delay first, then retries as the product does."""
        settings, failures = self.environment.settings, 0
        await asyncio.sleep(settings.webhook_delay)
        while bucket.notes:
            self.live()
            sent = dict(bucket.notes)
            outcome = await self._send(bucket.url, self._payload(sent)) if sent else "done"
            if outcome == "done":
                failures = 0
                for slot, note in sent.items():
                    if bucket.notes.get(slot) is note:
                        del bucket.notes[slot]
                self.delivered += len(sent)
                self._mark_idle()
                wait = settings.webhook_delay
            elif outcome == "refused" or failures >= len(settings.webhook_retries):
                self.drop([item for item in self.live() if item.url == bucket.url])
                return
            else:
                wait = settings.webhook_retries[failures]
                failures += 1
            if bucket.notes:
                await asyncio.sleep(wait)

    async def _send(self, url: str, payload: Json) -> _Outcome:
        headers = {
            "Content-Type": "application/json",
            "clientRequestId": str(uuid.uuid4()),
            "x-ms-correlation-id": str(uuid.uuid4()),
        }
        timeout = ClientTimeout(total=self.environment.settings.webhook_timeout)
        try:
            async with self.session().post(
                url, data=dumps(payload), headers=headers, timeout=timeout, allow_redirects=False
            ) as response:
                status = response.status
        except (ClientError, TimeoutError):
            return "again"
        if 200 <= status < 300:
            return "done"
        if status in (408, 429) or status >= 500:
            return "again"
        self.environment.breach(
            "webhook answer", f"{status} from {url}: all subscriptions behind it are deleted"
        )
        return "refused"

    def _payload(self, notes: _Notes) -> Json:
        by_subscription: dict[str, list[tuple[str, _Note]]] = {}
        for (name, key), note in notes.items():
            by_subscription.setdefault(name, []).append((key, note))
        value: list[Json] = []
        for name, items in by_subscription.items():
            subscription = self._subscriptions[name]
            if len(items) > self.environment.settings.webhook_threshold:
                value.append(_collection(subscription, [note for _key, note in items]))
            else:
                value += [
                    _notification(subscription, f"{subscription.path}({key})", note.kind, note.modified)
                    for key, note in items
                ]
        return {"value": value}


def _merge(notes: _Notes, slot: tuple[str, str], change: Change) -> None:
    """Several changes of one record become one: a new record stays created, a deleted one is deleted."""
    before = notes.get(slot)
    kind: ChangeType = change.kind
    if before and before.kind == "created" and kind == "updated":
        kind = "created"
    notes[slot] = _Note(kind, change.modified, before.first if before else change.modified)


def _collection(subscription: Subscription, notes: list[_Note]) -> Json:
    """One notification for very many changes; without a filter when a deletion is among them."""
    resource = f"/{subscription.path}"
    if all(note.kind != "deleted" for note in notes):
        first = datetime.fromisoformat(min(note.first for note in notes)) - _COLLECTION_MARGIN
        resource += "?$filter=" + quote(f"lastModifiedDateTime gt {utc_text(first)}", safe=":")
    return _notification(subscription, resource, "collection", max(note.modified for note in notes))


def _notification(subscription: Subscription, resource: str, kind: str, modified: str) -> Json:
    return {
        "subscriptionId": subscription.key,
        "clientState": subscription.client_state,
        "expirationDateTime": utc_text(subscription.expires),
        "resource": resource,
        "changeType": kind,
        "lastModifiedDateTime": modified,
    }
