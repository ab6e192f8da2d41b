"""What a machine without the advisory service can see of the dependencies: every one pinned, once, and installed so."""

import re
from importlib.metadata import entry_points, version
from pathlib import Path
from typing import Final

import pytest

from infra_checks.settings import DISABLED

ROOT: Final = Path(__file__).resolve().parents[2]
INSTALLED: Final = ("requirements.txt", "requirements-dev.txt")
FILES: Final = (*INSTALLED, "requirements-infra.txt")
PIN: Final = re.compile(r"(?P<name>[A-Za-z0-9._-]+)==(?P<version>[0-9][A-Za-z0-9.]*)")


def pins(name: str) -> list[tuple[str, str]]:
    """Names and versions; raises AssertionError for a line that pins nothing."""
    found = []
    for line in (ROOT / name).read_text().splitlines():
        if line and not line.startswith(("#", "-r ")):
            match = PIN.fullmatch(line)
            assert match, f"{name}: {line!r} is not pinned to one version"
            found.append((match["name"].lower().replace("_", "-"), match["version"]))
    return found


@pytest.mark.parametrize("name", INSTALLED)
def test_every_dependency_is_pinned_and_the_pinned_one_is_installed(name: str) -> None:
    assert pins(name)
    for package, pinned in pins(name):
        assert version(package) == pinned


def test_no_dependency_is_named_twice() -> None:
    names = [package for name in FILES for package, _ in pins(name)]
    assert len(names) == len(set(names))


def test_continuous_integration_audits_both_files() -> None:
    workflow = (ROOT / ".github/workflows/ci.yml").read_text()
    for name in FILES:
        assert f"pip_audit --requirement {name} --strict" in workflow


def test_everything_that_could_trace_calls_by_itself_is_switched_off() -> None:
    found = {one.name for one in entry_points(group="opentelemetry_instrumentor")}
    # That of logging adds the trace's id to a log line and calls nobody.
    assert found - {"logging"} <= DISABLED
