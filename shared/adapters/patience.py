"""How long the Azure libraries wait for storage and the vault, and how often they try by themselves.

Left alone they wait five minutes for an answer, try up to ten times and sleep for as long as a server asks: a worker
would stand still for longer than its lease. Here they bridge a blink; whatever lasts goes back to the queue.
"""

import asyncio
from dataclasses import dataclass
from typing import Any, Final

from azure.core.exceptions import ServiceResponseError

from shared.adapters.storage.transport import ShortLivedTransport


class BriefTransport(ShortLivedTransport):
    """Sleeps between two tries at most ``longest`` seconds, whatever delay the server names."""

    def __init__(self, longest: float, **options: Any) -> None:
        super().__init__(**options)
        self._longest = longest

    async def send(self, request: Any, **options: Any) -> Any:
        """One try; a web page in the place of an answer counts as none."""
        answer = await super().send(request, **options)
        if answer.status_code < 400 and "html" in str(answer.headers.get("Content-Type", "")):
            raise ServiceResponseError("a web page instead of an answer")
        return answer

    async def sleep(self, duration: float) -> None:
        """The rest before the next try."""
        await asyncio.sleep(min(duration, self._longest))


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds until a connection stands, until the next byte comes, and at most between two of ``tries`` more tries."""

    connect: float = 5.0
    read: float = 15.0
    tries: int = 2
    longest_sleep: float = 1.0

    def options(self) -> dict[str, Any]:
        """Options of a client, which gets a transport of its own."""
        return {
            "transport": BriefTransport(
                self.longest_sleep,
                connection_timeout=self.connect,
                read_timeout=self.read,
                # A thread and a file for each of the many small calls.
                use_env_settings=False,
            ),
            "retry_total": self.tries,
            "retry_backoff_factor": 0.2,
        }


USUAL: Final = Patience()
