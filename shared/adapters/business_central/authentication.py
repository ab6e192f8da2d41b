"""How calls to Business Central prove who they are: a token of Entra ID, or a user with a key on-premises.

The identity library is imported where it is used: it takes a quarter of a second, and not every start needs it.
"""

import asyncio
import base64
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Final

from azure.core.credentials import AccessToken
from azure.core.credentials_async import AsyncTokenCredential
from azure.core.exceptions import AzureError, ClientAuthenticationError

from shared.adapters.http import Headers
from shared.domain.errors import RetryLater, StopConnection
from shared.ports.platform import Secrets
from shared.settings import BusinessCentralSettings

SCOPE: Final = "https://api.businesscentral.dynamics.com/.default"
FEDERATION_SCOPE: Final = "api://AzureADTokenExchange/.default"
RENEW_BEFORE_SECONDS: Final = 300


@dataclass(slots=True)
class BasicAuthorization:
    """User name and web service access key, on-premises only."""

    username: str
    secrets: Secrets

    async def __call__(self, refused: Headers | None) -> Headers:
        """The header of a call; a ``refused`` one makes it read the key again."""
        if refused is not None:
            self.secrets.forget()
        password = await self.secrets.get("BUSINESS_CENTRAL_PASSWORD")
        text = base64.b64encode(f"{self.username}:{password}".encode()).decode()
        return {"Authorization": f"Basic {text}"}


@dataclass(slots=True)
class TokenAuthorization:
    """A bearer token that one refresher renews under a lock. ``make`` builds the credential from fresh secrets."""

    make: Callable[[], Awaitable[AsyncTokenCredential]]
    secrets: Secrets
    _token: AccessToken | None = None
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def __call__(self, refused: Headers | None) -> Headers:
        """The header of a call; a ``refused`` one fetches a new token with newly read secrets."""
        if not self._usable(refused):
            async with self._lock:
                # Whoever came first has renewed for all who were refused with the same token.
                if not self._usable(refused):
                    if refused is not None:
                        self.secrets.forget()
                    self._token = await self._fetch()
        return self._header()

    def _header(self) -> Headers:
        return {"Authorization": f"Bearer {self._token.token}"} if self._token else {}

    def _usable(self, refused: Headers | None) -> bool:
        fresh = self._token is not None and self._token.expires_on - RENEW_BEFORE_SECONDS > time.time()
        return fresh and self._header() != refused

    async def _fetch(self) -> AccessToken:
        try:
            async with await self.make() as credential:
                return await credential.get_token(SCOPE)
        except (ClientAuthenticationError, ValueError) as error:
            raise StopConnection(
                "credentials",
                "Entra ID refuses the credentials for Business Central.",
                todo="Check tenant, client id and the credential; a secret or certificate may have expired.",
                detail=str(error),
            ) from error
        except AzureError as error:
            raise RetryLater("login_unreachable", "Entra ID cannot be reached.", detail=str(error)) from error


def authorization(
    settings: BusinessCentralSettings, secrets: Secrets
) -> BasicAuthorization | TokenAuthorization:
    """The way of signing in that the settings name."""
    if settings.auth == "basic":
        return BasicAuthorization(settings.username, secrets)

    async def make() -> AsyncTokenCredential:
        from azure.identity.aio import (
            CertificateCredential,
            ClientAssertionCredential,
            ClientSecretCredential,
            ManagedIdentityCredential,
        )

        options: dict[str, Any] = (
            {"authority": settings.authority, "disable_instance_discovery": True}
            if settings.authority
            else {}
        )
        tenant, client = settings.tenant, settings.client_id
        if settings.auth == "client_secret":
            secret = await secrets.get("BUSINESS_CENTRAL_CLIENT_SECRET")
            return ClientSecretCredential(tenant, client, secret, **options)
        if settings.auth == "certificate":
            certificate = (await secrets.get("BUSINESS_CENTRAL_CERTIFICATE")).encode()
            return CertificateCredential(tenant, client, certificate_data=_pem(certificate), **options)
        own: dict[str, Any] = (
            {"client_id": settings.identity_client_id} if settings.identity_client_id else {}
        )
        async with ManagedIdentityCredential(**own) as identity:
            assertion = (await identity.get_token(FEDERATION_SCOPE)).token
        return ClientAssertionCredential(tenant, client, lambda: assertion, **options)

    return TokenAuthorization(make, secrets)


def _pem(certificate: bytes) -> bytes:
    """Key Vault gives a certificate as PEM text or as base64 of PKCS12; both are taken."""
    return certificate if b"-----BEGIN" in certificate else base64.b64decode(certificate)
