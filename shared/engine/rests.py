"""When a system is away for all: its connections rest, and what was asked meanwhile waits in the order of its age.

Each record has its own rests between tries. Where a system answers nobody, that is not enough: thousands of records
would try it in turn, and come back in any order. So a connection rests as a whole. Its hints are set aside, one for each
record, and cost nobody a call; a single probe asks now and then whether the system is back; then they return to the
queue, oldest first. The rest is stored, so that every process keeps it.
"""

import asyncio
import logging
import uuid
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final

import simplejson

from shared.domain.envelope import INTERRUPTED, ON_DEMAND, PROBE, Envelope
from shared.domain.errors import RetryLater, SyncError
from shared.engine.connections.connection import Connection, Connections
from shared.engine.telling import LED_BY
from shared.ports.platform import Clock
from shared.ports.storage import StateStore, WorkQueue

REST: Final = "rest"
ASIDE: Final = "aside|"
RETURNED: Final = "returned"
"""The option of a hint that came back from a rest: the rest itself must not set it aside again."""
FIRST: Final = timedelta(seconds=5)
LONGEST: Final = timedelta(minutes=5)
FRESH: Final = timedelta(seconds=5)
"""How old another process's rest may be before it is known here."""
SOON_AGAIN: Final = timedelta(minutes=10)
"""A rest that begins so soon after the last one goes on with its length."""

log = logging.getLogger("dynaconnect.rests")


@dataclass(slots=True)
class Rests:
    """Keeps the rests of all connections. One instance per process."""

    connections: Connections
    state: StateStore
    queue: WorkQueue
    clock: Clock
    _known: dict[str, tuple[datetime, dict[str, Any]]] = field(default_factory=dict)
    _reading: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def takes(self, envelope: Envelope, *, sweep: bool = False) -> bool:
        """Sets a hint or a sweep aside if its connection rests; what a person asks for goes on."""
        rest = await self._current(envelope.connection)
        if not is_on(rest) or envelope.why == ON_DEMAND or envelope.options.get(RETURNED) == rest["id"]:
            return False
        name = _name(envelope, sweep=sweep)
        if rest.get("returning"):
            # Nothing that is on its way back is written over.
            name += f"|{uuid.uuid4().hex}"
        before = await self.state.load(envelope.connection, name)
        since = min(str(before.get("since", "")) or _since(envelope), _since(envelope))
        text = _merged(before, envelope).to_json()
        await self.state.save(envelope.connection, name, {"since": since, "text": text, "sweep": sweep})
        return True

    async def note(self, connection: Connection) -> None:
        """Begins a rest if one of the connection's systems has answered nobody for a while."""
        away = next((pulse for pulse in connection.pulses if pulse.is_gone), None)
        if away is None or is_on(await self._current(connection.name)):
            return
        now = self.clock.now()
        last = await self.state.load(connection.name, REST)
        if is_on(last):
            self._known[connection.name] = (now, last)
            return
        tries = _tries_after(last, now)
        rest = {
            "id": now.isoformat(),
            "on": True,
            "since": now.isoformat(),
            "tries": tries,
            "system": away.system,
            "cause": away.cause,
            "reason": away.reason,
        }
        log.error("connection %s rests: %s", connection.name, away.reason)
        await self._probe_after(connection.name, rest)

    async def probe(self, envelope: Envelope) -> int:
        """Asks the system whether it is back; if it is, returns what waits. Returns how many messages it queued."""
        name = envelope.connection
        rest = await self.state.load(name, REST)
        if not is_on(rest):
            # What a process set aside that did not know yet that the rest was over.
            return await self._give_back(name, "")
        if envelope.options.get("id") != rest["id"]:
            return 0
        if not rest.get("returning"):
            connection = await self.connections.get(name)
            if not await self._answers(connection, str(rest["system"])):
                await self._probe_after(name, rest | {"tries": int(rest["tries"]) + 1})
                return 0
            log.warning("connection %s goes on: %s answers again", name, rest["system"])
            await self.queue.send_sweep(self._message(name, str(rest["id"])), delay=2 * FRESH)
            await self._keep(name, rest | {"returning": True})
            return 0
        count = 0
        while given := await self._give_back(name, str(rest["id"])):
            count += given
        over = rest | {"on": False, "ended": self.clock.now().isoformat()}
        await self._keep(name, over)
        await self.queue.send_sweep(self._message(name, ""), delay=2 * FRESH)
        return count

    async def resume(self, name: str) -> None:
        """What a timer does in case a probe was lost: asks, or returns what was left behind."""
        rest = await self.state.load(name, REST)
        if is_on(rest):
            if datetime.fromisoformat(rest["until"]) + LONGEST < self.clock.now():
                await self.queue.send_sweep(self._message(name, str(rest["id"])))
        elif rest:
            await self._give_back(name, "")

    async def shown(self, name: str) -> dict[str, Any] | None:
        """The rest of a connection for a person's eyes, None when it is at work."""
        rest = await self.state.load(name, REST)
        if not is_on(rest):
            return None
        waiting = 0
        async for _ in self.state.named(name, ASIDE):
            waiting += 1
        names = ("since", "until", "system", "cause", "reason")
        return {word: rest[word] for word in names} | {"waiting": waiting}

    async def _current(self, name: str) -> dict[str, Any]:
        """What is known of a rest; of many that find it too old at once, one reads for all."""
        known = self._fresh(name)
        if known is None:
            async with self._reading:
                known = self._fresh(name)
                if known is None:
                    now = self.clock.now()
                    known = await self.state.load(name, REST)
                    self._known[name] = (now, known)
        return known

    def _fresh(self, name: str) -> dict[str, Any] | None:
        known = self._known.get(name)
        return None if known is None or known[0] + FRESH <= self.clock.now() else known[1]

    async def _answers(self, connection: Connection, system: str) -> bool:
        try:
            await connection.probes[system]()
        except RetryLater:
            return False
        except SyncError as refusal:
            # A refusal is an answer; each record says what it means.
            log.info("%s answers: %s", system, refusal.cause)
        for pulse in connection.pulses:
            if pulse.system == system:
                pulse.beat()
        return True

    async def _probe_after(self, name: str, rest: dict[str, Any]) -> None:
        """Keeps the rest until its next probe. The probe is queued before, so that no rest is without one."""
        delay = min(LONGEST, FIRST * 2 ** min(int(rest["tries"]), 10))
        await self.queue.send_sweep(self._message(name, str(rest["id"])), delay=delay)
        await self._keep(name, rest | {"until": (self.clock.now() + delay).isoformat()})

    async def _keep(self, name: str, rest: dict[str, Any]) -> None:
        await self.state.save(name, REST, rest)
        self._known[name] = (self.clock.now(), rest)

    async def _give_back(self, name: str, rest_id: str) -> int:
        """Returns to the queue what was set aside, oldest first, and forgets it."""
        aside = [(str(value["since"]), key, value) async for key, value in self.state.named(name, ASIDE)]
        for _, key, value in sorted(aside, key=lambda one: one[:2]):
            envelope = Envelope.from_json(str(value["text"]))
            returned = replace(envelope, options=envelope.options | {RETURNED: rest_id})
            await (self.queue.send_sweep if value["sweep"] else self.queue.send)(returned)
            await self.state.remove(name, key)
        return len(aside)

    def _message(self, name: str, rest_id: str) -> Envelope:
        return Envelope(name, PROBE, "*", "rest", self.clock.now(), options={"id": rest_id})


def is_on(rest: dict[str, Any]) -> bool:
    """Whether a stored rest is still going on."""
    return bool(rest.get("on"))


def _since(envelope: Envelope) -> str:
    return envelope.when.isoformat()


def _tries_after(last: dict[str, Any], now: datetime) -> int:
    """A system that goes away again at once is asked as seldom as before."""
    if last and datetime.fromisoformat(last["ended"]) + SOON_AGAIN > now:
        return int(last["tries"]) + 1
    return 0


def _name(envelope: Envelope, *, sweep: bool) -> str:
    options = {name: value for name, value in envelope.options.items() if name not in (RETURNED, LED_BY)}
    words = [envelope.entity, envelope.id, envelope.only, simplejson.dumps(options, sort_keys=True)]
    return f"{ASIDE}{'sweep' if sweep else 'hint'}|{'|'.join(words)}"


def _merged(before: dict[str, Any], envelope: Envelope) -> Envelope:
    """One hint in place of two about the same record: the newer one, as impatient as either."""
    if not before:
        return envelope
    older = Envelope.from_json(str(before["text"]))
    if older.when > envelope.when:
        older, envelope = envelope, older
    why = INTERRUPTED if INTERRUPTED in (older.why, envelope.why) else envelope.why
    return replace(envelope, attempt=max(older.attempt, envelope.attempt), why=why)
