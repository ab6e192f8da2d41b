"""Routes: which function serves a path, and what its parameters are."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote

from sandbox.host.errors import HostError
from sandbox.host.functions import Function, HttpTrigger

_PARAMETER: Final = re.compile(r"\{(\*?)(\w+)(?::(\w+))?(\??)\}")
_EVERY_METHOD: Final = "every method"
_CONSTRAINTS: Final = {
    "int": r"-?\d+",
    "long": r"-?\d+",
    "alpha": r"[A-Za-z]+",
    "bool": r"true|false",
    "guid": r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}",
}


@dataclass(frozen=True, slots=True)
class Route:
    """One template, compiled. Routes sort by how specific they are: a literal segment beats a parameter."""

    function: Function
    methods: frozenset[str]
    pattern: re.Pattern[str]
    rank: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Match:
    """A function found for a request, with the decoded values of its route parameters."""

    function: Function
    trigger: HttpTrigger
    parameters: dict[str, str]


class RouteTable:
    """Every enabled HTTP function below the route prefix."""

    def __init__(self, functions: Iterable[Function], prefix: str) -> None:
        """Compiles the routes; raises ``HostError`` on a malformed template or on two equal ones."""
        prefix = prefix.strip("/")
        routes: dict[tuple[str, str], Route] = {}
        for function in functions:
            if function.disabled or not isinstance(function.trigger, HttpTrigger):
                continue
            route = _compile(function, function.trigger, prefix)
            for method in sorted(function.trigger.methods) or [_EVERY_METHOD]:
                other = routes.setdefault((method, route.pattern.pattern.lower()), route)
                if other is not route:
                    names = f"{other.function.name} and {function.name}"
                    raise HostError(f"{names} have the same route {function.trigger.route!r} for {method}")
        unique = {route.function.name: route for route in routes.values()}
        self.routes = sorted(unique.values(), key=lambda route: route.rank)

    def find(self, method: str, raw_path: str) -> Match | None:
        """The function for a method and an undecoded path. As in Azure a wrong method finds nothing (404, not 405)."""
        path = "/" + "/".join(_decode(segment) for segment in raw_path.strip("/").split("/"))
        for route in self.routes:
            if route.methods and method not in route.methods:
                continue
            found = route.pattern.fullmatch(path)
            if found and isinstance(route.function.trigger, HttpTrigger):
                values = {name: value for name, value in found.groupdict().items() if value is not None}
                return Match(route.function, route.function.trigger, values)
        return None


def _compile(function: Function, trigger: HttpTrigger, prefix: str) -> Route:
    template = "/".join(part for part in (prefix, trigger.route) if part)
    if template.split("/")[0].lower() in {"admin", "runtime"}:
        raise HostError(f"{function.name}: the route {template!r} belongs to the host")
    segments = [_segment(function.name, segment) for segment in template.split("/")]
    try:
        pattern = re.compile("".join(text for text, _ in segments), re.IGNORECASE)
    except re.error as error:
        raise HostError(f"{function.name}: the route {trigger.route!r} is malformed ({error})") from error
    return Route(function, trigger.methods, pattern, tuple(rank for _, rank in segments))


def _segment(function: str, segment: str) -> tuple[str, int]:
    """One segment as a regular expression with its leading slash, and its rank (small is specific)."""
    whole = _PARAMETER.fullmatch(segment)
    if whole is None:
        parts, at = [], 0
        for match in _PARAMETER.finditer(segment):
            parts += [re.escape(segment[at : match.start()]), _group(function, match)]
            at = match.end()
        if "{" in segment[at:] or "}" in segment[at:]:
            raise HostError(f"{function}: the route segment {segment!r} is malformed")
        return "/" + "".join([*parts, re.escape(segment[at:])]), 2 if parts else 0
    star, name, constraint, optional = whole.groups()
    if star:
        return f"(?:/(?P<{name}>.*))?", 5
    text = "/" + _group(function, whole)
    return (f"(?:{text})?" if optional else text), 3 if constraint else 4


def _group(function: str, match: re.Match[str]) -> str:
    _, name, constraint, _ = match.groups()
    if constraint and constraint not in _CONSTRAINTS:
        raise HostError(f"{function}: the local host does not know the route constraint {constraint!r}")
    return f"(?P<{name}>{_CONSTRAINTS[constraint] if constraint else '[^/]+?'})"


def _decode(segment: str) -> str:
    """Decodes a path segment; an encoded slash stays encoded, so that it can never make a new segment."""
    return unquote(re.sub("%2f", "%252F", segment, flags=re.IGNORECASE))
