"""What the hooks need to know whether a delivery is genuine."""

from typing import Any, Protocol


class Refused(Exception):
    """A delivery that is malformed or not from whom it claims; it is counted and never processed."""


class DeliveryVerifier(Protocol):
    """Checks the deliveries of one ConnectWise site."""

    async def verify(self, body: bytes, signature: str) -> dict[str, Any]:
        """The delivery's content if it is genuine.

        Raises Refused when it is not, RetryLater when that cannot be told right now.
        """
        ...
