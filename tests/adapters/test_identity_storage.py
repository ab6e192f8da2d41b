"""Tables and queues opened with the settings that Azure gets: no key anywhere, an identity, the real names of hosts.

The names are led to an emulator that speaks TLS and insists on tokens; what asks for the tokens is the real library.
"""

import base64
import json
import socket
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp.resolver
import pytest
from aiohttp import web
from azure.core.exceptions import ClientAuthenticationError, HttpResponseError

from sandbox.azurite import ACCOUNT, Azurite
from shared.adapters.storage.clients import SETTING, open_storage
from shared.adapters.storage.state import TableStateStore
from tests.adapters.identity import IDENTITY_HEADER, Trust
from tests.adapters.support import serving
from tests.adapters.test_authentication import instant

CLIENT = "22222222-0000-4000-8000-000000000000"
SETTINGS = {
    f"{SETTING}__accountName": ACCOUNT,
    f"{SETTING}__clientId": CLIENT,
    f"{SETTING}__credential": "managedidentity",
}
"""As ``infra/modules/function-app.bicep`` sets them."""
STORAGE = "https://storage.azure.com/"


@dataclass
class Issuer:
    """The platform's identity endpoint, which gives tokens that name what they are for."""

    claims: dict[str, Any] = field(default_factory=dict)
    asked: list[dict[str, str]] = field(default_factory=list)

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_get("/msi/token", self._token)
        return app

    async def _token(self, request: web.Request) -> web.Response:
        assert request.headers["X-IDENTITY-HEADER"] == IDENTITY_HEADER
        self.asked.append(dict(request.query))
        now = int(time.time())
        claims: dict[str, Any] = {"aud": request.query["resource"], "iss": "https://sts.windows.net/t/"}
        claims |= {"iat": now - 60, "nbf": now - 60, "exp": now + 3600, **self.claims}
        parts = [
            base64.urlsafe_b64encode(json.dumps(p).encode()).decode().rstrip("=")
            for p in ({"alg": "RS256"}, claims)
        ]
        token = ".".join([*parts, "c2lnbmF0dXJl"])
        body = {"access_token": token, "expires_on": str(now + 3600), "token_type": "Bearer"}
        return web.json_response(body | {"resource": request.query["resource"]})


@pytest.fixture
async def issuer(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> AsyncIterator[Issuer]:
    trust, issuer = Trust(), Issuer()
    names = [f"{ACCOUNT}.{service}.core.windows.net" for service in ("queue", "table")]
    issued = trust.authority.issue_cert(*names)
    issued.private_key_pem.write_to_path(tmp_path / "key.pem")
    issued.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    options = ("--oauth", "basic", "--cert", str(tmp_path / "cert.pem"), "--key", str(tmp_path / "key.pem"))
    monkeypatch.setattr("aiohttp.connector._SSL_CONTEXT_VERIFIED", trust.client())
    monkeypatch.setattr("azure.core.pipeline.transport.AioHttpTransport.sleep", instant)
    async with Azurite(options=options) as azurite, serving(issuer.app()) as endpoint:
        ports = dict(zip(names, (azurite.ports.queue, azurite.ports.table), strict=True))

        async def resolve(_: object, host: str, port: int = 0, family: int = 0) -> list[dict[str, Any]]:
            place = {"hostname": host, "host": "127.0.0.1", "port": ports.get(host, port)}
            return [place | {"family": socket.AF_INET, "proto": 0, "flags": socket.AI_NUMERICHOST}]

        monkeypatch.setattr(aiohttp.resolver.ThreadedResolver, "resolve", resolve)
        monkeypatch.setattr("aiohttp.connector.DefaultResolver", aiohttp.resolver.ThreadedResolver)
        monkeypatch.setenv("IDENTITY_ENDPOINT", f"{endpoint}/msi/token")
        monkeypatch.setenv("IDENTITY_HEADER", IDENTITY_HEADER)
        yield issuer


async def test_the_identity_alone_opens_tables_and_queues(issuer: Issuer) -> None:
    storage = open_storage(SETTINGS)
    try:
        await storage.prepare()
        state = TableStateStore(storage.state)
        await state.save("default", "hooks", {"at": "now"})
        assert await state.load("default", "hooks") == {"at": "now"}
        await storage.sync.send_message("hint")
        assert [one.content async for one in storage.sync.receive_messages()] == ["hint"]
    finally:
        await storage.close()
    assert {one["client_id"] for one in issuer.asked} == {CLIENT}
    assert {one["resource"].rstrip("/") for one in issuer.asked} == {STORAGE.rstrip("/")}


@pytest.mark.parametrize(
    "claims",
    [{"aud": "https://vault.azure.net"}, {"exp": 1_000_000_000}, {"iss": "https://elsewhere.example/"}],
    ids=["audience", "expired", "issuer"],
)
async def test_a_token_that_is_wrong_opens_nothing(issuer: Issuer, claims: dict[str, Any]) -> None:
    issuer.claims = claims
    storage = open_storage(SETTINGS)
    try:
        with pytest.raises((ClientAuthenticationError, HttpResponseError)) as refused:
            await storage.sync.create_queue()
    finally:
        await storage.close()
    assert getattr(refused.value, "status_code", 0) in (401, 403)
