"""Every figure of the catalogue is sent, with exactly the attributes that queries may use."""

from typing import Any

import pytest

from shared.ports import metrics
from shared.ports.telemetry import Metric
from tests.telemetry.day import Day

CATALOGUE = [one for one in vars(metrics).values() if isinstance(one, Metric)]
NOT_IN_A_DAY = {"dynaconnect.credential.expires_in"}
"""The credentials of the day never end."""


def values(day: Day, name: str, **dimensions: Any) -> list[float]:
    return [
        row["value"]
        for row in day.rows("customMetrics")
        if row["name"] == name and dimensions.items() <= row["customDimensions"].items()
    ]


@pytest.mark.parametrize("metric", CATALOGUE, ids=lambda metric: metric.name)
def test_it_is_sent(day: Day, metric: Metric) -> None:
    if metric.name in NOT_IN_A_DAY:
        assert not values(day, metric.name)
        return
    rows = [row for row in day.rows("customMetrics") if row["name"] == metric.name]
    assert rows
    for row in rows:
        assert tuple(row["customDimensions"]) == metric.attributes


def test_nothing_else_is_sent(day: Day) -> None:
    known = {metric.name for metric in CATALOGUE}
    own = {row["name"] for row in day.rows("customMetrics") if not row["name"].startswith("\\")}
    assert own <= known


def test_the_money_is_counted_once_it_is_booked(day: Day) -> None:
    assert values(day, "dynaconnect.money.posted", entity="sales_invoice", currency="USD") == [123.45]


def test_deliveries_are_told_by_what_came_of_them(day: Day) -> None:
    accepted = values(
        day, "dynaconnect.events", system="ConnectWise", outcome="accepted", connection="default"
    )
    assert sum(accepted) >= 4
    assert sum(values(day, "dynaconnect.events", system="ConnectWise", outcome="refused")) == 1


def test_calls_are_told_by_status(day: Day) -> None:
    assert sum(values(day, "dynaconnect.calls", system="Business Central", status="429")) == 1
    assert sum(values(day, "dynaconnect.calls", system="Business Central", status="201")) >= 2


def test_what_is_open_is_told_with_its_age(day: Day) -> None:
    assert values(day, "dynaconnect.open", entity="customer", state="held")[-1] == 1
    assert values(day, "dynaconnect.open", entity="customer", state="waiting")[-1] == 0
    assert values(day, "dynaconnect.open.age", state="held")[-1] > 0
    assert (
        sum(values(day, "dynaconnect.records", entity="customer", result="held", cause="lookup_missing")) >= 1
    )


def test_what_nobody_can_read_is_counted_and_shown(day: Day) -> None:
    assert values(day, "dynaconnect.failures", function="sync_record", kind="JSONDecodeError") == [1]
    assert values(day, "dynaconnect.poisoned", queue="dynaconnect-sweep", outcome="given up") == [1]


def test_hooks_are_told_with_their_end(day: Day) -> None:
    assert set(values(day, "dynaconnect.hook", system="ConnectWise")) == {1}
    assert 2 * 86_400 < values(day, "dynaconnect.hook.expires_in", hook="salesInvoices")[-1] <= 3 * 86_400


def test_the_time_from_change_to_arrival_is_told_by_entity(day: Day) -> None:
    assert values(day, "dynaconnect.change.duration", entity="customer")
    [waited] = values(day, "dynaconnect.change.duration", entity="sales_invoice")
    assert 0 < waited < 120
