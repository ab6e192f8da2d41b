"""Stand-ins of the platform's identity: TLS that the test trusts, the identity endpoint, a key vault."""

import ssl
from dataclasses import dataclass, field

import trustme
from aiohttp import web

IDENTITY_TOKEN = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJpZGVudGl0eSJ9.c2lnbmF0dXJl"
IDENTITY_HEADER = "identity-header-secret"


@dataclass
class Trust:
    """A certificate authority of the test's own."""

    authority: trustme.CA = field(default_factory=trustme.CA)

    def server(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.authority.issue_cert("localhost", "127.0.0.1").configure_cert(context)
        return context

    def client(self) -> ssl.SSLContext:
        context = ssl.create_default_context()
        self.authority.configure_trust(context)
        return context


@dataclass
class IdentityEndpoint:
    """The platform's local endpoint for managed identities."""

    asked: list[dict[str, str]] = field(default_factory=list)
    status: int = 200

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_get("/msi/token", self._token)
        return app

    async def _token(self, request: web.Request) -> web.Response:
        self.asked.append(dict(request.query))
        if request.headers.get("X-IDENTITY-HEADER") != IDENTITY_HEADER or self.status != 200:
            return web.json_response({"error": "invalid_request"}, status=max(self.status, 400))
        return web.json_response(
            {
                "access_token": IDENTITY_TOKEN,
                "expires_on": "4102444800",
                "resource": request.query["resource"],
                "token_type": "Bearer",
            }
        )


@dataclass
class Vault:
    """A key vault that insists on its challenge: who comes without a token is told where to get one."""

    url: str = ""
    secrets: dict[str, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    challenges: int = 0
    status: int = 200

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_get("/secrets/{name}/{version:.*}", self._secret)
        return app

    async def _secret(self, request: web.Request) -> web.Response:
        if request.headers.get("Authorization") != f"Bearer {IDENTITY_TOKEN}":
            self.challenges += 1
            challenge = (
                'Bearer authorization="https://login.example/tenant", resource="https://vault.azure.net"'
            )
            return web.Response(status=401, headers={"WWW-Authenticate": challenge})
        name = request.match_info["name"]
        self.asked.append(name)
        if self.status != 200:
            return web.json_response({"error": {"code": "Failed", "message": "no"}}, status=self.status)
        if name not in self.secrets:
            return web.json_response({"error": {"code": "SecretNotFound", "message": "none"}}, status=404)
        address = f"{self.url}/secrets/{name}/0123456789abcdef"
        return web.json_response(
            {"value": self.secrets[name], "id": address, "attributes": {"enabled": True}}
        )
