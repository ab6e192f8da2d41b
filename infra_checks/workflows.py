"""Sanity of the workflows: they parse, hold no secret, have least rights, end in time and call what exists."""

import re
from collections.abc import Iterator, Sequence
from typing import Any, Final

from infra_checks.packaging import PARAMETERS, make_targets
from infra_checks.problems import Problem, Tree, numbered
from infra_checks.project import Project

CHECK: Final = "workflow"
FOLDER: Final = ".github/workflows"
NAMES: Final = ("ci", "nightly", "deploy")
RIGHTS: Final = {
    "ci": {"contents": "read"},
    "nightly": {"contents": "read"},
    "deploy": {"contents": "read", "id-token": "write"},
}
"""The most that a workflow may do."""

RUNS: Final = {
    "ci": (".ci/run", "make check-infra", "make test-infra"),
    "nightly": ("make test-all",),
    "deploy": ("make check-infra", "azd provision", "azd deploy", "/api/health"),
}
"""What a workflow must run, in this order."""

_USES: Final = re.compile(r"^[\w.-]+/[\w./-]+@(v\d+(\.\d+){0,2}|[0-9a-f]{40})$")
_MAKE: Final = re.compile(r"\bmake ([a-z][a-z-]*)")
_SCRIPT: Final = re.compile(r"(?:^|\s)(\.ci/\w+|scripts/[\w.-]+)")
_TEXT_IN_SHELL: Final = re.compile(r"\$\{\{\s*(github\.event|inputs|vars|secrets)\b")
_VARIABLE: Final = re.compile(r"\$\{([A-Z][A-Z0-9_]*)(=[^}]*)?\}")


def check(project: Project) -> Iterator[Problem]:
    """Every fault of the workflows."""
    for name in NAMES:
        path = f"{FOLDER}/{name}.yml"
        document, problems = project.tree.yaml(path, CHECK)
        yield from problems
        if document and isinstance(document, dict):
            yield from _workflow(project.tree, path, name, document)
        elif not problems:
            yield Problem(path, 1, CHECK, "there is no such workflow")
    for path in project.tree.files(FOLDER, ".yml"):
        if path.removeprefix(f"{FOLDER}/").removesuffix(".yml") not in NAMES:
            yield Problem(path, 1, CHECK, "nothing checks this workflow")


def _workflow(tree: Tree, path: str, name: str, document: dict[Any, Any]) -> Iterator[Problem]:
    # YAML 1.1 reads the key "on" as true.
    if not document.get("on", document.get(True)):
        yield Problem(path, 1, CHECK, "nothing starts it")
    if document.get("permissions") != RIGHTS[name]:
        yield Problem(path, tree.line_of(path, "permissions"), CHECK, f"permissions must be {RIGHTS[name]}")
    if "concurrency" not in document:
        yield Problem(path, 1, CHECK, "two runs may overlap: concurrency is missing")
    yield from _order(path, document, RUNS[name])
    if name == "deploy":
        yield from _variables(tree, path, document)
    for key, job in (document.get("jobs") or {"": {}}).items():
        line = tree.line_of(path, f"  {key}:")
        if not isinstance(job.get("timeout-minutes"), int):
            yield Problem(path, line, CHECK, f"the job {key} has no timeout")
        if "permissions" in job:
            yield Problem(path, line, CHECK, f"the job {key} changes the permissions")
        if not job.get("steps"):
            yield Problem(path, line, CHECK, f"the job {key} has no steps")
        for step in job.get("steps") or ():
            yield from _step(tree, path, step)
    for number, text in numbered(tree.text(path)):
        if "secrets." in text:
            yield Problem(path, number, CHECK, "no secret is needed: the login is federated")


def _order(path: str, document: dict[Any, Any], wanted: Sequence[str]) -> Iterator[Problem]:
    """What must run does, and nothing before what comes first."""
    steps = [step for job in (document.get("jobs") or {}).values() for step in job.get("steps") or ()]
    runs = [str(step.get("run", "")) for step in steps]
    last = -1
    for one in wanted:
        place = next((number for number, run in enumerate(runs) if one in run), None)
        if place is None:
            yield Problem(path, 1, CHECK, f"nothing runs {one}")
        elif place < last:
            yield Problem(path, 1, CHECK, f"{one} runs too early")
        else:
            last = place


def _step(tree: Tree, path: str, step: dict[str, Any]) -> Iterator[Problem]:
    uses, run = str(step.get("uses", "")), str(step.get("run", ""))
    line = tree.line_of(path, uses or next(iter(run.splitlines()), "steps"))
    if bool(uses) == bool(run):
        yield Problem(path, line, CHECK, f"the step {step.get('name')} must either use or run something")
    if uses and not _USES.match(uses):
        yield Problem(path, line, CHECK, f"{uses} is not pinned to a version")
    if uses.startswith("actions/checkout") and step.get("with", {}).get("persist-credentials") is not False:
        yield Problem(path, line, CHECK, "the checkout must not keep its credentials")
    if _TEXT_IN_SHELL.search(run):
        yield Problem(path, line, CHECK, "text from outside is put into a shell; pass it by env")
    for target in _MAKE.findall(run):
        if target not in make_targets(tree):
            yield Problem(path, line, CHECK, f"there is no make target {target}")
    for script in _SCRIPT.findall(run):
        if not tree.exists(script):
            yield Problem(path, line, CHECK, f"there is no {script}")


def _variables(tree: Tree, path: str, document: dict[Any, Any]) -> Iterator[Problem]:
    """The deployment passes on every variable that the parameters read, under the same name."""
    wanted = {name for name, _ in _VARIABLE.findall(tree.text(PARAMETERS))}
    for job in document.get("jobs", {}).values():
        given = job.get("env", {})
        for name in sorted(wanted - given.keys()):
            yield Problem(path, tree.line_of(path, "env:"), CHECK, f"{name} is not passed on")
        for name, value in given.items():
            if name in wanted and f"vars.{name}" not in str(value):
                yield Problem(
                    path, tree.line_of(path, f"{name}:"), CHECK, f"{name} must come from vars.{name}"
                )
