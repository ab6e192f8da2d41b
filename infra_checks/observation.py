"""Compares alerts and the workbook with the code that they watch and with the runbook.

An alert whose query names a figure, an attribute or a log line that no longer exists never fires, and nobody notices.
"""

import ast
import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Any, Final

from infra_checks import nodes
from infra_checks.code import Code
from infra_checks.policy import value_at
from infra_checks.problems import Problem, Tree, numbered
from infra_checks.project import Project

CHECK: Final = "alerts"
STORES: Final = "storage-names"
RUNBOOK: Final = "docs/runbook.md"
WORKBOOK: Final = "infra/workbook.json"
METRICS: Final = "shared/ports/metrics.py"
TABLES: Final = frozenset({"customMetrics", "requests", "dependencies", "traces", "exceptions"})
"""The tables that the app and the Functions host fill."""

KINDS: Final = frozenset({"Microsoft.Insights/scheduledQueryRules", "Microsoft.Insights/metricAlerts"})
PREFIX: Final = "dynaconnect-"
_NAMED: Final = re.compile(r"'(dynaconnect\.[\w.]+)'")
_DIMENSION: Final = re.compile(r"customDimensions\.(\w+)")
_LINES: Final = re.compile(r"\b(?:message|text) (?:startswith|has|contains|==) '([^']*)'")
_SOURCE: Final = re.compile(r"(?:^|\(|kind=\w+ \(|;\s*)\s*(\w+)\s*\n?\s*\|", re.MULTILINE)
_LET: Final = re.compile(r"\blet (\w+) =")
_STORES: Final = {
    "Microsoft.Storage/storageAccounts/queueServices/queues": "_QUEUE",
    "Microsoft.Storage/storageAccounts/tableServices/tables": "_TABLE",
}
"""How constants that name a queue or a table end in the code."""


type Metrics = dict[str, tuple[str, ...]]
"""The figures that the app tells, with what they are split by."""


def declared(tree: Tree) -> Metrics:
    """Reads the figures from the source, without importing it."""
    found: Metrics = {}
    for node in ast.walk(ast.parse(tree.text(METRICS))):
        match node:
            case ast.Call(
                func=ast.Name(id="Metric"), args=[ast.Constant(value=str(name)), *_, ast.Tuple(elts=split)]
            ):
                found[name] = tuple(str(one.value) for one in split if isinstance(one, ast.Constant))
    return found


def check(project: Project) -> Iterator[Problem]:
    """Every alert that watches nothing, or that nobody could act upon."""
    code = Code.read(project.tree)
    metrics = declared(project.tree)
    yield from _alerts(project, code, metrics)
    yield from _workbook(project.tree, code, metrics)
    yield from _stores(project, code)


def _alerts(project: Project, code: Code, metrics: Metrics) -> Iterator[Problem]:
    named: dict[str, tuple[str, int]] = {}
    for file in project.files.values():
        for resource in file.resources.values():
            if resource.type not in KINDS:
                continue
            for name, line in _alert_names(project, file, resource):
                if name in named:
                    yield Problem(file.path, line, CHECK, f"two alerts are named {name}")
                named[name] = (file.path, line)
            criteria = value_at(resource.body, "properties.criteria.allOf")
            items = criteria.items if isinstance(criteria, nodes.Array) else ()
            for item in items:
                query = item.get("query") if isinstance(item, nodes.Object) else None
                bound = project.bound(resource, file)
                query, replaced = _unreplaced(query)
                texts = list(project.values(file, query, bound)) if query is not None else []
                for value in texts:
                    text = str(value.literal or "")
                    yield from _query(code, metrics, file.path, value.expression.line, text)
                for old in replaced:
                    if sum(str(value.literal).count(old) for value in texts) != 1:
                        text = f"{old!r} is to be replaced and does not stand in exactly one query once"
                        yield Problem(file.path, item.line, CHECK, text)
    sections = {
        line.removeprefix("## ").strip(): number
        for number, line in numbered(project.tree.text(RUNBOOK))
        if line.startswith("## ")
    }
    for name, (path, line) in named.items():
        if name not in sections:
            yield Problem(path, line, CHECK, f"{RUNBOOK} has no section {name}")
    for name in sorted(sections.keys() - named.keys()):
        yield Problem(RUNBOOK, sections[name], CHECK, f"there is no alert {name}")
    yield from _sections(project.tree, sections)


def _unreplaced(query: nodes.Expression | None) -> tuple[nodes.Expression | None, list[str]]:
    """The query before parameters are put into it, and the texts that they are put in place of."""
    replaced: list[str] = []
    while isinstance(query, nodes.Call) and query.function == "replace" and query.base is None:
        query, old, _ = query.arguments
        replaced.append(str(old.literal) if isinstance(old, nodes.Text) else "")
    return query, replaced


def _sections(tree: Tree, sections: dict[str, int]) -> Iterator[Problem]:
    lines = tree.text(RUNBOOK).splitlines()
    starts = sorted(sections.values())
    for start, end in pairwise([*starts, len(lines) + 1]):
        text = "\n".join(lines[start : end - 1])
        for part in ("**Cause.**", "**Check.**", "**Fix.**"):
            if part not in text:
                yield Problem(RUNBOOK, start, CHECK, f"the section lacks {part}")


def _alert_names(project: Project, file: nodes.File, resource: nodes.Resource) -> Iterator[tuple[str, int]]:
    name = resource.body.get("name")
    if not isinstance(name, nodes.Text):
        return
    if name.literal is not None:
        yield name.literal.removeprefix(PREFIX), resource.line
        return
    for part in name.parts:
        if isinstance(part, nodes.Expression):
            for value in project.values(file, part, project.bound(resource, file)):
                yield str(value.literal), value.expression.line


def _query(code: Code, metrics: Metrics, path: str, line: int, query: str) -> Iterator[Problem]:
    own = set(_LET.findall(query))
    for table in _SOURCE.findall(query):
        if table not in TABLES | own:
            yield Problem(path, line, CHECK, f"the query reads {table}, which nothing fills")
    figures = [name for name in _NAMED.findall(query) if name not in metrics]
    for name in figures:
        yield Problem(path, line, CHECK, f"the query names {name}, which is no figure of {METRICS}")
    split = {one for name in _NAMED.findall(query) for one in metrics.get(name, ())}
    for name in _DIMENSION.findall(query):
        if name not in split:
            yield Problem(path, line, CHECK, f"no figure of the query is split by {name}")
    for text in _LINES.findall(query):
        if not code.logs(text):
            yield Problem(path, line, CHECK, f"nothing logs {text!r}")


def _workbook(tree: Tree, code: Code, metrics: Metrics) -> Iterator[Problem]:
    document, problems = tree.json(WORKBOOK, CHECK)
    yield from problems
    items: list[dict[str, Any]] = document.get("items", []) if isinstance(document, dict) else []
    if not problems and not items:
        yield Problem(WORKBOOK, 1, CHECK, "the workbook is empty")
    for item in items:
        query = str(item.get("content", {}).get("query", ""))
        line = tree.line_of(WORKBOOK, f'"name": "{item.get("name")}"')
        yield from _query(code, metrics, WORKBOOK, line, query)


def _stores(project: Project, code: Code) -> Iterator[Problem]:
    """The queues and tables that are deployed are those that the code uses, with the poison queues."""
    for kind, suffix in _STORES.items():
        wanted = code.constants(suffix)
        if suffix == "_QUEUE":
            wanted |= {f"{name}-poison": place for name, place in wanted.items()}
        deployed: dict[str, Problem] = {}
        for file in project.files.values():
            for resource in file.resources.values():
                name = resource.body.get("name")
                if resource.type == kind and name is not None:
                    for value in project.values(file, name, project.bound(resource, file)):
                        text = f"{value.literal} is used by nothing"
                        deployed[str(value.literal)] = Problem(file.path, value.expression.line, STORES, text)
        for missing in sorted(wanted.keys() - deployed.keys()):
            yield Problem(*wanted[missing], STORES, f"{missing} is not deployed")
        yield from (problem for name, problem in deployed.items() if name not in wanted)
