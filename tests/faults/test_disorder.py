"""Callbacks that come late, often, in any order or not at all: the same end, found and healed by the timers."""

import itertools
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Final, cast

import pytest

from sandbox.connectwise.callback_rules import ENTITY
from sandbox.kit import Json
from sandbox.outage import run_timers
from shared.adapters.storage.records import TableRecordStore
from shared.app import DEFAULT
from shared.domain.envelope import GUARD
from shared.domain.records import RecordRef
from shared.engine.figures import registrations
from shared.ports.storage import Lease
from shared.triggers.queues import KEEP_HOOKS
from tests.conformance.invoicing import Invoicing
from tests.conformance.scenes import set_up
from tests.conformance.world import World

CITIES: Final = ("Tampa", "Miami", "Naples", "Orlando")
LATE: Final = timedelta(hours=72)


async def company(world: World, name: str = "Buyer") -> str:
    return str((await world.cw("companies", {"identifier": name, "name": f"{name} Ltd"}))["id"])


def customers(world: World, name: str = "Buyer") -> list[Json]:
    return world.bc_records("customers", displayName=f"{name} Ltd")


def is_in_step(world: World, record: str, name: str = "Buyer") -> None:
    source = world.cw_record("Company", record)
    [customer] = customers(world, name)
    assert (customer["city"], customer["number"]) == (source.get("city") or "", source["accountNumber"])


async def timers(world: World) -> None:
    """Five minutes later the timers run."""
    world.clock.advance(timedelta(minutes=5))
    await run_timers()
    await world.drain()


async def test_every_order_of_four_changes_ends_the_same(world: World) -> None:
    for number, order in enumerate(itertools.permutations(range(4))):
        name = f"Buyer{number}"
        record = await company(world, name)
        hints = []
        for city in CITIES:
            await world.cw(f"companies/{record}", {"city": city})
            hints.append(world.envelope("company", record))
        for at in order:
            await world.deliver(hints[at])
        await world.drain()
        is_in_step(world, record, name)


@pytest.mark.parametrize("behind", [timedelta(0), timedelta(seconds=40)])
async def test_a_change_in_the_second_of_the_read_is_found_without_a_callback(
    world: World, behind: timedelta
) -> None:
    """ConnectWise stamps whole seconds, by a clock of its own: the second change carries the stamp that was read."""
    stamped = world.clock.now() - behind
    world.connectwise.store.clock = lambda: stamped
    record = await company(world)
    await world.deliver(world.envelope("company", record))
    await world.drain()
    is_in_step(world, record)
    await world.cw(f"companies/{record}", {"city": CITIES[0]})
    await timers(world)
    is_in_step(world, record)


async def test_a_guard_stays_while_the_record_is_still_held(world: World) -> None:
    """A pass that takes its steps holds its record longer than at first; should it die then, the guard is there."""
    record = await company(world)
    await world.deliver(world.envelope("company", record))
    await world.drain()
    ref = RecordRef(DEFAULT, "company", record)
    other = replace(cast("TableRecordStore", world.app.store), owner="another process")
    assert isinstance(await other.begin(ref, world.clock.now(), same_clock=True, impatient=True), Lease)
    guard = replace(world.envelope("company", record), why=GUARD)
    for _ in range(2):
        await world.app.pipeline.handle(guard)
    assert await world.messages() == 1 + 2, "one that the record's mark left, and each guard itself again"
    await world.cw(f"companies/{record}", {"city": CITIES[0]})
    await world.drain()
    is_in_step(world, record)


async def test_tenfold_callbacks_cost_one_write(world: World) -> None:
    work = Invoicing(world)
    await set_up(world, work, work.open)
    record = await work.invoice(work.lines())
    hints = [world.envelope("invoice", record) for _ in range(10)]
    for hint in hints:
        await world.deliver(hint)
    await world.drain()
    work.check_posted(record)
    traffic = world.traffic()
    for hint in reversed(hints):
        await world.deliver(hint)
    await world.drain()
    assert traffic.calls == 0, traffic.routes


async def test_callbacks_that_are_72_hours_late(world: World) -> None:
    work = Invoicing(world)
    await set_up(world, work, work.open)
    record = await work.invoice(work.lines())
    early = world.envelope("invoice", record)
    await world.sync("invoice", record)
    await work.pay({record: "20.05"}, documentNumber="PAY-1")
    await timers(world)
    world.clock.advance(LATE)
    traffic = world.traffic()
    for _ in range(3):
        await world.deliver(early)
    await world.drain()
    assert traffic.writes == 0, traffic.routes
    work.check_posted(record)
    work.check_paid(record, "20.05")


async def test_callbacks_lost_altogether_are_made_up_by_the_timers(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    await timers(world)
    work = Invoicing(world)
    await world.cw("settings", {"lose_callbacks": True})
    await world.register_hooks()
    await timers(world)
    work.payer = await company(world)
    await timers(world)
    is_in_step(world, work.payer)
    record = await work.invoice([{"kind": "service", "amount": "120.00"}])
    await timers(world)
    work.check_posted(record)
    await work.pay({record: "20.05"}, documentNumber="PAY-1")
    await timers(world)
    work.check_paid(record, "20.05")
    assert any("no callback told of " in line for line in caplog.messages), "the alert callbacks-missing"


async def lose_callbacks(world: World) -> None:
    """As ConnectWise does after three days of failures."""
    await world.cw("callbacks/disable", {})


async def lose_subscriptions(world: World) -> None:
    """As Business Central does after an answer that displeases it."""
    await world.bc("subscriptions/drop", {})


async def copy_environment(world: World) -> None:
    """A copied environment has no webhook at all, and the ConnectWise sandbox none either."""
    await world.cw("callbacks/drop", {})
    await world.bc("subscriptions/drop", {})


@pytest.mark.parametrize("lose", [lose_callbacks, lose_subscriptions, copy_environment])
async def test_hooks_that_are_gone_are_found_and_healed(
    world: World, caplog: pytest.LogCaptureFixture, lose: Callable[[World], Awaitable[None]]
) -> None:
    await world.app.queue.send_sweep(world.envelope(KEEP_HOOKS, "*", "timer"))
    await world.drain()
    wanted = {row["type"] for row in world.connectwise.store.rows(ENTITY)}
    sets = {one.set_name for one in world.business_central.webhooks.live()}
    await lose(world)
    record = await company(world)
    assert "were gone" not in caplog.text
    world.clock.advance(timedelta(hours=6))
    await world.app.queue.send_sweep(world.envelope(KEEP_HOOKS, "*", "timer"))
    await world.drain()
    rows = [row for row in world.connectwise.store.rows(ENTITY) if not row["inactiveFlag"]]
    assert {row["type"] for row in rows} == wanted
    assert {one.set_name for one in world.business_central.webhooks.live()} == sets
    is_in_step(world, record)
    told = [line for line in caplog.record_tuples if "were gone and are there again" in line[2]]
    assert told, "what the runbook looks for"
    assert told[0][1] == logging.WARNING
    kept = await world.app.state.load(DEFAULT, "hooks")
    assert [one for one in registrations(kept) if not one[2]], "callback-disabled or subscription-gone"
