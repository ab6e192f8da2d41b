"""An app that cannot run ends the host with one clear line and exit code 1."""

import asyncio
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from sandbox.host.errors import HostError
from sandbox.host.process import HostProcess
from tests.host.conftest import APPS

ROOT = Path(__file__).parents[2]


async def run(app: Path, *arguments: str, env: dict[str, str] | None = None) -> tuple[int | None, str]:
    """Runs the host to its end: exit code and standard error."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "sandbox.host", "--app", str(app), "--port", "0", *arguments),
        cwd=ROOT,
        env={**os.environ, "AzureWebJobsStorage": "UseDevelopmentStorage=true", **(env or {})},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    _, errors = await process.communicate()
    return process.returncode, errors.decode()


@pytest.mark.parametrize(
    ("app", "reason"),
    [
        (
            "broken",
            "does not index: RuntimeError: the settings of this app are out of order (function_app.py line 7)",
        ),
        (
            "misbound",
            "does not index: FunctionLoadError: cannot load the take function: the following parameters",
        ),
        (
            "unresolved",
            "take.message: %NO_SUCH_SETTING% does not resolve, the app setting NO_SUCH_SETTING is missing",
        ),
        ("empty", "holds no function_app.py with functions"),
        ("", "host.json: No such file or directory"),
    ],
)
async def test_one_clear_line(app: str, reason: str) -> None:
    code, errors = await run(APPS / app)
    assert code == 1
    assert reason in errors
    assert [line.startswith("error: ") for line in errors.splitlines() if "Auth level" not in line] == [True]


async def test_a_missing_module_is_named_without_the_search_path(tmp_path: Path) -> None:
    (tmp_path / "host.json").write_text('{"version": "2.0"}')
    (tmp_path / "function_app.py").write_text("import no_such_module\n")
    code, errors = await run(tmp_path)
    assert code == 1
    assert errors == (
        f"error: the app in {tmp_path} does not index: ModuleNotFoundError: No module named 'no_such_module' "
        "(function_app.py line 1)\n"
    )


async def test_a_taken_port(tmp_path: Path) -> None:
    env = {"JOURNAL": "", "RELEASE": "", "WORK_QUEUE": "q12", "DONE_QUEUE": "q34", "TICK": "0 0 0 1 1 *"}
    env["Work"] = "UseDevelopmentStorage=true"
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, errors = await run(APPS / "sample", "--port", str(port), env=env)
    assert code == 1
    assert errors == f"error: cannot listen on 127.0.0.1:{port}: Address already in use\n"


async def test_a_missing_settings_file(tmp_path: Path) -> None:
    code, errors = await run(APPS / "empty", "--settings", str(tmp_path / "none.json"))
    assert (code, errors) == (1, f"error: cannot read {tmp_path / 'none.json'}: No such file or directory\n")


async def test_the_process_helper_raises_what_the_host_said() -> None:
    with pytest.raises(HostError, match="out of order"):
        await HostProcess(APPS / "broken").start()
