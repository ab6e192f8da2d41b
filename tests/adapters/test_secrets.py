"""Secrets from the settings and from a key vault that insists on its challenge."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from azure.identity.aio import ManagedIdentityCredential
from azure.keyvault.secrets.aio import SecretClient

from shared.adapters.secrets import EnvironmentSecrets, KeyVaultSecrets
from shared.domain.errors import RetryLater, StopConnection
from tests.adapters.identity import IDENTITY_HEADER, IdentityEndpoint, Trust, Vault
from tests.adapters.support import serving
from tests.adapters.test_authentication import instant

NAME = "CONNECTWISE_PRIVATE_KEY"


@dataclass
class Case:
    """A vault and the secrets that are read from it."""

    vault: Vault
    identity: IdentityEndpoint
    secrets: KeyVaultSecrets


@pytest.fixture
async def case(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Case]:
    trust, vault, identity = Trust(), Vault(), IdentityEndpoint()
    monkeypatch.setattr("aiohttp.connector._SSL_CONTEXT_VERIFIED", trust.client())
    monkeypatch.setattr("azure.core.pipeline.transport.AioHttpTransport.sleep", instant)
    async with serving(identity.app()) as endpoint, serving(vault.app(), trust.server()) as vault.url:
        monkeypatch.setenv("IDENTITY_ENDPOINT", f"{endpoint}/msi/token")
        monkeypatch.setenv("IDENTITY_HEADER", IDENTITY_HEADER)
        async with (
            ManagedIdentityCredential() as credential,
            SecretClient(vault.url, credential, verify_challenge_resource=False) as client,
        ):
            yield Case(vault, identity, KeyVaultSecrets(client))


async def test_a_secret_is_read_once_and_kept(case: Case) -> None:
    case.vault.secrets["connectwise-private-key"] = "s3cret"
    assert [await case.secrets.get(NAME) for _ in range(3)] == ["s3cret"] * 3
    assert case.vault.asked == ["connectwise-private-key"]
    assert case.vault.challenges == 1
    assert case.identity.asked[0]["resource"] == "https://vault.azure.net"


async def test_many_at_once_read_it_once(case: Case) -> None:
    case.vault.secrets["connectwise-private-key"] = "s3cret"
    assert await asyncio.gather(*(case.secrets.get(NAME) for _ in range(20))) == ["s3cret"] * 20
    assert len(case.vault.asked) == 1


async def test_a_forgotten_secret_is_read_again(case: Case) -> None:
    case.vault.secrets["connectwise-private-key"] = "old"
    await case.secrets.get(NAME)
    case.vault.secrets["connectwise-private-key"] = "new"
    assert await case.secrets.get(NAME) == "old"
    case.secrets.forget()
    assert await case.secrets.get(NAME) == "new"


async def test_a_missing_secret_is_named(case: Case) -> None:
    with pytest.raises(StopConnection) as stopped:
        await case.secrets.get(NAME)
    assert stopped.value.operator == "The secret connectwise-private-key is missing in Key Vault."


async def test_an_empty_secret_is_missing(case: Case) -> None:
    case.vault.secrets["connectwise-private-key"] = ""
    with pytest.raises(StopConnection):
        await case.secrets.get(NAME)


async def test_a_vault_that_forbids_names_the_role(case: Case) -> None:
    case.vault.status = 403
    with pytest.raises(StopConnection) as stopped:
        await case.secrets.get(NAME)
    assert "Key Vault Secrets User" in stopped.value.todo


async def test_an_identity_that_is_refused_stops_the_connection(case: Case) -> None:
    case.identity.status = 400
    with pytest.raises(StopConnection) as stopped:
        await case.secrets.get(NAME)
    assert stopped.value.cause == "key_vault"


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_a_vault_that_fails_is_asked_again_later(case: Case, status: int) -> None:
    case.vault.status = status
    with pytest.raises(RetryLater) as later:
        await case.secrets.get(NAME)
    assert later.value.cause == "key_vault"
    case.vault.status = 200
    case.vault.secrets["connectwise-private-key"] = "s3cret"
    assert await case.secrets.get(NAME) == "s3cret"


async def test_a_vault_that_is_away_is_asked_again_later(case: Case) -> None:
    async with serving(Vault().app()) as url:
        gone = url.replace("http://", "https://")
    async with (
        ManagedIdentityCredential() as credential,
        SecretClient(gone, credential, verify_challenge_resource=False) as client,
    ):
        with pytest.raises(RetryLater):
            await KeyVaultSecrets(client).get(NAME)


async def test_settings_hold_secrets_for_local_work() -> None:
    secrets = EnvironmentSecrets({NAME: "s3cret", "EMPTY": ""})
    assert await secrets.get(NAME) == "s3cret"
    secrets.forget()
    for name in ("EMPTY", "ABSENT"):
        with pytest.raises(StopConnection, match=f"The secret {name} is missing in the settings"):
            await secrets.get(name)
