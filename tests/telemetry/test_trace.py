"""One trace leads from the hook through the queue to the calls that a change brings about."""

from typing import Any

from sandbox.monitor.collector import Row
from tests.telemetry.day import Day


def the(rows: list[Row], name: str, **dimensions: Any) -> list[Row]:
    """The rows of a name whose dimensions have these values."""
    wanted = {f"dynaconnect.{key}": value for key, value in dimensions.items()}
    return [row for row in rows if row["name"] == name and wanted.items() <= row["customDimensions"].items()]


def ancestors(rows: list[Row], row: Row) -> list[str]:
    """The names of the spans around one, the innermost first."""
    by_id = {one["id"]: one for one in rows}
    names = []
    while (row := by_id.get(row["operation_ParentId"], {})) != {}:
        names.append(str(row["name"]))
    return names


def test_a_record_can_be_followed_from_its_callback_to_business_central(day: Day) -> None:
    spans = day.rows("requests") + day.rows("dependencies")
    made = [row for row in spans if row["name"].startswith("POST /") and row["name"].endswith("/customers")]
    done = [row for row in made if row["resultCode"] == "201"]
    assert len(done) == 1, [row["name"] for row in spans]
    assert ancestors(spans, done[0]) == ["sync company", "hook ConnectWise"]
    [pass_] = [row for row in spans if row["id"] == done[0]["operation_ParentId"]]
    assert pass_["customDimensions"]["dynaconnect.record"] == str(day.company["id"])
    assert "customer=created" in pass_["customDimensions"]["dynaconnect.result"]


def test_a_retry_stays_in_the_trace_and_names_the_pass_before(day: Day) -> None:
    spans = day.rows("requests") + day.rows("dependencies")
    tries = [row for row in spans if row["name"].endswith("/customers") and row["name"].startswith("POST /")]
    refused = [row for row in tries if row["resultCode"] == "429"]
    accepted = [row for row in tries if row["resultCode"] == "201"]
    assert len(refused) == 1
    assert not refused[0]["success"]
    assert refused[0]["operation_Id"] == accepted[0]["operation_Id"]
    [again] = [row for row in spans if row["id"] == accepted[0]["operation_ParentId"]]
    assert refused[0]["operation_ParentId"] in again["customDimensions"]["_MS.links"]


def test_an_invoice_that_waited_is_woken_in_a_trace_that_names_its_own(day: Day) -> None:
    spans = day.rows("requests")
    passes = the(spans, "sync invoice", record=str(day.invoice["id"]))
    waited = [
        row for row in passes if "invoice=waiting" in row["customDimensions"].get("dynaconnect.result", "")
    ]
    done = [
        row for row in passes if "invoice=created" in row["customDimensions"].get("dynaconnect.result", "")
    ]
    assert waited
    assert len(done) == 1
    links = done[0]["customDimensions"].get("_MS.links", "")
    assert done[0]["operation_Id"] in {row["operation_Id"] for row in waited} or any(
        row["operation_Id"] in links for row in waited
    )
    # Whatever woke it, its newest waiting pass is named.
    assert any(row["id"] in links for row in waited)


def test_records_of_a_sweep_have_traces_of_their_own_that_name_the_sweep(day: Day) -> None:
    spans = day.rows("requests")
    [*sweeps] = the(spans, "sweep member")
    passes = the(spans, "sync member")
    assert passes
    for one in passes:
        assert one["operation_Id"] not in {sweep["operation_Id"] for sweep in sweeps}
        assert any(sweep["id"] in one["customDimensions"]["_MS.links"] for sweep in sweeps)


def test_attempts_name_the_trace(day: Day) -> None:
    [*passes] = the(day.rows("requests"), "sync invoice", record=str(day.invoice["id"]))
    lines = [
        row for row in day.rows("traces") if f"invoice|{day.invoice['id']} sales_invoice" in row["message"]
    ]
    assert {row["customDimensions"]["correlation"] for row in lines} <= {
        row["operation_Id"] for row in passes
    }
    assert lines
