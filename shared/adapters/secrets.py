"""Where credentials come from: Key Vault with an identity, or the environment for local work."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from azure.core.exceptions import AzureError, ClientAuthenticationError, ResourceNotFoundError

from shared.domain.errors import RetryLater, StopConnection
from shared.ports.platform import Secrets

if TYPE_CHECKING:
    from azure.keyvault.secrets.aio import SecretClient

CACHE_SECONDS: Final = 900.0
FORBIDDEN: Final = 403


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

    def forget(self) -> None:
        """Nothing is cached."""


@dataclass(frozen=True, slots=True)
class ConnectionSecrets:
    """The secrets of one connection among those of all: ``DEVICES__BUSINESS_CENTRAL_PASSWORD``.

    In Key Vault that is ``devices-business-central-password``.
    """

    secrets: Secrets
    connection: str

    async def get(self, name: str) -> str:
        """The connection's secret under a setting's name; raises what the source of secrets raises."""
        return await self.secrets.get(f"{self.connection.upper().replace('-', '_')}__{name}")

    def forget(self) -> None:
        """Drops cached values."""
        self.secrets.forget()


@dataclass(slots=True)
class KeyVaultSecrets:
    """Secrets in Key Vault under the setting's name in lower case with hyphens, kept for 15 minutes."""

    client: "SecretClient"
    _cache: dict[str, tuple[float, str]] = field(default_factory=dict)
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def get(self, name: str) -> str:
        """The secret; raises StopConnection when it is missing or refused, RetryLater when the vault is away."""
        known = self._cache.get(name)
        if known and known[0] > time.monotonic():
            return known[1]
        async with self._lock:
            known = self._cache.get(name)
            if known and known[0] > time.monotonic():
                return known[1]
            value = await self._read(name)
            self._cache[name] = (time.monotonic() + CACHE_SECONDS, value)
            return value

    async def _read(self, name: str) -> str:
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
        return secret.value

    def forget(self) -> None:
        """Drops the cache, so that a rotated secret is read again after a refusal."""
        self._cache.clear()


def _missing(name: str, place: str) -> StopConnection:
    return StopConnection(
        "secret", f"The secret {name} is missing in {place}.", todo=f"Store {name} in {place}."
    )
