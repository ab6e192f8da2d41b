"""Texts that ask either system or the tables for records: their values pass the one quoting helper of each."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.architecture.test_imports import MODULES, ROOT

HELPERS: Final = {"shared/adapters/business_central/odata.py", "shared/adapters/connectwise/conditions.py"}
"""The only modules that put a value into such a text; tests/adapters/test_literals.py attacks them."""
ASKS: Final = re.compile(
    r"\b(?:eq|ne|gt|ge|lt|le) (?:$|['@\d{])|\b(?:contains|startswith|endswith)\(|\blike \"|[<>=]+ ?\[$|(?<!filename)= ?\"$"
)
PARAMETERS: Final = "shared/adapters/storage"
"""Tables are asked with constant texts and parameters, which the library quotes."""


def literals(tree: ast.AST) -> Iterator[tuple[int, str, bool]]:
    """Line, text and whether values are put into it, of each text that is no docstring."""
    documentation = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    inner: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            for part in node.values:
                inner.add(id(part))
                if isinstance(part, ast.Constant):
                    yield node.lineno, str(part.value), True
        elif isinstance(node, ast.Constant) and id(node) not in documentation | inner:
            yield node.lineno, str(node.value), False


def offences(path: str, source: str) -> list[str]:
    """Where a module builds such a text by itself."""
    return [
        f"{path}:{line}: {text!r}"
        for line, text, filled in literals(ast.parse(source))
        if ASKS.search(text) and (filled or not path.startswith(PARAMETERS))
    ]


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_only_the_helpers_build_conditions(module: Path) -> None:
    path = module.relative_to(ROOT).as_posix()
    if path not in HELPERS:
        assert offences(path, module.read_text()) == []


@pytest.mark.parametrize(
    "line",
    [
        "x = f\"number eq '{value}'\"",
        'x = "number eq \'" + value + "\'"',
        "x = f'id eq {number}'",
        "x = f'lastUpdated > [{moment}]'",
        "x = f'batchIdentifier=\"{name}\"'",
        "x = \"contains(name, '%s')\" % name",
        "x = 'name like \"{}\"'.format(name)",
    ],
)
def test_a_condition_built_by_hand_is_found(line: str) -> None:
    assert offences("shared/engine/x.py", line)
    assert not offences("shared/adapters/storage/x.py", "x = 'PartitionKey eq @partition'")
    assert offences("shared/adapters/storage/x.py", "x = f\"PartitionKey eq '{name}'\"")


def test_the_helpers_are_there() -> None:
    assert all((ROOT / path).is_file() for path in HELPERS)
