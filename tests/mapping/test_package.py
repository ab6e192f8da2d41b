"""The engine stays pure and its public surface stays what it says."""

import ast
import sys
from pathlib import Path

import pytest

import shared.mapping
from shared.mapping import STANDARD, MappingDocument, standard_mapping

MODULES = sorted(Path(shared.mapping.__file__).parent.glob("*.py"))


@pytest.mark.parametrize("module", MODULES, ids=[module.stem for module in MODULES])
def test_imports_only_the_standard_library_and_pydantic(module: Path) -> None:
    allowed = {*sys.stdlib_module_names, "pydantic", "pydantic_core"}
    for node in ast.walk(ast.parse(module.read_text("utf-8"))):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        for name in names:
            assert name.split(".")[0] in allowed or name.startswith("shared.mapping"), name


def test_everything_public_exists() -> None:
    for name in shared.mapping.__all__:
        assert getattr(shared.mapping, name).__doc__


@pytest.mark.parametrize("entity", STANDARD)
def test_documents_survive_being_written_out(entity: str) -> None:
    document = standard_mapping(entity)
    assert MappingDocument.model_validate(document.model_dump(by_alias=True, exclude_unset=True)) == document


def test_the_grammar_can_be_published_as_a_schema() -> None:
    schema = MappingDocument.model_json_schema()
    assert {"Rule", "LineBlock", "Condition", "Lookup"} <= set(schema["$defs"])
