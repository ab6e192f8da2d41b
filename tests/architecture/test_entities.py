"""An entity is one short module: a declaration, found by itself."""

import ast
import importlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from shared import entities
from shared.engine.kinds.masters import MasterData
from shared.entities import load_entities
from shared.triggers import openapi
from tests import conformance
from tests.conformance.suite import EntityConformance

FOLDER: Final = Path(entities.__file__).parent
CONFORMANCE: Final = Path(conformance.__file__).parent
LONGEST_DECLARATION: Final = 30
DECLARES: Final = re.compile(r"^ENTITY\b", re.MULTILINE)
MODULES: Final = sorted(path for path in FOLDER.glob("*.py") if DECLARES.search(path.read_text()))
"""The other modules of the folder hold what several entities share."""

GADGET: Final = '''"""Gadgets become items."""

from shared.engine.entity import Subject
from shared.engine.kinds.masters import MasterData

ENTITY = MasterData(
    name="gadget",
    title="Gadget",
    subject=Subject("gadget", path="procurement/gadgets", callback="gadget"),
    target="items",
    adopt=("number",),
)
'''


def declaration_lines(module: Path) -> int:
    """The lines of a module that are neither blank nor part of its docstring or of a function."""
    text = module.read_text()
    first, *others = ast.parse(text).body
    left_out = [first, *(node for node in others if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))]
    inside = {line for node in left_out for line in range(node.lineno, (node.end_lineno or node.lineno) + 1)}
    lines = text.splitlines()
    return sum(1 for number, line in enumerate(lines, start=1) if line.strip() and number not in inside)


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.stem)
def test_an_entity_module_declares_one_entity_in_few_lines(module: Path) -> None:
    declared = importlib.import_module(f"shared.entities.{module.stem}").ENTITY
    assert declared.name == module.stem
    assert declared.title
    assert declaration_lines(module) <= LONGEST_DECLARATION


def test_every_entity_module_is_found() -> None:
    assert {entity.name for entity in load_entities().entities()} == {module.stem for module in MODULES}


def test_every_entity_inherits_the_conformance_suite() -> None:
    for path in CONFORMANCE.glob("test_*.py"):
        importlib.import_module(f"tests.conformance.{path.stem}")
    tested = {one.entity for one in subclasses(EntityConformance) if one.__name__.startswith("Test")}
    assert tested == {entity.name for entity in load_entities().entities()}


def subclasses(kind: Any) -> Iterator[Any]:
    """Every class that inherits the suite, directly or not."""
    for one in kind.__subclasses__():
        yield one
        yield from subclasses(one)


def test_adding_an_entity_takes_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "gadget.py").write_text(GADGET)
    monkeypatch.setattr(entities, "__path__", [*entities.__path__, str(tmp_path)])
    monkeypatch.syspath_prepend(str(tmp_path))
    registry = load_entities()
    gadget = registry.entity("gadget")
    assert isinstance(gadget, MasterData)
    assert registry.subject_of("gadget").callback == "gadget"
    assert registry.of_subject("gadget") == [gadget]
    assert {entity.name for entity in registry.entities()} == {*(m.stem for m in MODULES), "gadget"}


def test_no_route_names_an_entity() -> None:
    assert not {entity.name for entity in load_entities().entities()} & {
        segment for path in openapi.DOCUMENT["paths"] for segment in path.split("/")
    }
