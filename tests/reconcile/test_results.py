"""Results over HTTP: ordered, listed, read, downloaded, and only the newest kept."""

import csv
import io
from decimal import Decimal
from typing import Any, Final

import azure.functions as func
import pytest

from sandbox.kit import Json, dumps, loads
from shared.app import DEFAULT
from shared.reconcile.numbers import IdNumbers, shape
from shared.reconcile.results import KEPT, Results
from shared.reconcile.sheets import as_csv
from shared.triggers.reconcile import reconcile_list, reconcile_now, reconcile_result
from tests.reconcile.books import Books

URL: Final = "/api/reconcile"


async def post(body: Json) -> tuple[int, Json]:
    """Orders a run."""
    answer: Any = await reconcile_now(func.HttpRequest("POST", URL, body=dumps(body).encode()))
    return answer.status_code, loads(answer.get_body())


async def get(run: str, **params: str) -> func.HttpResponse:
    """Reads a run."""
    request = func.HttpRequest("GET", f"{URL}/{run}", params=params, route_params={"id": run}, body=b"")
    answer: func.HttpResponse = await reconcile_result(request)
    return answer


async def test_ordered_read_and_downloaded(books: Books) -> None:
    world = books.world
    await books.make_companies(2)
    await books.make_invoices(3)
    await world.cw(f"companies/{books.companies[0]}", {"addressLine1": "Moved"})
    await books.reconcile()
    status, queued = await post({"repair": "plan", "opening": "2026-01-01"})
    assert status == 202
    run = queued["id"]
    assert loads((await get(run)).get_body())["state"] == "queued"
    assert (await get(run, format="csv")).status_code == 400
    await world.drain()
    result = loads((await get(run)).get_body())
    assert result["state"] == "done"
    assert len(result["proofs"]) == 3
    assert [row["class"] for row in result["drifts"]] == ["changed_in_connectwise"]
    part = loads((await get(run, part="close")).get_body())
    assert part["close"]
    assert "proofs" not in part
    listing: Any = await reconcile_list(func.HttpRequest("GET", URL, params={}, body=b""))
    assert loads(listing.get_body())["runs"][0]["id"] == run

    answer = await get(run, format="csv")
    assert answer.mimetype == "text/csv"
    assert f"{run}-drifts.csv" in answer.headers["Content-Disposition"]
    [row] = csv.DictReader(io.StringIO(answer.get_body().decode("utf-8-sig")))
    assert (row["class"], row["id"]) == ("changed_in_connectwise", books.companies[0])
    assert row["repair how"] == "automatic"
    assert row["repair steps"]
    answer = await get(run, format="csv", part="proofs")
    rows = list(csv.DictReader(io.StringIO(answer.get_body().decode("utf-8-sig"))))
    proved = {row["id"]: row["connectwise_total"] for row in result["proofs"]}
    assert {row["id"]: Decimal(row["connectwise_total"]) for row in rows} == proved


@pytest.mark.parametrize(
    "body",
    [
        {"connection": "nowhere"},
        {"repair": "delete"},
        {"period": {"from": "2026-02-01", "to": "2026-01-01"}},
        {"period": {"from": "2020-01-01", "to": "2026-01-01"}},
        {"period": {"from": "yesterday"}},
        {"period": {"since": "2026-01-01"}},
        {"period": "2026"},
        {"opening": "soon"},
        {"aply": True},
    ],
)
async def test_wrong_orders_are_refused(books: Books, body: Json) -> None:
    status, answer = await post(body)
    assert status == 400
    assert answer["error"]
    assert await books.world.messages() == 0


async def test_unknown_results(books: Books) -> None:
    assert (await get("20200101T000000Z-00000000")).status_code == 404
    assert (await get("x", part="everything")).status_code == 400
    assert (await get("x", format="pdf")).status_code == 400
    assert await books.world.messages() == 0


async def test_large_parts_are_cut_and_old_runs_dropped(books: Books) -> None:
    state = books.world.app.state
    results = Results(state)
    rows = [{"number": number, "text": "x" * 1000} for number in range(1000)]
    for number in range(KEPT + 3):
        many = rows if number == 0 or number == KEPT + 2 else []
        await results.save(DEFAULT, f"2026{number:04d}", {"state": "done"}, {"proofs": many})
    heads = await results.heads(DEFAULT)
    assert len(heads) == KEPT
    newest = heads[0]
    assert newest["parts"]["proofs"] > 1
    assert (await results.parts(DEFAULT, newest))["proofs"] == rows
    assert [name async for name, _ in state.named(DEFAULT, "reconcile_part|20260000")] == []


def test_sheet_defuses_formulas_and_keeps_numbers() -> None:
    text = as_csv([{"a": "=1+1", "b": Decimal("-1.50"), "c": None, "d": ["@x", "y"]}, {"e": True}])
    assert text.splitlines() == ["a,b,c,d,e", "'=1+1,-1.50,,'@x; y,", ",,,,yes"]


def test_numbers_that_look_like_ours() -> None:
    numbers = IdNumbers.learn([("19", "C000019"), ("7", "10000"), ("8", "8")])
    assert numbers.source_id("C000123") == "123"
    assert numbers.source_id("C00123") == ""
    assert numbers.source_id("10001") == ""
    assert shape("psi-103004") == "PSI-######"
