"""Tables and queues opened with the settings that Azure gets: no key anywhere, an identity, the real names of hosts.

The names are led to an emulator that speaks TLS and insists on tokens; what asks for the tokens is the real library.
"""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from azure.core.exceptions import ClientAuthenticationError, HttpResponseError

from sandbox.azurite import ACCOUNT, Azurite
from shared.adapters.storage.clients import SETTING, open_storage
from shared.adapters.storage.state import TableStateStore
from tests.adapters.identity import IDENTITY_HEADER, IdentityEndpoint, Trust, lead
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


@pytest.fixture
async def issuer(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> AsyncIterator[IdentityEndpoint]:
    trust, issuer = Trust(), IdentityEndpoint()
    names = [f"{ACCOUNT}.{service}.core.windows.net" for service in ("queue", "table")]
    issued = trust.authority.issue_cert(*names)
    issued.private_key_pem.write_to_path(tmp_path / "key.pem")
    issued.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    options = ("--oauth", "basic", "--cert", str(tmp_path / "cert.pem"), "--key", str(tmp_path / "key.pem"))
    monkeypatch.setattr("aiohttp.connector._SSL_CONTEXT_VERIFIED", trust.client())
    monkeypatch.setattr("azure.core.pipeline.transport.AioHttpTransport.sleep", instant)
    async with Azurite(options=options) as azurite, serving(issuer.app()) as endpoint:
        ports = dict(zip(names, (azurite.ports.queue, azurite.ports.table), strict=True))
        lead(monkeypatch, ports)
        monkeypatch.setenv("IDENTITY_ENDPOINT", f"{endpoint}/msi/token")
        monkeypatch.setenv("IDENTITY_HEADER", IDENTITY_HEADER)
        yield issuer


async def test_the_identity_alone_opens_tables_and_queues(issuer: IdentityEndpoint) -> None:
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
async def test_a_token_that_is_wrong_opens_nothing(issuer: IdentityEndpoint, claims: dict[str, Any]) -> None:
    issuer.claims = claims
    storage = open_storage(SETTINGS)
    try:
        with pytest.raises((ClientAuthenticationError, HttpResponseError)) as refused:
            await storage.sync.create_queue()
    finally:
        await storage.close()
    assert getattr(refused.value, "status_code", 0) in (401, 403)
