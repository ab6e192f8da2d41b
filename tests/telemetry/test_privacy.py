"""Nothing that is sent names a customer, quotes a record or holds a secret."""

import simplejson

from tests.telemetry.day import PRIVATE, TERMS, Day

SECRETS = ("web-service-key", "private", "AccountKey", "x-functions-key", "Bearer ", "Basic ")


def sent(day: Day) -> str:
    """Everything that was sent."""
    return simplejson.dumps(day.collector.sent, ensure_ascii=False)


def test_no_personal_data_leaves(day: Day) -> None:
    everything = sent(day)
    # Only names stand in the assertions: to compare megabytes with each other takes pytest minutes.
    told = f"company|{day.company['id']}" in everything
    assert told
    assert [text for text in (*PRIVATE.values(), TERMS) if text.casefold() in everything.casefold()] == []


def test_no_secret_leaves(day: Day) -> None:
    everything = sent(day)
    secrets = {"function key": day.stage.host.function_key, "master key": day.stage.host.master_key}
    secrets |= {text: text for text in SECRETS}
    assert [name for name, text in secrets.items() if text in everything] == []


def test_no_library_tells_of_calls_by_itself(day: Day) -> None:
    spans = day.rows("requests") + day.rows("dependencies")
    assert spans
    for row in spans:
        assert row["name"].split(" ")[0] in ("hook", "sync", "sweep") or (
            "dynaconnect.system" in row["customDimensions"]
        ), row
        assert "?" not in str(row.get("data", "")), row
