"""Sends the deliveries to a running host, and looks at the answers, the queues, the memory and the foreign host."""

import asyncio
import io
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import aiohttp
from aiohttp import web
from azure.storage.queue import TextBase64DecodePolicy
from azure.storage.queue.aio import QueueClient
from yarl import URL

from sandbox.connectwise.callbacks import KEY_PATHS, signature
from sandbox.demo.waiting import QUEUES
from sandbox.fuzz.bodies import Addresses, Delivery, Maker
from sandbox.soak.process import MEBI, cost_of
from sandbox.stage import LOCAL, Stage
from shared.domain.envelope import Envelope
from shared.engine.hooks import client_state

IDLE: Final = {f"AzureWebJobs.{name}.Disabled": "true" for name in ("sync_record", "sweep")}
"""What is taken stays in the queues, where it can be counted."""
PARALLEL: Final = 8
SAMPLES: Final = 20
"""Looks at the memory. Bodies of megabytes come and go side by side, so the least of several looks is compared."""
MOST_GROWTH: Final = 1.25
PAGE: Final = 32


@dataclass(slots=True)
class Figures:
    """What the hooks did with the deliveries."""

    statuses: Counter[int] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    failed: list[str] = field(default_factory=list)
    taken: int = 0
    forged: list[str] = field(default_factory=list)
    foreign_calls: int = 0
    key_calls: int = 0
    memory: list[int] = field(default_factory=list)

    @property
    def warm(self) -> int:
        """The least memory of the second quarter."""
        return min(self.memory[len(self.memory) // 4 : len(self.memory) // 2])

    @property
    def end(self) -> int:
        """The least memory of the last quarter."""
        return min(self.memory[-len(self.memory) // 4 :])

    @property
    def growth(self) -> float:
        """The least memory of the last quarter against that of the second: what is kept, not what is in use."""
        return self.end / self.warm

    @property
    def problems(self) -> list[str]:
        """What must not be; none when the hooks stood it."""
        found = [*self.failed, *(f"taken unsigned: {one}" for one in self.forged)]
        if self.foreign_calls:
            found.append(f"{self.foreign_calls} calls to a foreign host")
        if self.growth > MOST_GROWTH:
            found.append(f"memory grew to {self.growth:.2f} times")
        return found

    def __str__(self) -> str:
        lines = [f"{kind:16s} {count:8d}" for kind, count in self.kinds.most_common()]
        lines += [f"answered {status:7d} {count:8d}" for status, count in sorted(self.statuses.items())]
        lines += [
            f"{'queued hints':16s} {self.taken:8d}",
            f"{'of them unsigned':16s} {len(self.forged):8d}",
            f"{'foreign calls':16s} {self.foreign_calls:8d}",
            f"{'key fetches':16s} {self.key_calls:8d}",
            f"least memory {self.warm / MEBI:.1f} MiB in the second quarter, {self.end / MEBI:.1f} in the last: {self.growth:.3f}",
            f"most memory {max(self.memory) / MEBI:.1f} MiB",
        ]
        return "\n".join(lines)


class Foreign:
    """Somebody else's host. Its only purpose is that nobody calls it."""

    def __init__(self) -> None:
        self.calls = 0
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._called)
        self._runner = web.AppRunner(app, access_log=None)
        self.url = ""

    async def __aenter__(self) -> "Foreign":
        await self._runner.setup()
        await web.TCPSite(self._runner, LOCAL, 0).start()
        self.url = f"http://{LOCAL}:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    async def _called(self, _request: web.Request) -> web.Response:
        self.calls += 1
        return web.json_response({"signing_key": "the attacker's"})


async def fuzz(stage: Stage, bodies: int, seed: int, say: Callable[[str], None]) -> Figures:
    """Sends so many deliveries to both hooks of a stage whose queue functions are idle."""
    figures = Figures()
    company = str(next(iter(stage.business_central.environment.store.companies)))
    state = client_state(stage.connectwise.credentials.private_key, "default")
    async with Foreign() as foreign, aiohttp.ClientSession() as http:
        maker = Maker(seed, Addresses(stage.connectwise_url, foreign.url), state, company)
        left = iter(range(bodies))

        async def send() -> None:
            for number in left:
                await _send(stage, http, maker, number, figures)
                done = figures.statuses.total()
                if done % max(1, bodies // SAMPLES) == 0:
                    figures.memory.append(cost_of(stage.host.pid).memory)
                    say(f"{done} deliveries, {figures.memory[-1] / MEBI:.1f} MiB")

        await asyncio.gather(*(send() for _ in range(PARALLEL)))
        figures.foreign_calls = foreign.calls
    figures.key_calls = sum(stage.connectwise.calls[f"GET {path}"] for path in KEY_PATHS)
    await _read_queues(stage, maker.genuine, figures)
    return figures


async def _send(
    stage: Stage, http: aiohttp.ClientSession, maker: Maker, number: int, figures: Figures
) -> None:
    connectwise = number % 4 != 3
    delivery = maker.callback() if connectwise else maker.notification()
    system = "connectwise" if connectwise else "business-central"
    query = f"?{delivery.query}" if delivery.query else ""
    url = URL(f"{stage.public_url}/api/hooks/{system}/default{query}", encoded=True)
    figures.kinds[delivery.kind] += 1
    async with http.post(url, data=io.BytesIO(delivery.body), headers=_headers(stage, delivery)) as answer:
        figures.statuses[answer.status] += 1
        if answer.status >= 500:
            figures.failed.append(f"{delivery.kind} was answered {answer.status}: {delivery.body[:200]!r}")


def _headers(stage: Stage, delivery: Delivery) -> dict[str, str]:
    key = stage.connectwise.settings.signing_key
    proofs = {
        "own": signature(key, delivery.body),
        "wrong": signature("another", delivery.body),
        "garbage": "%%%",
    }
    proof = proofs.get(delivery.signed)
    return {"Content-Type": "application/json"} | ({"x-content-signature": proof} if proof else {})


async def _read_queues(stage: Stage, genuine: set[str], figures: Figures) -> None:
    """Takes every message: what it names must come from a delivery that was proven."""
    for name in QUEUES:
        async with QueueClient.from_connection_string(
            stage.azurite.connection_string(), name, message_decode_policy=TextBase64DecodePolicy()
        ) as queue:
            async for message in queue.receive_messages(messages_per_page=PAGE, visibility_timeout=3_600):
                hint = Envelope.from_json(message.content)
                figures.taken += 1
                if hint.id not in genuine and hint.id != "*":
                    figures.forged.append(f"{hint.ref}")
