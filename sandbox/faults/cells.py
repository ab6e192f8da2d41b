"""One cell of the matrix: a fault at an endpoint in a scene, and what became of the record."""

import logging
from dataclasses import dataclass, field
from typing import Final, Literal

from sandbox.faults.kinds import fault_of
from sandbox.faults.scenes import Scene
from sandbox.faults.world import FaultWorld
from shared.app import DEFAULT
from shared.domain.errors import SyncError
from shared.domain.records import State
from shared.engine.kinds.attachments import GONE
from shared.engine.kinds.dimensions import MISSING_VALUE
from shared.ports.storage import OpenItem

TRIES: Final = 2
"""How often the work is tried while the fault lasts."""

BACK: Final = "goes back to the queue"
LATER: Final = "cannot be taken now"
FOUND: Final = "no callback told of"

type Verdict = Literal["done", "retried", "held", "waits", "left out", "listed"]
type Wrong = Literal["", "silent", "unexplained", "lost", "doubled", "breach", "not met"]


@dataclass(slots=True)
class Cell:
    """What a fault at an endpoint led to. ``wrong`` is empty where the promise was kept."""

    scene: str
    system: str
    endpoint: str
    fault: str
    verdict: Verdict = "done"
    cause: str = ""
    reason: str = ""
    todo: str = ""
    by_host: bool = False
    wrong: Wrong = ""
    detail: str = ""
    hits: int = 0
    log: list[str] = field(default_factory=list)

    @property
    def is_explained(self) -> bool:
        """Whether a person can read why, and what to do."""
        if self.verdict == "done":
            return True
        return bool(self.reason) and bool(self.cause)


async def endpoints_of(world: FaultWorld, scene: Scene, number: int) -> list[tuple[str, str]]:
    """What the product calls in the scene when all goes well, system and endpoint."""
    key = await scene.make(world, number)
    await world.drain()
    await world.restart_without_faults()
    await scene.begin(world, key)
    world.seen.clear()
    await scene.work(world, key)
    await scene.resume(world)
    await world.drain()
    seen = sorted(world.seen)
    await scene.settle(world, key)
    await scene.check(world, key)
    return seen


async def run(world: FaultWorld, scene: Scene, system: str, endpoint: str, kind: str, number: int) -> Cell:
    """Plays the scene under the fault, then without it, and judges."""
    cell = Cell(scene.name, system, endpoint, kind)
    key = await scene.make(world, number)
    await world.drain()
    await world.restart_without_faults()
    world.log.lines.clear()
    world.crashes.clear()
    breaches = len(world.breaches)
    await scene.begin(world, key)
    fault = fault_of(kind, system, endpoint)
    before = fault.times
    world.break_(system, fault)
    for _ in range(TRIES):
        await scene.work(world, key)
    world.mend_all()
    cell.hits = before - fault.times
    cell.by_host = bool(world.crashes)
    refused = await scene.resume(world)
    if isinstance(refused, SyncError):
        cell.verdict, cell.cause = "retried", refused.cause
        cell.reason, cell.todo = refused.operator, refused.todo
    elif refused is not None:
        cell.verdict, cell.cause, cell.reason = "retried", "host", str(refused)[:200]
    else:
        await _observe(world, scene, key, cell)
    await _recover(world, scene, key, cell)
    cell.log = [text for _, text in world.log.lines][-12:]
    if not cell.wrong and len(world.breaches) > breaches:
        cell.wrong, cell.detail = "breach", str(world.breaches[breaches])
    if not cell.wrong and not cell.hits:
        cell.wrong = "not met"
    if not cell.wrong and not cell.is_explained:
        cell.wrong = "unexplained"
    return cell


async def _observe(world: FaultWorld, scene: Scene, key: str, cell: Cell) -> None:
    items = await scene.items(world, key)
    if items:
        _take(cell, min(items, key=lambda item: list(State).index(item.state)))
        return
    if await world.tries() or _is_asked_again(world):
        cell.verdict = "retried"
        _explain_by_log(world, cell)
        others = await world.app.desk.work(DEFAULT)
        if others and not cell.is_explained:
            # What is queued is about another record, which says why by itself.
            cell.cause, cell.reason, cell.todo = others[0].cause, others[0].reason, others[0].todo
        return
    try:
        await scene.check(world, key)
    except (AssertionError, ValueError, KeyError, IndexError) as error:
        if not await _is_listed(world, key, cell) and not _is_left_out(await _links(world, key), cell):
            cell.wrong, cell.detail = "silent", f"nothing is open and nothing is queued: {error!r}"[:300]


def _take(cell: Cell, item: OpenItem) -> None:
    names: dict[State, Verdict] = {State.RETRYING: "retried", State.HELD: "held", State.WAITING: "waits"}
    cell.verdict = names[item.state]
    cell.cause, cell.reason, cell.todo = item.cause, item.reason, item.todo


def _is_asked_again(world: FaultWorld) -> bool:
    """Whether the last delivery was answered so that its sender repeats it."""
    deliveries = [text for _, text in world.log.lines if text.startswith("delivery of ")]
    return bool(deliveries) and LATER in deliveries[-1]


def _explain_by_log(world: FaultWorld, cell: Cell) -> None:
    """Where the record's own row could not say why, a line of the log does, which an alert watches."""
    lines = [text for level, text in world.log.lines if level >= logging.WARNING]
    told = next((text for text in reversed(lines) if any(word in text for word in (BACK, LATER, FOUND))), "")
    cell.cause, cell.reason = told.rpartition(": ")[2], told
    if not told and world.crashes:
        cell.cause, cell.reason = "host", world.crashes[-1]


async def _links(world: FaultWorld, key: str) -> list[tuple[State, str, str]]:
    found = []
    for subject in world.app.registry.subjects():
        record = await world.app.store.get(world.envelope(subject.name, key).ref)
        if record is not None:
            found += [(link.state, link.cause, link.reason) for link in record.links.values()]
        async for attempt in world.app.store.attempts(world.envelope(subject.name, key).ref):
            found.append((State(attempt["state"]), str(attempt["cause"]), str(attempt["reason"])))
            break
    return found


async def _is_listed(world: FaultWorld, key: str, cell: Cell) -> bool:
    """Whether the report of missing dimension values names the record: a person makes the value there."""
    for subject in world.app.registry.subjects():
        record = await world.app.store.get(world.envelope(subject.name, key).ref)
        if record is not None and any(MISSING_VALUE in link.facts for link in record.links.values()):
            cell.verdict, cell.cause = "listed", "dimension_value_missing"
            cell.reason = "GET /api/dimensions/missing names the value and the record that needs it."
            return True
    return False


def _is_left_out(links: list[tuple[State, str, str]], cell: Cell) -> bool:
    for state, cause, reason in links:
        if state is State.OUT_OF_SCOPE and reason:
            cell.verdict, cell.cause, cell.reason = "left out", cause or "out of scope", reason
            return True
    return False


async def _is_told_gone(world: FaultWorld, key: str, cell: Cell) -> bool:
    """Whether a document went without a file because ConnectWise said that it has it no longer, and says so."""
    for subject in world.app.registry.subjects():
        async for attempt in world.app.store.attempts(world.envelope(subject.name, key).ref):
            if GONE in str(attempt["reason"]):
                cell.verdict, cell.cause, cell.reason = "left out", "file gone", str(attempt["reason"])
                return True
    return False


async def _recover(world: FaultWorld, scene: Scene, key: str, cell: Cell) -> None:
    """The fault is over: everything comes to rest, a person retries what is held, and both systems agree."""
    await scene.settle(world, key)
    if any(item.state is State.HELD for item in await scene.items(world, key)):
        await world.app.desk.retry(DEFAULT)
        await scene.settle(world, key)
    if cell.verdict == "left out" or (not scene.lasting and cell.verdict != "done"):
        await scene.again(world, key)
        await scene.settle(world, key)
    if cell.verdict == "listed":
        return
    left = await scene.items(world, key)
    poison = [value async for _, value in world.app.desk.poison(DEFAULT)]
    try:
        await scene.check(world, key)
    except (AssertionError, ValueError, KeyError, IndexError) as error:
        if not await _is_told_gone(world, key, cell):
            cell.wrong = cell.wrong or "lost"
            cell.detail += f" after the fault: {error!r}"[:600]
    twice = [number for number, count in world.business_central.environment.postings.items() if count > 1]
    if twice:
        cell.wrong, cell.detail = "doubled", f"posted more than once: {twice}"
    if left and not cell.wrong:
        cell.wrong, cell.detail = "lost", f"still open: {left[0]}"
    if poison and not cell.wrong:
        cell.wrong, cell.detail = "lost", f"given up: {poison[0]}"
