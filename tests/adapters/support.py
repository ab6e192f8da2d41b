"""What the tests of the adapters share: a clock to turn, a queue that remembers, a server on loopback."""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import web

from shared.domain.envelope import Envelope
from shared.domain.records import Link, Record, RecordRef, State
from shared.ports.storage import Attempt

START = datetime(2026, 3, 1, 12, 0, 0, 500_000, tzinfo=UTC)


@dataclass
class HandClock:
    """A clock that only the test moves."""

    time: datetime = START

    def now(self) -> datetime:
        return self.time

    def forward(self, seconds: float) -> datetime:
        self.time += timedelta(seconds=seconds)
        return self.time


@dataclass
class SentHints:
    """A work queue that only remembers what was sent, and how long it would rest."""

    hints: list[tuple[Envelope, timedelta]] = field(default_factory=list)
    sweeps: list[tuple[Envelope, timedelta]] = field(default_factory=list)

    async def send(self, envelope: Envelope, *, delay: timedelta = timedelta(0)) -> None:
        self.hints.append((envelope, delay))

    async def send_sweep(self, envelope: Envelope, *, delay: timedelta = timedelta(0)) -> None:
        self.sweeps.append((envelope, delay))


@dataclass
class FixedSecrets:
    """Secrets by name; counts how often they were forgotten."""

    values: dict[str, str]
    forgotten: int = 0

    async def get(self, name: str) -> str:
        return self.values[name]

    async def expires(self, name: str) -> datetime | None:
        return None

    def forget(self) -> None:
        self.forgotten += 1


@asynccontextmanager
async def serving(app: web.Application, tls: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    """Serves an application on a free loopback port; yields its address."""
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
        yield f"http{'s' if tls else ''}://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def held(entity: str, **values: Any) -> Link:
    """A link that a person has to look at."""
    return Link(entity, State.HELD, cause="test", reason="because", todo="look", open_since=START, **values)


def done(entity: str, target: str = "", number: str = "") -> Link:
    """A link that is in step."""
    return Link(entity, State.DONE, target_id=target or None, target_number=number or None)


def attempt(at: datetime, entity: str = "customer", **values: Any) -> Attempt:
    """One pass as it is recorded."""
    return Attempt(
        entity=entity,
        at=at,
        why="test",
        action="nothing",
        result="unchanged",
        state=State.DONE,
        duration_ms=5,
        calls={"ConnectWise": 1},
        correlation="c",
        **values,
    )


def ref(record_id: str = "7", subject: str = "company") -> RecordRef:
    """A source record of the default connection."""
    return RecordRef("default", subject, record_id)


def with_links(record: Record, *links: Link) -> Record:
    """The record with these links added."""
    record.links |= {link.entity: link for link in links}
    return record
