"""The worked example works: its blocks make an entity, in a copy of the repository, that keeps its promises."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.docs.pages import DOCS, ROOT

PAGE: Final = DOCS / "adding-an-entity.md"
BLOCK: Final = re.compile(r"^```(\w+) ?(\S*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
COPIED: Final = ("shared", "sandbox", "tests", "docs", "pyproject.toml", "function_app.py", "host.json")
BASICS: Final = (
    "not conformance or create or update or adopt or duplicate or replay or changed or dry_run or refusal"
)
"""The cases that are run here of the conformance suite; the others cost more and say nothing about the page."""


def blocks() -> list[tuple[str, str, str]]:
    """Language, file and text of every code block of the page."""
    return [(kind, name, text) for kind, name, text in BLOCK.findall(PAGE.read_text("utf-8"))]


def patched(text: str, diff: str, name: str) -> str:
    """The text with the lines of a diff added; what is around them must be there exactly once."""
    lines = diff.splitlines(keepends=True)
    before = "".join(line[1:] for line in lines if not line.startswith("+"))
    after = "".join(line[1:] for line in lines if not line.startswith("-"))
    assert text.count(before) == 1, f"{name} has {text.count(before)} places like:\n{before}"
    return text.replace(before, after)


def commands() -> Iterator[list[str]]:
    """The commands of the page, run by this interpreter."""
    for kind, _, text in blocks():
        if kind == "sh":
            for line in text.splitlines():
                program, *words = shlex.split(line)
                assert program == ".venv/bin/python"
                yield [sys.executable, *words]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the repository with everything that the page adds."""
    ignored = shutil.ignore_patterns("__pycache__", ".*")
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, tmp_path / name, ignore=ignored)
        else:
            shutil.copy(source, tmp_path / name)
    (tmp_path / "node_modules").symlink_to(ROOT / "node_modules")
    for kind, name, text in blocks():
        if not name:
            continue
        file = tmp_path / name
        if kind == "diff":
            file.write_text(patched(file.read_text("utf-8"), text, name), "utf-8")
        else:
            assert not file.exists(), f"{name} is there already"
            file.write_text(text, "utf-8")
    return tmp_path


def test_the_blocks_make_an_entity_that_conforms(copy: Path) -> None:
    for command in commands():
        words = [*command, "-k", BASICS] if "pytest" in command else command
        environment = {**os.environ, "PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"}
        done = subprocess.run(words, cwd=copy, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]


def test_every_step_of_the_page_has_its_block() -> None:
    assert [(kind, Path(name).parts[0]) for kind, name, _ in blocks() if name] == [
        ("python", "shared"),
        ("json", "shared"),
        ("diff", "shared"),
        ("diff", "sandbox"),
        ("diff", "sandbox"),
        ("python", "tests"),
        ("markdown", "docs"),
    ]
