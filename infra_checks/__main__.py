"""``python -m infra_checks``: every check of the infrastructure; prints what is wrong and exits with 1 if anything is.

``--tools FOLDER`` also runs the checkers of others in the virtual environment of that folder.
"""

import argparse
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from infra_checks import observation, packaging, policy, resource_types, settings, symbols, tools, workflows
from infra_checks.facts import Facts
from infra_checks.problems import Problem, Tree
from infra_checks.project import Project

ROOT: Final = Path(__file__).resolve().parents[1]
CHECKS: Final[tuple[Callable[[Project], Iterator[Problem]], ...]] = (
    symbols.check,
    resource_types.check,
    policy.check,
    settings.check,
    observation.check,
    packaging.check,
    workflows.check,
)


def find_problems(tree: Tree, facts: Facts) -> list[Problem]:
    """Everything that is wrong, by place. A file that cannot be read stops the checks that build on it."""
    project = Project.read(tree, facts)
    if project.problems:
        return sorted(project.problems)
    return sorted({problem for check in CHECKS for problem in check(project)})


def main() -> int:
    """Checks the project around this package."""
    parser = argparse.ArgumentParser(prog="python -m infra_checks")
    parser.add_argument("--tools", type=Path, metavar="FOLDER")
    tree, environment = Tree(ROOT), parser.parse_args().tools
    problems = find_problems(tree, Facts.load())
    if environment is not None:
        problems += tools.check(tree, environment.resolve())
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
