"""Keeps both systems telling us of changes: registers, renews, heals and removes strays.

ConnectWise disables a callback after three days of failures (its developer guide, Callbacks); Business Central
forgets a subscription after three days, when an answer displeases it and when an environment is copied (Microsoft,
"Working with webhooks"). Whatever is found missing is made again and followed by a sweep.
"""

import hashlib
import hmac
import logging
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import quote

from shared.domain.envelope import Envelope
from shared.domain.errors import AlreadyExists, NotFound
from shared.engine.connections.connection import Connection, Connections
from shared.engine.registry import Registry
from shared.ports.platform import Clock
from shared.ports.storage import StateStore, WorkQueue

HOOKS: Final = "hooks"
"""The subject of a sweep message that registers and renews hooks instead of sweeping records."""
RENEW_BEFORE: Final = timedelta(hours=48)
OWNER_LEVEL: Final = 1
"""ConnectWise stores object id 1 for callbacks at level owner."""
PROOF_LENGTH: Final = 12
"""Enough of the client state's hash to notice that it changed, as when the key it comes from was rotated."""
CLIENT_STATE_LENGTH: Final = 40
"""One published source says that 50 characters are the limit."""

log = logging.getLogger("dynaconnect.hooks")


def client_state(secret: str, connection: str) -> str:
    """What Business Central repeats in each notification to prove itself; derived, so never stored."""
    return hmac.new(secret.encode(), f"client state {connection}".encode(), hashlib.sha256).hexdigest()[
        :CLIENT_STATE_LENGTH
    ]


@dataclass(frozen=True, slots=True)
class HookAddress:
    """Where the two systems reach a connection's hooks."""

    public_url: str
    connection: str

    @property
    def every_connectwise(self) -> str:
        """How the addresses of all connections begin."""
        return f"{self.public_url}/api/hooks/connectwise/"

    @property
    def connectwise(self) -> str:
        """ConnectWise appends the record's id to this text, so it ends with ``recordId=``."""
        return f"{self.every_connectwise}{quote(self.connection)}?recordId="

    @property
    def every_business_central(self) -> str:
        """How the addresses of all connections begin."""
        return f"{self.public_url}/api/hooks/business-central/"

    @property
    def business_central(self) -> str:
        """Where Business Central posts its notifications."""
        return f"{self.every_business_central}{quote(self.connection)}"


@dataclass(slots=True)
class HookKeeper:
    """Brings the registrations of a connection to what the entities need."""

    connections: Connections
    registry: Registry
    state: StateStore
    queue: WorkQueue
    clock: Clock
    public_url: str

    async def keep(self, connection_name: str, state: str) -> dict[str, Any]:
        """Registers, renews and heals; returns and stores what it did. ``state`` is the client state."""
        # A connection that another process has just added is no stray.
        await self.connections.refresh()
        connection = await self.connections.get(connection_name)
        address = HookAddress(self.public_url, connection_name)
        before = await self.state.load(connection_name, "hooks")
        proof = hashlib.sha256(state.encode()).hexdigest()[:PROOF_LENGTH]
        changed = bool(before) and before.get("proof") != proof
        done = {
            "connectwise": await self._keep_callbacks(connection, address),
            "business_central": await self._keep_subscriptions(connection, address, state, changed=changed),
        }
        expires = await self._expiries(connection, address)
        healed = [name for report in done.values() for name in (*report["made"], *report["healed"])]
        if healed and before:
            log.warning("hooks of %s were gone and are there again: %s", connection_name, ", ".join(healed))
        if healed:
            await self._sweep_after(connection_name)
        now = self.clock.now()
        kept = {"at": now.isoformat(), "proof": proof, "first": not before, "expires": expires, **done}
        await self.state.save(connection_name, "hooks", kept)
        counts = {
            f"{system} {what}": len(names) for system, one in done.items() for what, names in one.items()
        }
        log.info("%s hooks: %s", connection_name, counts)
        return done

    async def remove(self, connection: Connection) -> dict[str, list[str]]:
        """Takes away every registration at the connection's own addresses; returns what went.

        The other connections of its site then look after theirs: the callbacks for all may have been among these.
        """
        address = HookAddress(self.public_url, connection.name)
        removed: dict[str, list[str]] = {"connectwise": [], "business_central": []}
        callbacks = [row async for page in connection.connectwise.scan("system/callbacks") for row in page]
        for row in callbacks:
            if str(row.get("url", "")).startswith(address.connectwise):
                await connection.connectwise.remove(f"system/callbacks/{row['id']}")
                removed["connectwise"].append(str(row["type"]).lower())
        for row in await connection.business_central.subscriptions():
            if row.get("notificationUrl") == address.business_central:
                await connection.business_central.unsubscribe(row)
                removed["business_central"].append(str(row.get("resource", "")).rpartition("/")[2])
        for name in await self.connections.names():
            await self.queue.send_sweep(Envelope(name, HOOKS, "*", "hooks removed", self.clock.now()))
        return removed

    async def _keep_callbacks(self, connection: Connection, address: HookAddress) -> dict[str, list[str]]:
        """The first connection of a site has the callbacks for all; those of others are strays."""
        connectwise = connection.connectwise
        report: dict[str, list[str]] = {"made": [], "healed": [], "removed": [], "kept": []}
        if (await self.connections.site(connection.name)).first.name != connection.name:
            return report
        wanted = {subject.callback for subject in self.registry.subjects() if subject.callback}
        own = [
            row
            async for page in connectwise.scan("system/callbacks")
            for row in page
            if str(row.get("url", "")).startswith(address.every_connectwise)
        ]
        for row in own:
            kind = str(row["type"]).lower()
            if kind not in wanted or not str(row["url"]).startswith(address.connectwise):
                await connectwise.remove(f"system/callbacks/{row['id']}")
                report["removed"].append(kind)
                continue
            wanted.discard(kind)
            report["kept"].append(kind)
            if row.get("inactiveFlag"):
                await connectwise.change(f"system/callbacks/{row['id']}", {"inactiveFlag": False})
                report["healed"].append(kind)
        for kind in sorted(wanted):
            try:
                await connectwise.create(
                    "system/callbacks",
                    {
                        "url": address.connectwise,
                        "objectId": OWNER_LEVEL,
                        "type": kind,
                        "level": "owner",
                        "description": "DynaConnect",
                        "payloadVersion": "3.0.0",
                        "isSelfSuppressedFlag": True,
                    },
                )
            except AlreadyExists:
                log.info("callback %s was made by another process meanwhile", kind)
            report["made"].append(kind)
        return report

    async def _keep_subscriptions(
        self, connection: Connection, address: HookAddress, state: str, *, changed: bool
    ) -> dict[str, list[str]]:
        """``changed`` says that the client state is another than before: every subscription must learn it."""
        system = connection.business_central
        report: dict[str, list[str]] = {"made": [], "healed": [], "renewed": [], "removed": [], "kept": []}
        wanted = {s.business_central for s in self.registry.subjects() if s.business_central}
        rows = await system.subscriptions()
        known = {HookAddress(self.public_url, one).business_central for one in await self.connections.names()}
        for stray in rows:
            url = str(stray.get("notificationUrl", ""))
            if url.startswith(address.every_business_central) and url not in known:
                await system.unsubscribe(stray)
                report["removed"].append(str(stray.get("resource", "")))
        existing = {
            str(row.get("resource", "")).strip("/"): row
            for row in rows
            if row.get("notificationUrl") == address.business_central
        }
        for entity_set in sorted(wanted):
            row = existing.get((await system.resource_of(entity_set)).strip("/"))
            if row is not None and not changed and not self._due(row):
                report["kept"].append(entity_set)
                continue
            if row is not None:
                try:
                    await system.renew_subscription(row, state)
                    report["renewed"].append(entity_set)
                    report["kept"].append(entity_set)
                    continue
                except NotFound:
                    report["healed"].append(entity_set)
            try:
                await system.subscribe(entity_set, address.business_central, state)
            except AlreadyExists:
                log.info("subscription %s was made by another process meanwhile", entity_set)
            report["made"].append(entity_set)
        return report

    async def _expiries(self, connection: Connection, address: HookAddress) -> dict[str, str]:
        """When each subscription ends, as Business Central says after all is done."""
        system = connection.business_central
        own = {
            str(row.get("resource", "")).strip("/"): str(row["expirationDateTime"])
            for row in await system.subscriptions()
            if row.get("notificationUrl") == address.business_central
        }
        sets = sorted({s.business_central for s in self.registry.subjects() if s.business_central})
        places = {name: (await system.resource_of(name)).strip("/") for name in sets}
        return {name: own[place] for name, place in places.items() if place in own}

    def _due(self, row: dict[str, Any]) -> bool:
        expires = datetime.fromisoformat(str(row["expirationDateTime"]))
        expires = expires if expires.tzinfo else expires.replace(tzinfo=UTC)
        return expires - self.clock.now() < RENEW_BEFORE

    async def _sweep_after(self, connection: str) -> None:
        """What changed while nobody told us is found by the sweeps."""
        now = self.clock.now()
        for subject in self.registry.subjects():
            if subject.path or subject.business_central:
                await self.queue.send_sweep(Envelope(connection, subject.name, "*", "hooks healed", now))
