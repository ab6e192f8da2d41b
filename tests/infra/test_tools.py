"""The checkers of others: what is argued is argued in the docs too, and they find what is planted."""

import re
from pathlib import Path
from typing import Final

import pytest

from infra_checks import tools
from infra_checks.problems import Tree
from tests.infra.mistakes import TOOL_MISTAKES
from tests.infra.test_dependencies import pins

ROOT: Final = Path(__file__).parents[2]
ENVIRONMENT: Final = ROOT / ".venv-infra"
DECISION: Final = ROOT / "docs" / "decisions" / "0016-checkers-of-others.md"
installed = pytest.mark.skipif(
    not (ENVIRONMENT / ".installed").exists(), reason="make check-infra installs the checkers of others"
)


def test_everything_argued_stands_in_the_decision_with_its_reason() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \| (.+) \|$", DECISION.read_text(), re.MULTILINE))
    assert rows == {**tools.CHECKOV_ARGUED, **tools.DOCTOR_ARGUED}


def test_both_are_pinned_in_a_file_of_their_own() -> None:
    assert {name for name, _ in pins(tools.REQUIREMENTS)} == {"checkov", "azure-functions-doctor"}
    assert not {name for name, _ in pins("requirements-dev.txt")} & {"checkov", "azure-functions-doctor"}


def test_a_tool_that_says_nothing_is_a_problem(tmp_path: Path) -> None:
    for name in ("checkov", "azure-functions-doctor"):
        (tmp_path / "bin").mkdir(exist_ok=True)
        (tmp_path / "bin" / name).write_text("#!/bin/sh\necho broken >&2\nexit 0\n")
        (tmp_path / "bin" / name).chmod(0o755)
    found = list(tools.check(Tree(ROOT), tmp_path))
    assert [problem.text for problem in found] == ["it ended without a result: broken"] * 2


@installed
@pytest.mark.thorough
@pytest.mark.parametrize("tool", [tools.CHECKOV, tools.DOCTOR])
def test_a_tool_finds_what_is_planted(tool: str) -> None:
    """All mistakes of a tool in one run, because a run takes seconds."""
    planted = [mistake for mistake in TOOL_MISTAKES if mistake.check == tool]
    changed: dict[str, str] = {}
    for mistake in planted:
        text = changed.get(mistake.path) or (ROOT / mistake.path).read_text(encoding="utf-8")
        assert mistake.old in text, "the planted mistake no longer fits the file"
        changed[mistake.path] = text.replace(mistake.old, mistake.new, 1)
    found = [problem.text for problem in tools.check(Tree(ROOT, changed), ENVIRONMENT, tool)]
    missed = [mistake.text for mistake in planted if not any(mistake.text in text for text in found)]
    assert not missed, found


@installed
@pytest.mark.thorough
def test_the_tree_is_clean() -> None:
    assert list(tools.check(Tree(ROOT), ENVIRONMENT)) == []
