"""The hint in the queue: what is written is read back, what is malformed is refused with its place."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
import simplejson
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.envelope import MAX_BYTES, Envelope, new_correlation, new_traceparent
from shared.domain.records import RecordRef

NOW = datetime(2026, 5, 4, 3, 2, 1, 987654, tzinfo=UTC)
ZONES = [UTC, *(timezone(timedelta(minutes=minutes)) for minutes in (-570, -60, 330, 840))]
TEXTS = st.text(min_size=1, max_size=40)
ENVELOPES = st.builds(
    Envelope,
    connection=TEXTS,
    entity=TEXTS,
    id=TEXTS,
    why=TEXTS,
    when=st.datetimes(timezones=st.sampled_from(ZONES)),
    correlation=TEXTS,
    traceparent=st.text(max_size=60),
    attempt=st.integers(min_value=0, max_value=1_000),
    origin=st.text(max_size=32),
    only=st.text(max_size=20),
    options=st.dictionaries(TEXTS, st.booleans() | st.integers(-9, 9), max_size=3),
)


def valid(**changes: Any) -> dict[str, Any]:
    values = {
        "connection": "default",
        "entity": "company",
        "id": "7",
        "why": "callback",
        "when": NOW.isoformat(),
    }
    return values | changes


@given(ENVELOPES)
def test_what_is_written_is_read_back(envelope: Envelope) -> None:
    text = envelope.to_json()
    assert text.isascii()
    assert Envelope.from_json(text) == envelope


def test_a_hint_names_its_record() -> None:
    envelope = Envelope.from_json(simplejson.dumps(valid()))
    assert envelope.ref == RecordRef("default", "company", "7")
    assert envelope.attempt == 0
    assert len(envelope.correlation) == 32


def test_a_further_try_is_counted() -> None:
    envelope = Envelope.from_json(simplejson.dumps(valid(attempt=2)))
    again = envelope.again("retry")
    assert (again.attempt, again.why, again.correlation) == (3, "retry", envelope.correlation)


def test_the_largest_envelope_fits_into_a_message_and_a_larger_one_is_refused() -> None:
    room = MAX_BYTES - len(Envelope("c", "e", "1", "", NOW, correlation="0").to_json()) - len(', "why": ""')
    fits = Envelope("c", "e", "1", "x" * room, NOW, correlation="0")
    assert len(fits.to_json()) == MAX_BYTES
    with pytest.raises(ValueError, match="does not fit"):
        Envelope("c", "e", "1", "x" * (room + 1), NOW, correlation="0").to_json()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "Expecting"),
        ("not json", "Expecting"),
        ("[1]", "object"),
        ("null", "object"),
        ("NaN", "."),
        ("[" * 100_000, "nested"),
        ("{}", "connection, entity, id, why, when"),
        (simplejson.dumps(valid(surprise=1)), "surprise"),
        (simplejson.dumps(valid(when="yesterday")), "yesterday"),
        (simplejson.dumps(valid(when="2026-05-04T03:02:01")), "time zone"),
        (simplejson.dumps(valid(when=20260504)), "when"),
        (simplejson.dumps(valid(id=7)), "id"),
        (simplejson.dumps(valid(attempt="2")), "attempt"),
        (simplejson.dumps(valid(attempt=True)), "attempt"),
        (simplejson.dumps(valid(options=[])), "options"),
        (simplejson.dumps(valid(only=None)), "only"),
    ],
)
def test_what_is_malformed_is_refused_with_its_place(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        Envelope.from_json(text)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_any_other_json_is_a_value_error(value: Any) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - any of its messages
        Envelope.from_json(simplejson.dumps(value))


def test_a_trace_carries_the_correlation() -> None:
    correlation = new_correlation()
    version, trace, span, flags = new_traceparent(correlation).split("-")
    assert (version, trace, len(span), flags) == ("00", correlation, 16, "01")
