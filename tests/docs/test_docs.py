"""Settings, functions, routes, causes, paths and links: the pages name what is there, and all of it."""

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Final

import azure.functions as func
import pytest

from shared.adapters.business_central.errors import TABLE as BUSINESS_CENTRAL
from shared.adapters.connectwise.errors import TABLE as CONNECTWISE
from shared.engine.connections.connection import Options
from shared.entities import load_entities
from shared.mapping import STANDARD, standard_mapping
from shared.settings import AUTH_KINDS, Settings, SettingsError
from shared.triggers import BLUEPRINTS
from tests.docs.pages import (
    DOCS,
    PAGES,
    README,
    ROOT,
    anchors,
    codes,
    first_cells,
    links,
    name,
    prose,
    section,
)

OPERATIONS: Final = DOCS / "operations.md"
STORAGE: Final = "AzureWebJobsStorage"
OF_THE_HOST: Final = {f"{STORAGE}__blobServiceUri"}
"""What the Functions host reads and the app does not."""
RAISERS: Final = {
    "AlreadyExists",
    "ChangedMeanwhile",
    "Finding",
    "HoldForPerson",
    "NotFound",
    "OutcomeUnknown",
    "RetryLater",
    "StopConnection",
    "TooLarge",
    "Unfit",
    "hold",
    "kind",
}
"""What is called in ``shared`` with a cause as its first argument."""
FOLDERS: Final = "shared|sandbox|tests|docs|infra|scripts"


class Recorder(dict[str, str]):
    """An environment that notes which settings were asked for."""

    def __init__(self, values: Mapping[str, str]) -> None:
        super().__init__(values)
        self.asked: set[str] = set()

    def get(self, key: str, default: str = "") -> str:  # type: ignore[override]
        self.asked.add(key)
        return super().get(key, default)


def settings_read() -> set[str]:
    """Every setting that the app asks for, whichever way it signs in and wherever its secrets are."""
    asked = {STORAGE}
    for auth in AUTH_KINDS:
        environment = Recorder({"BUSINESS_CENTRAL_AUTH": auth})
        with pytest.raises(SettingsError):
            Settings.read(environment)
        asked |= environment.asked
    return asked


def functions() -> dict[str, set[tuple[str, str]]]:
    """The names of all functions, and method and route of those with one."""
    app = func.FunctionApp()
    for blueprint in BLUEPRINTS:
        app.register_functions(blueprint)
    found: dict[str, set[tuple[str, str]]] = {}
    for function in app.get_functions():
        trigger = function.get_trigger()
        assert trigger is not None
        binding = trigger.get_dict_repr()
        methods = [method.value for method in binding.get("methods", ())]
        found[str(function.get_function_name())] = {
            (method, f"/api/{binding['route']}") for method in methods
        }
    return found


def causes() -> dict[str, str]:
    """Every cause that an operator can see, with the module that gives it."""
    found: dict[str, str] = {}
    trees = {
        module: ast.parse(module.read_text("utf-8")) for module in sorted((ROOT / "shared").rglob("*.py"))
    }
    errors = _constants(trees[ROOT / "shared" / "domain" / "errors.py"])
    for module, tree in trees.items():
        for cause in _causes(tree, errors | _constants(tree)):
            found.setdefault(cause, name(module))
    return found


def _constants(tree: ast.Module) -> dict[str, ast.expr]:
    return {
        target.id: node.value
        for node in tree.body
        for target in _targets(node)
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None
    }


def _causes(tree: ast.Module, constants: dict[str, ast.expr]) -> Iterator[str]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        given = [word.value for word in node.keywords if word.arg == "cause"]
        called = node.func.id if isinstance(node.func, ast.Name) else ""
        given += node.args[:1] if called in RAISERS else []
        for value in given:
            known = constants.get(value.id) if isinstance(value, ast.Name) else value
            if isinstance(known, ast.Constant) and isinstance(known.value, str):
                yield known.value


def _targets(node: ast.stmt) -> Iterator[ast.Name]:
    match node:
        case ast.AnnAssign(target=ast.Name() as target):
            yield target
        case ast.Assign(targets=[ast.Name() as target]):
            yield target


def test_the_readme_lists_exactly_the_settings_that_are_read() -> None:
    table = [code for cell in first_cells(section(README, "### Settings")) for code in codes(cell)]
    assert sorted(table) == sorted(set(table))
    assert set(table) == settings_read()


def test_the_forms_of_the_storage_setting_exist() -> None:
    sources = ("shared/settings.py", "shared/adapters/storage/clients.py")
    text = "".join((ROOT / source).read_text("utf-8") for source in sources)
    services = {f"__{service}ServiceUri" for service in ("queue", "table")}
    read = {f"{STORAGE}{suffix}" for suffix in (*re.findall(r"\}(__[a-zA-Z]+)", text), *services)}
    named = set(re.findall(rf"{STORAGE}__\w+", README.read_text("utf-8")))
    assert named - OF_THE_HOST == read


def test_every_function_and_route_is_described_and_exists() -> None:
    rows = [line for line in section(OPERATIONS, "## Routes").splitlines() if line.startswith("| `")]
    described: dict[str, set[tuple[str, str]]] = {}
    for row in rows:
        cells = row.split("|")
        [function] = codes(cells[2])
        *others, last = codes(cells[1])
        method, route = last.split(" ")
        described[function] = {(one, route) for one in (*others, method)}
    served = functions()
    assert described == {function: routes for function, routes in served.items() if routes}
    page = OPERATIONS.read_text("utf-8")
    for function in served:
        assert f"`{function}`" in page, f"operations.md does not name the function {function}"


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_a_page_calls_nothing_that_does_not_exist(page: Path) -> None:
    served = functions()
    every = [re.sub(r"\{\*\w+\}", ".*", route) for routes in served.values() for _, route in routes]
    patterns = [re.sub(r"\{\w+\}", "[^/]+", route) for route in every]
    text = page.read_text("utf-8")
    for route in re.findall(r"/api/((?!v\d|microsoft)[a-z][\w./{}<>$-]*)", text):
        path = f"/api/{route.rstrip('.')}"
        assert any(re.fullmatch(pattern, path) for pattern in patterns), f"there is no route {path}"
    for function in re.findall(r"/admin/functions/(\w+)", text):
        assert function in served, f"there is no function {function}"


def test_every_cause_of_the_resolution_tables_is_explained() -> None:
    explained = {code for cell in first_cells(section(OPERATIONS, "## Causes")) for code in codes(cell)}
    for row in (*CONNECTWISE, *BUSINESS_CENTRAL):
        assert row.cause in explained, f"operations.md does not explain the cause {row.cause}"


def test_the_causes_explained_are_those_that_exist() -> None:
    explained = [code for cell in first_cells(section(OPERATIONS, "## Causes")) for code in codes(cell)]
    known = causes() | {row.cause: "a resolution table" for row in (*CONNECTWISE, *BUSINESS_CENTRAL)}
    assert sorted(explained) == sorted(set(explained)), "a cause is explained twice"
    for cause, module in known.items():
        assert cause in explained, f"operations.md does not explain the cause {cause} of {module}"
    assert set(explained) <= known.keys(), f"there is no cause {set(explained) - known.keys()}"


def test_the_tree_of_the_readme_exists() -> None:
    [tree] = re.findall(r"```text\n(.*?)```", section(README, "## Where things are"), re.DOTALL)
    folders: list[str] = []
    for line in tree.splitlines():
        depth, path = (len(line) - len(line.lstrip())) // 2, line.split()[0]
        folders = [*folders[:depth], path]
        found = ROOT / "/".join(folders)
        assert found.is_dir() if path.endswith("/") else found.is_file(), f"{found} does not exist"


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_path_and_test_that_a_page_names_exists(page: Path) -> None:
    written = set(re.findall(r"\bdef (test_\w+)", "".join(_tests())))
    modules = {path.stem for path in (ROOT / "tests").rglob("*.py")}
    for code in codes(prose(page)):
        if re.fullmatch(rf"(?:{FOLDERS})/[\w./-]+", code):
            assert (ROOT / code).exists(), f"{code} does not exist"
        if re.fullmatch(r"test_\w+", code):
            assert code in written | modules, f"there is no test {code}"


def _tests() -> Iterator[str]:
    for module in (ROOT / "tests").rglob("*.py"):
        yield module.read_text("utf-8")


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_link_leads_somewhere(page: Path) -> None:
    for link in links(page):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{link} leads nowhere"
        assert target.is_relative_to(ROOT), f"{link} leaves the repository"
        if anchor:
            assert anchor in anchors(target), f"{link}: there is no such heading"


def test_every_option_of_a_connection_is_described() -> None:
    table = [
        code for cell in first_cells(section(DOCS / "companies.md", "### Options")) for code in codes(cell)
    ]
    assert sorted(table) == sorted(one.name for one in fields(Options))


def test_every_entity_has_its_page() -> None:
    known = {entity.name for entity in load_entities().entities()}
    assert {page.stem for page in (DOCS / "entities").glob("*.md")} == known


@pytest.mark.parametrize("lookup", ["payment_terms", "units_of_measure", "tax_groups"])
def test_the_codes_that_the_standard_mappings_expect_are_listed(lookup: str) -> None:
    listed = codes(section(DOCS / "connect.md", "### Lists"))
    for entity in STANDARD:
        table = standard_mapping(entity).lookups.get(lookup)
        for code in table.rows.values() if table else ():
            assert code in listed, f"connect.md does not list {code}, which {entity} expects"
