"""The job that every integration engine does: a callback, read the company, make or change the customer.

Each engine does it alone between the same stand-ins, with the same driver, in the same run.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sandbox.bench.figures import Figures
from sandbox.bench.ground import NUMBER, Ground, in_ms, latencies
from sandbox.bench.opponents import Opponent, floor, install_node_red, node_red
from sandbox.demo.waiting import quiet

AT_ONCE: Final = 10
STORM_AT_ONCE: Final = 50
STORM_RECORDS: Final = 20
ACK_MS: Final = 50.0
E2E_MS: Final = 400.0
N8N_EVENTS_PER_SECOND: Final = 17.0
"""Measured with n8n 2.40 on this job, 20 ms a call, two cores; its licence keeps it out of this run."""
FASTER: Final = 3.0
FAULTS: Final = (0.075, 0.20, 0.50)
STORAGE_PER_EVENT: Final = 6.0
SETTLE_SECONDS: Final = 60.0
FAULTY_SECONDS: Final = 240.0


@dataclass(frozen=True, slots=True)
class Steady:
    """How long an event took while ten were in flight, each from its sending to its write."""

    ack_ms: float
    e2e_ms: float


@dataclass(frozen=True, slots=True)
class Pace:
    """How an engine took a burst: events sent as fast as ten at a time are acknowledged."""

    ack_ms: float
    per_second: float
    calls: float
    cpu_ms: float
    storage: Counter[str]
    missing: int


async def steady(ground: Ground, ids: Sequence[int], action: str, engine: Opponent | None = None) -> Steady:
    """One event for each company; the next is sent when one of ten has led to its write.

    The first ten are left out: they find a queue that was idle, into which the host looks every two seconds
    (``maxPollingInterval`` of host.json), and measure that rest.
    """
    ground.writes.clear()
    sent = await ground.send(ids, AT_ONCE, action, engine.url if engine else "", until_written=True)
    sent = sorted(sent, key=lambda one: one.at)[AT_ONCE:]
    return Steady(in_ms([one.seconds for one in sent], 0.95), in_ms(latencies(sent, ground.writes), 0.95))


async def burst(ground: Ground, ids: Sequence[int], action: str, engine: Opponent | None = None) -> Pace:
    """One event for each company, ten posts at a time; until every one has led to a write."""
    ground.writes.clear()
    calls, began = await ground.calls(), time.monotonic()
    meters = await ground.meters() if engine is None else None
    cpu = engine.cpu() if engine else 0.0
    sent = await ground.send(ids, AT_ONCE, action, engine.url if engine else "")
    wanted = {NUMBER.format(one) for one in ids}
    await ground.until(lambda: wanted <= {write.number for write in ground.writes}, SETTLE_SECONDS)
    took = max((write.at for write in ground.writes), default=began + SETTLE_SECONDS) - began
    if meters is not None:
        await quiet(ground.stage)
        used = (await ground.meters()).since(meters)
        cpu_ms, storage = 1000 * used.cpu / len(ids), used.storage
    else:
        assert engine is not None
        cpu_ms, storage = 1000 * (engine.cpu() - cpu) / len(ids), Counter[str]()
    return Pace(
        in_ms([one.seconds for one in sent], 0.95),
        len(ids) / took,
        sum(((await ground.calls()) - calls).values()) / len(ids),
        cpu_ms,
        storage,
        len(wanted - {write.number for write in ground.writes}),
    )


async def opponents(ground: Ground, events: int) -> tuple[Figures, dict[str, Pace]]:
    """Node-RED and the bare floor, one after the other, while the functions are stopped."""
    part, paces = Figures("The same job in other ways"), dict[str, Pace]()
    engines = [floor(ground)]
    if await install_node_red():
        engines.append(node_red(ground))
    else:
        part.note("Node-RED", "could not be installed: npm gave nothing")
    for engine in engines:
        await engine.start()
        try:
            ids = await ground.companies(events)
            await burst(ground, ids[:AT_ONCE], "added", engine)
            paces[engine.name] = pace = await burst(ground, ids[AT_ONCE:], "added", engine)
            even = await steady(ground, await ground.companies(events), "added", engine)
            part.note(
                f"{engine.name}: new customers",
                f"ten in flight: ack p95 {even.ack_ms:.0f} ms, e2e p95 {even.e2e_ms:.0f} ms; in a burst: "
                f"{pace.per_second:.1f} events/s, {pace.calls:.1f} calls, {pace.cpu_ms:.1f} ms CPU an event",
            )
            extra, _ = await storm(ground, engine, events)
            part.note(f"{engine.name}: storm on {STORM_RECORDS} records, extra customers", str(extra))
            part.note(
                f"{engine.name}: killed in a burst, acknowledged and lost",
                str(await killed(ground, engine, events)),
            )
        finally:
            await engine.kill()
    return part, paces


async def storm(ground: Ground, engine: Opponent | None, events: int) -> tuple[int, int]:
    """Ten events in a row for each of a few new companies: customers beyond one each, most writes of one."""
    ids = await ground.companies(STORM_RECORDS)
    ground.writes.clear()
    stormy = [ids[number * STORM_RECORDS // events] for number in range(events)]
    await ground.send(stormy, STORM_AT_ONCE, "updated", engine.url if engine else "")
    wanted = {NUMBER.format(one) for one in ids}
    await ground.until(lambda: wanted <= {write.number for write in ground.writes}, SETTLE_SECONDS)
    if engine is None:
        await quiet(ground.stage)
    else:
        await ground.until(lambda: time.monotonic() - ground.writes[-1].at > 1.0, SETTLE_SECONDS)
    mine = Counter(number for number in ground.customers() if number in wanted)
    writes = Counter(write.number for write in ground.writes)
    return sum(mine.values()) - len(mine), max(writes.values(), default=0)


async def killed(ground: Ground, engine: Opponent | None, events: int) -> int:
    """SIGKILL after a third of a burst, start again: events that were acknowledged and never arrived."""
    ids = await ground.companies(events)
    ground.writes.clear()
    sending = asyncio.create_task(ground.send(ids, STORM_AT_ONCE, "added", engine.url if engine else ""))
    await ground.until(lambda: len(ground.writes) >= events // 3, SETTLE_SECONDS)
    if engine is None:
        await ground.stage.crash()
    else:
        await engine.kill()
        await engine.start()
    acknowledged = {NUMBER.format(one.record) for one in await sending if 200 <= one.status < 300}
    patience = SETTLE_SECONDS if engine is None else 3.0
    await ground.until(lambda: acknowledged <= set(ground.customers()), patience)
    return len(acknowledged - set(ground.customers()))


async def own(ground: Ground, events: int, paces: dict[str, Pace]) -> tuple[Figures, Pace, Pace]:
    """The product on the job, beside what the others took."""
    part = Figures("Shared bench: companies to customers, 20 ms a call")
    ids, others = await ground.companies(events), await ground.companies(events)
    # As for the others: what a burst measures shall not begin with an idle queue, or a first connection.
    await burst(ground, await ground.companies(AT_ONCE), "added")
    made, new = await burst(ground, ids, "added"), await steady(ground, others, "added")
    await quiet(ground.stage)
    await ground.edit([*ids, *others], phoneNumber="+44 113 496 0001")
    changed, old = await burst(ground, ids, "updated"), await steady(ground, others, "updated")
    for name, even in (("new", new), ("changed", old)):
        part.at_most(f"{name}: ack p95, stored in the queue, ten in flight", even.ack_ms, ACK_MS, "ms")
        part.at_most(f"{name}: e2e p95, ten in flight", even.e2e_ms, E2E_MS, "ms")
    for name, pace in (("new", made), ("changed", changed)):
        part.note(f"{name}: ack p95 in a burst of ten posts at a time", f"{pace.ack_ms:.0f} ms")
    part.at_least(
        "new: events/s, at least 3 x n8n's 17", made.per_second, FASTER * N8N_EVENTS_PER_SECOND, "/s"
    )
    part.at_least(
        "changed: events/s, at least 3 x n8n's 17", changed.per_second, FASTER * N8N_EVENTS_PER_SECOND, "/s"
    )
    part.at_most("changed: calls an event", changed.calls, 2.0, digits=2)
    part.at_most("unchanged: calls an event", await unchanged(ground, ids), 1.1, digits=2)
    part.note("new: calls an event (with the number written back)", f"{made.calls:.2f}")
    for name, pace in paces.items():
        part.note(f"new: events/s against {name}", f"{made.per_second / pace.per_second:.2f} x")
    if bare := paces.get("bare floor"):
        ratio = made.cpu_ms / bare.cpu_ms if bare.cpu_ms else 0.0
        part.note(
            "new: CPU an event against the floor", f"{made.cpu_ms:.1f} / {bare.cpu_ms:.1f} ms, {ratio:.1f} x"
        )
    extra, most = await storm(ground, None, events)
    part.at_most(f"storm of {events} on {STORM_RECORDS} records: extra customers", extra, 0, digits=0)
    part.at_most("storm: most writes of one record", most, 2, digits=0)
    return part, made, changed


async def unchanged(ground: Ground, ids: Sequence[int]) -> float:
    """Calls for each event about a company in which nothing has changed."""
    await quiet(ground.stage)
    calls = await ground.calls()
    await ground.send(ids, AT_ONCE)
    await quiet(ground.stage)
    return sum(((await ground.calls()) - calls).values()) / len(ids)


async def faults(events: int) -> Figures:
    """Writes that fail in three ways, at three rates: what is lost, what is there twice."""
    part = Figures("Faults on each write: 503, reset, done but answer lost")
    async with Ground(settings={"DYNACONNECT_OPERATION_SECONDS": "2"}, backoff=0.5) as ground:
        for rate in FAULTS:
            kinds = ("status", "reset", "lost")
            await ground.set_faults(
                [
                    {"kind": kind, "route": f"{method} ", "rate": rate / 3}
                    for kind in kinds
                    for method in ("POST", "PATCH")
                ]
            )
            ids = await ground.companies(events)
            await ground.send(ids, AT_ONCE, "added")
            wanted = {NUMBER.format(one) for one in ids}
            await ground.until(lambda wanted=wanted: wanted <= set(ground.customers()), FAULTY_SECONDS)  # type: ignore[misc]
            await ground.set_faults([])
            await quiet(ground.stage)
            found = Counter(number for number in ground.customers() if number in wanted)
            part.at_most(f"{rate:.1%} of writes: lost", len(wanted - set(found)), 0, digits=0)
            part.at_most(f"{rate:.1%} of writes: twice", sum(found.values()) - len(found), 0, digits=0)
    return part


async def crash(events: int) -> Figures:
    """The functions killed in mid-burst."""
    part = Figures("SIGKILL in a burst")
    short = {"DYNACONNECT_LEASE_SECONDS": "5", "DYNACONNECT_OPERATION_SECONDS": "6"}
    async with Ground(latency=0.1, invisibility=5, settings=short, backoff=0.5) as ground:
        lost = await killed(ground, None, events)
        await quiet(ground.stage)
        found = Counter(ground.customers())
        part.at_most(f"{events} events: acknowledged and lost", lost, 0, digits=0)
        part.at_most("there twice", sum(found.values()) - len(found), 0, digits=0)
    return part
