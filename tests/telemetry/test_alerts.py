"""Every alert and every tile of the workbook, read by Microsoft's language service and run over what the app sends.

The rows are those of a real day; a firing row is one of them with another value or time. So an alert that watches a
figure under another name, or an attribute that is not sent, finds no row to fire on.
"""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest

from infra_checks.nodes import Array, File, Object, Text
from infra_checks.syntax import parse
from sandbox.monitor.collector import Row
from sandbox.monitor.kusto import TABLES, Query, Run, read, shifted
from sandbox.stage import ROOT
from tests.telemetry.day import Day

PATH: Final = "infra/modules/alerts.bicep"
WEDNESDAY: Final = datetime(2026, 11, 25, 14, 0, tzinfo=UTC)
"""A moment in working time."""
NIGHT: Final = WEDNESDAY.replace(hour=3)
SUNDAY: Final = WEDNESDAY - timedelta(days=3)


def rules() -> dict[str, dict[str, str]]:
    """The rules of the Bicep file by name."""
    file, problems = parse(PATH, (ROOT / PATH).read_text())
    assert not problems
    assert isinstance(file, File)
    listed = file.variables["rules"].value
    assert isinstance(listed, Array)
    found = {}
    for item in listed.items:
        assert isinstance(item, Object)
        texts = {
            str(entry.key.literal): str(entry.value.literal)
            for entry in item.entries
            if isinstance(entry.value, Text)
        }
        found[texts["name"]] = texts
    return found


RULES: Final = rules()
WORKBOOK: Final = [
    item for item in json.loads((ROOT / "infra/workbook.json").read_text())["items"] if item["type"] == 3
]

MISSPELT: Final = "misspelt"
"""A query with a column that does not exist, read along with all others."""


@pytest.fixture(scope="module")
def queries() -> dict[str, Query]:
    texts = [rule["query"] for rule in RULES.values()] + [item["content"]["query"] for item in WORKBOOK]
    names = [*RULES, *(f"tile {item['name']}" for item in WORKBOOK)]
    texts.append("customMetrics | where nam == 'dynaconnect.open'")
    names.append(MISSPELT)
    return dict(zip(names, read(texts), strict=True))


def figure(day: Day, name: str, value: float = 1, **dimensions: str) -> Row:
    """A row of the day's figure, with another value and dimensions; fails when the day sent none such."""
    rows = [row for row in day.rows("customMetrics") if row["name"] == f"dynaconnect.{name}"]
    assert rows, f"{name} was never sent"
    row = rows[-1]
    assert dimensions.keys() <= row["customDimensions"].keys()
    changed = row["customDimensions"] | dimensions
    return row | {"value": value, "valueSum": value, "valueMax": value, "customDimensions": changed}


type Case = tuple[str, dict[str, Any], dict[str, Any]]

CASES: Final[dict[str, Case]] = {
    "item-old": ("open.age", {"value": 3700, "state": "waiting"}, {"value": 3500, "state": "waiting"}),
    "records-held": ("open", {"value": 2, "state": "held"}, {"value": 0, "state": "held"}),
    "records-unexpected": ("records", {"cause": "unexpected"}, {"cause": "throttled"}),
    "poison-deep": (
        "queue.length",
        {"value": 1, "queue": "dynaconnect-sync-poison"},
        {"value": 9, "queue": "dynaconnect-sync"},
    ),
    "messages-given-up": ("given_up", {"value": 1}, {"value": 0}),
    "functions-fail": ("failures", {"value": 6}, {"value": 5}),
    "sweeps-fail": ("sweeps", {"value": 11, "outcome": "again"}, {"value": 11, "outcome": "done"}),
    "access-denied": ("calls", {"status": "403"}, {"status": "401"}),
    "subscription-ends": ("hook.expires_in", {"value": 80_000}, {"value": 100_000}),
    "subscription-gone": (
        "hook",
        {"value": 0, "system": "Business Central"},
        {"value": 1, "system": "Business Central"},
    ),
    "callback-disabled": (
        "hook",
        {"value": 0, "system": "ConnectWise"},
        {"value": 1, "system": "ConnectWise"},
    ),
    "hooks-not-kept": (
        "watermark.age",
        {"value": 50_000, "subject": "hooks"},
        {"value": 50_000, "subject": "company"},
    ),
    "books-differ": ("reconcile.differences", {"value": 1}, {"value": 0}),
    "hooks-unanswered": (
        "events",
        {"value": 6, "outcome": "unanswered"},
        {"value": 6, "outcome": "accepted"},
    ),
    "hooks-slow": ("event.duration", {"value": 5.1}, {"value": 4.9}),
    "hooks-refused": ("events", {"value": 21, "outcome": "refused"}, {"value": 20, "outcome": "refused"}),
}
"""For each alert the figure, what fires it, and what nearly does."""

LINES: Final = {
    "connection-rests": (1, "connection default rests: Business Central answers nobody"),
    "records-interrupted": (21, "default company 7 goes back to the queue: storage"),
    "callbacks-missing": (13, "no callback told of 3 changes of company"),
}
"""For each alert about lines of the log how many of them fire it, and one of them. That the code writes such lines is
checked with the infrastructure."""

ON_THEIR_OWN: Final = {"sync-silent", "nothing-received", "credential-ends", "start-fails"}


def run(
    query: Query, rows: Sequence[Row], now: datetime = WEDNESDAY, table: str = "customMetrics"
) -> list[Row]:
    return Run({table: [shifted(row, now, timedelta(minutes=5)) for row in rows]}, now).rows(query)


def test_every_alert_is_tried() -> None:
    assert set(RULES) == CASES.keys() | LINES.keys() | ON_THEIR_OWN


def test_the_language_service_finds_nothing_wrong(queries: dict[str, Query]) -> None:
    assert {name: one.problems for name, one in queries.items() if one.problems and name != MISSPELT} == {}


def test_the_language_service_finds_a_misspelt_column(queries: dict[str, Query]) -> None:
    assert "nam" in queries[MISSPELT].problems[0]


@pytest.mark.parametrize("name", CASES)
def test_an_alert_fires_when_it_should_and_only_then(day: Day, queries: dict[str, Query], name: str) -> None:
    metric, firing, silent = CASES[name]
    assert run(queries[name], [figure(day, metric, **firing)])
    assert not run(queries[name], [figure(day, metric, **silent)])
    assert not run(queries[name], [])


@pytest.mark.parametrize("name", LINES)
def test_an_alert_about_lines_counts_them(day: Day, queries: dict[str, Query], name: str) -> None:
    count, line = LINES[name]
    other = day.rows("traces")[0]
    rows = [other | {"message": line}] * count
    assert run(queries[name], rows, table="traces")
    assert not run(queries[name], [*rows[1:], other], table="traces")
    assert not run(queries[name], [], table="traces")


@pytest.mark.parametrize("name", ["records-held", "item-old", "subscription-gone"])
def test_an_alert_about_a_level_ends_with_the_newest_row(
    day: Day, queries: dict[str, Query], name: str
) -> None:
    metric, firing, silent = CASES[name]
    bad, good = figure(day, metric, **firing), figure(day, metric, **silent)
    old, new = timedelta(minutes=10), timedelta(minutes=1)
    then = [shifted(bad, WEDNESDAY, old), shifted(good, WEDNESDAY, new)]
    assert not Run({"customMetrics": then}, WEDNESDAY).rows(queries[name])
    then = [shifted(good, WEDNESDAY, old), shifted(bad, WEDNESDAY, new)]
    assert Run({"customMetrics": then}, WEDNESDAY).rows(queries[name])


def test_silence_of_sweeps_is_told(day: Day, queries: dict[str, Query]) -> None:
    assert run(queries["sync-silent"], [])
    assert run(queries["sync-silent"], [figure(day, "sweeps", outcome="again")])
    assert not run(queries["sync-silent"], [figure(day, "sweeps", outcome="done")])


def test_silence_of_both_systems_is_told_in_working_time_only(day: Day, queries: dict[str, Query]) -> None:
    query = queries["nothing-received"]
    assert run(query, [])
    assert run(query, [figure(day, "events", outcome="refused")])
    assert not run(query, [figure(day, "events", outcome="accepted")])
    assert not run(query, [], NIGHT)
    assert not run(query, [], SUNDAY)


def test_the_end_of_a_credential_is_told(day: Day, queries: dict[str, Query]) -> None:
    # The day's credentials never end; its row is that of the subscription under the other name.
    row = figure(day, "hook.expires_in", 13 * 86_400) | {"name": "dynaconnect.credential.expires_in"}
    assert run(queries["credential-ends"], [row])
    assert not run(queries["credential-ends"], [row | {"value": 15 * 86_400}])


def test_a_failing_start_is_told(day: Day, queries: dict[str, Query]) -> None:
    row = day.rows("traces")[0]
    wrong = row | {"message": "DynaConnect cannot start: PUBLIC_URL is missing."}
    assert run(queries["start-fails"], [wrong], table="traces")
    assert not run(queries["start-fails"], [row], table="traces")


def test_a_good_day_raises_only_what_happened_in_it(day: Day, queries: dict[str, Query]) -> None:
    tables = {table: day.rows(table) for table in TABLES}
    raised = {name for name in RULES if Run(tables, WEDNESDAY).rows(queries[name])}
    assert raised == {"records-held"}


@pytest.mark.parametrize("tile", [item["name"] for item in WORKBOOK])
def test_a_tile_shows_something_of_the_day(day: Day, queries: dict[str, Query], tile: str) -> None:
    tables = {table: day.rows(table) for table in TABLES}
    found = Run(tables, datetime.now(UTC)).rows(queries[f"tile {tile}"])
    if tile != "sweep-causes":
        assert found
    assert all(value is not None for row in found for value in row.values())


def test_the_workbook_answers_in_the_order_in_which_one_asks() -> None:
    items = json.loads((ROOT / "infra/workbook.json").read_text())["items"]
    assert [item["name"] for item in items if item["type"] == 1] == [
        "alive",
        "stuck",
        "failed",
        "fast",
        "cost",
    ]
