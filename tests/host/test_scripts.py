"""The set-up scripts on machines that lack something."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[2] / "scripts"


def run(script: str, *folders: Path, home: Path) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join(map(str, folders))
    return subprocess.run(
        ["/bin/sh", str(SCRIPTS / script)],
        env={"PATH": path, "HOME": str(home)},
        capture_output=True,
        text=True,
        check=False,
    )


def program(folder: Path, name: str, body: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return path


def test_a_shim_that_does_not_run_is_passed_over(tmp_path: Path) -> None:
    program(tmp_path / "shims", "python3.13", "exit 127")
    program(tmp_path / ".pyenv" / "versions" / "3.13.0" / "bin", "python", f'exec "{sys.executable}" "$@"')
    result = run("find-python.sh", tmp_path / "shims", home=tmp_path)
    assert result.returncode == 0
    assert Path(result.stdout.strip()).exists()


def test_a_working_python_on_the_path_is_taken(tmp_path: Path) -> None:
    program(tmp_path / "bin", "python3", f'exec "{sys.executable}" "$@"')
    result = run("find-python.sh", tmp_path / "bin", home=tmp_path)
    assert result.stdout.strip() == sys.executable


@pytest.mark.skipif(
    any(Path(path).exists() for path in ("/usr/local/bin/python3.13", "/opt/homebrew/bin/python3.13")),
    reason="this machine has a Python 3.13 in a place that is always looked at",
)
def test_no_python_is_one_clear_line(tmp_path: Path) -> None:
    result = run("find-python.sh", tmp_path, home=tmp_path)
    assert result.returncode == 1
    assert result.stderr.startswith("error: no working Python 3.13 found")
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(("major", "code"), [("18", 1), ("20", 0), ("24", 0)])
def test_the_version_of_node(tmp_path: Path, major: str, code: int) -> None:
    program(tmp_path, "node", f"echo {major}")
    program(tmp_path, "npm", "exit 0")
    assert run("check-node.sh", tmp_path, home=tmp_path).returncode == code


def test_no_node_is_one_clear_line(tmp_path: Path) -> None:
    result = run("check-node.sh", tmp_path, home=tmp_path)
    assert result.returncode == 1
    assert result.stderr.startswith("error: Node 20 or newer")
    assert result.stderr.count("\n") == 1
