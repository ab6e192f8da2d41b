"""Who is calling: Basic with a web service key, or a bearer token from the client credentials flow."""

import base64
import binascii
import secrets
import time
from typing import Any, Final

from aiohttp import BasicAuth, web

from sandbox.business_central.environment import Environment
from sandbox.business_central.errors import ApiError
from sandbox.kit import Json, StandIn, dumps, json_response, loads

SCOPE: Final = "https://api.businesscentral.dynamics.com/.default"
_ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


class Auth:
    """The token endpoint with its metadata, and the check of the ``Authorization`` header."""

    def __init__(self, environment: Environment) -> None:
        self.environment = environment
        self._tokens: dict[str, tuple[str, float]] = {}

    def serve(self, stand_in: StandIn) -> None:
        """Adds the routes that a token client asks for when this host is its authority."""
        for prefix in ("/{tenant}", "/{tenant}/v2.0"):
            stand_in.route("GET", f"{prefix}/.well-known/openid-configuration", self._metadata)
        stand_in.route("GET", "/common/discovery/instance", self._instance)
        stand_in.route("POST", "/{tenant}/oauth2/v2.0/token", self._token)

    def revoke(self) -> int:
        """Makes every issued token invalid; answers how many there were."""
        count = len(self._tokens)
        self._tokens.clear()
        return count

    def principal(self, header: str) -> str:
        """The caller's name; raises 401 ``Authentication_InvalidCredentials`` for anything not valid now."""
        scheme, _space, value = header.partition(" ")
        if scheme.lower() == "bearer":
            client, expires = self._tokens.get(value, ("", 0.0))
            if client and expires > time.monotonic():
                return client
        if scheme.lower() == "basic":
            user = self._basic_user(header)
            if user:
                return user
        raise ApiError(
            401,
            "Authentication_InvalidCredentials",
            "The server has rejected the client credentials.",
            {"WWW-Authenticate": 'Bearer realm="", Basic realm=""'},
        )

    def _basic_user(self, header: str) -> str:
        try:
            given = BasicAuth.decode(header, encoding="utf-8")
        except (ValueError, binascii.Error):
            return ""
        key = self.environment.settings.basic_users.get(given.login)
        return given.login if key is not None and secrets.compare_digest(key, given.password) else ""

    async def _token(self, request: web.Request) -> web.Response:
        form = await request.post()
        fields = {name: value for name, value in form.items() if isinstance(value, str)}
        client = fields.get("client_id", "")
        if fields.get("grant_type") != "client_credentials":
            return _oauth_error(
                "unsupported_grant_type", "AADSTS70003: only client_credentials is supported."
            )
        if fields.get("scope") != SCOPE:
            return _oauth_error("invalid_scope", f"AADSTS1002012: the scope must be {SCOPE}.")
        if not self._proves(client, fields, request):
            return _oauth_error(
                "invalid_client", "AADSTS7000215: the client secret or assertion is invalid.", 401
            )
        seconds = self.environment.settings.token_seconds
        token = _token_text(client, request.match_info["tenant"], seconds)
        self._tokens[token] = (client, time.monotonic() + seconds)
        return json_response({"token_type": "Bearer", "expires_in": seconds, "access_token": token})

    def _proves(self, client: str, fields: dict[str, str], request: web.Request) -> bool:
        secret = self.environment.settings.clients.get(client)
        if secret is None:
            return False
        if "client_assertion" in fields:
            if fields.get("client_assertion_type") != _ASSERTION_TYPE:
                return False
            endpoint = str(request.url.with_query(None))
            return self._asserts(client, endpoint, fields["client_assertion"])
        return secrets.compare_digest(secret, fields.get("client_secret", ""))

    def _asserts(self, client: str, endpoint: str, assertion: str) -> bool:
        """A certificate's assertion is the client's own word for this endpoint; an identity's must be trusted."""
        parts = assertion.split(".")
        if len(parts) != 3 or not all(parts):
            return False
        head, claims = _read(parts[0]), _read(parts[1])
        if not time.time() < claims.get("exp", 0):
            return False
        found = (claims.get("iss"), claims.get("sub"), claims.get("aud"))
        if "x5t" in head or "x5t#S256" in head:
            return found == (client, client, endpoint)
        trusted = self.environment.settings.federated
        return found == (trusted["issuer"], trusted["subject"], trusted["audience"])

    async def _metadata(self, request: web.Request) -> web.Response:
        tenant = f"{request.scheme}://{request.host}/{request.match_info['tenant']}"
        return json_response(
            {
                "issuer": f"{tenant}/v2.0",
                "authorization_endpoint": f"{tenant}/oauth2/v2.0/authorize",
                "token_endpoint": f"{tenant}/oauth2/v2.0/token",
                "jwks_uri": f"{tenant}/discovery/v2.0/keys",
                "response_types_supported": ["code"],
                "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt"],
            }
        )

    async def _instance(self, request: web.Request) -> web.Response:
        host = f"{request.scheme}://{request.host}"
        alias = {
            "preferred_network": request.host,
            "preferred_cache": request.host,
            "aliases": [request.host],
        }
        endpoint = f"{host}/common/v2.0/.well-known/openid-configuration"
        return json_response(
            {"tenant_discovery_endpoint": endpoint, "api-version": "1.1", "metadata": [alias]}
        )


def _token_text(client: str, tenant: str, seconds: int) -> str:
    now = int(time.time())
    claims = {
        "aud": SCOPE.removesuffix("/.default"),
        "appid": client,
        "tid": tenant,
        "iat": now,
        "exp": now + seconds,
    }
    return ".".join([_part({"alg": "RS256", "typ": "JWT"}), _part(claims), secrets.token_urlsafe(32)])


def _part(value: Json) -> str:
    return base64.urlsafe_b64encode(dumps(value).encode()).decode().rstrip("=")


def _read(part: str) -> dict[str, Any]:
    try:
        found = loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _oauth_error(code: str, text: str, status: int = 400) -> web.Response:
    return json_response({"error": code, "error_description": text, "error_codes": []}, status)
