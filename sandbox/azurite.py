"""The storage emulator: Azurite as a child process, on free ports and in memory unless told otherwise."""

import asyncio
import re
import signal
import socket
import subprocess
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self
from urllib.parse import urlsplit

ACCOUNT: Final = "devstoreaccount1"
ACCOUNT_KEY: Final = (
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
)
"""The emulator's published account and key, the same on every machine; they open nothing in Azure."""

_COMMAND: Final = Path(__file__).resolve().parents[1] / "node_modules" / ".bin" / "azurite"
_BY_INDEX: Final = Path(__file__).with_name("azurite_index.cjs")
_LISTENING: Final = re.compile(
    r"Azurite (Blob|Queue|Table) service is successfully listening at https?://[^:]+:(\d+)"
)
_ADDRESS: Final = "127.0.0.1"
_START_SECONDS: Final = 60.0
_STOP_SECONDS: Final = 10.0


class AzuriteError(RuntimeError):
    """Azurite could not be started; the message says why."""


@dataclass(frozen=True, slots=True)
class Ports:
    """One port per service; 0 lets the system choose."""

    blob: int = 0
    queue: int = 0
    table: int = 0


DEFAULT_PORTS: Final = Ports(10000, 10001, 10002)
"""The ports behind ``UseDevelopmentStorage=true``."""


class Azurite:
    """One Azurite. Use it as a context manager, ``with`` or ``async with``: it answers on entry and is gone on exit.

    Without a folder everything is kept in memory; ``options`` are more words for its command line, as for TLS. Its
    API version check is off, because the storage libraries speak a newer version than the emulator knows; what
    ``azurite_index.cjs`` adds lets it find a row by its index.
    """

    def __init__(
        self, folder: Path | None = None, ports: Ports = Ports(), options: tuple[str, ...] = ()
    ) -> None:
        self.ports = ports
        self._options = options
        self._folder = folder
        self._process: subprocess.Popen[str] | None = None
        self._output: list[str] = []
        self._listening: dict[str, int] = {}
        self._settled = threading.Event()
        self._reader: threading.Thread | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    async def __aenter__(self) -> Self:
        await asyncio.to_thread(self.start)
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.to_thread(self.stop)

    def start(self) -> None:
        """Starts the process and waits until all three services answer; raises ``AzuriteError`` otherwise."""
        if not _COMMAND.exists():
            raise AzuriteError("Azurite is not installed: run make setup")
        where = ["--inMemoryPersistence"] if self._folder is None else ["--location", str(self._folder)]
        ports = [f"--{name}Port={getattr(self.ports, name)}" for name in ("blob", "queue", "table")]
        self._process = subprocess.Popen(
            [
                "node",
                "--require",
                str(_BY_INDEX),
                str(_COMMAND),
                *where,
                "--silent",
                "--disableTelemetry",
                "--skipApiVersionCheck",
                *ports,
                *self._options,
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, args=(self._process,), daemon=True)
        self._reader.start()
        self._settled.wait(_START_SECONDS)
        if len(self._listening) < 3:
            self.stop()
            raise AzuriteError("Azurite did not start: " + " / ".join(self._output[-3:]))
        self.ports = Ports(**self._listening)

    def stop(self) -> None:
        """Ends the process; harmless if it has ended already."""
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if self._reader is not None:
            self._reader.join()
        if process.stdout is not None:
            process.stdout.close()

    def connection_string(self) -> str:
        """The connection string of all three services."""
        return connection_string(self.ports)

    def _read(self, process: "subprocess.Popen[str]") -> None:
        assert process.stdout is not None
        for line in process.stdout:
            self._output.append(line.strip())
            if match := _LISTENING.search(line):
                self._listening[match.group(1).lower()] = int(match.group(2))
                if len(self._listening) == 3:
                    self._settled.set()
        self._settled.set()


def connection_string(ports: Ports) -> str:
    """The connection string of an Azurite on this machine."""
    services = (("Blob", ports.blob), ("Queue", ports.queue), ("Table", ports.table))
    endpoints = "".join(f"{name}Endpoint=http://{_ADDRESS}:{port}/{ACCOUNT};" for name, port in services)
    return f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={ACCOUNT_KEY};{endpoints}"


def local_ports(connection: str) -> Ports | None:
    """The ports of an emulator that a connection string names, or ``None`` if it names storage elsewhere."""
    parts = dict(part.split("=", 1) for part in connection.split(";") if "=" in part)
    if parts.get("UseDevelopmentStorage", "").lower() == "true":
        return DEFAULT_PORTS
    urls = [urlsplit(parts.get(f"{name}Endpoint", "")) for name in ("Blob", "Queue", "Table")]
    if any(url.hostname not in {_ADDRESS, "localhost"} or url.port is None for url in urls):
        return None
    return Ports(*(url.port or 0 for url in urls))


def is_reachable(ports: Ports) -> bool:
    """Whether something listens on all three ports."""
    return all(_answers(port) for port in (ports.blob, ports.queue, ports.table))


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((_ADDRESS, port)) == 0
