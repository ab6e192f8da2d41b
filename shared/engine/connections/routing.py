"""Decides in whose books a record belongs where several connections share one ConnectWise site.

Documents belong to exactly one connection. The site's first connection chooses it, under its lease of the record,
and keeps the choice in one durable value that every process obeys (``Homes``). A record that was begun in one
company of Business Central never moves to another by itself: it is held there until a person says what is meant.
Master data may be shared: then every connection that says so has its own copy, and the first of them writes back.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from shared.domain.plans import Action, Outcome, Plan
from shared.domain.records import Record, RecordRef
from shared.engine.connections.connection import Connection, Connections, Site
from shared.engine.connections.routing_source import complete
from shared.engine.outcomes import result_of, settle
from shared.engine.registry import Registry
from shared.ports.homes import Homes
from shared.ports.storage import RecordStore

ROUTING: Final = "routing"
"""The name of the link and the cause under which a record's place is kept and shown."""
HOME: Final = "home"

type JsonObject = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a record belongs. ``plan`` is None where the pass goes on here, else what is recorded instead.

    ``hand_to`` are the connections that must hear of the hint, ``home`` the one that has the record when it is
    not here, ``leads`` whether this connection is the one that writes to ConnectWise.
    """

    plan: Plan | None = None
    hand_to: tuple[str, ...] = ()
    home: str = ""
    leads: bool = True


HERE: Final = Placement()


@dataclass(frozen=True, slots=True)
class Judged:
    """What the rules of a site say of one record: who takes it in any case, and whose condition holds."""

    takers: tuple[str, ...]
    matching: tuple[str, ...]

    @property
    def receivers(self) -> tuple[str, ...]:
        """Everybody who gets the record; empty where the rules do not choose."""
        if not self.takers and len(self.matching) != 1:
            return ()
        return (*self.takers, *self.matching)


@dataclass(slots=True)
class Router:
    """Judges records by the routing rules of their site."""

    connections: Connections
    registry: Registry
    store: RecordStore
    homes: Homes

    async def place(
        self, connection: Connection, record: Record, source: JsonObject | None, *, decide: bool = True
    ) -> Placement:
        """Where the record belongs, as seen from a pass of ``connection``; ``decide`` false changes nothing.

        A site with one connection and no rules costs nothing. Raises what reading ConnectWise raises.
        """
        ref = record.ref
        if not self.registry.subject(ref.subject).path:
            return HERE
        site = await self.connections.site(connection.name)
        if not site.routes(ref.subject):
            if ROUTING not in record.links:
                return HERE
            # Another process knows of more connections than this one does, or one was taken away.
            site = await self._fresh(connection)
        if source is None:
            return await self._place_deleted(site, connection, record)
        judged = await self._judge(site, connection, ref.subject, source)
        if judged.takers:
            return self._place_shared(site, connection, record, judged)
        return await self._place_owned(site, connection, record, judged, source, decide=decide)

    async def _fresh(self, connection: Connection) -> Site:
        await self.connections.refresh()
        return await self.connections.site(connection.name)

    async def _judge(self, site: Site, connection: Connection, subject: str, source: JsonObject) -> Judged:
        paths = [path for one in site.members for path in one.routing.paths.get(subject, ())]
        whole = await complete(connection.connectwise, source, paths)
        return Judged(
            tuple(one.name for one in site.members if one.routing.shares(subject)),
            tuple(one.name for one in site.members if one.routing.matches(subject, whole)),
        )

    async def _place_deleted(self, site: Site, connection: Connection, record: Record) -> Placement:
        """A record that ConnectWise no longer has cannot be judged: it stays where it was."""
        ref = record.ref
        takers = tuple(one.name for one in site.members if one.routing.shares(ref.subject))
        if takers:
            return self._place_shared(site, connection, record, Judged(takers, ()))
        home = connection.name
        if not begun(record):
            home = await self.homes.home(site.name, ref.subject, ref.id) or connection.name
        return HERE if home == connection.name or not _has(site, home) else _elsewhere(home)

    def _place_shared(self, site: Site, connection: Connection, record: Record, judged: Judged) -> Placement:
        first = site.first.name == connection.name
        others = tuple(name for name in judged.receivers if name != connection.name)
        if connection.name in judged.receivers:
            return Placement(hand_to=others if first else (), leads=connection.name == judged.receivers[0])
        if begun(record):
            return _moved(record.ref, connection.name, judged)
        return _elsewhere(*others)

    async def _place_owned(
        self,
        site: Site,
        connection: Connection,
        record: Record,
        judged: Judged,
        source: JsonObject,
        *,
        decide: bool,
    ) -> Placement:
        ref, name = record.ref, connection.name
        kept = begun(record)
        home = name if kept else await self.homes.home(site.name, ref.subject, ref.id)
        if home == name and judged.receivers != (name,):
            # It would leave: only the newest rules may say so.
            site = await self._fresh(connection)
            judged = await self._judge(site, connection, ref.subject, source)
        chosen = "".join(judged.receivers)
        if home == name:
            if chosen == name:
                return HERE
            if kept:
                return _moved(ref, name, judged)
            if decide:
                home = await self.homes.move(site.name, ref.subject, ref.id, of=name, to=chosen)
            else:
                home = chosen
        if home and _has(site, home):
            return HERE if home == name else _elsewhere(home)
        if site.first.name != name:
            return _elsewhere(site.first.name, why=f"The first connection, {site.first.name}, chooses.")
        return await self._choose(site, name, ref, judged, gone=home, decide=decide)

    async def _choose(
        self, site: Site, name: str, ref: RecordRef, judged: Judged, *, gone: str, decide: bool
    ) -> Placement:
        """The choice of the first connection for a record that has no home, or one that is ``gone``."""
        if gone and (
            await self._begun_in((gone,), ref) or await self.homes.is_sent(site.name, ref.subject, ref.id)
        ):
            return _hold(
                f"This {ref.subject} was sent by connection {gone}, which is not there any more.",
                f"Add connection {gone} again, or correct the record in ConnectWise; then retry.",
            )
        others = [one.name for one in site.members if one.name != name]
        chosen = await self._begun_in(others, ref) or "".join(judged.receivers)
        if not chosen:
            return _held(ref, judged, site)
        if decide:
            chosen = await self.homes.move(site.name, ref.subject, ref.id, of=gone, to=chosen)
        return HERE if chosen == name else _elsewhere(chosen)

    async def _begun_in(self, names: Sequence[str], ref: RecordRef) -> str:
        """The connection in which the record was begun, empty if in none."""
        for name in names:
            record = await self.store.get(RecordRef(name, ref.subject, ref.id))
            if record is not None and begun(record):
                return name
        return ""

    async def receivers(
        self, connection: Connection, subject: str, source: JsonObject
    ) -> tuple[str, ...] | None:
        """Who gets a record by the rules in force, empty if they do not choose; None where nothing is routed."""
        site = await self.connections.site(connection.name)
        if not site.routes(subject):
            return None
        return (await self._judge(site, connection, subject, source)).receivers


def begun(record: Record) -> bool:
    """Whether anything of the record is, or may be, in Business Central."""
    return any(link.target_id or link.step for link in record.links.values())


def _has(site: Site, name: str) -> bool:
    return any(one.name == name for one in site.members)


def named(names: Sequence[str]) -> str:
    """The connections in words."""
    return " and ".join(names) or "no connection"


def _elsewhere(*homes: str, why: str = "") -> Placement:
    reason = why or f"Belongs to {named(homes)}."
    return Placement(Plan(Action.SKIP, reason), hand_to=homes, home=homes[0] if len(homes) == 1 else "")


def _hold(reason: str, todo: str) -> Placement:
    return Placement(Plan(Action.HOLD, reason, cause=ROUTING, todo=todo))


def _moved(ref: RecordRef, name: str, judged: Judged) -> Placement:
    return _hold(
        f"This {ref.subject} was sent by connection {name}, but the routing now gives it to "
        f"{named(judged.receivers or judged.matching)}. Nothing is sent a second time.",
        f"Put the rule or the record back so that it belongs to {name} and retry. A document that must move is "
        "credited and billed anew; master data that both need is marked as shared.",
    )


def _held(ref: RecordRef, judged: Judged, site: Site) -> Placement:
    if judged.matching:
        reason = f"The routing rules of {named(judged.matching)} all take this {ref.subject}."
    else:
        reason = (
            f"No routing rule takes this {ref.subject}; there are {named([m.name for m in site.members])}."
        )
    return _hold(
        reason, "Change the rules or the record so that exactly one connection takes it; then retry."
    )


def placed(record: Record, plan: Plan, home: str, now: datetime) -> Outcome:
    """Notes where a record belongs instead of here; what was not begun here is no longer this one's work."""
    if not begun(record):
        record.links = {name: link for name, link in record.links.items() if name == ROUTING}
    link = record.link(ROUTING)
    link.facts = {HOME: home} if home else {}
    settle(link, plan, now)
    return Outcome(ROUTING, result_of(plan, link), link.state, plan)
