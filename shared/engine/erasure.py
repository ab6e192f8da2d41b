"""Forgets a connection: every row and message of it, bounded and resumable, once nobody works with it any more.

What ConnectWise and Business Central call is taken away first, while the credentials are still there. Messages that rest
cannot be taken out of a queue; a mark stays behind, by which they are dropped as they arrive. What other connections of
the same site need in order to send nothing twice stays with the site: that a record was sent, by its id and no more.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from shared.domain.envelope import ERASE, POISON, Envelope
from shared.domain.errors import BadRequest
from shared.domain.records import DEFAULT
from shared.engine.audit import AuditLog
from shared.engine.connections.book import PARTITION, PREFIX, ConnectionBook, Declared
from shared.engine.connections.connection import Connection
from shared.engine.connections.desk import ERASING, IDENTITY, secret_names
from shared.engine.connections.document import ConnectionDocument, name_problem
from shared.engine.connections.routing import begun
from shared.engine.hooks import HookKeeper
from shared.engine.registry import Registry
from shared.ports.homes import Homes
from shared.ports.platform import Clock
from shared.ports.storage import RecordStore, StateStore, WorkQueue
from shared.ports.upkeep import ConnectionRows

ERASED: Final = "erased|"
"""The mark that stays, in the partition of connections: messages from before it are dropped."""
LAST_LOOK: Final = timedelta(minutes=15)
"""After this rest nothing that was under way when the connection was switched off can still write."""
AT_ONCE: Final = 16

log = logging.getLogger("dynaconnect.erasure")


@dataclass(slots=True)
class Erasure:
    """Shows what there is of a connection, and forgets it."""

    connections: ConnectionBook
    make: Callable[[str, ConnectionDocument], Connection]
    registry: Registry
    store: RecordStore
    state: StateStore
    homes: Homes
    rows: ConnectionRows
    hooks: HookKeeper
    queue: WorkQueue
    audit: AuditLog
    clock: Clock

    async def look(self, name: str) -> dict[str, Any] | None:
        """What would go, counted by kind; None where nothing is known of the name. Raises BadRequest while it is on."""
        one = await self._switched_off(name)
        site, alone = await self._site(name, one)
        mine, others = await self._given_up(name)
        found = await self.rows.count(name, site if alone else "", others)
        found |= {"given up, shown at default": len(mine)} if mine else {}
        erased = await self.state.load(PARTITION, ERASED + name)
        under_way = await self.state.load(PARTITION, ERASING + name)
        if not (one or found or erased or under_way):
            return None
        return {
            "name": name,
            "found": found,
            "messages_seen": await self.rows.waiting(name),
            "secrets_to_delete": secret_names(name, one.document if one else None),
            "hooks": "removed before anything else" if one else "unknown: there is no document",
            "under_way": under_way or None,
            "erased": erased or None,
        }

    async def begin(self, name: str, *, leave_hooks: bool) -> dict[str, Any] | None:
        """Takes the hooks away, notes that the connection is being erased and orders it; again, it goes on.

        Raises what the two systems raise: then nothing is erased. ``leave_hooks`` does not ask them.
        """
        shown = await self.look(name)
        if shown is None:
            return None
        if not await self.state.load(PARTITION, ERASING + name):
            one = (await self.connections.declared()).get(name)
            if one is None and not leave_hooks:
                raise BadRequest("there is no document to reach the two systems with: give leave_hooks")
            hooks: dict[str, Any] = {"left": True}
            if one is not None and not leave_hooks:
                hooks = await self.hooks.remove(self.make(name, one.document))
            site, alone = await self._site(name, one)
            now = self.clock.now().isoformat()
            await self.audit.note("erasure begins", name, {"found": shown["found"], "hooks": hooks})
            begun_with = {"site": site, "alone": alone, "hooks": hooks, "found": shown["found"]}
            await self.state.save(PARTITION, ERASING + name, {"asked": now, "removed": 0, **begun_with})
        await self.queue.send_sweep(Envelope(name, ERASE, "*", "on demand", self.clock.now()))
        return shown

    async def step(self, envelope: Envelope) -> timedelta | None:
        """Does some of it; returns how long the message rests before the next step, None when all is done."""
        name = envelope.connection
        work = await self.state.load(PARTITION, ERASING + name)
        if not work:
            return None
        if not work["alone"] and not work.get("marked"):
            await self._mark_sent(name, str(work["site"]))
            work["marked"] = True
        mine, others = await self._given_up(name)
        for key in mine:
            await self.state.remove(DEFAULT, key)
        gone = await self.rows.erase(name, str(work["site"]) if work["alone"] else "", others)
        count = gone.count + len(mine)
        work["removed"] += count
        if not gone.place and not count and work.get("looked"):
            await self._end(name, work)
            return None
        rest = timedelta(0) if gone.place else LAST_LOOK
        work["looked"] = not gone.place
        await self.state.save(PARTITION, ERASING + name, work)
        return rest

    async def is_erased(self, envelope: Envelope) -> bool:
        """Whether a message is about a connection that is being erased, or was, and was made before it came back."""
        if await self.state.load(PARTITION, ERASING + envelope.connection):
            return True
        mark = await self.state.load(PARTITION, ERASED + envelope.connection)
        if not mark or envelope.when <= datetime.fromisoformat(mark["at"]):
            return bool(mark)
        stored = await self.state.load(PARTITION, PREFIX + envelope.connection)
        return not stored or str(stored["at"]) <= str(mark["at"])

    async def _switched_off(self, name: str) -> Declared | None:
        if problem := name_problem(name):
            raise BadRequest(problem)
        await self.connections.refresh()
        if name in await self.connections.names():
            raise BadRequest(f'{name} is switched on: store its document with "enabled": false first')
        return (await self.connections.declared()).get(name)

    async def _site(self, name: str, one: Declared | None) -> tuple[str, bool]:
        """The name of its site, and whether no other connection is left there."""
        site = (one.document.site if one else None) or name
        declared = await self.connections.declared()
        others = {n: d.document.site or n for n, d in declared.items() if n != name}
        return site, site not in others.values()

    async def _mark_sent(self, name: str, site: str) -> None:
        """The other connections of the site must go on knowing what was sent, or they would send it again."""
        for subject in (one for one in self.registry.subjects() if one.path):
            records = self.store.records(name, subject.name)
            ids = [record.ref.id async for record in records if begun(record)]
            for start in range(0, len(ids), AT_ONCE):
                some = ids[start : start + AT_ONCE]
                await asyncio.gather(*(self.homes.keep_sent(site, subject.name, one, name) for one in some))

    async def _given_up(self, name: str) -> tuple[list[str], list[str]]:
        """Messages that were given up and stand at ``default`` though they are another connection's.

        First those of this connection, then, where it is ``default`` itself, those that are not its own.
        """
        mine, others = [], []
        async for key, value in self.state.named(DEFAULT, POISON):
            try:
                whose = Envelope.from_json(str(value.get("text", ""))).connection
            except (ValueError, TypeError):
                whose = DEFAULT
            if whose != DEFAULT and name == DEFAULT:
                others.append(key)
            elif whose == name != DEFAULT:
                mine.append(key)
        return mine, others

    async def _end(self, name: str, work: dict[str, Any]) -> None:
        """What ``default`` is comes from the settings, so it stays switched off by a document that says no more."""
        now = self.clock.now().isoformat()
        if name == DEFAULT:
            off = {"text": '{"enabled": false}', "created": now, "at": now}
            await self.state.save(PARTITION, PREFIX + name, off)
        else:
            await self.state.remove(PARTITION, PREFIX + name)
        await self.state.remove(PARTITION, IDENTITY + name)
        done = {"asked": work["asked"], "at": now, "removed": work["removed"], "hooks": work["hooks"]}
        await self.audit.note("erased", name, done)
        await self.state.save(PARTITION, ERASED + name, done)
        await self.state.remove(PARTITION, ERASING + name)
        await self.connections.refresh()
        log.warning("connection %s is erased: %d rows", name, work["removed"])
