"""What a check finds, and the files that it reads."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import yaml


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing that is wrong; ``check`` is the name of the check that found it."""

    path: str
    line: int
    check: str
    text: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: [{self.check}] {self.text}"


@dataclass(frozen=True, slots=True)
class Tree:
    """The files of the project by their path from the root; ``changed`` texts stand in for what is on disk.

    What is on disk is read once per process.
    """

    root: Path
    changed: Mapping[str, str] = field(default_factory=dict)

    def text(self, path: str) -> str:
        """The text of a file; empty when there is none."""
        return self.changed[path] if path in self.changed else _text(self.root, path)

    def exists(self, path: str) -> bool:
        """Whether there is such a file."""
        return path in self.changed or (self.root / path).is_file()

    def files(self, folder: str, suffix: str) -> list[str]:
        """The paths under a folder that end so, sorted."""
        changed = {path for path in self.changed if path.startswith(f"{folder}/") and path.endswith(suffix)}
        return sorted(_files(self.root, folder, suffix) | changed)

    def line_of(self, path: str, text: str) -> int:
        """The first line with the text, or 1."""
        return next(
            (number for number, line in enumerate(self.text(path).splitlines(), 1) if text in line), 1
        )

    def yaml(self, path: str, check: str) -> tuple[Any, list[Problem]]:
        """A YAML file and what is wrong with it; the value is an empty object when it cannot be read."""
        try:
            return _yaml(self.text(path)), []
        except yaml.YAMLError as error:
            return {}, [Problem(path, 1, check, f"is not YAML: {str(error).splitlines()[0]}")]

    def json(self, path: str, check: str) -> tuple[Any, list[Problem]]:
        """A JSON file and what is wrong with it; the value is an empty object when it cannot be read."""
        try:
            return json.loads(self.text(path)), []
        except ValueError as error:
            return {}, [Problem(path, getattr(error, "lineno", 1), check, f"is not JSON: {error}")]


@cache
def _text(root: Path, path: str) -> str:
    place = root / path
    return place.read_text(encoding="utf-8") if place.is_file() else ""


@cache
def _yaml(text: str) -> Any:
    return yaml.safe_load(text) or {}


@cache
def _files(root: Path, folder: str, suffix: str) -> frozenset[str]:
    return frozenset(path.relative_to(root).as_posix() for path in (root / folder).rglob(f"*{suffix}"))


def numbered(text: str) -> Iterator[tuple[int, str]]:
    """The lines of a text with their numbers from 1."""
    yield from enumerate(text.splitlines(), 1)
