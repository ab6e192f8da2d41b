"""What the host must import before it knows the functions. Counted in modules: seconds depend on the machine."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.domain.support import SETTINGS

ROOT: Final = Path(__file__).resolve().parents[2]
SCRIPT: Final = """
import sys
import azure.functions
given = set(sys.modules)
import function_app
assert function_app.app.get_functions()
print(*sorted(set(sys.modules) - given))
"""
MOST_MODULES: Final = 120
"""Beyond what ``azure.functions`` itself imports: the functions' modules, what they are made of, a few libraries."""
HEAVY: Final = (
    "aiohttp",
    "azure.data",
    "azure.identity",
    "azure.keyvault",
    "azure.storage",
    "cryptography",
    "httpx",
    "pydantic",
    "shared.adapters",
    "shared.app",
    "shared.engine",
    "shared.entities",
    "shared.mapping",
)
"""What a function needs when it runs, and nobody before."""


@pytest.fixture(scope="module")
def imported() -> list[str]:
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG")}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        cwd=ROOT,
        env=kept | dict(SETTINGS),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_indexing_imports_no_heavy_library(imported: list[str]) -> None:
    assert [name for name in imported if name.startswith(HEAVY)] == []


def test_indexing_imports_few_modules(imported: list[str]) -> None:
    assert "shared.triggers.hooks" in imported
    assert len(imported) <= MOST_MODULES, imported
