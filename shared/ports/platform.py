"""The surroundings: secrets and the clock."""

from datetime import datetime
from typing import Protocol


class Secrets(Protocol):
    """Where credentials come from: Key Vault, or the environment for local work."""

    async def get(self, name: str) -> str:
        """The secret under a setting's name; raises StopConnection when there is none."""
        ...

    async def expires(self, name: str) -> datetime | None:
        """When a secret ends, None where that is not known; raises what :meth:`get` raises."""
        ...

    def forget(self) -> None:
        """Drops cached values, so that a rotated secret is read again after a refusal."""
        ...


class Clock(Protocol):
    """The time, so that tests can shift it."""

    def now(self) -> datetime:
        """The present moment in UTC."""
        ...
