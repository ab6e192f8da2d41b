"""Nothing that is sent names a customer, quotes a record or holds a secret."""

import pytest
import simplejson

from tests.telemetry.day import PRIVATE, TERMS, Day

pytestmark = pytest.mark.xdist_group("telemetry")
"""One process plays the day for all."""

SECRETS = ("web-service-key", "private", "AccountKey", "x-functions-key", "Bearer ", "Basic ")


def test_no_personal_data_leaves(day: Day) -> None:
    everything = simplejson.dumps(day.collector.sent, ensure_ascii=False)
    assert f"company|{day.company['id']}" in everything
    for text in (*PRIVATE.values(), TERMS):
        assert text.casefold() not in everything.casefold(), text


def test_no_secret_leaves(day: Day) -> None:
    everything = simplejson.dumps(day.collector.sent, ensure_ascii=False)
    secrets = (*SECRETS, day.stage.host.function_key, day.stage.host.master_key)
    for text in secrets:
        assert text not in everything, text


def test_no_library_tells_of_calls_by_itself(day: Day) -> None:
    spans = day.rows("requests") + day.rows("dependencies")
    assert spans
    for row in spans:
        assert row["name"].split(" ")[0] in ("hook", "sync", "sweep") or (
            "dynaconnect.system" in row["customDimensions"]
        ), row
        assert "?" not in str(row.get("data", "")), row
