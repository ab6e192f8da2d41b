"""Who may call, how often and how much at once; faults; serving as a process."""

import asyncio
import base64
import json
import os
import ssl
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import trustme
from azure.identity.aio import ClientSecretCredential

from sandbox.business_central.auth import SCOPE
from sandbox.business_central.settings import DEFAULT_CLIENT, EXCHANGE, IDENTITY, ISSUER
from sandbox.kit import Json
from shared.app import trust
from tests.sandbox.business_central_support import Case, running

TENANT = "8a3c5f0e-0f52-4f0e-a6c4-51c2b0a5d2f1"
ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
COMPANIES = "/api/v2.0/companies"
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
async def bc() -> AsyncIterator[Case]:
    async with running() as case:
        yield case


async def token(bc: Case, status: int = 200, **changes: str) -> Json:
    form = {"grant_type": "client_credentials", "client_id": DEFAULT_CLIENT, "scope": SCOPE}
    form |= {"client_secret": "client-secret"} | changes
    answer = await bc.api.post(f"{bc.url}/{TENANT}/oauth2/v2.0/token", data=form)
    assert answer.status_code == status, answer.text
    return answer.json()


def assertion(head: Json, claims: Json) -> str:
    """A signed statement of who somebody is; nobody looks at the signature here."""
    parts = (
        base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in (head, claims)
    )
    return ".".join([*parts, "c2ln"])


async def bearer(bc: Case, value: str) -> int:
    async with httpx.AsyncClient(verify=trust()) as api:
        headers = {"Authorization": f"Bearer {value}"}
        answer = await api.get(f"{bc.url}{COMPANIES}", headers=headers)
    if answer.status_code == 401:
        assert answer.json()["error"]["code"] == "Authentication_InvalidCredentials"
    return answer.status_code


async def test_tokens_by_secret_and_by_assertion(bc: Case) -> None:
    issued = await token(bc)
    assert issued["token_type"] == "Bearer"
    assert len(issued["access_token"].split(".")) == 3
    assert await bearer(bc, issued["access_token"]) == 200
    kind = {"client_secret": "", "client_assertion_type": ASSERTION}
    trusted = {"iss": ISSUER, "sub": IDENTITY, "aud": EXCHANGE, "exp": int(time.time()) + 60}
    own = {"iss": DEFAULT_CLIENT, "sub": DEFAULT_CLIENT, "aud": f"{bc.url}/{TENANT}/oauth2/v2.0/token"}
    for head, claims in (({}, trusted), ({"x5t": "x"}, trusted | own)):
        asserted = await token(bc, 200, client_assertion=assertion(head, claims), **kind)
        assert await bearer(bc, asserted["access_token"]) == 200
        for name, wrong in (("iss", "x"), ("sub", "x"), ("aud", "x"), ("exp", 1)):
            text = assertion(head, claims | {name: wrong})
            assert (await token(bc, 401, client_assertion=text, **kind))["error"] == "invalid_client"
        other = kind | {"client_assertion_type": "saml"}
        assert (await token(bc, 401, client_assertion=assertion(head, claims), **other))["error"]
    for text in ("a.b.c", "", "a.b", assertion({}, trusted | own)):
        assert (await token(bc, 401, client_assertion=text, **kind))["error"] == "invalid_client"
    assert (await token(bc, 401, client_secret="wrong"))["error"] == "invalid_client"
    assert (await token(bc, 401, client_id="unknown"))["error"] == "invalid_client"
    assert (await token(bc, 400, scope="https://graph.microsoft.com/.default"))["error"] == "invalid_scope"
    assert (await token(bc, 400, grant_type="password"))["error"] == "unsupported_grant_type"


async def test_tokens_end_by_time_and_by_revocation(bc: Case) -> None:
    issued = await token(bc)
    assert await bc.admin("tokens/revoke") == {"revoked": 1}
    assert await bearer(bc, issued["access_token"]) == 401
    await bc.admin("settings", {"token_seconds": 0})
    assert await bearer(bc, (await token(bc))["access_token"]) == 401
    assert await bearer(bc, "nonsense") == 401


async def test_basic_needs_the_web_service_key(bc: Case) -> None:
    url = f"{bc.url}{COMPANIES}"
    async with httpx.AsyncClient(verify=trust()) as api:
        assert (await api.get(url)).status_code == 401
        assert (await api.get(url, auth=("dynaconnect", "wrong"))).status_code == 401
        assert (await api.get(url, headers={"Authorization": "Basic ???"})).status_code == 401
    assert (await bc.api.get(url)).status_code == 200


async def test_a_fault_hits_by_template(bc: Case) -> None:
    route = "GET /api/v2.0/companies({company})/customers"
    await bc.admin("faults", {"faults": [{"kind": "status", "route": route, "status": 503, "times": 1}]})
    assert (await bc.send("GET", "items")).status_code == 200
    assert (await bc.send("GET", "customers")).status_code == 503
    assert (await bc.send("GET", "customers")).status_code == 200


async def test_more_than_five_calls_wait_and_a_full_queue_refuses(bc: Case) -> None:
    await bc.admin("settings", {"queue_limit": 3})
    await bc.admin("latency", {"seconds": 0.5})
    answers = await asyncio.gather(*(bc.send("GET", COMPANIES) for _ in range(10)))
    statuses = [item.status_code for item in answers]
    assert (statuses.count(200), statuses.count(429)) == (8, 2)
    report = await bc.report()
    assert (report["maxRunning"], report["maxInFlight"], report["rejected"]) == (5, 8, 2)


async def test_too_many_calls_in_the_window(bc: Case) -> None:
    await bc.admin("settings", {"request_limit": 2})
    statuses = [(await bc.send("GET", COMPANIES)).status_code for _ in range(3)]
    assert statuses == [200, 200, 429]
    assert "Retry-After" not in (await bc.send("GET", COMPANIES)).headers
    await bc.admin("settings", {"retry_after": 7})
    assert (await bc.send("GET", COMPANIES)).headers["Retry-After"] == "7"


async def test_bodies_must_be_json(bc: Case) -> None:
    url = f"{bc.url}/api/v2.0/companies({bc.company})/customers"
    assert (await bc.api.post(url, content="{}", headers={"Content-Type": "text/plain"})).status_code == 415
    assert (
        await bc.api.post(url, content="{", headers={"Content-Type": "application/json"})
    ).status_code == 400
    assert (await bc.fails("POST", "customers", []))[0] == "BadRequest"


async def test_settings_by_name(bc: Case) -> None:
    assert "unknown setting" in (await bc.admin("settings", {"nope": 1}, 400))["error"]
    changed = await bc.admin("settings", {"exchange_rates": {"CHF": 2}, "webhook_retries": [1]})
    assert changed["exchange_rates"]["CHF"] == 2
    assert changed["webhook_retries"] == [1]
    assert changed["clients"] == [DEFAULT_CLIENT]


async def test_the_process_serves_tls_to_the_real_identity_client(tmp_path: Path) -> None:
    authority = trustme.CA()
    chain, root = tmp_path / "chain.pem", tmp_path / "root.pem"
    authority.issue_cert("localhost", "127.0.0.1").private_key_and_cert_chain_pem.write_to_path(chain)
    authority.cert_pem.write_to_path(root)
    command = ["-m", "sandbox.business_central", "--port", "0", "--tls-cert", str(chain)]
    process = await asyncio.create_subprocess_exec(
        sys.executable, *command, stdout=asyncio.subprocess.PIPE, cwd=ROOT
    )
    try:
        assert process.stdout is not None
        line = (await process.stdout.readline()).decode()
        port = int(line.rpartition(":")[2])
        assert line.startswith("business central ready on https://127.0.0.1:")
        async with ClientSecretCredential(
            TENANT,
            DEFAULT_CLIENT,
            "client-secret",
            authority=f"https://localhost:{port}",
            disable_instance_discovery=True,
            connection_verify=str(root),
        ) as credential:
            issued = await credential.get_token(SCOPE)
        headers = {"Authorization": f"Bearer {issued.token}"}
        async with httpx.AsyncClient(verify=ssl.create_default_context(cafile=root)) as api:
            answer = await api.get(f"https://localhost:{port}{COMPANIES}", headers=headers)
        assert answer.json()["value"][0]["name"] == "Northwind Services"
        await _msal_agrees(port, root)
    finally:
        process.terminate()
        await process.wait()


async def _msal_agrees(port: int, root: Path) -> None:
    """The synchronous credential discovers the authority through its metadata."""
    script = (
        "import sys; from azure.identity import ClientSecretCredential as C;"
        f"c = C('{TENANT}', '{DEFAULT_CLIENT}', 'client-secret', authority='https://localhost:{port}',"
        " disable_instance_discovery=True);"
        f"sys.stdout.write(c.get_token('{SCOPE}').token)"
    )
    environment = os.environ | {"SSL_CERT_FILE": str(root), "REQUESTS_CA_BUNDLE": str(root)}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, stdout=asyncio.subprocess.PIPE, env=environment
    )
    output, _nothing = await process.communicate()
    assert process.returncode == 0
    assert output.count(b".") == 2
