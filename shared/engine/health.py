"""How the app is and what it depends on, told within two seconds whatever hangs, and without touching anything."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from shared.domain.errors import SyncError, place_of
from shared.engine.connections.connection import Connection
from shared.engine.figures import HOOKS, expiries, registrations, watermarks
from shared.engine.retention import NAME as RETENTION
from shared.ports.platform import Clock
from shared.ports.storage import StateStore

log = logging.getLogger("dynaconnect.health")

type Probe = Callable[[], Awaitable[str]]

NAMES_SECONDS: Final = 0.5
PROBE_SECONDS: Final = 1.2
"""Together less than the two seconds after which whoever asks would call it dead."""


@dataclass(slots=True)
class Health:
    """Looks at every dependency at once.

    ``storage`` are the probes of the app's own storage, ``fallback`` is the connection that the settings describe,
    which is known even where storage is away, ``layout`` reads the version of the tables.
    """

    storage: Mapping[str, Probe]
    secrets: Probe
    state: StateStore
    connections: Callable[[], Awaitable[list[Connection]]]
    fallback: Callable[[], Connection]
    clock: Clock
    versions: Mapping[str, str]
    layout: Callable[[], Awaitable[int]]

    async def look(self) -> dict[str, Any]:
        """Dependencies, versions, watermarks, registrations and credentials of every connection."""
        try:
            async with asyncio.timeout(NAMES_SECONDS):
                connections = await self.connections()
        except (SyncError, TimeoutError) as error:
            log.warning("health: the connections cannot be read: %s", place_of(error))
            connections = [self.fallback()]
        probes: list[tuple[str, str, Probe]] = [("", name, probe) for name, probe in self.storage.items()]
        probes.append(("", "secrets", self.secrets))
        probes += [(one.name, name, probe) for one in connections for name, probe in one.probes.items()]
        layout, dependencies, *details = await asyncio.gather(
            _bounded(self.layout()),
            asyncio.gather(*(_probed(connection, name, probe) for connection, name, probe in probes)),
            *(self._connection(one) for one in connections),
        )
        return {
            "status": "alive",
            "healthy": all(one["ok"] for one in dependencies),
            "versions": dict(self.versions) | {"tables": layout},
            "dependencies": list(dependencies),
            "connections": dict(zip((one.name for one in connections), details, strict=True)),
        }

    async def _connection(self, connection: Connection) -> dict[str, Any]:
        now = self.clock.now()
        marks, kept, ends, history = await asyncio.gather(
            _bounded(watermarks(self.state, connection.name)),
            _bounded(self.state.load(connection.name, HOOKS)),
            _bounded(_ends(connection)),
            _bounded(self.state.load(connection.name, RETENTION)),
        )
        last = max(marks.values(), default=None) if marks else None
        return {
            "paused_until": connection.paused_until,
            "last_success": last,
            "watermarks": marks and {name: _aged(moment, now) for name, moment in sorted(marks.items())},
            "registrations": kept
            and [{"system": system, "hook": hook, "ok": ok} for system, hook, ok in registrations(kept)],
            "subscriptions": kept and {hook: _left(end, now) for hook, end in expiries(kept).items()},
            "retention": history
            and {name: history.get(name) for name in ("ended", "removed", "kept_since") if name in history},
            "credentials": ends and {name: _left(end, now) for name, end in ends.items()},
        }


async def _probed(connection: str, name: str, probe: Probe) -> dict[str, Any]:
    began = time.monotonic()
    found: dict[str, Any] = {"name": name} | ({"connection": connection} if connection else {})
    try:
        async with asyncio.timeout(PROBE_SECONDS):
            version = await probe()
        found |= {"ok": True} | ({"version": version} if version else {})
    except TimeoutError:
        found |= {"ok": False, "cause": "no_answer"}
    except SyncError as error:
        found |= {"ok": False, "cause": error.cause, "reason": error.operator, "todo": error.todo}
    except Exception as error:
        # Whatever a library raises, even for a mistake of ours, is one line of the answer and not its end.
        log.warning("health: %s of %s fails: %s", name, connection or "the app", place_of(error))
        code = getattr(error, "error_code", None) or type(error).__name__
        found |= {"ok": False, "cause": str(getattr(code, "value", code))}
    return found | {"ms": round((time.monotonic() - began) * 1000)}


async def _bounded[T](reading: Awaitable[T]) -> T | None:
    """What is read, None where it cannot be read in time."""
    try:
        async with asyncio.timeout(PROBE_SECONDS):
            return await reading
    except (SyncError, TimeoutError) as error:
        log.warning("health: something cannot be read: %s", place_of(error))
        return None


async def _ends(connection: Connection) -> dict[str, datetime]:
    ends: dict[str, datetime] = {}
    for name in connection.credentials:
        try:
            end = await connection.secrets.expires(name)
        except SyncError:
            continue
        if end is not None:
            ends[name.lower()] = end
    return ends


def _aged(moment: datetime, now: datetime) -> dict[str, Any]:
    return {"at": moment, "age_seconds": round((now - moment).total_seconds())}


def _left(end: datetime, now: datetime) -> dict[str, Any]:
    return {"at": end, "left_seconds": round((end - now).total_seconds())}
