"""Whether a callback is genuine: the signature decides, and whose key it is made with."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from sandbox.connectwise.callbacks import signature
from shared.adapters.connectwise.callbacks import (
    MISS_WINDOW_SECONDS,
    MOST_KEYS,
    MOST_MISSES,
    CallbackVerifier,
)
from shared.app import trust
from shared.domain.errors import RetryLater
from shared.ports.hooks import Refused
from tests.adapters.support import serving

KEY = "a-signing-key"
PATH = "/v4_6_release//system/callbackkey/index.rails"


@dataclass
class Site:
    """A host that gives out signing keys, and counts how often it is asked."""

    url: str = ""
    asked: list[str] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    status: int = 200
    body: bytes = json.dumps({"signing_key": KEY}).encode()
    location: str = ""
    hold: asyncio.Event | None = None

    async def answer(self, request: web.Request) -> web.Response:
        self.asked.append(request.path_qs)
        self.headers.append(dict(request.headers))
        if self.hold:
            await self.hold.wait()
        headers = {"Location": self.location} if self.location else {}
        return web.Response(status=self.status, body=self.body, headers=headers)

    def key_url(self, number: int = 1, company: str = "acme") -> str:
        return f"{self.url}{PATH}?companyName={company}&id={number}"


@asynccontextmanager
async def hosting() -> AsyncIterator[Site]:
    site, app = Site(), web.Application()
    app.router.add_route("*", "/{tail:.*}", site.answer)
    async with serving(app) as site.url:
        yield site


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    async with hosting() as running:
        yield running


@pytest.fixture
async def verifier(site: Site) -> AsyncIterator[CallbackVerifier]:
    async with httpx.AsyncClient(follow_redirects=True, verify=trust()) as http:
        yield CallbackVerifier(http, f"{site.url}/v4_6_release/apis/3.0", "Acme", "client-id")


def delivery(key_url: Any, **changes: Any) -> bytes:
    content = {"ID": 7, "Type": "company", "Action": "updated", "CompanyId": "acme"}
    return json.dumps(content | {"Metadata": {"key_url": key_url}} | changes).encode()


async def test_a_genuine_delivery_is_believed(verifier: CallbackVerifier, site: Site) -> None:
    body = delivery(site.key_url())
    content = await verifier.verify(body, signature(KEY, body))
    assert (content["ID"], content["Type"]) == (7, "company")
    assert site.asked == [f"{PATH}?companyName=acme&id=1"]
    assert site.headers[0]["clientId"] == "client-id"
    assert "Authorization" not in site.headers[0]


async def test_the_raw_body_is_what_is_signed(verifier: CallbackVerifier, site: Site) -> None:
    body = (
        b' {"CompanyId" : "ACME", "ID": 1, "ID": 2, "Metadata": {"key_url": "%s"}}\n'
        % site.key_url().encode()
    )
    content = await verifier.verify(body, signature(KEY, body))
    assert content["ID"] == 2


async def test_a_key_is_fetched_once_and_serves_other_addresses(
    verifier: CallbackVerifier, site: Site
) -> None:
    for number in (1, 1, 2, 3):
        body = delivery(site.key_url(number))
        await verifier.verify(body, signature(KEY, body))
    assert len(site.asked) == 1


async def test_a_burst_fetches_a_new_key_once(verifier: CallbackVerifier, site: Site) -> None:
    bodies = [delivery(site.key_url(number), MessageId=number) for number in range(20)]
    await asyncio.gather(*(verifier.verify(body, signature(KEY, body)) for body in bodies))
    assert len(site.asked) == 1


async def test_a_new_signing_key_is_learnt_from_its_address(verifier: CallbackVerifier, site: Site) -> None:
    body = delivery(site.key_url(1))
    await verifier.verify(body, signature(KEY, body))
    site.body = b'{"signing_key": "the next one"}'
    body = delivery(site.key_url(2))
    await verifier.verify(body, signature("the next one", body))
    assert len(site.asked) == 2


async def test_keys_do_not_pile_up(verifier: CallbackVerifier, site: Site) -> None:
    for number in range(MOST_KEYS + 5):
        site.body = json.dumps({"signing_key": f"key {number}"}).encode()
        body = delivery(site.key_url(number))
        await verifier.verify(body, signature(f"key {number}", body))
    assert len(verifier._keys) == MOST_KEYS


async def refuses(verifier: CallbackVerifier, body: bytes, signed: str | None = None) -> str:
    with pytest.raises(Refused) as caught:
        await verifier.verify(body, signature(KEY, body) if signed is None else signed)
    return str(caught.value)


async def test_a_changed_body_is_refused(verifier: CallbackVerifier, site: Site) -> None:
    body = delivery(site.key_url())
    signed = signature(KEY, body)
    assert "signature" in await refuses(verifier, body.replace(b'"ID": 7', b'"ID": 8'), signed)
    assert "signature" in await refuses(verifier, body + b" ", signed)
    assert len(site.asked) == 1, "a key that was fetched is not fetched again for a forged delivery"


async def test_forged_deliveries_cannot_make_us_ask_for_keys_without_end(
    verifier: CallbackVerifier, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(MOST_MISSES):
        await refuses(verifier, delivery(site.key_url(number)), "Zm9yZ2Vk")
    forged = delivery(site.key_url(MOST_MISSES))
    for _ in range(3):
        with pytest.raises(RetryLater):
            await verifier.verify(forged, "Zm9yZ2Vk")
    assert len(site.asked) == MOST_MISSES
    genuine = delivery(site.key_url(MOST_MISSES + 1))
    assert (await verifier.verify(genuine, signature(KEY, genuine)))["ID"] == 7
    later = time.monotonic() + MISS_WINDOW_SECONDS
    monkeypatch.setattr("shared.adapters.connectwise.callbacks.time.monotonic", lambda: later)
    await refuses(verifier, forged, "Zm9yZ2Vk")
    assert len(site.asked) == MOST_MISSES + 1


@pytest.mark.parametrize("signed", ["", "!!!", "ünïcode", "YWJj", "A" * 10_000, "====", "YWJj\n"])
async def test_a_signature_that_is_none_is_refused(
    verifier: CallbackVerifier, site: Site, signed: str
) -> None:
    await refuses(verifier, delivery(site.key_url()), signed)


@pytest.mark.parametrize("company", ["other", "", None, 7, ["acme"], "acme2"])
async def test_another_company_is_refused(verifier: CallbackVerifier, site: Site, company: Any) -> None:
    assert "company" in await refuses(verifier, delivery(site.key_url(), CompanyId=company))


@pytest.mark.parametrize("name", ["companyName", "companyname", "COMPANYNAME"])
async def test_another_companys_key_proves_nothing(verifier: CallbackVerifier, site: Site, name: str) -> None:
    for query in (f"{name}=evil&id=1", f"companyName=acme&{name}=evil", f"{name}=&id=1"):
        assert "key_url" in await refuses(verifier, delivery(f"{site.url}{PATH}?{query}"))
    assert site.asked == []


async def test_a_foreign_host_is_never_called(verifier: CallbackVerifier, site: Site) -> None:
    async with hosting() as foreign:
        authority = foreign.url.removeprefix("http://")
        own = site.url.removeprefix("http://")
        port = authority.partition(":")[2]
        for url in (
            foreign.key_url(),
            f"http://{own}@{authority}{PATH}",
            f"http://{own}:x@{authority}{PATH}",
            f"http://localhost:{port}{PATH}",
            f"{site.url}:{port}{PATH}",
            f"{site.url}\\@{authority}{PATH}",
            f"http://{authority}#@{own}/",
            f"http://{authority}?@{own}/",
            f"//{authority}{PATH}",
        ):
            await refuses(verifier, delivery(url))
        assert foreign.asked == site.asked == []


TRICKS = [
    "http://na.myconnectwise.net/key",
    "ftp://na.myconnectwise.net/key",
    "https://na.myconnectwise.net:8443/key",
    "https://na.myconnectwise.net:99999/key",
    "https://na.myconnectwise.net:port/key",
    "https://myconnectwise.net/key",
    "https://evil-myconnectwise.net/key",
    "https://na.myconnectwise.net.evil.example/key",
    "https://na.myconnectwise.net@evil.example/key",
    "https://evil.example@na.myconnectwise.net/key",
    "https://user:password@na.myconnectwise.net/key",
    "https://evil.example\\.myconnectwise.net/key",
    "https://evil.example%2f.myconnectwise.net/key",
    "https://evil.example#.myconnectwise.net/key",
    "https://evil.example?.myconnectwise.net/key",
    "https://evil.example\uff0f.myconnectwise.net/key",
    "https://evil.example\u3002myconnectwise.net/key",
    "https://na.myconnectwise.net\x00.evil.example/",
    "https://\ud800.myconnectwise.net/key",
    "https://[::1].myconnectwise.net/key",
    "https://[",
    "https://",
    "https:///na.myconnectwise.net/key",
    "//na.myconnectwise.net/key",
    "na.myconnectwise.net/key",
    "javascript:alert(1)",
    "file:///etc/passwd",
    "",
    None,
    7,
    {"url": "https://na.myconnectwise.net/key"},
]


class Recorder:
    """A network on which every host gives out the key; remembers who was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(str(request.url))
        return httpx.Response(200, json={"signing_key": KEY})


def on(network: Recorder) -> CallbackVerifier:
    http = httpx.AsyncClient(transport=httpx.MockTransport(network))
    return CallbackVerifier(http, "https://connect.acme.example/v4_6_release/apis/3.0", "acme", "client-id")


@pytest.mark.parametrize("url", TRICKS, ids=ascii)
async def test_no_trick_makes_a_call(url: Any) -> None:
    network = Recorder()
    await refuses(on(network), delivery(url))
    assert network.asked == []


@pytest.mark.parametrize(
    "url",
    [
        "https://na.myconnectwise.net/v2026_4//system/callbackkey/index.rails?companyName=acme&id=1",
        "https://api-eu.myconnectwise.net:443/key",
        "https://SANDBOX-NA.MyConnectWise.net/key",
        "https://connect.acme.example/key",
    ],
)
async def test_the_vendors_hosts_and_the_own_site_are_asked(url: str) -> None:
    network = Recorder()
    body = delivery(url)
    await on(network).verify(body, signature(KEY, body))
    assert len(network.asked) == 1


@given(st.text(max_size=80).map(lambda text: f"https://{text}.myconnectwise.net/key") | st.text(max_size=80))
def test_whatever_is_asked_lies_with_the_vendor(url: str) -> None:
    network = Recorder()
    body = delivery(url)
    try:
        asyncio.run(on(network).verify(body, signature(KEY, body)))
    except Refused:
        assert network.asked == []
    for asked in network.asked:
        host = httpx.URL(asked).host
        assert host.endswith(".myconnectwise.net")
        assert host.replace(".", "").replace("-", "").isalnum()


async def test_a_redirect_is_not_followed(verifier: CallbackVerifier, site: Site) -> None:
    async with hosting() as foreign:
        site.status, site.location = 302, foreign.key_url()
        body = delivery(site.key_url())
        with pytest.raises(RetryLater):
            await verifier.verify(body, signature(KEY, body))
        assert foreign.asked == []


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b'"key"',
        b'{"signing_key": null}',
        b'{"signing_key": ""}',
        b'{"signing_key": 7}',
    ],
)
@pytest.mark.parametrize("guess", ["", "None", "null", "7"])
async def test_a_host_without_a_key_lets_nobody_in(
    verifier: CallbackVerifier, site: Site, answer: bytes, guess: str
) -> None:
    site.body = answer
    body = delivery(site.key_url())
    with pytest.raises(RetryLater) as caught:
        await verifier.verify(body, signature(guess, body))
    assert caught.value.cause == "signing_key"


@pytest.mark.parametrize("status", [400, 404, 429, 500, 503])
async def test_a_key_that_cannot_be_had_now_is_asked_for_later(
    verifier: CallbackVerifier, site: Site, status: int
) -> None:
    site.status = status
    body = delivery(site.key_url())
    with pytest.raises(RetryLater):
        await verifier.verify(body, signature(KEY, body))
    site.status = 200
    await verifier.verify(body, signature(KEY, body))


DEEP = b"[" * 100_000 + b"]" * 100_000
TORTURE = [
    b"",
    b" ",
    b"null",
    b"true",
    b"7",
    b'"text"',
    b"[]",
    b"[{}]",
    b"{",
    b"{]",
    b'{"a"}',
    b'{"a":}',
    b'{"a":1,}',
    b"{'a':1}",
    b'{"a":01}',
    b'{"a":NaN}',
    b'{"a":Infinity}',
    b'{"a":-Infinity}',
    b'{"a":1e}',
    b'{"a":"\x01"}',
    b'{"a":"\\x"}',
    b'{"a":"\\ud800"}',
    b'{"a":1} {"b":2}',
    b"\xef\xbb\xbf{}",
    b"\xff\xfe{\x00}\x00",
    b"{}\x00",
    DEEP,
    b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
    b'{"a":' + b"9" * 20_000 + b"}",
    b'{"a":1e999999999}',
    b'{"Metadata": []}',
    b'{"Metadata": null, "CompanyId": "acme2"}',
    b'{"Metadata": {"key_url": ["https://na.myconnectwise.net"]}}',
    b"<xml/>",
]


@pytest.mark.parametrize("body", TORTURE, ids=lambda body: ascii(body[:20]))
async def test_what_is_malformed_is_refused(verifier: CallbackVerifier, site: Site, body: bytes) -> None:
    await refuses(verifier, body)
    known = delivery(site.key_url())
    await verifier.verify(known, signature(KEY, known))
    await refuses(verifier, body)


@given(st.binary(max_size=100), st.text(max_size=50))
def test_any_bytes_are_refused(body: bytes, signed: str) -> None:
    network = Recorder()
    with pytest.raises(Refused):
        asyncio.run(on(network).verify(body, signed))
    assert network.asked == []
