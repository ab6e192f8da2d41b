"""The sweeps: what no hint told of is found from watermarks, once, and nothing else is asked for again."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

import shared.app
from sandbox.azurite import Azurite
from sandbox.business_central.settings import DEFAULT_USER
from shared.app import DEFAULT
from shared.domain.envelope import Envelope
from shared.domain.records import Link, State
from shared.engine.sweeps import LEDGER_OVERLAP, OVERLAP, PATIENCE
from shared.ports.storage import StateStore
from shared.triggers import timers
from tests.sandbox.business_central_support import KEY, Case
from tests.triggers.bench import Bench, Timer


@pytest.fixture
async def bench(azurite: Azurite) -> AsyncIterator[Bench]:
    async with Bench(azurite) as running:
        yield running
        assert running.connectwise.breaches == []


async def company(bench: Bench, name: str, **values: Any) -> str:
    made = await bench.connectwise_admin("companies", {"identifier": name, "name": f"{name} Ltd", **values})
    return str(made["id"])


def stamp(bench: Bench, record_id: str, moment: datetime) -> None:
    """Makes ConnectWise say that the record was changed at the moment."""
    record = bench.connectwise.store.get("Company", int(record_id))
    record["_info"]["lastUpdated"] = f"{moment:%Y-%m-%dT%H:%M:%SZ}"


async def watermark(bench: Bench) -> datetime:
    stored = await bench.app.state.load(DEFAULT, "watermark|company")
    return datetime.fromisoformat(stored["at"])


def ids(hints: list[Envelope]) -> list[str]:
    return [hint.id for hint in hints]


async def in_step(bench: Bench, *names: str) -> list[str]:
    """Companies that a sweep found and a pass brought in step."""
    made = [await company(bench, name) for name in names]
    hints = await bench.sweep("company")
    await bench.work([hint for hint in hints if hint.id in made])
    return made


async def test_the_first_sweep_finds_everything_and_the_next_one_nothing(bench: Bench) -> None:
    made = [await company(bench, name) for name in ("A", "B", "C")]
    hints = await bench.sweep("company")
    assert set(made) <= set(ids(hints))
    assert {(hint.entity, hint.why) for hint in hints} == {("company", "catch up")}
    await bench.work(hints)
    newest = max(row["_info"]["lastUpdated"] for row in bench.connectwise.store.rows("Company"))
    assert await watermark(bench) <= datetime.fromisoformat(newest)
    for _ in range(3):
        assert await bench.sweep("company") == []


async def test_an_unfinished_record_is_not_asked_for_twice(bench: Bench) -> None:
    made = await company(bench, "A")
    await bench.sweep("company")
    link = Link("customer", State.RETRYING, open_since=bench.app.clock.now())
    await bench.finish("company", made, link, read=False)
    assert made not in ids(await bench.sweep("company"))


async def test_a_change_is_found_again(bench: Bench) -> None:
    first, _ = await in_step(bench, "A", "B")
    stamp(bench, first, bench.app.clock.now() + timedelta(seconds=5))
    assert ids(await bench.sweep("company")) == [first]


async def test_a_change_in_the_second_of_our_read_is_found(bench: Bench) -> None:
    first, second = await in_step(bench, "A", "B")
    assert await bench.sweep("company") == []
    bench.connectwise.store.get("Company", int(second))["phoneNumber"] = "5550100"
    assert ids(await bench.sweep("company")) == [second]
    assert first != second


async def test_what_is_stamped_a_little_late_is_found_and_what_is_old_is_not_read(bench: Bench) -> None:
    await in_step(bench, "A")
    mark = await watermark(bench)
    late, old = await company(bench, "Late"), await company(bench, "Old")
    stamp(bench, late, mark - OVERLAP + timedelta(seconds=5))
    stamp(bench, old, mark - OVERLAP - timedelta(seconds=5))
    assert ids(await bench.sweep("company")) == [late]
    assert await watermark(bench) >= mark, "the watermark never goes back"


async def test_a_clock_ahead_of_ours_moves_the_watermark_by_its_own_time(bench: Bench) -> None:
    made = await company(bench, "Ahead")
    ahead = bench.app.clock.now() + timedelta(hours=3)
    stamp(bench, made, ahead)
    assert made in ids(await bench.sweep("company"))
    assert await watermark(bench) == ahead.replace(microsecond=0)


async def test_everything_means_everything(bench: Bench) -> None:
    made = await in_step(bench, "A", "B")
    assert set(made) <= set(ids(await bench.sweep("company", everything=True)))


async def test_a_record_that_waits_long_is_asked_for_again(bench: Bench) -> None:
    await in_step(bench, "A")
    now = bench.app.clock.now()
    for record_id, since in (("901", now - PATIENCE * 2), ("902", now)):
        await bench.finish("company", record_id, Link("customer", State.WAITING, open_since=since))
    [hint] = await bench.sweep("company")
    assert (hint.id, hint.why) == ("901", "still waiting")


@dataclass
class Unwritable:
    """A state store that fails to save."""

    inner: StateStore

    async def load(self, connection: str, name: str) -> dict[str, Any]:
        return await self.inner.load(connection, name)

    async def save(self, connection: str, name: str, value: dict[str, Any]) -> None:
        raise OSError("no storage")


async def test_a_crash_before_the_watermark_is_stored_loses_nothing(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = await company(bench, "A")
    with monkeypatch.context() as patch:
        patch.setattr(bench.app.sweeper, "state", Unwritable(bench.app.state))
        with pytest.raises(OSError, match="no storage"):
            await bench.sweep("company")
    assert made in ids(await bench.hints())
    assert await bench.app.state.load(DEFAULT, "watermark|company") == {}
    assert made in ids(await bench.sweep("company"))


async def run(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, timer: Any, *, past_due: bool = False
) -> list[Envelope]:
    """Runs a timer function; returns the sweep messages that it queued."""
    monkeypatch.setattr(shared.app, "_app", bench.app)
    await timer(Timer(past_due))
    return await bench.swept()


async def test_the_timers_only_queue_sweeps(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    subjects = bench.app.registry.subjects()
    with_path = {subject.name for subject in subjects if subject.path}
    from_central = {subject.name for subject in subjects if subject.business_central}

    messages = await run(bench, monkeypatch, timers.catch_up)
    assert {message.entity for message in messages} == with_path | {"hooks", "figures"}
    assert [message.why for message in messages if message.entity == "hooks"] == ["first start"]
    await bench.app.state.save(DEFAULT, "hooks", {"at": "2026-01-01"})
    messages = await run(bench, monkeypatch, timers.catch_up, past_due=True)
    assert {message.entity for message in messages} == with_path | {"figures"}
    assert {message.why for message in messages} == {"timer past due"}

    messages = await run(bench, monkeypatch, timers.sweep_payments)
    assert {message.entity for message in messages} >= from_central
    assert {(message.id, message.connection) for message in messages} == {("*", DEFAULT)}

    [message] = await run(bench, monkeypatch, timers.keep_hooks)
    assert message.entity == "hooks"
    [message] = await run(bench, monkeypatch, timers.tidy)
    assert message.entity == "retention"
    assert sum(bench.connectwise.calls.values()) + sum(bench.business_central.calls.values()) == 0


@pytest.fixture
async def central(bench: Bench) -> AsyncIterator[Case]:
    async with httpx.AsyncClient(auth=(DEFAULT_USER, KEY), timeout=30) as api:
        yield Case(bench.business_central, bench.business_central_url, api)


async def posted(bench: Bench, central: Case, invoice_id: str) -> str:
    """An invoice that was posted for a ConnectWise invoice; returns its number."""
    row = await central.posted(amount="100")
    link = Link("sales_invoice", State.DONE, str(row["id"]), str(row["number"]), step="done")
    link.facts = {"bc_total": row["totalAmountIncludingTax"], "currency": ""}
    await bench.finish("invoice", invoice_id, link)
    return str(row["number"])


async def pay(central: Case, number: str, document: str, amount: str) -> None:
    application = {"documentNumber": number, "amount": amount}
    await central.admin(
        "ledger/post",
        {"customerNumber": "C1", "amount": amount, "documentNumber": document, "applications": [application]},
    )


async def test_new_applications_are_found_once(bench: Bench, central: Case) -> None:
    first, second = await posted(bench, central, "501"), await posted(bench, central, "502")
    assert await bench.sweep("settlement", full=False) == []
    await pay(central, first, "P1", "40")
    [hint] = await bench.sweep("settlement", full=False)
    assert (hint.entity, hint.id, hint.why) == ("settlement", "501", "ledger")
    assert await bench.sweep("settlement", full=False) == []
    await pay(central, first, "P2", "60")
    await pay(central, second, "P3", "10")
    assert ids(await bench.sweep("settlement", full=False)) == ["501", "502"]
    assert await bench.sweep("settlement", full=False) == []


async def test_entries_are_read_again_below_the_watermark_but_not_those_seen(
    bench: Bench, central: Case
) -> None:
    number = await posted(bench, central, "501")
    await pay(central, number, "P1", "40")
    await bench.sweep("settlement", full=False)
    stored = await bench.app.state.load(DEFAULT, "watermark|ledger")
    highest = stored["entry"]
    assert highest == max(stored["seen"])
    for seen, above, found in (
        (stored["seen"], 0, []),
        ([], LEDGER_OVERLAP - highest, ["501"]),
        ([], LEDGER_OVERLAP + 1, []),
    ):
        await bench.app.state.save(DEFAULT, "watermark|ledger", {"entry": highest + above, "seen": seen})
        assert ids(await bench.sweep("settlement", full=False)) == found


async def test_the_full_look_compares_what_is_open(bench: Bench, central: Case) -> None:
    number = await posted(bench, central, "501")
    assert await bench.sweep("settlement") == []
    await pay(central, number, "P1", "40")
    await bench.sweep("settlement", full=False)
    [hint] = await bench.sweep("settlement")
    assert (hint.id, hint.why) == ("501", "remaining amount")


async def test_a_notification_is_about_our_invoices_only(bench: Bench, central: Case) -> None:
    await posted(bench, central, "501")
    foreign = await central.posted(amount="5")
    record = await bench.app.store.get(Envelope(DEFAULT, "invoice", "501", "", bench.app.clock.now()).ref)
    assert record is not None
    own = str(record.links["sales_invoice"].target_id)
    [hint] = await bench.sweep("settlement", own)
    assert (hint.entity, hint.id, hint.why) == ("settlement", "501", "notification")
    assert await bench.sweep("settlement", str(foreign["id"])) == []
