"""Stand-ins of the platform's identity: TLS that the test trusts, the identity endpoint, a key vault, a gate."""

import base64
import json
import socket
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import aiohttp
import aiohttp.resolver
import pytest
import trustme
import yarl
from aiohttp import web
from multidict import CIMultiDict

IDENTITY_HEADER: Final = "identity-header-secret"
TENANT: Final = "11111111-0000-4000-8000-000000000000"
PRINCIPAL: Final = "44444444-0000-4000-8000-000000000000"
"""The object id of the app's identity."""
EXCHANGE: Final = "api://AzureADTokenExchange"
VAULT: Final = "https://vault.azure.net"


@dataclass
class Trust:
    """A certificate authority of the test's own."""

    authority: trustme.CA = field(default_factory=trustme.CA)

    def server(self, *names: str) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.authority.issue_cert("localhost", "127.0.0.1", *names).configure_cert(context)
        return context

    def client(self) -> ssl.SSLContext:
        context = ssl.create_default_context()
        self.authority.configure_trust(context)
        return context


def lead(monkeypatch: pytest.MonkeyPatch, ports: Mapping[str, int]) -> None:
    """Leads the names of real hosts to ports of this machine, for what asks through aiohttp."""

    async def resolve(_: object, host: str, port: int = 0, family: int = 0) -> list[dict[str, Any]]:
        place = {"hostname": host, "host": "127.0.0.1", "port": ports.get(host, port)}
        return [place | {"family": socket.AF_INET, "proto": 0, "flags": socket.AI_NUMERICHOST}]

    monkeypatch.setattr(aiohttp.resolver.ThreadedResolver, "resolve", resolve)
    monkeypatch.setattr("aiohttp.connector.DefaultResolver", aiohttp.resolver.ThreadedResolver)


def claims_of(header: str) -> dict[str, Any]:
    """What a bearer token says of itself; empty for anything that is none."""
    scheme, _, token = header.partition(" ")
    parts = token.split(".")
    if scheme != "Bearer" or len(parts) != 3:
        return {}
    try:
        found: Any = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


@dataclass
class IdentityEndpoint:
    """The platform's local endpoint for managed identities: tokens that name what they are for.

    ``claims`` are put over those of every token, to make it wrong.
    """

    claims: dict[str, Any] = field(default_factory=dict)
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
        now, resource = int(time.time()), request.query["resource"]
        # A token that is exchanged is of the newer kind; storage and the vault get the older one.
        exchanged = resource == EXCHANGE
        issuer = (
            f"https://login.microsoftonline.com/{TENANT}/v2.0"
            if exchanged
            else f"https://sts.windows.net/{TENANT}/"
        )
        claims: dict[str, Any] = {"aud": resource, "iss": issuer, "sub": PRINCIPAL, "oid": PRINCIPAL}
        claims |= {"iat": now - 60, "nbf": now - 60, "exp": now + 3600, **self.claims}
        parts = [
            base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")
            for part in ({"alg": "RS256"}, claims)
        ]
        body = {"access_token": ".".join([*parts, "c2lnbmF0dXJl"]), "token_type": "Bearer"}
        return web.json_response(body | {"resource": resource, "expires_on": str(now + 3600)})


@dataclass
class Gate:
    """Stands in front of a storage service; while ``shut`` it refuses as the service does once a role is taken back."""

    port: int
    asked: int = 0
    shut: bool = False

    def app(self) -> web.Application:
        app = web.Application(client_max_size=8 * 1024 * 1024)
        app.router.add_route("*", "/{path:.*}", self._pass)
        return app

    async def _pass(self, request: web.Request) -> web.StreamResponse:
        self.asked += 1
        assert request.headers.get("Authorization", "").startswith("Bearer "), "a key instead of an identity"
        if self.shut:
            text = "This request is not authorized to perform this operation using this permission."
            error = {"odata.error": {"code": "AuthorizationPermissionMismatch", "message": {"value": text}}}
            headers = {"x-ms-error-code": "AuthorizationPermissionMismatch"}
            return web.json_response(error, status=403, headers=headers)
        url = f"https://127.0.0.1:{self.port}{request.raw_path}"
        async with aiohttp.ClientSession(auto_decompress=False) as session:
            # The emulator reads the addresses inside of a transaction only where the account is in their path.
            outside = f"https://{request.host}/".encode()
            body = (await request.read()).replace(
                outside, f"https://127.0.0.1/{request.host.partition('.')[0]}/".encode()
            )
            skipped = {"transfer-encoding", "content-length", "connection"}
            sent = [(k, v) for k, v in request.headers.items() if k.lower() not in skipped]
            async with session.request(
                request.method, yarl.URL(url, encoded=True), data=body, headers=sent, ssl=False
            ) as answer:
                kept = [(k, v) for k, v in answer.headers.items() if k.lower() not in skipped]
                return web.Response(body=await answer.read(), status=answer.status, headers=CIMultiDict(kept))


@dataclass
class Vault:
    """A key vault that insists on what the real one insists on: TLS, its challenge, its audience, a known version.

    Who comes without a token is told where to get one and for what. ``status`` 403 is a role that was taken back.
    """

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
        claims = claims_of(request.headers.get("Authorization", ""))
        if not claims:
            self.challenges += 1
            challenge = (
                f'Bearer authorization="https://login.microsoftonline.com/{TENANT}", resource="{VAULT}"'
            )
            error = {"code": "Unauthorized", "message": "AKV10000: Request is missing a Bearer or PoP token."}
            return web.json_response({"error": error}, status=401, headers={"WWW-Authenticate": challenge})
        if claims.get("aud") != VAULT or claims.get("exp", 0) < time.time():
            return web.json_response({"error": {"code": "Unauthorized", "message": "AKV10022"}}, status=401)
        if not request.query.get("api-version"):
            return web.json_response(
                {"error": {"code": "BadParameter", "message": "api-version"}}, status=400
            )
        name = request.match_info["name"]
        self.asked.append(name)
        if self.status != 200:
            refusal: dict[str, Any] = {
                "code": "Forbidden",
                "message": "no",
                "innererror": {"code": "ForbiddenByRbac"},
            }
            return web.json_response({"error": refusal}, status=self.status)
        if name not in self.secrets:
            return web.json_response({"error": {"code": "SecretNotFound", "message": "none"}}, status=404)
        address = f"{self.url}/secrets/{name}/0123456789abcdef"
        return web.json_response(
            {"value": self.secrets[name], "id": address, "attributes": {"enabled": True}}
        )
