"""A key vault on loopback with its challenge, and a client that trusts it."""

import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import aiohttp
import trustme
from aiohttp import web
from azure.core.credentials import AccessToken
from azure.keyvault.secrets.aio import SecretClient

from sandbox.kit import StandIn, json_response
from shared.adapters.patience import BriefTransport, Patience

_CHALLENGE: Final = 'Bearer authorization="https://login.example/tenant", resource="https://vault.azure.net"'
_LOCAL: Final = "127.0.0.1"


class Vault(StandIn):
    """Holds secrets by their vault names; who comes without a token is told where to get one."""

    def __init__(self) -> None:
        super().__init__("vault")
        self.secrets: dict[str, str] = {}
        self.url = ""
        self.route("GET", "/secrets/{name}/{tail:.*}", self._secret)

    async def _secret(self, request: web.Request) -> web.Response:
        if not request.headers.get("Authorization", "").startswith("Bearer "):
            return json_response({}, 401, {"WWW-Authenticate": _CHALLENGE})
        name = request.match_info["name"]
        if name not in self.secrets:
            return json_response({"error": {"code": "SecretNotFound", "message": "none"}}, 404)
        identity = f"{self.url}/secrets/{name}/0123456789abcdef"
        return json_response({"value": self.secrets[name], "id": identity, "attributes": {"enabled": True}})


class _Signed:
    """The token of an identity that is always granted."""

    async def get_token(self, *_scopes: str, **_options: Any) -> AccessToken:
        return AccessToken("token", round(time.time()) + 3600)

    async def close(self) -> None:
        """Nothing is open."""

    async def __aenter__(self) -> "_Signed":
        return self

    async def __aexit__(self, *_: object) -> None:
        """Nothing is open."""


@asynccontextmanager
async def serving(vault: Vault) -> AsyncIterator[ssl.SSLContext]:
    """Serves the vault on a free port; yields what a client needs to trust it."""
    authority = trustme.CA()
    own = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost", _LOCAL).configure_cert(own)
    trust = ssl.create_default_context()
    authority.configure_trust(trust)
    runner = web.AppRunner(vault.app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, _LOCAL, 0, ssl_context=own).start()
        vault.url = f"https://{_LOCAL}:{runner.addresses[0][1]}"
        yield trust
    finally:
        await runner.cleanup()


def client(url: str, trust: ssl.SSLContext, patience: Patience) -> SecretClient:
    """A client of the vault as the product makes one, but for the certificate and the identity."""
    session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=trust), auto_decompress=False)
    transport = BriefTransport(
        patience.longest_sleep,
        session=session,
        session_owner=True,
        connection_timeout=patience.connect,
        read_timeout=patience.read,
    )
    options = patience.options() | {"transport": transport}
    return SecretClient(url, _Signed(), verify_challenge_resource=False, **options)
