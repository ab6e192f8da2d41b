"""Where credentials come from: Key Vault with an identity, or the environment for local work."""

import asyncio
import base64
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Final

from azure.core.exceptions import AzureError, ClientAuthenticationError, ResourceNotFoundError

from shared.domain.errors import RetryLater, StopConnection
from shared.ports.platform import Secrets

if TYPE_CHECKING:
    from azure.core.credentials_async import AsyncTokenCredential
    from azure.keyvault.secrets.aio import SecretClient

CACHE_SECONDS: Final = 900.0
FORBIDDEN: Final = 403
PROBED: Final = "CONNECTWISE_PUBLIC_KEY"
"""A secret that every app has."""


@dataclass(frozen=True, slots=True)
class EnvironmentSecrets:
    """Secrets in settings, for local work only."""

    environment: Mapping[str, str]

    async def get(self, name: str) -> str:
        """The setting of that name; raises StopConnection when it is missing or empty."""
        value = self.environment.get(name, "")
        if not value:
            raise _missing(name, "the settings")
        return value

    async def probe(self) -> str:
        """Settings are always there."""
        return "settings"

    async def expires(self, name: str) -> datetime | None:
        """When a certificate ends; nobody knows of anything else."""
        return certificate_end(name, await self.get(name))

    def forget(self) -> None:
        """Nothing is cached."""

    async def close(self) -> None:
        """Nothing is open."""


@dataclass(frozen=True, slots=True)
class ConnectionSecrets:
    """The secrets of one connection among those of all: ``DEVICES__BUSINESS_CENTRAL_PASSWORD``.

    In Key Vault that is ``devices-business-central-password``.
    """

    secrets: Secrets
    connection: str

    async def get(self, name: str) -> str:
        """The connection's secret under a setting's name; raises what the source of secrets raises."""
        return await self.secrets.get(self._named(name))

    async def expires(self, name: str) -> datetime | None:
        """When the connection's secret ends."""
        return await self.secrets.expires(self._named(name))

    def _named(self, name: str) -> str:
        return f"{self.connection.upper().replace('-', '_')}__{name}"

    def forget(self) -> None:
        """Drops cached values."""
        self.secrets.forget()


@dataclass(slots=True)
class KeyVaultSecrets:
    """Secrets in Key Vault under the setting's name in lower case with hyphens, kept for 15 minutes."""

    client: "SecretClient"
    credential: "AsyncTokenCredential | None" = None
    _cache: dict[str, tuple[float, str, datetime | None]] = field(default_factory=dict)
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def get(self, name: str) -> str:
        """The secret; raises StopConnection when it is missing or refused, RetryLater when the vault is away."""
        return (await self._known(name))[1]

    async def probe(self) -> str:
        """Reads one secret past the cache, and leaves the cache as it is."""
        await self._read(PROBED)
        return ""

    async def expires(self, name: str) -> datetime | None:
        """The end that the vault has for the secret, or that of the certificate in it, whichever comes first."""
        _, value, end = await self._known(name)
        return min((one for one in (end, certificate_end(name, value)) if one is not None), default=None)

    async def _known(self, name: str) -> tuple[float, str, datetime | None]:
        known = self._cache.get(name)
        if known and known[0] > time.monotonic():
            return known
        async with self._lock:
            known = self._cache.get(name)
            if known and known[0] > time.monotonic():
                return known
            value, end = await self._read(name)
            self._cache[name] = (time.monotonic() + CACHE_SECONDS, value, end)
            return self._cache[name]

    async def _read(self, name: str) -> tuple[str, datetime | None]:
        key = name.lower().replace("__", "-").replace("_", "-")
        try:
            secret = await self.client.get_secret(key)
        except ResourceNotFoundError as error:
            raise _missing(key, "Key Vault") from error
        except AzureError as error:
            if isinstance(error, ClientAuthenticationError) or getattr(error, "status_code", 0) == FORBIDDEN:
                raise StopConnection(
                    "key_vault",
                    "Key Vault refuses the application's identity.",
                    todo="Give the identity the role Key Vault Secrets User.",
                    detail=str(error),
                ) from error
            raise RetryLater("key_vault", "Key Vault cannot be read right now.", detail=str(error)) from error
        if not secret.value:
            raise _missing(key, "Key Vault")
        return secret.value, secret.properties.expires_on

    def forget(self) -> None:
        """Drops the cache, so that a rotated secret is read again after a refusal."""
        self._cache.clear()

    async def close(self) -> None:
        """Closes the client and the identity's own."""
        await self.client.close()
        if self.credential is not None:
            await self.credential.close()


def certificate_end(name: str, value: str) -> datetime | None:
    """When the certificate in a secret ends; None where the secret is none, or none that can be read."""
    if not name.endswith("CERTIFICATE"):
        return None
    from cryptography.hazmat.primitives.serialization import pkcs12
    from cryptography.x509 import load_pem_x509_certificates

    try:
        if "-----BEGIN" in value:
            return min(one.not_valid_after_utc for one in load_pem_x509_certificates(value.encode()))
        _, certificate, _ = pkcs12.load_key_and_certificates(base64.b64decode(value), None)
    except ValueError:
        return None
    return certificate.not_valid_after_utc if certificate else None


def _missing(name: str, place: str) -> StopConnection:
    return StopConnection(
        "secret", f"The secret {name} is missing in {place}.", todo=f"Store {name} in {place}."
    )
