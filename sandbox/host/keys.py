"""Access keys: who may call a function over HTTP."""

import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Self


class AuthLevel(StrEnum):
    """What a caller must hold: nothing, a function key, or the master key."""

    ANONYMOUS = "anonymous"
    FUNCTION = "function"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Keys:
    """The two keys of the host. The master key opens everything, the function key every function-level route."""

    function: str
    master: str

    @classmethod
    def from_options(cls, options: Mapping[str, str]) -> Self:
        """Takes ``HOST_FUNCTION_KEY`` and ``HOST_MASTER_KEY``, or makes up what is not given."""
        return cls(
            options.get("HOST_FUNCTION_KEY") or secrets.token_urlsafe(24),
            options.get("HOST_MASTER_KEY") or secrets.token_urlsafe(24),
        )

    def allow(self, level: AuthLevel, offered: str) -> bool:
        """Whether the offered key (empty: none) is enough for the level; compares in constant time."""
        match level:
            case AuthLevel.ANONYMOUS:
                return True
            case AuthLevel.FUNCTION:
                return _same(offered, self.function) or _same(offered, self.master)
            case AuthLevel.ADMIN:
                return _same(offered, self.master)


def _same(offered: str, key: str) -> bool:
    return hmac.compare_digest(offered.encode(), key.encode())
