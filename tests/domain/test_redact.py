"""No secret survives in a text that is logged, stored or shown."""

import base64
import string

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from shared.domain.errors import DETAIL_CAP, HoldForPerson, redact

URL_SAFE = string.ascii_letters + string.digits + "._~-"
SECRETS = st.text(URL_SAFE, min_size=12, max_size=60)
BASE64 = st.binary(min_size=12, max_size=60).map(lambda raw: base64.b64encode(raw).decode())
LONGEST_REST = 6
"""Characters of a secret that may stand in a text by chance."""
AROUND = st.text(string.ascii_letters + " \n.,:;", max_size=80)

TEMPLATES = [
    "Authorization: Bearer {}",
    "authorization = Basic {}",
    '"Authorization": "Bearer {}"',
    "{{'Authorization': 'Basic {}'}}",
    "sent Bearer {} to the server",
    "https://host/api/hooks?code={}&x=1",
    "https://account.table.core.windows.net/t?sv=1&sig={}&se=2",
    "client_id=app&client_secret={}&scope=all",
    "client_assertion={}&scope=all",
    "grant_type=password&password={}",
    "DefaultEndpointsProtocol=https;AccountName=a;AccountKey={};EndpointSuffix=core",
    "access_token={}",
    '{{"token_type": "Bearer", "access_token": "{}"}}',
    '{{"client_secret":"{}"}}',
    '{{"signing_key": "{}"}}',
    "x?companyName=acme&api_key={}",
]


@pytest.mark.parametrize("template", TEMPLATES)
@given(secret=SECRETS | BASE64, before=AROUND, after=AROUND)
def test_no_secret_survives(template: str, secret: str, before: str, after: str) -> None:
    parts = [secret[start : start + LONGEST_REST] for start in range(len(secret) - LONGEST_REST)]
    assume(not any(part in f"{before} {template} {after}" for part in parts))
    shown = redact(f"{before} {template.format(secret)} {after}")
    assert not any(part in shown for part in parts)


@given(st.text(max_size=5_000))
def test_any_text_can_be_redacted_and_is_cut(text: str) -> None:
    assert len(redact(text)) <= DETAIL_CAP


@given(SECRETS, st.integers(min_value=DETAIL_CAP - 80, max_value=DETAIL_CAP + 10))
def test_the_cut_comes_after_the_redaction(secret: str, length: int) -> None:
    text = "x" * length + f" Bearer {secret}"
    assert secret[:8] not in redact(text)


@pytest.mark.parametrize(
    "text",
    [
        'POST finance/accounting/batches: 400 InvalidObject {"code":"InvalidObject","message":"batch is taken"}',
        "ConnectWise bills 10.00 USD, the draft in Business Central says 10.01 USD.",
        "Internal_EntityWithSameKeyExists Identification fields and values: No.='C1'",
    ],
)
def test_what_an_engineer_needs_stays(text: str) -> None:
    assert redact(text) == text


def test_what_stands_around_a_secret_stays() -> None:
    assert redact("https://host/hook?code=abcdef123456&recordId=7") == "https://host/hook?code=***&recordId=7"
    assert redact("AccountName=a;AccountKey=abc/def==;x=1") == "AccountName=a;AccountKey=***;x=1"
    assert redact('{"access_token":"abc","expires_in":3599}') == '{"access_token":"***","expires_in":3599}'


def test_an_error_redacts_all_its_texts() -> None:
    secret = "Bearer abcdefgh12345678"
    error = HoldForPerson("cause", f"failed with {secret}", todo=f"use {secret}", detail=f"sent {secret}")
    assert "abcdefgh" not in f"{error} {error.operator} {error.todo} {error.detail} {error!r}"
