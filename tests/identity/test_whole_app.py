"""One record from hook to books with the settings that Azure gets: no connection string and no secret among them.

The names of storage, vault and login service are the real ones, led to stand-ins that speak TLS. What asks for tokens,
exchanges them and answers the vault's challenge is the real library. The settings are those of the Bicep files.
"""

import gc
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import aiohttp
import azure.functions as func
import httpx
import pytest

import shared.app
from infra_checks.facts import Facts
from infra_checks.problems import Tree
from infra_checks.project import Project
from infra_checks.settings import set_in_azure
from sandbox.azurite import ACCOUNT, Azurite
from sandbox.business_central.app import BusinessCentral
from sandbox.business_central.settings import DEFAULT_CLIENT
from sandbox.connectwise.app import create as create_connectwise
from sandbox.connectwise.callbacks import KEY_PATHS, signature
from sandbox.demo.waiting import until
from sandbox.stage import CLIENT_ID, COMPANY
from shared.app import DEFAULT, App, bootstrap
from shared.domain.errors import FunctionFailed
from shared.domain.records import State
from shared.ports.storage import OpenItem
from shared.settings import SECRETS as SECRET_SETTINGS
from shared.settings import Settings
from shared.triggers.hooks import connectwise_hook
from shared.triggers.operations import health_details, work_list
from shared.triggers.queues import sync_record
from tests.adapters.identity import (
    EXCHANGE,
    IDENTITY_HEADER,
    TENANT,
    Gate,
    IdentityEndpoint,
    Trust,
    Vault,
    lead,
)
from tests.adapters.support import serving
from tests.adapters.test_authentication import instant
from tests.conformance.timing import ShiftedClock
from tests.conformance.world import QueueMessage

ROOT: Final = Path(__file__).resolve().parents[2]
OWN: Final = "22222222-0000-4000-8000-000000000000"
"""The client id of the app's identity."""
VAULT: Final = "kv-dynaconnect.vault.azure.net"
LOGIN: Final = "login.microsoftonline.com"
TOKEN_ROUTE: Final = "POST /{tenant}/oauth2/v2.0/token"
SECRETS: Final = {"connectwise-public-key": "public", "connectwise-private-key": "private"}


@dataclass
class Platform:
    """Everything that Azure and both systems are to the app."""

    app: App
    clock: ShiftedClock
    issuer: IdentityEndpoint
    vault: Vault
    gates: dict[str, Gate]
    connectwise: Any
    connectwise_url: str
    central: BusinessCentral
    central_url: str
    http: httpx.AsyncClient
    environment: dict[str, str] = field(default_factory=dict)
    sessions: set[int] = field(default_factory=set)

    async def company(self, name: str) -> int:
        body = {"identifier": name, "name": f"{name} Inc"}
        answer = await self.http.post(f"{self.connectwise_url}/admin/companies", json=body)
        return int(answer.raise_for_status().json()["id"])

    async def deliver(self, record_id: int) -> int:
        """A callback as ConnectWise sends it; returns the status of the answer."""
        key_url = f"{self.connectwise_url}{KEY_PATHS[1]}?companyName=acme&id=1"
        content = {"ID": record_id, "Type": "company", "Action": "updated", "CompanyId": "acme"}
        body = json.dumps(content | {"Metadata": {"key_url": key_url}, "MessageId": f"m{record_id}"}).encode()
        signed = signature(self.connectwise.settings.signing_key, body)
        request = func.HttpRequest(
            "POST",
            "https://func.example/api/hooks/connectwise/default",
            headers={"x-content-signature": signed},
            route_params={"connection": DEFAULT},
            body=body,
        )
        answer: func.HttpResponse = await connectwise_hook(request)
        return int(answer.status_code)

    async def work(self) -> int:
        """Hands every visible hint to its function, as the host does; returns how many there were."""
        assert self.app.storage is not None
        count = 0
        async for message in self.app.storage.sync.receive_messages():
            count += 1
            await sync_record(QueueMessage(message.content, 1))
            await self.app.storage.sync.delete_message(message)
        return count

    def customers(self) -> list[str]:
        """The names of the customers in the books."""
        company = self.central.environment.store.company(COMPANY)
        assert company is not None
        return [str(record.values["displayName"]) for record in company.all("customers")]

    async def asked(self, route: Any) -> tuple[int, Any]:
        """What a route for people answers."""
        answer = await route(func.HttpRequest("GET", "https://func.example/api", body=b""))
        return answer.status_code, json.loads(answer.get_body())


def environment(connectwise_url: str, central_url: str) -> dict[str, str]:
    """The app's settings as the Bicep files set them, with values where those have parameters."""
    _, found = set_in_azure(Project.read(Tree(ROOT), Facts.load()))
    values = {
        "AzureWebJobsStorage__accountName": ACCOUNT,
        "AzureWebJobsStorage__clientId": OWN,
        "AzureWebJobsStorage__credential": "managedidentity",
        "AZURE_CLIENT_ID": OWN,
        "BUSINESS_CENTRAL_AUTH": "managed_identity",
        "BUSINESS_CENTRAL_CLIENT_ID": DEFAULT_CLIENT,
        "BUSINESS_CENTRAL_COMPANY": COMPANY,
        "BUSINESS_CENTRAL_TENANT": TENANT,
        "BUSINESS_CENTRAL_URL": central_url,
        "CONNECTWISE_CLIENT_ID": CLIENT_ID,
        "CONNECTWISE_COMPANY": "acme",
        "CONNECTWISE_URL": f"{connectwise_url}/v4_6_release/apis/3.0",
        "KEY_VAULT_URL": f"https://{VAULT}/",
        "PUBLIC_URL": "https://func.example",
    }
    assert values.keys() <= found.keys()
    return dict.fromkeys(found, "") | values


@pytest.fixture
async def platform(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> AsyncIterator[Platform]:
    trust, issuer, vault, central = (
        Trust(),
        IdentityEndpoint(),
        Vault(secrets=dict(SECRETS)),
        BusinessCentral(),
    )
    connectwise = create_connectwise("acme", "public", "private", CLIENT_ID)
    issued = trust.authority.issue_cert("127.0.0.1")
    issued.private_key_pem.write_to_path(tmp_path / "key.pem")
    issued.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    options = ("--oauth", "basic", "--cert", str(tmp_path / "cert.pem"), "--key", str(tmp_path / "key.pem"))
    monkeypatch.setattr("aiohttp.connector._SSL_CONTEXT_VERIFIED", trust.client())
    monkeypatch.setattr("azure.core.pipeline.transport.AioHttpTransport.sleep", instant)
    monkeypatch.setattr("shared.app.trust", trust.client)
    async with AsyncExitStack() as stack:
        enter = stack.enter_async_context
        azurite = await enter(Azurite(options=options))
        gates = {name: Gate(getattr(azurite.ports, name)) for name in ("queue", "table")}
        urls = {VAULT: await enter(serving(vault.app(), trust.server(VAULT)))}
        urls[LOGIN] = await enter(serving(central.app, trust.server(LOGIN)))
        for name, gate in gates.items():
            host = f"{ACCOUNT}.{name}.core.windows.net"
            urls[host] = await enter(serving(gate.app(), trust.server(host)))
        connectwise_url = await enter(serving(connectwise.app, trust.server()))
        vault.url = f"https://{VAULT}"
        lead(monkeypatch, {host: int(url.rpartition(":")[2]) for host, url in urls.items()})
        endpoint = await enter(serving(issuer.app()))
        monkeypatch.setenv("IDENTITY_ENDPOINT", f"{endpoint}/msi/token")
        monkeypatch.setenv("IDENTITY_HEADER", IDENTITY_HEADER)
        given = environment(connectwise_url, urls[LOGIN])
        monkeypatch.setenv("AZURE_CLIENT_ID", given["AZURE_CLIENT_ID"])
        clock = ShiftedClock()
        sessions = open_sessions()
        app = await bootstrap(Settings.read(given), clock=clock)
        stack.push_async_callback(app.close)
        monkeypatch.setattr(shared.app, "_app", app)
        http = await enter(httpx.AsyncClient(verify=trust.client(), timeout=30))
        terms = [{"code": "30 DAYS", "displayName": "Net 30 days", "dueDateCalculation": "30D"}]
        body = {"set": "paymentTerms", "records": terms}
        (await http.post(f"{urls[LOGIN]}/admin/records", json=body)).raise_for_status()
        parts = (app, clock, issuer, vault, gates, connectwise, connectwise_url, central, urls[LOGIN], http)
        yield Platform(*parts, given, sessions)
        assert connectwise.breaches == []


async def test_a_record_travels_by_the_identity_alone_and_rights_can_be_taken_and_given_back(
    platform: Platform,
) -> None:
    settings = platform.environment
    assert "AzureWebJobsStorage" not in settings
    assert not {name.partition("__")[2] or name for name in settings} & set(SECRET_SETTINGS)
    for secret in (*SECRETS.values(), "AccountKey", "client-secret"):
        assert secret not in [*settings.values()]
    first = await platform.company("First")
    assert await platform.deliver(first) == 202
    assert await platform.work() == 1
    assert platform.customers()[-1] == "First Inc"

    # Each token was asked for what it is for, by the one identity; nothing else was tried.
    wanted = {"https://storage.azure.com", "https://vault.azure.net", EXCHANGE}
    assert {one["resource"].rstrip("/") for one in platform.issuer.asked} == wanted
    assert {one["client_id"] for one in platform.issuer.asked} == {OWN}
    assert platform.vault.challenges == 1
    assert platform.central.calls[TOKEN_ROUTE] == 1
    status, shown = await platform.asked(health_details)
    assert (status, shown["healthy"]) == (200, True), shown["dependencies"]

    # The role on the vault is taken back after the start: told in words, tried again, and healed when it is given back.
    platform.vault.status = 403
    platform.app.secrets.forget()
    second = await platform.company("Second")
    assert await platform.deliver(second) == 202
    await platform.work()
    item, *others = await platform.app.desk.work(DEFAULT)
    assert {one.ref.id for one in (item, *others)} == {str(second)}
    assert {(one.state, one.cause) for one in (item, *others)} == {(State.RETRYING, "key_vault")}
    assert item.reason == "Key Vault refuses the application's identity."
    assert item.todo == "Give the identity the role Key Vault Secrets User."
    _, shown = await platform.asked(health_details)
    [broken] = [one for one in shown["dependencies"] if one["name"] == "secrets"]
    assert (broken["cause"], broken["todo"]) == ("key_vault", item.todo)
    platform.vault.status = 200
    platform.clock.advance(timedelta(minutes=10))
    assert await platform.app.desk.retry(DEFAULT) == 1
    await platform.work()
    assert await platform.app.desk.work(DEFAULT) == []
    assert platform.customers()[-1] == "Second Inc"

    # So are the roles on storage: the sender is asked to come again, people are told, a hint in work comes back.
    third, fourth = await platform.company("Third"), await platform.company("Fourth")
    assert platform.app.storage is not None
    # The retry that was planned for the second is needless, and would be found beside the hint if it was due by now.
    await platform.app.storage.sync.clear_messages()
    assert await platform.deliver(third) == 202
    [waiting] = [one async for one in platform.app.storage.sync.receive_messages(visibility_timeout=1)]
    for gate in platform.gates.values():
        gate.shut = True
    with pytest.raises(FunctionFailed):
        await sync_record(QueueMessage(waiting.content, 1))
    assert await platform.deliver(fourth) == 429
    status, shown = await platform.asked(work_list)
    assert (status, shown["error"]) == (503, "The storage account refuses the application.")
    assert "Storage Table Data Contributor" in shown["todo"]
    _, shown = await platform.asked(health_details)
    assert {one["name"] for one in shown["dependencies"] if not one["ok"]} == {
        "table dynaconnectrecords", "table dynaconnectstate", "queue dynaconnect-sync", "queue dynaconnect-sweep",
    }  # fmt: skip
    for gate in platform.gates.values():
        gate.shut = False
    await sync_record(QueueMessage(waiting.content, 2))
    assert await platform.deliver(fourth) == 202
    while "Fourth Inc" not in platform.customers():
        await platform.work()
    assert platform.customers()[-2:] == ["Third Inc", "Fourth Inc"]


def open_sessions() -> set[int]:
    """Sessions of the libraries that somebody opened and nobody closed."""
    found = (one for one in gc.get_objects() if isinstance(one, aiohttp.ClientSession))
    return {id(session) for session in found if not session.closed}


async def test_an_identity_that_the_registration_does_not_trust_is_told_and_all_is_closed_at_the_end(
    platform: Platform,
) -> None:
    trusted = platform.central.environment.settings.federated
    for claim, other in {
        "subject": OWN,
        "issuer": "https://elsewhere.example/v2.0",
        "audience": "api://x",
    }.items():
        right, trusted[claim] = trusted[claim], other
        company = await platform.company(f"Not by its {claim}")
        assert await platform.deliver(company) == 202
        items: list[OpenItem] = []

        async def told(number: str = str(company), found: list[OpenItem] = items) -> bool:
            # On a busy machine the hint may have gone back to the queue for a moment.
            await platform.work()
            found[:] = [one for one in await platform.app.desk.work(DEFAULT) if one.ref.id == number]
            return bool(found)

        await until("the work list names the company", told, 30.0)
        assert {(one.state, one.cause) for one in items} == {(State.RETRYING, "credentials")}
        assert "Entra ID refuses the credentials" in items[0].reason
        trusted[claim] = right
        platform.clock.advance(timedelta(minutes=10))
    await platform.app.desk.retry(DEFAULT)

    async def done() -> bool:
        await platform.work()
        return await platform.app.desk.work(DEFAULT) == []

    await until("nothing is left to do", done, 30.0)
    assert len([name for name in platform.customers() if name.startswith("Not by its")]) == 3

    opened = open_sessions() - platform.sessions
    assert len(opened) >= 3, "tables and queues, the vault, the identity"
    await platform.app.close()
    assert open_sessions() - platform.sessions == set(), "what the app opened is closed with it"
