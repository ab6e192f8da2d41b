"""What an entity is to the engine: a declaration that can plan and apply one record."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Protocol

from shared.domain.envelope import NEEDED_BY, ON_DEMAND, Envelope
from shared.domain.plans import Plan
from shared.domain.records import Link, Record, RecordRef, digest
from shared.engine.connections.connection import Connection
from shared.ports.storage import Lease, RecordStore
from shared.ports.systems import ConnectWise

type JsonObject = dict[str, Any]

VERIFY: Final = "verify"
"""The option of a hint that asks to compare with what the other side holds now, not with what was written last."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A kind of source record that hints are about.

    ``path`` is where ConnectWise serves it (empty when the source is not a ConnectWise record),
    ``callback`` the callback type that tells of changes, ``backlog`` a list whose rows name records that
    still have to travel (fields ``backlog_id`` and ``backlog_date``), ``business_central`` the set whose webhooks
    tell of changes. ``date`` is the field with the day of a document; a record without one is master data.
    ``pending`` finds such records, each with its day, where no row of the backlog names them. ``daily`` records have
    parts whose changes ConnectWise tells nobody of: all are looked at once a day.
    """

    name: str
    path: str = ""
    callback: str = ""
    backlog: str = ""
    backlog_id: str = "id"
    backlog_date: str = ""
    date: str = ""
    business_central: str = ""
    pending: Callable[[ConnectWise], Awaitable[list[tuple[str, str]]]] | None = None
    daily: bool = False


@dataclass(slots=True)
class Job:
    """One pass over one record: what it may use and what it knows.

    ``leads`` is false where another connection, which takes the record too, writes to ConnectWise for both.
    """

    connection: Connection
    store: RecordStore
    envelope: Envelope
    record: Record
    now: datetime
    source: JsonObject | None = None
    lease: Lease | None = None
    leads: bool = True
    link: Link = field(default_factory=lambda: Link(""))

    @property
    def ref(self) -> RecordRef:
        """The source record."""
        return self.record.ref

    @property
    def on_demand(self) -> bool:
        """True when a person asked for this pass."""
        return self.envelope.why == ON_DEMAND

    @property
    def needed(self) -> bool:
        """True when another record waits for this one."""
        return self.envelope.why.startswith(NEEDED_BY)

    @property
    def verifies(self) -> bool:
        """True when the other side is to be looked at even where nothing has changed on this one."""
        return bool(self.envelope.options.get(VERIFY))

    def note_source(self, stored: JsonObject, *, whole: bool = True) -> None:
        """Takes the version of the source as read, or after a write of our own, so that no sweep finds it changed.

        ``whole`` false says that ``stored`` is only a part of the record.
        """
        info = stored.get("_info")
        if isinstance(info, dict) and info.get("lastUpdated"):
            self.record.source_version = str(info["lastUpdated"])
            self.record.source_digest = digest(stored) if whole else ""

    async def checkpoint(self, step: str) -> None:
        """Records a finished step before the next one, so that a crash resumes after it."""
        self.link.step = step
        if self.lease is None:
            raise RuntimeError("a step can only be recorded under a lease")
        await self.store.checkpoint(self.lease)


class Entity(Protocol):
    """One kind of record that travels: customers, sales invoices, payments."""

    @property
    def name(self) -> str:
        """The name in links, logs and settings, such as ``customer``."""
        ...

    @property
    def title(self) -> str:
        """The name that people read."""
        ...

    @property
    def subject(self) -> Subject:
        """The source record it is made of."""
        ...

    async def plan(self, job: Job) -> Plan:
        """What would be done now. Reads only."""
        ...

    async def apply(self, job: Job, plan: Plan) -> None:
        """Does it, reads back and updates the job's link."""
        ...
