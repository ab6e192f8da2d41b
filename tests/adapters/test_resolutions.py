"""What each refusal of the two systems means, row by row and in the systems' own words."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import httpx
import pytest
import simplejson
from hypothesis import given
from hypothesis import strategies as st

from shared.adapters.business_central.errors import TABLE as BUSINESS_CENTRAL
from shared.adapters.connectwise.errors import TABLE as CONNECTWISE
from shared.adapters.resolutions import Refusal, Resolution, resolve
from shared.domain.errors import (
    UNANSWERED,
    AlreadyExists,
    ChangedMeanwhile,
    HoldForPerson,
    NotFound,
    OutcomeUnknown,
    RetryLater,
    StopConnection,
    SyncError,
)
from shared.domain.tenure import LONGEST_OPERATION

TABLES = {"ConnectWise": CONNECTWISE, "Business Central": BUSINESS_CENTRAL}
CORRELATION = "  CorrelationId:  0f8fad5b-d9cb-469f-a165-70867728950e."


def connectwise(status: int, code: str, message: str = "", *parts: dict[str, str]) -> httpx.Response:
    return httpx.Response(status, json={"code": code, "message": message, "errors": list(parts) or None})


def central(status: int, code: str, message: str = "") -> httpx.Response:
    return httpx.Response(status, json={"error": {"code": code, "message": message + CORRELATION}})


def judged(system: str, answer: httpx.Response, *, safe: bool = True) -> SyncError:
    refusal = Refusal.of(system, "POST", "things", answer)
    return resolve(TABLES[system], refusal, after=timedelta(seconds=3), safe=safe)


CW = [
    (connectwise(400, "InvalidObject", "The clientId header is required."), StopConnection, "client_id"),
    (connectwise(401, "Unauthorized"), StopConnection, "credentials"),
    (connectwise(403, "Security", "You do not have permission"), StopConnection, "permission"),
    (connectwise(404, "ConnectWiseApi", "The endpoint does not exist."), StopConnection, "endpoint"),
    (connectwise(404, "NotFound", "Company 7 not found"), NotFound, "not_found"),
    (connectwise(409, "Conflict", "in use by another member"), ChangedMeanwhile, "in_use"),
    (
        connectwise(400, "InvalidObject", "invalid", {"code": "ObjectExists", "field": "identifier"}),
        AlreadyExists,
        "exists",
    ),
    (
        connectwise(400, "InvalidObject", "invalid", {"code": "MissingRequiredField", "field": "name"}),
        HoldForPerson,
        "refused",
    ),
    (httpx.Response(429, json={"error": "ConnectWiseAPI", "message": "Too many"}), RetryLater, "throttled"),
    (connectwise(405, "ConnectWiseApi"), HoldForPerson, "refused"),
    (connectwise(415, ""), HoldForPerson, "refused"),
]
BC = [
    (central(401, "Authentication_InvalidCredentials"), StopConnection, "credentials"),
    (central(403, "Authorization_RequestDenied", "no permission"), StopConnection, "permission"),
    (central(404, "Internal_CompanyNotFound", "no such company"), StopConnection, "company"),
    (central(400, "Internal_CompanyNotFound", "no such company"), StopConnection, "company"),
    (central(405, "BadRequest_MethodNotAllowed"), StopConnection, "api_off"),
    (central(404, "BadRequest_ResourceNotFound"), NotFound, "not_found"),
    (central(404, "Internal_RecordNotFound"), NotFound, "record_missing"),
    (central(409, "Request_EntityChanged"), ChangedMeanwhile, "changed"),
    (central(412, "Request_EntityChanged"), ChangedMeanwhile, "changed"),
    (central(400, "Internal_EntityWithSameKeyExists"), AlreadyExists, "exists"),
    (central(409, "Internal_EntityWithSameKeyExists"), AlreadyExists, "exists"),
    (central(429, "Application_TooManyRequests"), RetryLater, "throttled"),
    (central(400, "Internal_TenantUnavailable", "being upgraded"), RetryLater, "unavailable"),
    (
        central(
            400, "Application_DialogException", "05/04/26 is not within your range of allowed posting dates."
        ),
        HoldForPerson,
        "posting_window",
    ),
    (
        central(
            400, "Application_DialogException", "You cannot ... when Customer C1 is blocked with type All."
        ),
        HoldForPerson,
        "blocked",
    ),
    (
        central(400, "Application_DialogException", "You may not enter numbers manually."),
        HoldForPerson,
        "manual_numbers",
    ),
    (
        central(400, "Application_FieldValidationException", "Customer Posting Group must have a value"),
        HoldForPerson,
        "posting_group",
    ),
    (
        central(400, "Internal_InvalidTableRelation", "NET99 cannot be found"),
        HoldForPerson,
        "missing_reference",
    ),
    (central(400, "Application_StringExceededLength", "must be at most 20"), HoldForPerson, "too_long"),
    (central(400, "Application_CallbackNotAllowed", "Do you want to?"), HoldForPerson, "customisation"),
    (central(400, "Application_FieldValidationException", "must be Open"), HoldForPerson, "business_rule"),
    (central(400, "BadRequest_InvalidRequestUrl", "syntax"), HoldForPerson, "refused"),
    (central(413, "", "too large"), HoldForPerson, "refused"),
]
BOTH = [
    (httpx.Response(408), RetryLater, "timeout"),
    (httpx.Response(502, text="<html>Bad gateway</html>"), RetryLater, "gateway"),
    (httpx.Response(503), RetryLater, "unavailable"),
    (httpx.Response(504), RetryLater, "timeout"),
    (httpx.Response(500, json={"message": "failed"}), RetryLater, "server_error"),
    (httpx.Response(418, text="teapot"), HoldForPerson, "refused"),
    (httpx.Response(302, text=""), HoldForPerson, "refused"),
]
CASES = [
    *(("ConnectWise", *case) for case in CW + BOTH),
    *(("Business Central", *case) for case in BC + BOTH),
]


@pytest.mark.parametrize(
    ("system", "answer", "kind", "cause"), CASES, ids=[f"{c[0]}-{c[1].status_code}-{c[3]}" for c in CASES]
)
def test_a_refusal_has_its_meaning(
    system: str, answer: httpx.Response, kind: type[SyncError], cause: str
) -> None:
    error = judged(system, answer)
    assert type(error) is kind
    assert error.cause == cause
    assert error.operator
    assert "{" not in error.operator + error.todo
    if isinstance(error, RetryLater):
        assert error.after == timedelta(seconds=3)
    if isinstance(error, HoldForPerson | StopConnection):
        assert error.todo


@pytest.mark.parametrize("system", TABLES)
@pytest.mark.parametrize(
    ("status", "unsure"), [(408, True), (502, True), (504, True), (500, True), (503, False), (429, False)]
)
def test_a_write_that_timed_out_may_have_happened(system: str, status: int, unsure: bool) -> None:
    error = judged(system, httpx.Response(status), safe=False)
    assert isinstance(error, OutcomeUnknown) is unsure
    if status in (408, 502, 504):
        assert isinstance(error, OutcomeUnknown)
        assert (error.cause, error.after) == (UNANSWERED, LONGEST_OPERATION)
    assert not isinstance(judged(system, httpx.Response(status), safe=True), OutcomeUnknown)


def rows() -> list[tuple[str, int, Resolution]]:
    return [(system, at, row) for system, table in TABLES.items() for at, row in enumerate(table)]


@pytest.mark.parametrize(("system", "at", "row"), rows(), ids=lambda value: str(value)[:20])
def test_no_row_hides_behind_an_earlier_one(system: str, at: int, row: Resolution) -> None:
    refusal = Refusal(system, "GET", "x", row.status or 499, row.code, row.text, "", row.page)
    first = next(number for number, one in enumerate(TABLES[system]) if one.fits(refusal))
    assert first == at


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_the_last_row_fits_everything(table: Sequence[Resolution]) -> None:
    last = table[-1]
    assert (last.status, last.code, last.text) == (0, "", "")
    assert issubclass(last.error, HoldForPerson)


def test_all_that_connectwise_names_is_told() -> None:
    answer = connectwise(
        400,
        "InvalidObject",
        "company object is invalid",
        {"code": "MaxLengthField", "field": "name", "message": "is too long"},
        {"code": "InvalidField", "field": "url", "message": "is no address"},
    )
    error = judged("ConnectWise", answer)
    assert error.operator == "ConnectWise refuses the value: name: is too long url: is no address"


def test_the_correlation_id_is_for_the_engineer_only() -> None:
    error = judged("Business Central", central(400, "Application_DialogException", "Nothing to post."))
    assert error.operator == "Nothing to post."
    assert "CorrelationId" in error.detail


def test_braces_in_a_message_are_only_text() -> None:
    error = judged("Business Central", central(400, "Application_Dialog", "{system} {0} {message!r}"))
    assert error.operator == "{system} {0} {message!r}"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.sampled_from(["error", "errors", "code", "message", "x"]), inner)
    ),
)


@given(st.sampled_from(sorted(TABLES)), st.integers(300, 599), JSON)
def test_any_json_is_a_refusal(system: str, status: int, body: Any) -> None:
    answer = httpx.Response(status, text=simplejson.dumps(body))
    assert isinstance(judged(system, answer), SyncError)


@given(st.sampled_from(sorted(TABLES)), st.integers(300, 599), st.binary(max_size=200))
def test_any_bytes_are_a_refusal(system: str, status: int, body: bytes) -> None:
    assert isinstance(judged(system, httpx.Response(status, content=body), safe=False), SyncError)
