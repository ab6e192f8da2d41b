"""What goes with the Bicep files: parameters of azd, the deployed package, the editor's settings."""

import json
import re
from collections.abc import Iterator
from fnmatch import fnmatch
from typing import Any, Final

from infra_checks.problems import Problem, Tree, numbered
from infra_checks.project import MAIN, Project

CHECK: Final = "packaging"
PARAMETERS: Final = "infra/main.parameters.json"
ABBREVIATIONS: Final = "infra/abbreviations.json"
AZD: Final = "azure.yaml"
IGNORED: Final = ".funcignore"
DOCS: Final = "docs/deploy.md"
EDITOR: Final = ("launch", "tasks", "extensions", "settings")
DEPLOYED: Final = frozenset({"function_app.py", "host.json", "requirements.txt", "shared"})
"""What must reach Azure from the root of the project; nothing else may."""

_VARIABLE: Final = re.compile(r"^\$\{([A-Z][A-Z0-9_]*)(=[^}]*)?\}$")
_FROM_AZD: Final = frozenset({"AZURE_ENV_NAME", "AZURE_LOCATION"})
_MAKE: Final = re.compile(r"\bmake ([a-z][a-z-]*)")
_PRIVATE: Final = (".git", ".venv", "node_modules", "__pycache__", ".run")
"""Never looked into: made on a developer's machine, all of them ignored by git."""


def check(project: Project) -> Iterator[Problem]:
    """Everything about the files around the Bicep files."""
    yield from _parameters(project)
    yield from _abbreviations(project)
    yield from _azd(project)
    yield from _package(project.tree)
    yield from _editor(project.tree)
    yield from _tasks(project.tree)


def _parameters(project: Project) -> Iterator[Problem]:
    tree, main = project.tree, project.files.get(MAIN)
    document, problems = tree.json(PARAMETERS, CHECK)
    yield from problems
    given: dict[str, Any] = document.get("parameters", {}) if isinstance(document, dict) else {}
    known = main.parameters if main else {}
    docs = tree.text(DOCS)
    for name, value in given.items():
        line = tree.line_of(PARAMETERS, f'"{name}"')
        if name not in known:
            yield Problem(PARAMETERS, line, CHECK, f"{MAIN} has no parameter {name}")
            continue
        found = _VARIABLE.match(str(value.get("value")))
        if found is None:
            yield Problem(PARAMETERS, line, CHECK, f"{name} must come from an environment variable")
            continue
        if known[name].default is not None and found.group(2) is None:
            yield Problem(PARAMETERS, line, CHECK, f"{name} needs the default that {MAIN} has")
        elif known[name].default is not None and not _same_default(project, name, str(found.group(2))[1:]):
            yield Problem(PARAMETERS, line, CHECK, f"{name} has another default than in {MAIN}")
        if found.group(1) not in _FROM_AZD and f"`{found.group(1)}`" not in docs:
            yield Problem(PARAMETERS, line, CHECK, f"{DOCS} does not name {found.group(1)}")
    for name, parameter in known.items():
        if parameter.default is None and name not in given:
            yield Problem(PARAMETERS, 1, CHECK, f"{name} has no default and is not given")


def _same_default(project: Project, name: str, text: str) -> bool:
    main = project.files[MAIN]
    default = main.parameters[name].default
    values = [value.literal for value in project.values(main, default, {})] if default is not None else []
    return [json.dumps(value).strip('"') for value in values] == [text]


def _abbreviations(project: Project) -> Iterator[Problem]:
    document, problems = project.tree.json(ABBREVIATIONS, CHECK)
    yield from problems
    main = project.tree.text(MAIN)
    for name in document:
        if f"abbreviations.{name}}}" not in main:
            line = project.tree.line_of(ABBREVIATIONS, f'"{name}"')
            yield Problem(ABBREVIATIONS, line, CHECK, f"{name} is never used")


def _azd(project: Project) -> Iterator[Problem]:
    tree = project.tree
    document, problems = tree.yaml(AZD, CHECK)
    yield from problems
    infra = document.get("infra", {})
    if not tree.exists(f"{infra.get('path')}/{infra.get('module')}.bicep"):
        yield Problem(AZD, tree.line_of(AZD, "infra"), CHECK, "infra names no Bicep file")
    tagged = {
        tag
        for file in project.files.values()
        for tag in re.findall(r"'azd-service-name': '([\w-]+)'", tree.text(file.path))
    }
    services: dict[str, Any] = document.get("services", {})
    for name in sorted(tagged ^ services.keys()):
        yield Problem(AZD, 1, CHECK, f"the service {name} is not both here and tagged in the Bicep files")
    for name, service in services.items():
        wanted = {"host": "function", "language": "python", "project": "."}
        if {key: service.get(key) for key in wanted} != wanted:
            yield Problem(AZD, tree.line_of(AZD, f"{name}:"), CHECK, f"{name} must be {wanted}")


def patterns_of(tree: Tree) -> dict[str, int]:
    """What is kept from being deployed, with the line of each pattern; one that no part of a path matches is none."""
    return {
        line.strip().rstrip("/"): number
        for number, line in numbered(tree.text(IGNORED))
        if line.strip() and not line.startswith("#")
    }


def package(tree: Tree) -> list[str]:
    """The paths that reach Azure: every file of the project, but for those with a part that a pattern matches."""
    patterns = patterns_of(tree)
    found: list[str] = []
    folders = [tree.root]
    while folders:
        for path in folders.pop().iterdir():
            if any(fnmatch(path.name, pattern) for pattern in patterns):
                continue
            if path.is_dir():
                folders.append(path)
            else:
                found.append(path.relative_to(tree.root).as_posix())
    return sorted(found)


def _package(tree: Tree) -> Iterator[Problem]:
    """Everything at the root is either deployed or ignored, and nothing of the app is ignored."""
    patterns = patterns_of(tree)
    for name in sorted(path.name for path in tree.root.iterdir()):
        matched = any(fnmatch(name, pattern) for pattern in patterns)
        if not matched and name not in DEPLOYED:
            yield Problem(IGNORED, 1, CHECK, f"{name} would be deployed")
    shipped = [*(DEPLOYED - {"shared"}), *tree.files("shared", ".py"), *tree.files("shared", ".json")]
    for path in sorted(shipped):
        parts = path.split("/")
        if any(part in _PRIVATE for part in parts):
            continue
        for pattern, number in patterns.items():
            if any(fnmatch(part, pattern) for part in parts):
                yield Problem(IGNORED, number, CHECK, f"{pattern} keeps {path} from being deployed")


def _editor(tree: Tree) -> Iterator[Problem]:
    targets = make_targets(tree)
    for name in EDITOR:
        path = f".vscode/{name}.json"
        _, problems = tree.json(path, CHECK)
        yield from problems
        for number, line in numbered(tree.text(path)):
            for target in _MAKE.findall(line):
                if target not in targets:
                    yield Problem(path, number, CHECK, f"there is no make target {target}")


def _tasks(tree: Tree) -> Iterator[Problem]:
    """What is started before something else is a task, and what is launched is a module of the project."""
    tasks, _ = tree.json(".vscode/tasks.json", CHECK)
    launch, _ = tree.json(".vscode/launch.json", CHECK)
    labels = {str(task.get("label")) for task in tasks.get("tasks", ())}
    for task in tasks.get("tasks", ()):
        for needed in task.get("dependsOn", ()):
            if needed not in labels:
                yield Problem(".vscode/tasks.json", 1, CHECK, f"there is no task {needed}")
    configurations = launch.get("configurations", ())
    names = {str(one.get("name")) for one in configurations}
    for one in configurations:
        before, module = one.get("preLaunchTask"), str(one.get("module", ""))
        if before is not None and before not in labels:
            yield Problem(".vscode/launch.json", 1, CHECK, f"there is no task {before}")
        place = module.replace(".", "/")
        if place.startswith("sandbox") and not (
            tree.exists(f"{place}.py") or tree.exists(f"{place}/__main__.py")
        ):
            yield Problem(".vscode/launch.json", 1, CHECK, f"there is no module {module}")
    for compound in launch.get("compounds", ()):
        for needed in compound["configurations"]:
            if needed not in names:
                yield Problem(".vscode/launch.json", 1, CHECK, f"there is no configuration {needed}")


def make_targets(tree: Tree) -> set[str]:
    """The targets of the Makefile."""
    return set(re.findall(r"^([a-z][a-z-]*):", tree.text("Makefile"), re.MULTILINE))
