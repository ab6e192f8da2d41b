"""``make host`` on an app folder: storage is started, reused and ended with the host."""

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from sandbox.azurite import Azurite, Ports, connection_string, is_reachable
from tests.host.conftest import APPS, Bench

ROOT = Path(__file__).parents[2]


def free_ports() -> Ports:
    with (
        socket.create_server(("", 0)) as a,
        socket.create_server(("", 0)) as b,
        socket.create_server(("", 0)) as c,
    ):
        return Ports(*(server.getsockname()[1] for server in (a, b, c)))


async def serve(folder: Path, env: dict[str, str]) -> asyncio.subprocess.Process:
    code = f"import sys, pathlib, sandbox.serve as s; sys.exit(s.main(pathlib.Path({str(folder)!r})))"
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-c", code),
        cwd=ROOT,
        env={**os.environ, **env, "PORT": "0"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    assert process.stdout is not None
    lines = []
    async for line in process.stdout:
        lines.append(line.decode())
        if lines[-1].startswith("Host ready on "):
            return process
    pytest.fail("".join(lines))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(APPS / "sample", tmp_path / "app"))


async def test_storage_is_started_where_the_settings_say_and_ends_with_the_host(
    folder: Path, bench: Bench
) -> None:
    ports = free_ports()
    env = {**bench.env, "AzureWebJobsStorage": connection_string(ports)}
    process = await serve(folder, env)
    assert is_reachable(ports)
    assert (folder / ".run" / "azurite").is_dir()
    process.send_signal(signal.SIGTERM)
    await process.communicate()
    assert process.returncode == 0
    assert not is_reachable(ports)


async def test_storage_that_answers_is_reused_and_left_running(
    folder: Path, bench: Bench, azurite: Azurite
) -> None:
    process = await serve(folder, bench.env)
    assert not (folder / ".run").exists()
    process.send_signal(signal.SIGTERM)
    await process.communicate()
    assert process.returncode == 0
    assert is_reachable(azurite.ports)
