"""Expressions of queries over one row, or over the rows of a group: what our queries use, and nothing else."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

type Tree = list[Any]

_UNITS: Final = {"d": 86_400.0, "h": 3_600.0, "m": 60.0, "s": 1.0}


class UnknownExpressionError(Exception):
    """A query uses an expression that is not evaluated here."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Where names are looked up: a row, the names of ``let``, and the rows of the group for aggregates."""

    row: dict[str, Any]
    now: datetime
    names: dict[str, Any]
    group: Sequence["Scope"] = ()


def parts(tree: Tree) -> Iterator[Tree]:
    """The elements of a list, without its commas."""
    for element in tree[1:]:
        if element and element[0] == "SeparatedElement":
            yield element[1]


def text_of(tree: Any) -> str:
    """The tokens of a tree, joined."""
    if not isinstance(tree, list):
        return str(tree)
    return "".join(text_of(one) for one in tree[1:])


def name_of(tree: Tree) -> str:
    """The name that a reference or a declaration holds."""
    return text_of(tree).strip()


def pairs(tree: Tree) -> Iterator[tuple[str, Tree]]:
    """Name and expression of each column of a list; a column without a name is called like what it reads."""
    for one in parts(tree):
        match one:
            case ["SimpleNamedExpression", name, _, value]:
                yield name_of(name), value
            case ["FunctionCallExpression", ["NameReference", *_] as function, arguments] if (
                name_of(function) == "bin"
            ):
                yield name_of(next(parts(arguments[2]))), one
            case ["FunctionCallExpression", function, arguments]:
                inner = [name_of(item) for item in parts(arguments[2])]
                yield f"{name_of(function)}_{inner[0] if inner else ''}", one
            case _:
                yield name_of(one), one


def evaluate(tree: Tree, scope: Scope) -> Any:
    """The value of an expression; raises UnknownExpressionError for what is not known here."""
    match tree:
        case ["StringLiteralExpression", [_, text]]:
            return str(text)[1:-1]
        case ["LongLiteralExpression" | "IntLiteralExpression", [_, text]]:
            return int(text)
        case ["RealLiteralExpression", [_, text]]:
            return float(text)
        case ["BooleanLiteralExpression", [_, text]]:
            return text == "true"
        case ["TimespanLiteralExpression", [_, text]]:
            return timedelta(seconds=float(text[:-1]) * _UNITS[text[-1]])
        case ["ParenthesizedExpression", _, inner, _]:
            return evaluate(inner, scope)
        case ["NameReference", *_]:
            name = name_of(tree)
            return scope.names[name] if name in scope.names else scope.row.get(name)
        case ["PathExpression", source, _, name]:
            return (evaluate(source, scope) or {}).get(name_of(name))
        case ["ElementExpression", source, [_, _, index, _]]:
            return (evaluate(source, scope) or {}).get(evaluate(index, scope))
        case ["FunctionCallExpression", function, arguments]:
            return _call(name_of(function), list(parts(arguments[2])), scope)
        case ["InExpression" | "NotInExpression" as kind, left, _, values]:
            known = [evaluate(one, scope) for one in parts(values[2])]
            return (evaluate(left, scope) in known) == (kind == "InExpression")
        case [kind, left, [_, *_], right] if kind in _OPERATORS:
            return _operate(kind, evaluate(left, scope), lambda: evaluate(right, scope))
    raise UnknownExpressionError(f"{tree[0]}: {text_of(tree)}")


def _operate(kind: str, left: Any, right: Callable[[], Any]) -> Any:
    if kind == "AndExpression":
        return bool(left) and bool(right())
    if kind == "OrExpression":
        return bool(left) or bool(right())
    other = right()
    # Nothing can be said of a value that is not there, so no row is kept for it.
    return None if left is None or other is None else _OPERATORS[kind](left, other)


_OPERATORS: Final[dict[str, Callable[[Any, Any], Any]]] = {
    "AndExpression": lambda a, b: a and b,
    "OrExpression": lambda a, b: a or b,
    "EqualExpression": lambda a, b: a == b,
    "NotEqualExpression": lambda a, b: a != b,
    "LessThanExpression": lambda a, b: a < b,
    "LessThanOrEqualExpression": lambda a, b: a <= b,
    "GreaterThanExpression": lambda a, b: a > b,
    "GreaterThanOrEqualExpression": lambda a, b: a >= b,
    "AddExpression": lambda a, b: a + b,
    "SubtractExpression": lambda a, b: a - b,
    "MultiplyExpression": lambda a, b: a * b,
    "DivideExpression": lambda a, b: a / b if b else None,
    "HasExpression": lambda a, b: b.casefold() in a.casefold(),
    "ContainsExpression": lambda a, b: b.casefold() in a.casefold(),
    "StartsWithExpression": lambda a, b: a.casefold().startswith(b.casefold()),
    "NotStartsWithExpression": lambda a, b: not a.casefold().startswith(b.casefold()),
    "EndsWithExpression": lambda a, b: a.casefold().endswith(b.casefold()),
}


def _call(name: str, arguments: list[Tree], scope: Scope) -> Any:
    if name in _AGGREGATES:
        return _AGGREGATES[name](arguments, scope.group)
    values = [evaluate(one, scope) for one in arguments]
    match name, values:
        case "now", []:
            return scope.now
        case "ago", [span]:
            return scope.now - span
        case "tostring", [value]:
            return "" if value is None else str(value)
        case "toint", [value]:
            return int(value) if str(value or "").isdigit() else None
        case "strcat", _:
            return "".join(str(value) for value in values)
        case "round", [value, digits]:
            return None if value is None else round(value, digits)
        case "iff", [condition, yes, no]:
            return yes if condition else no
        case "not", [value]:
            return not value
        case "isempty", [value]:
            return value in (None, "")
        case "dayofweek", [moment]:
            return timedelta(days=moment.isoweekday() % 7)
        case "hourofday", [moment]:
            return moment.hour
        case "bin", [value, step]:
            return _bin(value, step)
    raise UnknownExpressionError(f"{name}({len(values)})")


def _bin(value: Any, step: Any) -> Any:
    if isinstance(value, datetime):
        seconds = step.total_seconds()
        return datetime.fromtimestamp(value.timestamp() // seconds * seconds, value.tzinfo)
    return value // step * step


def _over(argument: Tree, group: Sequence[Scope]) -> list[Any]:
    return [value for value in (evaluate(argument, one) for one in group) if value is not None]


def _arg_max(arguments: list[Tree], group: Sequence[Scope]) -> dict[str, Any]:
    newest = max(group, key=lambda one: evaluate(arguments[0], one))
    return {name_of(one): evaluate(one, newest) for one in arguments}


def _percentile(arguments: list[Tree], group: Sequence[Scope]) -> Any:
    values = sorted(_over(arguments[0], group))
    share = float(text_of(arguments[1])) / 100
    return values[min(len(values) - 1, int(share * len(values)))] if values else None


_AGGREGATES: Final[dict[str, Callable[[list[Tree], Sequence[Scope]], Any]]] = {
    "count": lambda _, group: len(group),
    "countif": lambda a, group: sum(evaluate(a[0], one) is True for one in group),
    "sum": lambda a, group: sum(_over(a[0], group)),
    "sumif": lambda a, group: sum(_over(a[0], [one for one in group if evaluate(a[1], one) is True])),
    "max": lambda a, group: max(_over(a[0], group), default=None),
    "min": lambda a, group: min(_over(a[0], group), default=None),
    "avg": lambda a, group: (sum(found) / len(found)) if (found := _over(a[0], group)) else None,
    "percentile": _percentile,
    "arg_max": _arg_max,
    "dcount": lambda a, group: len(set(_over(a[0], group))),
}
