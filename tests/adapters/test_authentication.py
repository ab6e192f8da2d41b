"""How calls prove who they are, against the stand-in's own token endpoint over TLS."""

import asyncio
import base64
import time
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass

import httpx
import pytest
import trustme
from azure.core.credentials import AccessToken
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    NoEncryption,
    load_pem_private_key,
    pkcs12,
)

from sandbox.business_central.app import BusinessCentral
from sandbox.business_central.settings import DEFAULT_CLIENT, DEFAULT_USER
from shared.adapters.business_central.authentication import (
    RENEW_BEFORE_SECONDS,
    TokenAuthorization,
    authorization,
)
from shared.adapters.business_central.errors import TABLE
from shared.adapters.connectwise.authentication import ConnectWiseAuthorization
from shared.adapters.http import JsonClient
from shared.domain.errors import RetryLater, StopConnection
from shared.settings import BusinessCentralSettings, ConnectWiseSettings
from tests.adapters.identity import IDENTITY_HEADER, IdentityEndpoint, Trust
from tests.adapters.support import FixedSecrets, serving

TENANT = "11111111-0000-4000-8000-000000000000"
SECRET = "client-secret"
TOKEN_ROUTE = "POST /{tenant}/oauth2/v2.0/token"


@dataclass
class Login:
    """Business Central with its login service, and the ways to sign in there."""

    system: BusinessCentral
    url: str
    http: httpx.AsyncClient
    secrets: FixedSecrets

    @property
    def calls(self) -> Counter[str]:
        return self.system.calls

    def client(self, auth: str, *, authority: str = "", identity: str = "") -> JsonClient:
        settings = BusinessCentralSettings(
            self.url,
            "Northwind Services",
            auth,
            TENANT,
            DEFAULT_CLIENT,
            DEFAULT_USER,
            authority or self.url,
            identity,
        )
        return JsonClient(
            "Business Central", self.http, self.url, authorization(settings, self.secrets), TABLE
        )


async def instant(*_: object) -> None:
    """A rest that takes no time."""


@pytest.fixture
async def login(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Login]:
    trust = Trust()
    # The library of the credentials makes its own client, which trusts what this context trusts.
    monkeypatch.setattr("aiohttp.connector._SSL_CONTEXT_VERIFIED", trust.client())
    monkeypatch.setattr("azure.core.pipeline.transport.AioHttpTransport.sleep", instant)
    system = BusinessCentral()
    secrets = FixedSecrets(
        {"BUSINESS_CENTRAL_CLIENT_SECRET": SECRET, "BUSINESS_CENTRAL_PASSWORD": "web-service-key"}
    )
    async with (
        serving(system.app, trust.server()) as url,
        httpx.AsyncClient(verify=trust.client(), timeout=10) as http,
    ):
        yield Login(system, url, http, secrets)


async def companies(client: JsonClient) -> list[str]:
    answer = await client.request("GET", "api/v2.0/companies")
    return [row["name"] for row in answer.body["value"]]


async def test_a_client_secret_gets_one_token_for_many_calls(login: Login) -> None:
    client = login.client("client_secret")
    for _ in range(3):
        assert "Northwind Services" in await companies(client)
    assert login.calls[TOKEN_ROUTE] == 1


async def test_many_first_calls_at_once_get_one_token(login: Login) -> None:
    client = login.client("client_secret")
    await asyncio.gather(*(companies(client) for _ in range(20)))
    assert login.calls[TOKEN_ROUTE] == 1


async def test_one_refresher_serves_all_who_were_refused(login: Login) -> None:
    client = login.client("client_secret")
    client.limit = asyncio.Semaphore(4)
    await companies(client)
    login.system.auth.revoke()
    login.calls.clear()
    found = await asyncio.gather(*(companies(client) for _ in range(20)))
    assert len(found) == 20
    assert login.calls[TOKEN_ROUTE] == 1
    assert login.secrets.forgotten == 1


async def test_a_token_is_renewed_before_it_runs_out(login: Login) -> None:
    client = login.client("client_secret")
    await companies(client)
    authorize = client.authorize
    assert isinstance(authorize, TokenAuthorization)
    assert authorize._token is not None
    now, token = int(time.time()), authorize._token.token
    for left, asked in ((RENEW_BEFORE_SECONDS + 60, 0), (RENEW_BEFORE_SECONDS - 60, 1)):
        login.calls.clear()
        authorize._token = AccessToken(token, now + left)
        await companies(client)
        assert login.calls[TOKEN_ROUTE] == asked


async def test_a_rotated_secret_is_read_again(login: Login) -> None:
    client = login.client("client_secret")
    await companies(client)
    login.system.environment.settings.clients[DEFAULT_CLIENT] = "rotated"
    login.system.auth.revoke()
    login.secrets.values["BUSINESS_CENTRAL_CLIENT_SECRET"] = "rotated"
    assert await companies(client)


@pytest.mark.parametrize("secret", ["wrong-secret-0123456789", "", "wröng"])
async def test_a_wrong_secret_stops_the_connection(login: Login, secret: str) -> None:
    login.secrets.values["BUSINESS_CENTRAL_CLIENT_SECRET"] = secret
    with pytest.raises(StopConnection) as stopped:
        await companies(login.client("client_secret"))
    assert stopped.value.cause == "credentials"
    assert "expired" in stopped.value.todo
    assert not secret or secret not in f"{stopped.value} {stopped.value.detail}"


async def test_a_token_that_is_refused_twice_stops_the_connection(login: Login) -> None:
    client = login.client("client_secret")
    await companies(client)
    login.system.environment.settings.token_seconds = 0
    login.system.auth.revoke()
    with pytest.raises(StopConnection) as stopped:
        await companies(client)
    assert stopped.value.cause == "credentials"


async def test_a_login_service_that_is_away_is_tried_again(login: Login) -> None:
    async with serving(BusinessCentral().app) as url:
        gone = url.replace("http://", "https://")
    with pytest.raises(RetryLater) as later:
        await companies(login.client("client_secret", authority=gone))
    assert later.value.cause == "login_unreachable"


def certificate(form: str) -> str:
    """A certificate with its key as Key Vault gives it: PEM text, or base64 of PKCS12."""
    kind = trustme.KeyType.ECDSA if form == "elliptic" else trustme.KeyType.RSA
    issued = trustme.CA().issue_cert("dynaconnect.example", key_type=kind)
    pem = issued.private_key_and_cert_chain_pem.bytes()
    if form in ("pem", "elliptic"):
        return pem.decode()
    key, chain = load_pem_private_key(pem, None), x509.load_pem_x509_certificates(pem)
    assert isinstance(key, RSAPrivateKey)
    lock = BestAvailableEncryption(b"password") if form == "locked" else NoEncryption()
    return base64.b64encode(
        pkcs12.serialize_key_and_certificates(None, key, chain[0], chain[1:], lock)
    ).decode()


@pytest.mark.parametrize("form", ["pem", "pkcs12"])
async def test_a_certificate_signs_in(login: Login, form: str) -> None:
    login.secrets.values["BUSINESS_CENTRAL_CERTIFICATE"] = certificate(form)
    assert "Northwind Services" in await companies(login.client("certificate"))
    assert login.calls[TOKEN_ROUTE] == 1


@pytest.mark.parametrize(
    "text",
    [
        "",
        "not base64!",
        "bm90IGEgY2VydGlmaWNhdGU=",
        "-----BEGIN NOTHING-----",
        certificate("elliptic"),
        certificate("locked"),
    ],
    ids=["empty", "text", "base64", "pem", "elliptic", "locked"],
)
async def test_what_is_no_certificate_stops_the_connection(login: Login, text: str) -> None:
    login.secrets.values["BUSINESS_CENTRAL_CERTIFICATE"] = text
    with pytest.raises(StopConnection) as stopped:
        await companies(login.client("certificate"))
    assert stopped.value.cause == "credentials"
    assert login.calls[TOKEN_ROUTE] == 0


@pytest.mark.parametrize("own", ["", "33333333-0000-4000-8000-000000000000"])
async def test_a_managed_identity_signs_in_by_federation(
    login: Login, monkeypatch: pytest.MonkeyPatch, own: str
) -> None:
    endpoint = IdentityEndpoint()
    async with serving(endpoint.app()) as url:
        monkeypatch.setenv("IDENTITY_ENDPOINT", f"{url}/msi/token")
        monkeypatch.setenv("IDENTITY_HEADER", IDENTITY_HEADER)
        client = login.client("managed_identity", identity=own)
        assert "Northwind Services" in await companies(client)
        await companies(client)
    [asked] = endpoint.asked
    assert asked["resource"] == "api://AzureADTokenExchange"
    assert asked.get("client_id", "") == own
    assert login.calls[TOKEN_ROUTE] == 1


async def test_an_identity_that_is_refused_stops_the_connection(
    login: Login, monkeypatch: pytest.MonkeyPatch
) -> None:
    endpoint = IdentityEndpoint(status=400)
    async with serving(endpoint.app()) as url:
        monkeypatch.setenv("IDENTITY_ENDPOINT", f"{url}/msi/token")
        monkeypatch.setenv("IDENTITY_HEADER", IDENTITY_HEADER)
        with pytest.raises(StopConnection):
            await companies(login.client("managed_identity"))


async def test_basic_is_a_user_with_a_key_that_is_read_again(login: Login) -> None:
    login.secrets.values["BUSINESS_CENTRAL_PASSWORD"] = "old"
    client = login.client("basic")
    with pytest.raises(StopConnection):
        await companies(client)
    assert login.secrets.forgotten == 1
    login.secrets.values["BUSINESS_CENTRAL_PASSWORD"] = "web-service-key"
    assert await companies(client)
    assert login.calls[TOKEN_ROUTE] == 0


async def test_connectwise_wants_company_keys_and_client_id() -> None:
    secrets = FixedSecrets({"CONNECTWISE_PUBLIC_KEY": "public", "CONNECTWISE_PRIVATE_KEY": "pri:vate"})
    authorize = ConnectWiseAuthorization(ConnectWiseSettings("https://x", "acme", "client-id"), secrets)
    headers = await authorize(None)
    assert headers["clientId"] == "client-id"
    assert base64.b64decode(headers["Authorization"].removeprefix("Basic ")) == b"acme+public:pri:vate"
    assert secrets.forgotten == 0
    secrets.values["CONNECTWISE_PUBLIC_KEY"] = "rotated"
    assert b"rotated" in base64.b64decode((await authorize(headers))["Authorization"].removeprefix("Basic "))
    assert secrets.forgotten == 1
