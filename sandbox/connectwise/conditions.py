"""The conditions language: a text such as ``(id > 5 and status/id in (1,2)) or name like "A%"`` to a predicate.

Operators: = != < <= > >= contains like in not, and/or, parentheses. Strings stand in either quote, date-times in
square brackets, truth values and null are bare. Comparisons with a missing value are false, except with null.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

from sandbox.connectwise.errors import ApiError
from sandbox.connectwise.schema import NUMERIC, Field
from sandbox.kit import Json

type Path = tuple[str, ...]
type Getter = Callable[[Path], Json]
type Predicate = Callable[[Getter], bool]
type FieldAt = Callable[[Path], Field | None]

_TOKEN: Final = re.compile(
    r"""\s*(?:(?P<string>"[^"]*"|'[^']*')|\[(?P<instant>[^\]]*)\]|(?P<number>-?\d+(?:\.\d+)?)(?![\w.])"""
    r"""|(?P<word>[A-Za-z_][\w/]*)|(?P<sign><=|>=|!=|=|<|>|\(|\)|,))"""
)
_KEYWORDS: Final = frozenset({"and", "or", "not", "in", "like", "contains"})
_LITERALS: Final = {"boolean": "boolean", "datetime": "instant", "integer": "number", "string": "string"}
_COMPARE: Final[dict[str, Callable[[Json, Json], bool]]] = {
    "=": lambda left, right: bool(left == right),
    "!=": lambda left, right: bool(left != right),
    "<": lambda left, right: bool(left < right),
    "<=": lambda left, right: bool(left <= right),
    ">": lambda left, right: bool(left > right),
    ">=": lambda left, right: bool(left >= right),
}


def refuse(detail: str) -> ApiError:
    """400 InvalidObject for a text that cannot be understood."""
    return ApiError(400, "InvalidObject", f"conditions object is invalid: {detail}")


def parse_instant(text: str) -> datetime:
    """Reads a UTC instant with or without a time of day; raises ``ValueError``."""
    parsed = datetime.fromisoformat(text)
    return parsed.astimezone(UTC) if parsed.tzinfo else parsed.replace(tzinfo=UTC)


def compile_conditions(text: str, field_at: FieldAt) -> Predicate:
    """Turns conditions into a predicate over a getter of field values.

    Raises ``ApiError`` 400 for bad syntax, an unknown field or a value that does not fit the field.
    """
    return _Parser(text, field_at).parse()


class _Parser:
    def __init__(self, text: str, field_at: FieldAt) -> None:
        self.tokens = list(_tokens(text))
        self.at = 0
        self.field_at = field_at

    def parse(self) -> Predicate:
        predicate = self.either()
        if self.at < len(self.tokens):
            raise refuse(f"unexpected {self.tokens[self.at][1]!r}")
        return predicate

    def either(self) -> Predicate:
        parts = [self.both()]
        while self.accept("or"):
            parts.append(self.both())
        return parts[0] if len(parts) == 1 else lambda get: any(part(get) for part in parts)

    def both(self) -> Predicate:
        parts = [self.single()]
        while self.accept("and"):
            parts.append(self.single())
        return parts[0] if len(parts) == 1 else lambda get: all(part(get) for part in parts)

    def single(self) -> Predicate:
        if self.accept("not"):
            inner = self.single()
            return lambda get: not inner(get)
        if self.accept("("):
            group = self.either()
            self.expect(")")
            return group
        return self.comparison()

    def comparison(self) -> Predicate:
        kind, text = self.take()
        if kind != "word":
            raise refuse(f"a field name was expected instead of {text!r}")
        path = tuple(text.split("/"))
        field = self.field_at(path)
        if field is None:
            raise refuse(f"{text} is not a field")
        if self.accept("not"):
            positive = self.operation(path, field)
            return lambda get: get(path) is not None and not positive(get)
        return self.operation(path, field)

    def operation(self, path: Path, field: Field) -> Predicate:
        _, operator = self.take()
        if operator == "in":
            self.expect("(")
            values = [self.value(field)]
            while self.accept(","):
                values.append(self.value(field))
            self.expect(")")
            return lambda get: _typed(get(path), field) in values
        if operator in {"like", "contains"}:
            kind, text = self.take()
            if kind != "string":
                raise refuse(f"{operator} needs a text in quotes")
            pattern = (
                _like(text)
                if operator == "like"
                else re.compile(f".*{re.escape(text)}.*", re.IGNORECASE | re.DOTALL)
            )
            return lambda get: isinstance(found := get(path), str) and bool(pattern.fullmatch(found))
        if operator not in _COMPARE:
            raise refuse(f"{operator!r} is not an operator")
        return self.compared(path, field, operator)

    def compared(self, path: Path, field: Field, operator: str) -> Predicate:
        value = self.value(field)
        if value is None:
            if operator not in {"=", "!="}:
                raise refuse("null can only be compared with = and !=")
            return lambda get: (get(path) is None) is (operator == "=")
        compare = _COMPARE[operator]
        return lambda get: (found := _typed(get(path), field)) is not None and compare(found, value)

    def value(self, field: Field) -> Json:
        kind, text = self.take()
        if kind == "word" and text.lower() == "null":
            return None
        if kind == "word" and text.lower() in {"true", "false"}:
            kind = "boolean"
        expected = "number" if field.kind in NUMERIC else _LITERALS.get(field.kind, "string")
        if kind not in _LITERALS.values() or (kind != expected and field.kind != "any"):
            raise refuse(f"{text!r} does not fit the {field.kind} field {field.name}")
        match kind:
            case "number":
                return Decimal(text)
            case "boolean":
                return text.lower() == "true"
            case "instant":
                try:
                    return parse_instant(text)
                except ValueError:
                    raise refuse(f"[{text}] is not a date-time") from None
            case _:
                return text.lower()

    def take(self) -> tuple[str, str]:
        if self.at >= len(self.tokens):
            raise refuse("the text ends too early")
        self.at += 1
        return self.tokens[self.at - 1]

    def accept(self, text: str) -> bool:
        if self.at < len(self.tokens) and self.tokens[self.at] in {("sign", text), ("key", text)}:
            self.at += 1
            return True
        return False

    def expect(self, text: str) -> None:
        if not self.accept(text):
            raise refuse(f"{text!r} is missing")


def _tokens(text: str) -> list[tuple[str, str]]:
    tokens: list[tuple[str, str]] = []
    at, end = 0, len(text.rstrip())
    while at < end:
        match = _TOKEN.match(text, at)
        if match is None or match.lastgroup is None:
            raise refuse(f"cannot read {text[at : at + 20]!r}")
        kind, found = match.lastgroup, match[match.lastgroup]
        if kind == "string":
            found = found[1:-1]
        elif kind == "word" and found.lower() in _KEYWORDS:
            kind, found = "key", found.lower()
        tokens.append((kind, found))
        at = match.end()
    return tokens


def _typed(value: Json, field: Field) -> Json:
    """A stored value in the form in which it is compared: texts without case, instants as datetime."""
    if isinstance(value, str):
        return parse_instant(value) if field.kind == "datetime" else value.lower()
    return value


def _like(text: str) -> re.Pattern[str]:
    """A pattern with ``*`` and ``%`` as wildcards; ``[[]`` stands for a literal bracket."""
    parts = re.split(r"(\[\[\]|[*%])", text)
    return re.compile(
        "".join({"[[]": r"\["}.get(part) or _wild(part) for part in parts), re.IGNORECASE | re.DOTALL
    )


def _wild(part: str) -> str:
    return ".*" if part in {"*", "%"} else re.escape(part)
