"""The clean tree has no problem, and each planted mistake is found by the check that is meant for it."""

import json
from functools import cache
from pathlib import Path
from typing import Final

import pytest

from infra_checks.__main__ import find_problems
from infra_checks.facts import Facts
from infra_checks.problems import Tree
from shared.settings import Settings
from tests.infra.mistakes import MISTAKES, SAMPLE, Mistake

ROOT: Final = Path(__file__).parents[2]


@cache
def facts() -> Facts:
    return Facts.load()


def test_the_tree_is_clean() -> None:
    assert [str(problem) for problem in find_problems(Tree(ROOT), facts())] == []


def test_the_sample_starts_the_app() -> None:
    values = json.loads((ROOT / SAMPLE).read_text(encoding="utf-8"))["Values"]
    assert Settings.read(values).business_central.auth == "basic"


def test_every_check_has_planted_mistakes() -> None:
    assert len(MISTAKES) >= 30
    assert {mistake.check for mistake in MISTAKES} >= {
        "syntax", "symbol", "module", "parameter", "resource-type", "policy", "settings",
        "storage-names", "alerts", "packaging", "workflow",
    }  # fmt: skip


@pytest.mark.parametrize(
    "mistake", MISTAKES, ids=lambda m: f"{m.check}: {m.old.strip()[:30]} -> {m.new.strip()[:30]}"
)
def test_a_mistake_is_found(mistake: Mistake) -> None:
    text = (ROOT / mistake.path).read_text(encoding="utf-8")
    assert mistake.old in text, "the planted mistake no longer fits the file"
    tree = Tree(ROOT, {mistake.path: text.replace(mistake.old, mistake.new, 1)})
    found = [problem for problem in find_problems(tree, facts()) if problem.check == mistake.check]
    assert any(mistake.text in problem.text for problem in found), [str(problem) for problem in found]
