"""A short run of the bench: its counts, not its times, which are those of the machine."""

import json
from collections.abc import AsyncIterator
from xml.etree import ElementTree as ET

import pytest

from sandbox.bench import growth, shared
from sandbox.bench.figures import Figures, kept, share, shown
from sandbox.bench.ground import Ground
from sandbox.bench.host import kind_of
from sandbox.bench.plot import Series, plot

EVENTS = 8


@pytest.fixture(scope="module")
async def ground() -> AsyncIterator[Ground]:
    async with Ground(latency=0.0) as running:
        yield running


async def test_an_event_costs_few_calls_and_few_storage_requests(ground: Ground) -> None:
    ids = await ground.companies(EVENTS)
    made = await shared.burst(ground, ids, "added")
    await ground.edit(ids, city="York")
    changed = await shared.burst(ground, ids, "updated")
    assert (made.missing, changed.missing) == (0, 0)
    assert changed.calls == 2.0
    assert await shared.unchanged(ground, ids) == 1.0
    for pace, most in ((made, 4), (changed, 3)):
        # Receives are shared by the messages that they bring, and renewals depend on the machine.
        own = {kind: count for kind, count in pace.storage.items() if kind.startswith(("table", "records"))}
        assert sum(own.values()) <= most * EVENTS, pace.storage
        assert pace.storage["queue put"] == EVENTS


async def test_a_storm_makes_no_second_customer(ground: Ground) -> None:
    extra, most = await shared.storm(ground, None, 2 * shared.STORM_RECORDS)
    assert (extra, most) == (0, 1)


@pytest.mark.parametrize(
    ("method", "path", "kind"),
    [
        ("POST", "/devstoreaccount1/dynaconnect-sync/messages", "queue put"),
        ("PUT", "/devstoreaccount1/dynaconnect-sync/messages/1", "queue renewal"),
        ("POST", "/devstoreaccount1/$batch", "table transaction"),
        ("GET", "/a/dynaconnectrecords(PartitionKey='c%7Cclaims',RowKey='x')", "records read of a claim"),
        ("GET", "/a/dynaconnectstate()", "state query"),
        ("PATCH", "/a/dynaconnectrecords(PartitionKey='c',RowKey='x')", "records change"),
    ],
)
def test_storage_requests_are_told_apart(method: str, path: str, kind: str) -> None:
    assert kind_of(method, path) == kind


def test_the_table_says_which_targets_were_missed() -> None:
    part = Figures("Part")
    part.at_most("slow", 51.0, 50.0, "ms")
    part.at_least("fast", 51.0, 50.0, "/s")
    part.note("why", "because")
    text = shown([part])
    assert [line.split()[-1] for line in text.splitlines() if line.startswith("  ")][:2] == ["NO", "yes"]
    assert "why: because" in text


def test_the_table_can_be_kept_as_a_page_or_as_data() -> None:
    part = Figures("Part")
    part.at_most("slow", 51.0, 50.0, "ms")
    part.note("why", "because")
    page = kept([part], ".md")
    assert "| slow | <= 50 ms | 51.0 ms | no |" in page
    assert "* why: because" in page
    rows = json.loads(kept([part], ".json"))
    assert [(row["part"], row["name"], row["met"]) for row in rows] == [
        ("Part", "slow", False),
        ("Part", "why", None),
    ]


def test_a_plot_draws_every_series_and_growth_that_is_linear_as_a_straight_line() -> None:
    lines = [Series("linear & more", [(10, 1), (100, 10), (1000, 100)]), Series("flat", [(10, 1), (1000, 1)])]
    drawn = ET.fromstring(plot("Plot", "records", lines))
    first, second = [
        one.get("points", "").split() for one in drawn.iter("{http://www.w3.org/2000/svg}polyline")
    ]
    (x0, y0), (x1, y1), (x2, y2) = [tuple(map(float, point.split(","))) for point in first]
    assert x1 - x0 == pytest.approx(x2 - x1, abs=0.2)
    assert y0 - y1 == pytest.approx(y1 - y2, abs=0.2)
    assert len({point.split(",")[1] for point in second}) == 1
    assert "linear & more" in {one.text for one in drawn.iter("{http://www.w3.org/2000/svg}text")}


async def test_a_copied_record_is_like_one_that_was_synchronised(ground: Ground) -> None:
    template = await growth.make_template(ground)
    await template.fill(4)
    [*_, copy] = ground.stage.connectwise.store.tables["Company"]
    assert await shared.unchanged(ground, [copy]) == 1.0
    ground.writes.clear()
    await ground.edit([copy], city="Hull")
    changed = await shared.burst(ground, [copy], "updated")
    assert (changed.missing, changed.calls) == (0, 2.0)


def test_a_quantile_of_nothing_is_nothing() -> None:
    assert (share([], 0.95), share([1.0, 3.0, 2.0], 0.5)) == (0.0, 2.0)
