"""The details of health: within two seconds whatever is down or hangs, and without touching anything."""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
from azure.data.tables.aio import TableServiceClient

from sandbox.azurite import Azurite
from shared.adapters.secrets import EnvironmentSecrets
from shared.adapters.storage.clients import SETTING, open_storage
from shared.adapters.storage.schema import SCHEMA
from shared.app import App, assemble
from shared.domain.errors import StopConnection
from shared.settings import Settings
from tests.triggers.bench import Bench

MOST_SECONDS = 2.0


@pytest.fixture
async def bench(azurite: Azurite) -> AsyncIterator[Bench]:
    async with Bench(azurite) as bench:
        yield bench


@asynccontextmanager
async def silence() -> AsyncIterator[int]:
    """A port that takes every connection and never answers."""
    held: list[asyncio.StreamWriter] = []

    async def hold(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        held.append(writer)

    server = await asyncio.start_server(hold, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    server.close()
    for writer in held:
        writer.close()


def storage_at(port: int) -> str:
    """A connection string of a storage that answers, or not, at a port."""
    key = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
    urls = ";".join(
        f"{name}Endpoint=http://127.0.0.1:{port}/devstoreaccount1" for name in ("Blob", "Queue", "Table")
    )
    return f"DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;AccountKey={key};{urls}"


async def look(app: App) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """The details, and the dependencies by name; fails when they come too late."""
    began = time.monotonic()
    found = await app.health.look()
    assert time.monotonic() - began < MOST_SECONDS
    return found, {one["name"].split(" dyna")[0].split(" t")[0]: one for one in found["dependencies"]}


async def test_all_is_well(bench: Bench) -> None:
    found, parts = await look(bench.app)
    assert found["healthy"], found
    assert parts["ConnectWise"]["version"]
    assert set(found["versions"]) == {"app", "python", "runtime", "layout", "tables"}
    assert found["versions"]["layout"] == str(found["versions"]["tables"]) == str(SCHEMA)
    assert found["connections"]["default"]["watermarks"] == {}


async def test_what_was_done_last_and_what_ends_is_told(bench: Bench) -> None:
    now = bench.app.clock.now()
    kept = {"made": ["company"], "healed": []}
    ends = {"salesInvoices": (now + timedelta(days=2)).isoformat()}
    hooks = {
        "at": now.isoformat(),
        "first": True,
        "expires": ends,
        "connectwise": kept,
        "business_central": {},
    }
    await bench.app.state.save("default", "hooks", hooks)
    await bench.connectwise_admin("companies", {"identifier": "Seen", "name": "Seen Ltd"})
    await bench.sweep("company")
    found, _ = await look(bench.app)
    own = found["connections"]["default"]
    assert own["watermarks"]["hooks"]["age_seconds"] <= 60
    assert own["watermarks"]["company"]["age_seconds"] <= 60
    assert own["last_success"] is not None
    assert all(one["ok"] for one in own["registrations"])
    assert own["subscriptions"]["salesInvoices"]["left_seconds"] > 0


@pytest.mark.parametrize("system", ["ConnectWise", "Business Central"])
@pytest.mark.parametrize(("fault", "cause"), [("hang", "no_answer"), ("status", "unavailable")])
async def test_a_system_is_away(bench: Bench, system: str, fault: str, cause: str) -> None:
    ask = bench.connectwise_admin if system == "ConnectWise" else bench.central_admin
    await ask("faults", {"faults": [{"kind": fault, "seconds": 30, "status": 503}]})
    found, parts = await look(bench.app)
    await ask("faults", {"faults": []})
    assert not found["healthy"]
    assert (parts[system]["ok"], parts[system]["cause"]) == (False, cause)
    assert [name for name, one in parts.items() if not one["ok"]] == [system]


async def test_storage_is_down_or_hangs(bench: Bench) -> None:
    async with silence() as port:
        for where in (port, 1):
            app = rebuilt(bench, {SETTING: storage_at(where)})
            found, parts = await look(app)
            await app.close()
            assert not parts["table"]["ok"]
            assert not parts["queue"]["ok"]
            assert parts["ConnectWise"]["ok"], "the systems are asked although nothing is known from storage"
            assert found["connections"]["default"]["watermarks"] is None


async def test_it_makes_no_table(bench: Bench, azurite: Azurite) -> None:
    prefix = "h" + uuid.uuid4().hex[:16]
    app = assemble(bench.app.settings, storage=open_storage(bench.app.settings.storage, prefix=prefix))
    found, _ = await look(app)
    await app.close()
    assert not found["healthy"]
    async with TableServiceClient.from_connection_string(azurite.connection_string()) as service:
        assert not [one.name async for one in service.list_tables() if one.name.startswith(prefix)]


class HangingVault(EnvironmentSecrets):
    """Secrets that cannot be read in time when asked for a sign of life."""

    async def probe(self) -> str:
        await asyncio.Event().wait()
        raise AssertionError


class ClosedVault(EnvironmentSecrets):
    """Secrets that are refused."""

    async def probe(self) -> str:
        raise StopConnection("key_vault", "Key Vault refuses the application's identity.")


@pytest.mark.parametrize(("vault", "cause"), [(HangingVault, "no_answer"), (ClosedVault, "key_vault")])
async def test_the_vault_is_away(bench: Bench, vault: type[EnvironmentSecrets], cause: str) -> None:
    app = assemble(bench.app.settings, secrets=vault(bench.app.settings.secrets_in_settings))
    _, parts = await look(app)
    await app.close()
    assert (parts["secrets"]["ok"], parts["secrets"]["cause"]) == (False, cause)


async def test_a_refusal_renews_no_credentials(bench: Bench) -> None:
    forgotten: list[str] = []

    class Watched(EnvironmentSecrets):
        def forget(self) -> None:
            forgotten.append("all")

    app = assemble(bench.app.settings, secrets=Watched(bench.app.settings.secrets_in_settings))
    await bench.central_admin("faults", {"faults": [{"kind": "status", "status": 401}]})
    _, parts = await look(app)
    await bench.central_admin("faults", {"faults": []})
    await app.close()
    assert (parts["Business Central"]["ok"], parts["Business Central"]["cause"]) == (False, "credentials")
    assert forgotten == []


def rebuilt(bench: Bench, storage: dict[str, str]) -> App:
    """The bench's app with another storage."""
    own = bench.app.settings
    settings = Settings(
        own.connectwise,
        own.business_central,
        own.public_url,
        storage=storage,
        secrets_in_settings=own.secrets_in_settings,
    )
    return assemble(settings)
