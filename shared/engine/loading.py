"""The first load of master data: whole pages instead of single hints, the same passes with the same promise.

A load is ordered by one message of the sweep queue. What it has done is told by the records themselves: one that was
read in full since the order was given is done. So a load that was killed, or whose time is up, goes on where it was.
"""

import asyncio
import logging
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final, cast

from shared.domain.envelope import LOAD, Envelope
from shared.domain.plans import Outcome
from shared.domain.records import RecordRef
from shared.engine.connections.connection import Connection, Connections, Site
from shared.engine.gathering import GatheringBusinessCentral, PagedConnectWise
from shared.engine.kinds.masters import MasterData
from shared.engine.pipeline import Pipeline
from shared.engine.registry import Registry
from shared.ports.platform import Clock
from shared.ports.storage import RecordStore
from shared.ports.systems import BusinessCentral, ConnectWise

AT_ONCE: Final = 400
"""Passes at work together: enough to be ready, four batches of them, when a window opens."""
LONGEST: Final = timedelta(minutes=4)
"""How long one message may load before it goes back to the queue, well below what a function may take."""

log = logging.getLogger("dynaconnect.load")


@dataclass(slots=True)
class _OneConnection:
    """The connections of a load: its own, with both systems as the load sees them."""

    connections: Connections
    own: Connection

    async def get(self, name: str) -> Connection:
        return self.own if name == self.own.name else await self.connections.get(name)

    async def names(self) -> list[str]:
        return await self.connections.names()

    async def site(self, name: str) -> Site:
        return await self.connections.site(name)

    async def refresh(self) -> None:
        await self.connections.refresh()


def takes(registry: Registry, subject: str) -> bool:
    """Whether records of the subject become master data and nothing else."""
    entities = registry.of_subject(subject)
    return bool(entities) and all(isinstance(entity, MasterData) for entity in entities)


@dataclass(slots=True)
class Loader:
    """Brings all records of a master data subject in step."""

    connections: Connections
    registry: Registry
    store: RecordStore
    clock: Clock
    pipeline: Pipeline
    origin: str
    longest: timedelta = LONGEST
    _begun: dict[tuple[str, str], datetime] = field(default_factory=dict)

    async def load(self, connection_name: str, subject_name: str, ordered: datetime) -> bool:
        """Loads until everything is done (true) or the time of one message is up; raises what reading raises."""
        ends = self.clock.now() + self.longest
        connection, subject = await self.connections.get(connection_name), self.registry.subject(subject_name)
        done, seen = set[str](), set[str]()
        async for record in self.store.records(connection_name, subject_name):
            seen.add(record.ref.id)
            if record.read_at is not None and record.read_at >= ordered:
                done.add(record.ref.id)
        if done and self._begun.get((connection_name, subject_name)) != ordered:
            # Another process loaded them, perhaps until it was killed, and has called Business Central for it.
            connection.business_central.take_over()
        self._begun[connection_name, subject_name] = ordered
        known: dict[tuple[str, str], set[str]] = {}
        for entity in self.registry.of_subject(subject_name):
            if isinstance(entity, MasterData):
                known |= await _names(connection.business_central, entity)
        async for page in connection.connectwise.scan(subject.path):
            rows = {str(row["id"]): row for row in page if str(row["id"]) not in done}
            if rows:
                await self._page(connection, subject.path, subject_name, rows, known, ordered, seen)
            log.info("%s %s: %d loaded, %d were done", connection_name, subject_name, len(rows), len(page))
            if self.clock.now() >= ends:
                return False
        return True

    async def _page(
        self,
        connection: Connection,
        path: str,
        subject: str,
        rows: dict[str, dict[str, Any]],
        known: dict[tuple[str, str], set[str]],
        ordered: datetime,
        seen: set[str],
    ) -> None:
        records = {f"{path}/{record_id}": row for record_id, row in rows.items()}
        own = replace(
            connection,
            connectwise=cast("ConnectWise", PagedConnectWise(connection.connectwise, records)),
            business_central=cast(
                "BusinessCentral", GatheringBusinessCentral(connection.business_central, known)
            ),
        )
        pipeline = replace(self.pipeline, connections=_OneConnection(self.connections, own))
        slots = asyncio.Semaphore(AT_ONCE)

        async def one(record_id: str) -> list[Outcome]:
            ref = RecordRef(connection.name, subject, record_id)
            async with slots:
                new = {LOAD: True} if record_id not in seen else {}
                hint = Envelope(
                    ref.connection, ref.subject, ref.id, LOAD, ordered, origin=self.origin, options=new
                )
                return await pipeline.handle(hint)

        ended = await asyncio.gather(*(one(record_id) for record_id in rows), return_exceptions=True)
        for one_ended in ended:
            # What nobody could store is done again by the message, which goes back to its queue.
            if isinstance(one_ended, BaseException):
                raise one_ended


async def _names(system: BusinessCentral, entity: MasterData) -> dict[tuple[str, str], set[str]]:
    """What an existing record could be recognised by, for each field of the adoption rules."""
    found: dict[tuple[str, str], set[str]] = {(entity.target, name): set() for name in entity.adopt}
    async for page in system.scan(entity.target, select=("id", *entity.adopt)):
        for row in page:
            for name in entity.adopt:
                if row.get(name):
                    found[entity.target, name].add(str(row[name]).casefold())
    return found
