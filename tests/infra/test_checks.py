"""The clean tree has no problem, and each planted mistake is found by the check that is meant for it."""

import importlib
import json
import pkgutil
from functools import cache
from pathlib import Path
from typing import Final

import pytest

import infra_checks
from infra_checks.__main__ import find_problems
from infra_checks.facts import Facts
from infra_checks.problems import Tree
from shared.settings import Settings
from tests.infra.mistakes import MISTAKES, SAMPLE, TOOL_MISTAKES, Mistake

NAMES: Final = ("CHECK", "STORES", "MODULE", "DESCRIBED", "CHECKOV", "DOCTOR")
"""The constants under which the checks keep their names."""
ROOT: Final = Path(__file__).parents[2]


@cache
def facts() -> Facts:
    return Facts.load()


def test_the_tree_is_clean() -> None:
    assert [str(problem) for problem in find_problems(Tree(ROOT), facts())] == []


def test_the_sample_starts_the_app() -> None:
    values = json.loads((ROOT / SAMPLE).read_text(encoding="utf-8"))["Values"]
    assert Settings.read(values).business_central.auth == "basic"


def test_every_check_finds_at_least_one_planted_mistake() -> None:
    names = set()
    for module in pkgutil.iter_modules(infra_checks.__path__, "infra_checks."):
        if module.name != "infra_checks.__main__":
            found = vars(importlib.import_module(module.name))
            names |= {found[name] for name in NAMES if name in found}
    assert len(names) == 13
    assert {mistake.check for mistake in (*MISTAKES, *TOOL_MISTAKES)} == names


def test_the_decision_says_how_many_are_planted() -> None:
    text = (ROOT / "docs/decisions/0014-plain-bicep-checked-offline.md").read_text(encoding="utf-8")
    assert f"`tests/infra` plants {len(MISTAKES)} mistakes" in text
    text = (ROOT / "docs/decisions/0016-checkers-of-others.md").read_text(encoding="utf-8")
    assert f"plants {len(TOOL_MISTAKES)} mistakes" in text


@pytest.mark.parametrize(
    "mistake", MISTAKES, ids=lambda m: f"{m.check}: {m.old.strip()[:30]} -> {m.new.strip()[:30]}"
)
def test_a_mistake_is_found(mistake: Mistake) -> None:
    text = (ROOT / mistake.path).read_text(encoding="utf-8")
    assert mistake.old in text, "the planted mistake no longer fits the file"
    tree = Tree(ROOT, {mistake.path: text.replace(mistake.old, mistake.new, 1)})
    found = [problem for problem in find_problems(tree, facts()) if problem.check == mistake.check]
    assert any(mistake.text in problem.text for problem in found), [str(problem) for problem in found]
