"""Who may import whom. The arrows point inwards: the domain knows nobody, the composition root everybody."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parents[2]
SHARED: Final = ROOT / "shared"
LONGEST_MODULE: Final = 400

ALLOWED: Final = {
    "domain": {"domain"},
    "mapping": {"mapping"},
    "ports": {"ports", "domain"},
    "engine": {"engine", "domain", "ports", "mapping"},
    "reconcile": {"reconcile", "engine", "domain", "ports", "mapping"},
    "entities": {"entities", "engine", "domain", "ports"},
    "adapters": {"adapters", "ports", "domain", "settings"},
    "triggers": {"triggers", "app", "reconcile", "engine", "mapping", "domain", "ports"},
    "settings": set[str](),
    "factory": {"adapters", "domain", "engine", "mapping", "ports", "settings"},
    "app": {
        "adapters",
        "domain",
        "engine",
        "entities",
        "factory",
        "mapping",
        "ports",
        "reconcile",
        "settings",
    },
}
"""For each part of ``shared`` the parts that it may import."""
MODULES: Final = sorted(SHARED.rglob("*.py"))


def part_of(module: Path) -> str:
    return module.relative_to(SHARED).with_suffix("").parts[0]


def imported(module: Path) -> Iterator[str]:
    """Every dotted name that the module imports, wherever in it the import stands."""
    for node in ast.walk(ast.parse(module.read_text())):
        match node:
            case ast.Import(names=names):
                yield from (alias.name for alias in names)
            case ast.ImportFrom(module=name, level=0) if name:
                yield from (f"{name}.{alias.name}" for alias in node.names)
            case ast.ImportFrom():
                yield "a relative import"


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_imports_only_what_its_part_may(module: Path) -> None:
    allowed = ALLOWED.get(part_of(module), set())
    for name in imported(module):
        assert name != "a relative import"
        first, _, rest = name.partition(".")
        assert first not in ("sandbox", "tests", "scripts"), f"{module} imports {name}"
        if first == "shared":
            assert rest.split(".")[0] in allowed, f"{part_of(module)} may not import {name}"


def test_every_part_has_its_rule() -> None:
    assert {part_of(module) for module in MODULES} - {"__init__"} <= set(ALLOWED)


def test_the_entry_point_only_reads_settings_and_registers_functions() -> None:
    own = {name for name in imported(ROOT / "function_app.py") if name.startswith("shared.")}
    assert own == {"shared.settings.Settings", "shared.triggers.BLUEPRINTS"}


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_has_a_length_that_can_be_read(module: Path) -> None:
    assert len(module.read_text().splitlines()) <= LONGEST_MODULE
