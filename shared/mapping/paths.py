"""Paths into a source record: ``currency.name``, ``types[].name``, ``customFields[caption=Region].value``.

``$`` is the whole record. Inside a line block a path starts at the line and ``^.company.id`` starts at the
record again. Paths only look into dicts and lists, so no Python attribute can be reached; what is missing is None.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from typing import Final

from shared.mapping.values import Json, as_text, fold

type Getter = Callable[[Json, Json], Json]
"""Reads a value; called with the current line (or the record) and the record."""

LONGEST_PATH: Final = 200
_PART: Final = re.compile(
    r"(?P<name>[A-Za-z_][A-Za-z0-9_-]*)(?:\[(?:(?P<key>[A-Za-z_][\w-]*)=(?P<value>[^\[\]]+)|)\])?"
)


@dataclass(frozen=True, slots=True)
class Part:
    """One step of a path: a name, then perhaps every element (``[]``) or the one whose ``key`` equals ``value``."""

    name: str
    each: bool = False
    key: str = ""
    value: str = ""


@dataclass(frozen=True, slots=True)
class Path:
    """A parsed path; ``up`` starts at the record instead of the current line."""

    text: str
    parts: tuple[Part, ...]
    up: bool

    @property
    def is_list(self) -> bool:
        """Whether the path collects a list."""
        return any(part.each for part in self.parts)


def parse_path(text: str) -> Path:
    """Reads a path. Raises ``ValueError`` naming the character where it stops making sense."""
    if len(text) > LONGEST_PATH:
        msg = f"a path has at most {LONGEST_PATH} characters"
        raise ValueError(msg)
    if text in ("$", "^"):
        return Path(text, (), up=text == "^")
    position = 2 if text.startswith("^.") else 0
    up, parts = position > 0, list[Part]()
    while found := _PART.match(text, position):
        key = found["key"] or ""
        parts.append(
            Part(found["name"], not key and found[0].endswith("[]"), key, (found["value"] or "").strip())
        )
        position = found.end()
        if position == len(text):
            return Path(text, tuple(parts), up)
        if text[position] != ".":
            break
        position += 1
    msg = f"the path '{text}' cannot be read from character {position + 1} on"
    raise ValueError(msg)


def compile_path(path: Path) -> Getter:
    """The function that reads a path; it never raises."""
    plain = [part.name for part in path.parts if not part.each and not part.key]
    if len(plain) == len(path.parts) and not path.up:
        if len(plain) == 1:
            return _one_name(plain[0])
        if len(plain) == 2:
            return _two_names(*plain)
    steps = [_step(part) for part in path.parts]
    if path.up:
        return lambda here, root: reduce(lambda value, step: step(value), steps, root)
    return lambda here, root: reduce(lambda value, step: step(value), steps, here)


def _one_name(name: str) -> Getter:
    return lambda here, root: here.get(name) if isinstance(here, dict) else None


def _two_names(first: str, second: str) -> Getter:
    def read(here: Json, root: Json) -> Json:
        inner = here.get(first) if isinstance(here, dict) else None
        return inner.get(second) if isinstance(inner, dict) else None

    return read


def _step(part: Part) -> Callable[[Json], Json]:
    """One step; on a collected list it is taken for every element and empty results are dropped."""

    def take(value: Json) -> Json:
        if isinstance(value, _Collected):
            inner = [take(item) for item in value]
            return _Collected(
                one
                for got in inner
                for one in (got if isinstance(got, _Collected) else [got])
                if one is not None
            )
        found = value.get(part.name) if isinstance(value, dict) else None
        if part.each:
            return (
                _Collected(item for item in found if item is not None)
                if isinstance(found, list)
                else _Collected()
            )
        if part.key:
            return _pick(found, part)
        return found

    return take


def _pick(items: Json, part: Part) -> Json:
    wanted = fold(part.value)
    for item in items if isinstance(items, list) else ():
        value = item.get(part.key) if isinstance(item, dict) else None
        if isinstance(value, bool | list | dict | float) or value is None:
            continue
        try:
            if fold(as_text(value)) == wanted:
                return item
        except ValueError:
            continue
    return None


class _Collected(list[Json]):
    """A list a path collected, told apart from a list that was found as a value."""
