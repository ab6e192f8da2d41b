"""The reports: what they answer over HTTP, and what is refused."""

from typing import Any

import pytest

from sandbox.stage import Stage
from tests.triggers.support import Watch


async def test_recurring_revenue(stage: Stage, watch: Watch) -> None:
    company = await stage.in_connectwise("companies", {"identifier": "Recur", "name": "Recur Ltd"})
    reference = {"id": company["id"]}
    await stage.in_connectwise("contacts", {"firstName": "Ann", "company": reference})
    terms = {"billAmount": 250, "billingCycle": {"id": 2, "name": "Monthly"}}
    made = await stage.in_connectwise("agreements", {"name": "Care", "company": reference, **terms})
    await watch.idle()
    await watch.run("catch_up")
    answer = await watch.call("GET", "agreements")
    assert answer.status_code == 200
    [row] = [row for row in answer.json()["agreements"] if row["id"] == str(made["id"])]
    assert (row["name"], row["company"]["name"], row["status"]) == ("Care", "Recur Ltd", "Active")
    assert (row["recurring"], row["monthly"], row["additions"], row["invoiced"]) == (250, 250, 0, [])
    [total] = answer.json()["totals"]
    assert total["active"] >= 1


async def test_missing_dimension_values(watch: Watch) -> None:
    answer = await watch.call("GET", "dimensions/missing")
    found: dict[str, Any] = answer.json()
    assert (answer.status_code, list(found)) == (200, ["values"])


@pytest.mark.parametrize("path", ["agreements", "dimensions/missing"])
async def test_an_unknown_connection_is_named(watch: Watch, path: str) -> None:
    answer = await watch.call("GET", path, connection="other")
    assert (answer.status_code, answer.json()) == (400, {"error": "there is no connection other"})
