"""The connections of the app: one from its settings, the others from rows that can be added while it runs."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from shared.domain.errors import StopConnection
from shared.domain.records import DEFAULT
from shared.engine.connections.check import conflicts
from shared.engine.connections.connection import Connection, Site
from shared.engine.connections.document import ConnectionDocument, load_connection
from shared.mapping import MappingError
from shared.ports.platform import Clock
from shared.ports.storage import StateStore

PARTITION: Final = "connections"
PREFIX: Final = "connection|"
FRESH: Final = timedelta(seconds=30)
"""How long a process may still use what another one has replaced."""
UNKNOWN: Final = "unknown_connection"
"""The cause of an error about a name that nobody has given to a connection."""
HASTE: Final = timedelta(seconds=2)
"""How soon an unknown name is looked up again: another process may just have added it."""

log = logging.getLogger("dynaconnect.connections")


@dataclass(frozen=True, slots=True)
class Declared:
    """A connection as it is stored: the text, what it says (completed for ``default``), when it was added."""

    name: str
    text: str
    document: ConnectionDocument
    created: str


@dataclass(slots=True)
class ConnectionBook:
    """Finds connections by name. ``base`` is what the settings say of ``default``, ``make`` builds a connection.

    A connection whose document did not change stays the same object, with its tokens and what it remembers.
    """

    base: ConnectionDocument
    make: Callable[[str, ConnectionDocument], Connection]
    state: StateStore
    clock: Clock
    _read_at: datetime | None = None
    _declared: dict[str, Declared] = field(default_factory=dict)
    _working: dict[str, tuple[str, Connection]] = field(default_factory=dict)
    _broken: dict[str, str] = field(default_factory=dict)
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def get(self, name: str) -> Connection:
        """The connection of that name; raises StopConnection when there is none or its document is broken."""
        await self._keep_fresh(FRESH)
        if name not in self._working:
            await self._keep_fresh(HASTE)
        if name in self._working:
            return self._working[name][1]
        if name in self._broken:
            raise StopConnection(
                "connection",
                f"The document of connection {name} cannot be used: {self._broken[name]}",
                todo="Mend the document; its mistakes are named at GET /api/connections.",
            )
        if name in self._declared:
            raise StopConnection(
                UNKNOWN,
                f"Connection {name} is switched off.",
                todo='Switch it on: "enabled": true in its document.',
            )
        raise StopConnection(
            UNKNOWN,
            f"There is no connection {name}.",
            todo="Check the connection's name, or add it again.",
        )

    async def names(self) -> list[str]:
        """All names that work, ``default`` first, then by age."""
        await self._keep_fresh(FRESH)
        return list(self._working)

    async def every(self) -> list[Connection]:
        """All connections that work, ``default`` first, then by age."""
        await self._keep_fresh(FRESH)
        return [one for _, one in self._working.values()]

    async def site(self, name: str) -> Site:
        """The site of a connection, with its connections in order."""
        own = await self.get(name)
        return Site(own.site, tuple(one for _, one in self._working.values() if one.site == own.site))

    async def declared(self) -> dict[str, Declared]:
        """The documents in force, in order, those of connections that are switched off among them."""
        await self._keep_fresh(FRESH)
        return dict(self._declared)

    async def broken(self) -> dict[str, str]:
        """The connections that cannot be used, with the reason."""
        await self._keep_fresh(FRESH)
        return dict(self._broken)

    async def refresh(self) -> None:
        """Reads anew what other processes may have changed."""
        await self._keep_fresh(timedelta(0))

    async def _keep_fresh(self, at_most: timedelta) -> None:
        called = self.clock.now()
        if self._read_at is not None and self._read_at + at_most > called:
            return
        async with self._lock:
            # Whoever waited here may find that it was read meanwhile.
            if self._read_at is None or self._read_at + at_most <= called:
                began = self.clock.now()
                await self._read()
                self._read_at = began

    async def _read(self) -> None:
        rows: dict[str, dict[str, Any]] = {DEFAULT: {}}
        async for key, value in self.state.named(PARTITION, PREFIX):
            rows[key.removeprefix(PREFIX)] = value
        declared: dict[str, Declared] = {}
        broken: dict[str, str] = {}
        for name, row in sorted(rows.items(), key=lambda item: _order(*item)):
            try:
                one = self._declare(name, row)
            except MappingError as error:
                broken[name] = str(error)
                continue
            if problems := [*conflicts(one.document, ((n, d.document) for n, d in declared.items()))]:
                broken[name] = str(MappingError(problems))
            else:
                declared[name] = one
        for name in broken.keys() - self._broken.keys():
            log.error("the document of connection %s cannot be used", name)
        self._working = {n: self._connect(one) for n, one in declared.items() if one.document.enabled}
        self._declared, self._broken = declared, broken

    def _declare(self, name: str, row: dict[str, Any]) -> Declared:
        known, text = self._declared.get(name), str(row.get("text", ""))
        if known is not None and known.text == text:
            return known
        document = load_connection(text) if text else ConnectionDocument()
        if name == DEFAULT:
            document = self.complete(document)
        return Declared(name, text, document, str(row.get("created", "")))

    def complete(self, document: ConnectionDocument) -> ConnectionDocument:
        """The document of ``default`` with what the settings say."""
        return document.model_copy(
            update={
                "site": document.site or self.base.site,
                "connectwise": self.base.connectwise,
                "business_central": self.base.business_central,
                "post_invoices": self.base.post_invoices
                if document.post_invoices is None
                else document.post_invoices,
            }
        )

    def _connect(self, one: Declared) -> tuple[str, Connection]:
        known = self._working.get(one.name)
        if known is not None and known[0] == one.text:
            return known
        return one.text, self.make(one.name, one.document)


def _order(name: str, row: dict[str, Any]) -> tuple[bool, str, str]:
    return name != DEFAULT, str(row.get("created", "")), name
