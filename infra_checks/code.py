"""What the code offers to compare with: functions, strings, names of queues and tables. Read, never imported."""

import ast
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Final, Self

from infra_checks.problems import Tree

FOLDER: Final = "shared"
RESULT_LINE: Final = "%s %s: %s %s"
"""How the pipeline logs what became of a record: the record, the entity, the result, the reason."""

_RESULT: Final = re.compile(r": (\w+) ")
_ENVIRONMENT: Final = re.compile(r"environ\.get\(|environ\[|getenv\(")


@dataclass(frozen=True, slots=True)
class Source:
    """One Python file: its functions, which of them are timers, its strings, its constants, its reads of settings."""

    functions: frozenset[str]
    timers: frozenset[str]
    strings: frozenset[str]
    constants: tuple[tuple[str, str, int], ...]
    environment: tuple[int, ...]


@cache
def source(text: str) -> Source:
    """Reads one file; raises SyntaxError for a broken one."""
    functions: set[str] = set()
    strings: set[str] = set()
    constants: list[tuple[str, str, int]] = []
    timers: set[str] = set()
    module = ast.parse(text)
    for node in ast.walk(module):
        match node:
            case ast.Call(func=ast.Attribute(attr="function_name"), args=[ast.Constant(value=str(name))]):
                functions.add(name)
            case ast.AsyncFunctionDef(decorator_list=decorators) | ast.FunctionDef(decorator_list=decorators):
                timers |= _timer_names(decorators)
            case ast.Constant(value=str(value)):
                strings.add(value)
    for node in module.body:
        match node:
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.Constant(value=str(value))):
                constants.append((name, value, node.lineno))
    environment = tuple(
        number for number, line in enumerate(text.splitlines(), 1) if _ENVIRONMENT.search(line)
    )
    return Source(frozenset(functions), frozenset(timers), frozenset(strings), tuple(constants), environment)


def _timer_names(decorators: list[ast.expr]) -> set[str]:
    """The function's name, if one of its decorators makes a timer of it."""
    names: set[str] = set()
    is_timer = False
    for one in decorators:
        match one:
            case ast.Call(func=ast.Attribute(attr="function_name"), args=[ast.Constant(value=str(name))]):
                names.add(name)
            case ast.Call(func=ast.Attribute(attr="timer_trigger")):
                is_timer = True
    return names if is_timer else set()


@dataclass(frozen=True, slots=True)
class Code:
    """All files of the app by path."""

    files: dict[str, Source]

    @classmethod
    def read(cls, tree: Tree) -> Self:
        """Reads every module; raises SyntaxError for a broken one."""
        return cls({path: source(tree.text(path)) for path in tree.files(FOLDER, ".py")})

    def functions(self) -> set[str]:
        """The Azure Functions by name."""
        return {name for one in self.files.values() for name in one.functions}

    def timers(self) -> set[str]:
        """Those of them that a timer starts."""
        return {name for one in self.files.values() for name in one.timers}

    def logs(self, text: str) -> bool:
        """Whether a log line can hold the text: as it stands, or as a result behind the record's name."""
        result = _RESULT.fullmatch(text)
        if result and self._any(lambda strings: RESULT_LINE in strings):
            return self._any(lambda strings: result.group(1) in strings)
        return self._any(lambda strings: any(text in known for known in strings))

    def _any(self, holds: Callable[[frozenset[str]], bool]) -> bool:
        return any(holds(one.strings) for one in self.files.values())

    def constants(self, suffix: str) -> dict[str, tuple[str, int]]:
        """The values of constants whose name ends so, with path and line."""
        return {
            value: (path, line)
            for path, one in self.files.items()
            for name, value, line in one.constants
            if name.endswith(suffix)
        }
