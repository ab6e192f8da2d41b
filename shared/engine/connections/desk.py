"""What people do with connections: list them, add or change one, take one away."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import simplejson

from shared.domain.envelope import ON_DEMAND, Envelope
from shared.domain.errors import StopConnection
from shared.domain.records import DEFAULT
from shared.engine.connections.book import FRESH, PARTITION, PREFIX, ConnectionBook, Declared
from shared.engine.connections.check import check_connection, conflicts
from shared.engine.connections.document import ConnectionDocument, load_connection
from shared.engine.connections.routing import ROUTING, begun
from shared.engine.registry import Registry
from shared.mapping import MappingError, Problem
from shared.ports.platform import Clock, Secrets
from shared.ports.storage import RecordStore, StateStore, WorkQueue

IDENTITY: Final = "identity|"
ERASING: Final = "erasing|"
"""How the value begins that says how far the erasure of a connection has come."""
IN_FORCE: Final = FRESH + timedelta(seconds=5)
"""After this rest every process judges by the new rules."""
CREDENTIALS: Final = {
    "basic": "BUSINESS_CENTRAL_PASSWORD",
    "client_secret": "BUSINESS_CENTRAL_CLIENT_SECRET",
    "certificate": "BUSINESS_CENTRAL_CERTIFICATE",
}


@dataclass(slots=True)
class ConnectionDesk:
    """Connections by hand. What is stored here is in force in every process within a minute."""

    connections: ConnectionBook
    registry: Registry
    store: RecordStore
    state: StateStore
    queue: WorkQueue
    clock: Clock
    origin: str
    secrets_of: Callable[[str], Secrets]

    async def every(self) -> list[dict[str, Any]]:
        """Every connection in order, and with its mistakes those that cannot be used."""
        await self.connections.refresh()
        shown = [await self._summary(one) for one in (await self.connections.declared()).values()]
        broken = await self.connections.broken()
        return [*shown, *({"name": name, "problem": why} for name, why in broken.items())]

    async def _summary(self, one: Declared) -> dict[str, Any]:
        document = one.document
        site = await self.connections.site(one.name) if document.enabled else None
        return {
            "name": one.name,
            "title": document.title,
            "enabled": document.enabled,
            "site": site.name if site else document.site or one.name,
            "first": site is not None and site.first.name == one.name,
            "connectwise": document.connectwise and document.connectwise.company,
            "business_central": document.business_central and document.business_central.company,
            "created": one.created,
        }

    async def read(self, name: str) -> dict[str, Any] | None:
        """The stored document of a connection with its place in the site; None when there is none."""
        await self.connections.refresh()
        one = (await self.connections.declared()).get(name)
        stored = await self.state.load(PARTITION, PREFIX + name)
        if one is None and not stored:
            return None
        found: dict[str, Any] = await self._summary(one) if one else {"name": name}
        if one is None:
            found["problem"] = (await self.connections.broken()).get(name, "")
        found["document"] = simplejson.loads(stored["text"], use_decimal=True) if stored else {}
        return found

    async def save(self, name: str, text: str) -> dict[str, Any]:
        """Checks and stores a document; returns what it lacks yet. Raises MappingError with every problem."""
        await self.connections.refresh()
        document = load_connection(text)
        complete = self.connections.complete(document) if name == DEFAULT else document
        problems = check_connection(name, document, self.registry)
        others = {n: one.document for n, one in (await self.connections.declared()).items() if n != name}
        if not problems:
            problems = [*conflicts(complete, others.items()), *await self._replaced(name, complete)]
        if await self.state.load(PARTITION, ERASING + name):
            problems = [Problem("name", f"{name} is being erased; add it again when that is over")]
        if problems:
            raise MappingError(problems)
        missing = await self._missing_secrets(name, complete)
        now = self.clock.now().isoformat()
        before = await self.state.load(PARTITION, PREFIX + name)
        if name != DEFAULT:
            await self.state.save(PARTITION, IDENTITY + name, {"systems": complete.systems})
        await self.state.save(
            PARTITION, PREFIX + name, {"text": text, "created": before.get("created", now), "at": now}
        )
        if not complete.enabled:
            # Switched on again, it registers its hooks anew.
            await self.state.remove(name, "hooks")
        await self.connections.refresh()
        queued = await self._judge_again(name) if complete.enabled else 0
        return {"name": name, "missing_secrets": missing, "queued": queued}

    async def drop(self, name: str) -> bool:
        """Takes a connection away, or the stored document of ``default``; False when there is none.

        What it has synced stays known under its name, so that adding it again goes on where it stopped.
        """
        if not await self.state.load(PARTITION, PREFIX + name):
            return False
        await self.state.remove(PARTITION, PREFIX + name)
        await self.state.remove(name, "hooks")
        await self.connections.refresh()
        return True

    async def _replaced(self, name: str, document: ConnectionDocument) -> list[Problem]:
        """A name that has synced records keeps its two systems: its links mean nothing in any other."""
        known = await self.state.load(PARTITION, IDENTITY + name)
        if not known or [tuple(one) for one in known["systems"]] == list(document.systems):
            return []
        for subject in self.registry.subjects():
            async for record in self.store.records(name, subject.name):
                if begun(record):
                    text = f"{name} has synced records with another site or company; choose another name"
                    return [Problem("business_central.company", text)]
        return []

    async def _missing_secrets(self, name: str, document: ConnectionDocument) -> list[str]:
        """The secrets that nobody has stored yet, under the setting's names."""
        secrets, missing = self.secrets_of(name), []
        for setting in _settings_of(document):
            try:
                await secrets.get(setting)
            except StopConnection as stop:
                if stop.cause != "secret":
                    raise
                missing.append(setting if name == DEFAULT else _in_vault(name, setting))
        return missing

    async def _judge_again(self, name: str) -> int:
        """Queues what the routing holds, for when every process judges by the new rules."""
        site = await self.connections.site(name)
        count = 0
        for member in site.members:
            for subject in self.registry.subjects():
                async for item in self.store.open_items(member.name, subject.name):
                    if item.cause == ROUTING:
                        hint = Envelope(
                            member.name, subject.name, item.ref.id, ON_DEMAND, self.clock.now() + IN_FORCE
                        )
                        await self.queue.send(hint, delay=IN_FORCE)
                        count += 1
        return count


def _settings_of(document: ConnectionDocument | None) -> list[str]:
    auth = document.business_central.auth if document and document.business_central else ""
    last = [CREDENTIALS[auth]] if auth in CREDENTIALS else []
    return [
        "CONNECTWISE_PUBLIC_KEY",
        "CONNECTWISE_PRIVATE_KEY",
        *(last if document else CREDENTIALS.values()),
    ]


def _in_vault(name: str, setting: str) -> str:
    return (setting if name == DEFAULT else f"{name}-{setting}").lower().replace("_", "-")


def secret_names(name: str, document: ConnectionDocument | None) -> list[str]:
    """The secrets of a connection as the vault has them; all that it could have, where there is no document."""
    return [_in_vault(name, setting) for setting in _settings_of(document)]
