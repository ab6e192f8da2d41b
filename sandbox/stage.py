"""The whole surroundings in one: Azurite, both stand-ins and the functions, wired together on free ports."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import aiohttp
import httpx
from aiohttp import web

from sandbox.azurite import Azurite
from sandbox.business_central.app import BusinessCentral
from sandbox.business_central.settings import DEFAULT_USER
from sandbox.business_central.settings import Settings as BusinessCentralSettings
from sandbox.connectwise.app import ConnectWise
from sandbox.connectwise.app import create as create_connectwise
from sandbox.host.process import HostProcess
from sandbox.kit import Json, dumps, loads

ROOT: Final = Path(__file__).resolve().parents[1]
LOCAL: Final = "127.0.0.1"
COMPANY: Final = "Northwind Services"
CLIENT_ID: Final = "00000000-0000-4000-8000-000000000000"
CALL_TIMEOUT: Final = httpx.Timeout(60.0)
LOOK_SECONDS: Final = 0.02


def free_port() -> int:
    """A port that nobody listens on; the host keeps it over restarts."""
    with socket.socket() as probe:
        probe.bind((LOCAL, 0))
        return int(probe.getsockname()[1])


class Stage:
    """Everything that a demo or an end-to-end test needs, as an asynchronous context manager.

    ``settings`` adds to the app's settings; ``webhook_delay`` is how long Business Central gathers changes
    before it notifies; ``host`` is the module that runs the functions; ``invisibility`` is how many seconds a message of a killed host stays hidden.
    """

    def __init__(
        self,
        *,
        settings: Mapping[str, str] | None = None,
        webhook_delay: float = 0.2,
        invisibility: int | None = None,
        azurite: Azurite | None = None,
        app: Path = ROOT,
        host: str = "sandbox.host",
    ) -> None:
        self._own_azurite = azurite is None
        self.azurite = azurite or Azurite()
        self.connectwise: ConnectWise = create_connectwise("acme", "public", "private", CLIENT_ID)
        self.business_central = BusinessCentral(
            BusinessCentralSettings(webhook_delay=webhook_delay, webhook_retries=[1.0, 1.0, 2.0, 4.0, 8.0])
        )
        self.http = httpx.AsyncClient(timeout=CALL_TIMEOUT)
        self._settings = dict(settings or {})
        self._invisibility = invisibility
        self._app = app
        self._host = host
        self._runners: list[web.AppRunner] = []
        self._running = asyncio.Event()
        self.crashes = 0
        self.connectwise_url = ""
        self.business_central_url = ""
        self.public_url = ""
        self.host: HostProcess

    async def __aenter__(self) -> Self:
        if self._own_azurite:
            await asyncio.to_thread(self.azurite.start)
        self.connectwise_url = await self._serve(self.connectwise.app)
        self.business_central_url = await self._serve(self.business_central.app)
        port = free_port()
        self.public_url = f"http://{LOCAL}:{port}"
        self.host = HostProcess(
            self._app,
            env=self.environment(),
            port=port,
            queue_invisibility=self._invisibility,
            module=self._host,
        )
        await self.host.start()
        self._running.set()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.host.stop()
        await self.http.aclose()
        for runner in self._runners:
            await runner.cleanup()
        if self._own_azurite:
            await asyncio.to_thread(self.azurite.stop)

    async def _serve(self, app: web.Application) -> str:
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        self._runners.append(runner)
        await web.TCPSite(runner, LOCAL, 0).start()
        return f"http://{LOCAL}:{runner.addresses[0][1]}"

    def environment(self) -> dict[str, str]:
        """The app's settings."""
        return {
            "CONNECTWISE_URL": f"{self.connectwise_url}/v4_6_release/apis/3.0",
            "CONNECTWISE_COMPANY": "acme",
            "CONNECTWISE_CLIENT_ID": CLIENT_ID,
            "CONNECTWISE_PUBLIC_KEY": "public",
            "CONNECTWISE_PRIVATE_KEY": "private",
            "BUSINESS_CENTRAL_URL": self.business_central_url,
            "BUSINESS_CENTRAL_COMPANY": COMPANY,
            "BUSINESS_CENTRAL_AUTH": "basic",
            "BUSINESS_CENTRAL_USERNAME": DEFAULT_USER,
            "BUSINESS_CENTRAL_PASSWORD": "web-service-key",
            "PUBLIC_URL": self.public_url,
            "AzureWebJobsStorage": self.azurite.connection_string(),
            "HOST_TIMERS": "off",
            **self._settings,
        }

    async def crash(self) -> None:
        """Ends the functions at once, as a power cut does, and starts them again on the same port and state."""
        self.crashes += 1
        self._running.clear()
        await self.host.kill()
        await self.host.start()
        self._running.set()

    async def in_connectwise(self, path: str, body: Json = None) -> Json:
        """Does in ConnectWise what a person does there: ``companies``, ``invoices/5/close`` and so on."""
        return await self._admin(self.connectwise_url, path, body if body is not None else {})

    async def in_business_central(self, path: str, body: Json = None) -> Json:
        """Does in Business Central what a person does there."""
        return await self._admin(self.business_central_url, path, body if body is not None else {})

    async def _admin(self, url: str, path: str, body: Json) -> Json:
        answer = await self.http.post(f"{url}/admin/{path}", content=dumps(body))
        if answer.is_error:
            raise RuntimeError(f"/admin/{path} answered {answer.status_code}: {answer.text[:500]}")
        return loads(answer.content)

    async def state_of(self, url: str, query: str = "") -> Json:
        """Everything that a stand-in holds."""
        answer = await self.http.get(f"{url}/admin/state{query}")
        return loads(answer.raise_for_status().content)

    async def report(self, url: str) -> Json:
        """Calls by route and every broken rule."""
        answer = await self.http.get(f"{url}/admin/report")
        return loads(answer.raise_for_status().content)

    async def api(self, method: str, path: str, body: Json = None) -> Any:
        """A call of the app's own routes with the function key; waits while the functions are down."""

        async def call() -> Any:
            answer = await self.http.request(
                method,
                f"{self.host.url}/api/{path}",
                content=dumps(body) if body is not None else None,
                headers={"x-functions-key": self.host.function_key},
            )
            answer.raise_for_status()
            return loads(answer.content)

        return await self._patiently(call)

    async def run(self, function: str) -> None:
        """Runs a function by hand, as the portal does, and waits for its end.

        A run that a crash cut off is made again, as a timer makes it at its next turn.
        """

        async def was_cut_off() -> bool:
            crashes = self.crashes
            ended = await self._ended_runs(function)
            await self.host.run(function)
            while crashes == self.crashes:
                if await self._ended_runs(function) > ended:
                    return False
                await asyncio.sleep(LOOK_SECONDS)
            return True

        while await self._patiently(was_cut_off):
            pass

    async def _ended_runs(self, name: str) -> int:
        status = await self.host.status()
        books = next(function for function in status["functions"] if function["name"] == name)
        return int(books["succeeded"]) + int(books["failed"])

    async def in_flight(self) -> int:
        """How many invocations the functions are working on."""
        status = await self._patiently(self.host.status)
        return int(status["inFlight"])

    async def _patiently[T](self, call: Callable[[], Awaitable[T]]) -> T:
        """Repeats a call that a crash of the functions cut off; any other failure is raised."""
        while True:
            await self._running.wait()
            crashes = self.crashes
            try:
                return await call()
            except (aiohttp.ClientConnectionError, httpx.TransportError):
                if self._running.is_set() and crashes == self.crashes:
                    raise
