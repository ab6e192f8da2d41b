"""History ends after its months, a bounded amount at a time, and nothing else does."""

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.azurite import Azurite
from shared.app import DEFAULT, App
from shared.domain.envelope import RETENTION, Envelope
from shared.domain.people import Person, Role
from shared.domain.records import RecordRef
from shared.engine.retention import NAME, months_before
from shared.reconcile.results import HEAD, PART
from shared.triggers.queues import run_sweep
from tests.adapters.support import done, held
from tests.triggers.bench import Bench
from tests.upkeep.support import every, kinds, passed, removed, values

NOW = datetime(2026, 11, 28, 3, 41, tzinfo=UTC)
KEPT = datetime(2025, 11, 1, tzinfo=UTC)
"""Twelve months, and the one that runs."""


@pytest.fixture
async def bench(azurite: Azurite) -> AsyncIterator[Bench]:
    async with Bench(azurite) as running:
        yield running


async def history(app: App) -> None:
    """Records with old and new attempts, a document under way, who waits, audit, runs, given-up messages."""
    old = [KEPT - timedelta(days=day, seconds=1) for day in range(5)]
    await passed(app, RecordRef(DEFAULT, "company", "1"), done("customer", "A", "C1"), *old, KEPT)
    await passed(app, RecordRef(DEFAULT, "company", "2"), held("customer"), *old)
    under_way = done("sales_invoice", "B")
    under_way.step = "draft"
    await passed(app, RecordRef(DEFAULT, "invoice", "3"), under_way, *old)
    await app.store.add_waiter(RecordRef(DEFAULT, "company", "9"), RecordRef(DEFAULT, "invoice", "3"))
    await app.store.claims.claim(RecordRef(DEFAULT, "company", "1"), "customers", "C1")
    await app.state.save(DEFAULT, "poison|1", {"text": "old", "at": "2020-01-01"})
    await app.state.save(DEFAULT, "watermark|company", {"at": "2020-01-01"})
    person = Person("11111111-2222-4333-8444-555555555555", Role.OPERATOR)
    for month in ("2024-10", "2024-11", "2026-11"):
        row = {"at": month, "person": person.object_id}
        await app.state.save(f"audit|{month}", f"action|{month}", row)
    runs = {"20250901T022300000000Z-aa": 2, "20251031T022300000000Z-bb": 1, "20251101T022300000000Z-cc": 1}
    for run, parts in runs.items():
        for number in range(parts):
            await app.state.save(DEFAULT, f"{PART}{run}|proofs|{number:05d}", {"rows": []})
        await app.state.save(DEFAULT, f"{HEAD}{run}", {"state": "done", "parts": {"proofs": parts}})
    await app.state.save(DEFAULT, f"{PART}20250801T022300000000Z-dd|proofs|00000", {"rows": []})


async def test_months_that_are_over_go_and_all_else_stays(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two rows a page and one page a message: a run of many steps, of which one dies before it is noted."""
    app = bench.app
    await history(app)
    before = await every(app)
    monkeypatch.setattr(app.retention.old, "page", 2)
    monkeypatch.setattr(app.retention.old, "pages", 1)
    message = Envelope(DEFAULT, RETENTION, "*", "timer", NOW)
    steps, died = 0, False
    while True:
        steps += 1
        saved = await app.state.load(DEFAULT, NAME)
        if not died and saved.get("todo", [""])[0] == "attempts company":
            died = True
            await run_sweep(app, message)
            await app.state.save(DEFAULT, NAME, saved)
            await bench.swept()
        await run_sweep(app, message)
        again = await bench.swept()
        if not again:
            break
        assert again == [message]
    assert steps > 10
    left = await every(app)
    gone = before - left
    assert {kind: count for kind, count in kinds(gone).items() if len(kind) == 1} == {"a": 10}
    # Those of the record that is held stay, and the new one of the record that is done.
    assert kinds(left)["a"] == 6
    assert {row for _, row in gone if row[:2] != "a|"} == {
        "action%7C2024-10",
        *(f"reconcile%7C{run}" for run in ("20250901T022300000000Z-aa", "20251031T022300000000Z-bb")),
        "reconcile_part%7C20250801T022300000000Z-dd%7Cproofs%7C00000",
        "reconcile_part%7C20250901T022300000000Z-aa%7Cproofs%7C00000",
        "reconcile_part%7C20250901T022300000000Z-aa%7Cproofs%7C00001",
        "reconcile_part%7C20251031T022300000000Z-bb%7Cproofs%7C00000",
    }
    record = await app.store.get(RecordRef(DEFAULT, "invoice", "3"))
    assert record is not None
    assert record.links["sales_invoice"].step == "draft"
    assert await app.store.take_waiters(RecordRef(DEFAULT, "company", "9"))

    shown = (await app.health.look())["connections"][DEFAULT]["retention"]
    assert shown["kept_since"] == {"history": "2025-11-01", "audit": "2024-11-01"}
    assert shown["ended"]
    # The step that died removed two attempts that are not in the count.
    assert removed(shown) == {"attempts": 8, "reconciliations": 6, "audit": 1}

    # Delivered once more, the message does nothing; the next night's finds nothing.
    await run_sweep(app, message)
    assert (await app.state.load(DEFAULT, NAME))["ended"] == shown["ended"]
    monkeypatch.setattr(app.retention.old, "pages", 100)
    night = Envelope(DEFAULT, RETENTION, "*", "timer", NOW + timedelta(days=1))
    await run_sweep(app, night)
    while await bench.swept():
        await run_sweep(app, night)
    assert removed(await app.state.load(DEFAULT, NAME)) == {}
    assert await every(app) == left


async def test_the_newest_run_stays_however_old(bench: Bench) -> None:
    app = bench.app
    for run in ("20200101T022300000000Z-aa", "20200102T022300000000Z-bb"):
        await app.state.save(DEFAULT, f"{PART}{run}|proofs|00000", {"rows": []})
        await app.state.save(DEFAULT, f"{HEAD}{run}", {"state": "done", "parts": {"proofs": 1}})
    assert await app.retention.results.drop_before(DEFAULT, NOW, app.retention.old) == (2, True)
    assert await values(app, DEFAULT, "reconcile") == [
        "reconcile|20200102T022300000000Z-bb",
        "reconcile_part|20200102T022300000000Z-bb|proofs|00000",
    ]


@given(st.dates(date(2000, 1, 1), date(2100, 1, 1)), st.integers(1, 120))
def test_months_are_whole(day: date, months: int) -> None:
    first = months_before(datetime(day.year, day.month, day.day, 3, 41, tzinfo=UTC), months)
    assert (first.day, first.hour, first.minute, first.second, first.microsecond) == (1, 0, 0, 0, 0)
    assert (day.year - first.year) * 12 + day.month - first.month == months
