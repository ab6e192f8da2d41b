"""Proves that a callback comes from ConnectWise (developer guide, Callbacks: verifying).

The signature is the base64 of an HMAC-SHA256 over the raw body; its key is the SHA-256 of a signing key that
``key_url`` in the body names. That address is the sender's word, so it is fetched only from ConnectWise's own
hosts or from the configured site, without redirects, and keys are kept. Whoever forges deliveries could make us ask
for a key each time, so that is done a few times a minute only.
"""

import asyncio
import base64
import hashlib
import hmac
import logging
import re
import time
from collections import deque
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

import httpx
import simplejson

from shared.domain.errors import RetryLater
from shared.ports.hooks import Refused

_VENDOR_HOST: Final = re.compile(r"(?:[a-z0-9-]+\.)+myconnectwise\.net")
MOST_KEYS: Final = 50
MOST_MISSES: Final = 10
"""Keys that are fetched in a minute for deliveries which they do not prove."""
MISS_WINDOW_SECONDS: Final = 60.0
FETCH_TIMEOUT: Final = httpx.Timeout(3.0)
"""ConnectWise waits five seconds for the whole answer."""

log = logging.getLogger("dynaconnect.hooks")


@dataclass(slots=True)
class CallbackVerifier:
    """Checks the deliveries of one ConnectWise site."""

    http: httpx.AsyncClient
    site_url: str
    company: str
    client_id: str
    _keys: dict[str, bytes] = field(default_factory=dict)
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    _misses: deque[float] = field(default_factory=lambda: deque(maxlen=MOST_MISSES))

    async def verify(self, body: bytes, signature: str) -> dict[str, Any]:
        """The delivery's content if it is genuine.

        Raises Refused when it is not, RetryLater when the signing key cannot be fetched right now, or too many were.
        """
        try:
            content = simplejson.loads(body, use_decimal=True)
        except (ValueError, RecursionError) as error:
            raise Refused("the body is not JSON") from error
        if not isinstance(content, dict):
            raise Refused("the body is not a JSON object")
        given = _decoded(signature)
        if not self._matches_known(body, given):
            metadata = content.get("Metadata")
            url = metadata.get("key_url") if isinstance(metadata, dict) else None
            if not isinstance(url, str) or not self._trusted(url):
                raise Refused("key_url names no ConnectWise host")
            async with self._lock:
                # Whoever waited here may find that the key was fetched meanwhile.
                if not self._matches_known(body, given):
                    await self._prove(url, body, given)
        company = content.get("CompanyId")
        if not isinstance(company, str) or company.casefold() != self.company.casefold():
            raise Refused("the delivery is of another company")
        return content

    async def _prove(self, url: str, body: bytes, given: bytes) -> None:
        if url in self._keys:
            raise Refused("the signature does not fit the body")
        if len(self._misses) == MOST_MISSES and time.monotonic() - self._misses[0] < MISS_WINDOW_SECONDS:
            raise RetryLater(
                "signing_key", "Too many deliveries named a signing key that did not prove them."
            )
        if not _matches(await self._fetch(url), body, given):
            self._misses.append(time.monotonic())
            raise Refused("the signature does not fit the body")

    def _matches_known(self, body: bytes, given: bytes) -> bool:
        """Any key that a trusted host gave will do: the addresses differ between messages, the keys do not."""
        return any(_matches(key, body, given) for key in self._keys.values())

    def _trusted(self, url: str) -> bool:
        try:
            parts, site = urlsplit(url), urlsplit(self.site_url)
            same_site = (parts.scheme, parts.hostname, parts.port) == (site.scheme, site.hostname, site.port)
            host, port = parts.hostname or "", parts.port
        except ValueError:
            return False
        if parts.username is not None or parts.password is not None:
            return False
        # Every company of the vendor's cloud can sign, each with its own key: another's proves nothing.
        for name, value in parse_qsl(parts.query, keep_blank_values=True):
            if name.casefold() == "companyname" and value.casefold() != self.company.casefold():
                return False
        vendor = parts.scheme == "https" and port in (None, 443) and _VENDOR_HOST.fullmatch(host)
        return same_site or bool(vendor)

    async def _fetch(self, url: str) -> bytes:
        try:
            answer = await self.http.get(
                url, headers={"clientId": self.client_id}, follow_redirects=False, timeout=FETCH_TIMEOUT
            )
            answer.raise_for_status()
            key = simplejson.loads(answer.content)["signing_key"]
            if not isinstance(key, str) or not key:
                raise ValueError("the signing key is empty")
        except httpx.InvalidURL as error:
            raise Refused("key_url is malformed") from error
        except (httpx.HTTPError, ValueError, KeyError, TypeError, RecursionError) as error:
            raise RetryLater(
                "signing_key",
                "The ConnectWise signing key cannot be read.",
                detail=f"{type(error).__name__} {error}",
            ) from error
        if len(self._keys) >= MOST_KEYS:
            self._keys.pop(next(iter(self._keys)))
        self._keys[url] = hashlib.sha256(key.encode()).digest()
        return self._keys[url]


def _decoded(signature: str) -> bytes:
    try:
        return base64.b64decode(signature, validate=True)
    except ValueError as error:
        raise Refused("the signature is missing or not base64") from error


def _matches(key: bytes, body: bytes, given: bytes) -> bool:
    return hmac.compare_digest(hmac.new(key, body, hashlib.sha256).digest(), given)
