"""The ``$filter`` language as far as Business Central understands it, compiled to a predicate.

Operators ``eq ne gt ge lt le and or``, functions ``startswith endswith contains substring tolower toupper``.
``or`` may only join conditions on one property.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from operator import eq, ge, gt, le, lt, ne
from typing import Final

from sandbox.business_central.environment import is_date
from sandbox.business_central.errors import ApiError, bad_request
from sandbox.business_central.fields import BLANK_OPTION, EntitySet, Field
from sandbox.business_central.validate import decoded, option_member
from sandbox.kit import Json

type Reader = Callable[[str], Json]
type Predicate = Callable[[Reader], bool]
type Compare = Callable[[Json, Json], bool]

_OPERATORS: Final[dict[str, Compare]] = {"eq": eq, "ne": ne, "gt": gt, "ge": ge, "lt": lt, "le": le}
_TOKEN: Final = re.compile(
    r"""\s*(?:
    (?P<string>'(?:[^']|'')*')
  | (?P<guid>[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})(?![\w-])
  | (?P<time>\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d))
  | (?P<date>\d{4}-\d\d-\d\d)(?![\w-])
  | (?P<number>-?\d+(?:\.\d+)?)(?![\w-])
  | (?P<word>[A-Za-z_][\w.]*)
  | (?P<mark>[(),/:])
    )""",
    re.VERBOSE,
)
_LITERALS: Final = {"string", "guid", "time", "date", "number"}
_KINDS: Final = {
    "String": "string",
    "Code": "string",
    "Enum": "string",
    "Guid": "guid",
    "Date": "date",
    "DateTimeOffset": "time",
    "Decimal": "number",
    "Int32": "number",
    "Int64": "number",
    "Boolean": "bool",
    "Stream": "stream",
}
_TESTS: Final[dict[str, Callable[[str, str], bool]]] = {
    "startswith": str.startswith,
    "endswith": str.endswith,
    "contains": str.__contains__,
}


@dataclass(frozen=True, slots=True)
class FilterRules:
    """What the environment lets a filter do beyond the certain rules."""

    computed: bool = False
    encoded_enums: bool = True


@dataclass(frozen=True, slots=True)
class _Operand:
    kind: str
    value: Json = None
    field: Field | None = None
    read: Reader | None = None
    functions: tuple[Callable[[str], str], ...] = ()

    def of(self, reader: Reader) -> Json:
        value = self.value if self.field is None else reader(self.field.name)
        for function in self.functions:
            value = function(value)
        return _moment(value) if self.kind == "time" else value


def has_lambda(text: str) -> bool:
    """Whether the filter uses ``any`` or ``all``, which Business Central ignores without a word."""
    return re.search(r"/(any|all)\s*\(", text) is not None


def compiled(entity_set: EntitySet, text: str, rules: FilterRules) -> Predicate:
    """The predicate of a filter text; raises 400 ``BadRequest`` when the filter is not understood."""
    parser = _Parser(entity_set, text, rules)
    predicate, _names = parser.disjunction()
    parser.end()
    return predicate


def equalities(entity_set: EntitySet, text: str, rules: FilterRules) -> dict[str, Json]:
    """The properties that a filter without ``or`` fixes to one value; lets a read use the index."""
    parser = _Parser(entity_set, text, rules)
    parser.disjunction()
    return {} if parser.has_alternatives else parser.equal


class _Parser:
    def __init__(self, entity_set: EntitySet, text: str, rules: FilterRules) -> None:
        self.entity_set = entity_set
        self.text = text
        self.rules = rules
        self.tokens = list(self._tokens())
        self.position = 0
        self.has_alternatives = False
        self.equal: dict[str, Json] = {}

    def _tokens(self) -> list[tuple[str, str]]:
        found: list[tuple[str, str]] = []
        at, end = 0, len(self.text.rstrip())
        while at < end:
            match = _TOKEN.match(self.text, at)
            if match is None or match.lastgroup is None:
                raise self.error(f"Syntax error at position {at}")
            found.append((match.lastgroup, match.group(match.lastgroup)))
            at = match.end()
        return found

    def error(self, message: str) -> ApiError:
        return bad_request(f"{message} in '{self.text}'.")

    def peek(self) -> tuple[str, str]:
        return self.tokens[self.position] if self.position < len(self.tokens) else ("end", "")

    def take(self, wanted: str = "") -> tuple[str, str]:
        token = self.peek()
        if token[0] == "end" or (wanted and token[1] != wanted):
            raise self.error(f"Syntax error: '{wanted or 'an operand'}' expected, '{token[1]}' found")
        self.position += 1
        return token

    def end(self) -> None:
        if self.peek()[0] != "end":
            raise self.error(f"Syntax error: '{self.peek()[1]}' was not expected")

    def disjunction(self) -> tuple[Predicate, set[str]]:
        parts, names = self._joined("or", self.conjunction)
        if len(parts) > 1 and len(names) > 1:
            raise self.error("The 'OR' operator is not supported on distinct fields")
        return (lambda reader: any(part(reader) for part in parts)), names

    def conjunction(self) -> tuple[Predicate, set[str]]:
        parts, names = self._joined("and", self.condition)
        return (lambda reader: all(part(reader) for part in parts)), names

    def _joined(
        self, word: str, inner: Callable[[], tuple[Predicate, set[str]]]
    ) -> tuple[list[Predicate], set[str]]:
        predicate, names = inner()
        parts = [predicate]
        while self.peek() == ("word", word):
            self.take()
            self.has_alternatives |= word == "or"
            predicate, more = inner()
            parts.append(predicate)
            names = names | more
        return parts, names

    def condition(self) -> tuple[Predicate, set[str]]:
        kind, text = self.peek()
        if (kind, text) == ("mark", "("):
            self.take()
            result = self.disjunction()
            self.take(")")
            return result
        if kind == "word" and text in _TESTS:
            return self._test(text)
        left = self.operand()
        operator = self.take()[1]
        if operator not in _OPERATORS:
            raise self.error(f"The operator '{operator}' is not supported")
        right = self.operand()
        left, right = self._paired(left, right), self._paired(right, left)
        compare = _OPERATORS[operator]
        if operator == "eq" and left.field and not left.functions and right.field is None:
            self.equal[left.field.name] = right.value
        return (lambda reader: compare(left.of(reader), right.of(reader))), _names(left, right)

    def _test(self, name: str) -> tuple[Predicate, set[str]]:
        self.take()
        self.take("(")
        left = self.operand()
        self.take(",")
        right = self.operand()
        self.take(")")
        if (left.kind, right.kind) != ("string", "string"):
            raise self.error(f"No function signature for '{name}' matches the operands")
        left, right = self._paired(left, right), self._paired(right, left)
        if self.peek() in (("word", "eq"), ("word", "ne")):
            negative = (self.take()[1] == "ne") == (self.take()[1] == "true")
            return (lambda reader: _TESTS[name](left.of(reader), right.of(reader)) != negative), _names(
                left, right
            )
        return (lambda reader: _TESTS[name](left.of(reader), right.of(reader))), _names(left, right)

    def operand(self) -> _Operand:
        kind, text = self.take()
        if kind == "string":
            return _Operand("string", text[1:-1].replace("''", "'"))
        if kind in _LITERALS:
            if kind == "date" and not is_date(text):
                raise self.error(f"'{text}' is not a date")
            return _Operand(
                kind, Decimal(text) if kind == "number" else text.lower() if kind == "guid" else text
            )
        if kind != "word":
            raise self.error(f"Syntax error: '{text}' was not expected")
        if text in ("true", "false"):
            return _Operand("bool", text == "true")
        if text == "null":
            return _Operand("null")
        if text in ("tolower", "toupper", "substring"):
            return self._function(text)
        return self._property(text)

    def _function(self, name: str) -> _Operand:
        self.take("(")
        inner = self.operand()
        if inner.kind != "string" or (inner.field and inner.field.kind == "Enum"):
            raise self.error(f"No function signature for '{name}' matches the operand")
        function: Callable[[str], str] = str.lower if name == "tolower" else str.upper
        if name == "substring":
            bounds: list[int] = []
            while self.peek()[1] == ",":
                self.take()
                bounds.append(int(self.operand().value))
            first, last = bounds[0], (bounds[0] + bounds[1] if len(bounds) > 1 else None)
            function = lambda value: value[first:last]  # noqa: E731
        self.take(")")
        return _Operand("string", inner.value, inner.field, functions=(*inner.functions, function))

    def _property(self, name: str) -> _Operand:
        field = self.entity_set.fields.get(name)
        if field is None:
            raise self.error(
                f"Could not find a property named '{name}' on type 'Microsoft.NAV.{self.entity_set.entity}'"
            )
        if field.computed and not self.rules.computed:
            raise self.error(f"The property '{name}' is computed and cannot be used in a filter")
        return _Operand(_KINDS[field.kind], field=field)

    def _paired(self, operand: _Operand, other: _Operand) -> _Operand:
        """The operand made comparable with the other one; raises 400 when the types do not fit."""
        if operand.kind == "null" and other.field:
            return _Operand(other.kind, other.field.blank)
        if operand.kind != other.kind and other.kind != "null":
            raise self.error(
                f"A binary operator with incompatible types was detected. Found operand types '{operand.kind}' and '{other.kind}'"
            )
        if (
            operand.field
            or other.field is None
            or not isinstance(operand.value, str)
            or operand.kind != "string"
        ):
            return operand
        if other.field.kind == "Code" and not other.functions:
            return _Operand("string", operand.value.upper())
        return self._member(operand.value, other.field) if other.field.kind == "Enum" else operand

    def _member(self, text: str, field: Field) -> _Operand:
        member = option_member(field, text)
        encoded = member is not None and member != decoded(member) and member != BLANK_OPTION
        if member is None or (encoded and not self.rules.encoded_enums):
            raise self.error(f"The value '{text}' is not an option of '{field.name}'")
        return _Operand("string", member)


def _names(*operands: _Operand) -> set[str]:
    return {item.field.name for item in operands if item.field}


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
