"""The first load of master data: whole pages instead of single hints, the same passes with the same promise.

A load is ordered by one message of the sweep queue. What it has done is told by the records themselves: one that was
read in full since the order was given is done. So a load that was killed, or whose time is up, goes on where it was.
"""

import logging
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final, cast

from shared.domain.envelope import LOAD, Envelope
from shared.domain.records import RecordRef
from shared.engine.connections.connection import Connection, Connections, Site
from shared.engine.gathering import GatheringBusinessCentral, PagedConnectWise
from shared.engine.kinds.masters import MasterData
from shared.engine.passes import Passes
from shared.engine.pipeline import Pipeline
from shared.engine.registry import Registry
from shared.ports.platform import Clock
from shared.ports.storage import RecordStore
from shared.ports.systems import BusinessCentral, ConnectWise

AT_ONCE: Final = 1_000
"""Passes at work together: what they create goes out when a window opens, before any of them writes its outcome."""
LONGEST: Final = timedelta(minutes=20)
"""How long one message begins passes before it goes back to the queue.

The last of them may wait for a whole window, so it ends some five minutes later: below the thirty that a function may
take, unless ``host.json`` says otherwise.
"""

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
        """Loads until everything is done (true), the time of one message is up or the connection is another.

        Raises what reading raises, and what a pass could not store: the message goes back to its queue and does it
        again.
        """
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
        rows: dict[str, dict[str, Any]] = {}
        pipeline = self._pipeline(connection, rows, known)
        async with Passes(AT_ONCE) as passes:
            async for page in connection.connectwise.scan(subject.path):
                new = {str(row["id"]): row for row in page if str(row["id"]) not in done}
                rows |= {f"{subject.path}/{record_id}": row for record_id, row in new.items()}
                for record_id in new:
                    await passes.room()
                    if passes.failed or await self.connections.get(connection_name) is not connection:
                        return False
                    ref = RecordRef(connection_name, subject_name, record_id)
                    hint = self._hint(ref, ordered, new=record_id not in seen)
                    passes.begin(_pass(pipeline, hint, rows, f"{subject.path}/{record_id}"))
                    if self.clock.now() >= ends:
                        return False
                log.info("%s %s: %d to load, of %d", connection_name, subject_name, len(new), len(page))
        return True

    def _pipeline(
        self,
        connection: Connection,
        rows: dict[str, dict[str, Any]],
        known: dict[tuple[str, str], set[str]],
    ) -> Pipeline:
        """The pipeline with both systems as the load sees them."""
        own = replace(
            connection,
            connectwise=cast("ConnectWise", PagedConnectWise(connection.connectwise, rows)),
            business_central=cast(
                "BusinessCentral", GatheringBusinessCentral(connection.business_central, known)
            ),
        )
        return replace(self.pipeline, connections=_OneConnection(self.connections, own))

    def _hint(self, ref: RecordRef, ordered: datetime, *, new: bool) -> Envelope:
        options = {LOAD: True} if new else {}
        return Envelope(
            ref.connection, ref.subject, ref.id, LOAD, ordered, origin=self.origin, options=options
        )


async def _pass(pipeline: Pipeline, hint: Envelope, rows: dict[str, dict[str, Any]], path: str) -> None:
    """One pass; a row that it had no need of is not kept until the load ends."""
    try:
        await pipeline.handle(hint)
    finally:
        rows.pop(path, None)


async def _names(system: BusinessCentral, entity: MasterData) -> dict[tuple[str, str], set[str]]:
    """What an existing record could be recognised by, for each field of the adoption rules."""
    found: dict[tuple[str, str], set[str]] = {(entity.target, name): set() for name in entity.adopt}
    async for page in system.scan(entity.target, select=("id", *entity.adopt)):
        for row in page:
            for name in entity.adopt:
                if row.get(name):
                    found[entity.target, name].add(str(row[name]).casefold())
    return found
