"""All Bicep files together: what a name means, what a value can be, and of which kind it is."""

import json
import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, Self

from infra_checks import nodes
from infra_checks.facts import BODY, Definition, Facts, ResourceType
from infra_checks.problems import Problem, Tree
from infra_checks.syntax import parse

FOLDER: Final = "infra"
MAIN: Final = "infra/main.bicep"
FUNCTIONS: Final = {
    "array": "array",
    "concat": "any",
    "contains": "bool",
    "empty": "bool",
    "environment": "object",
    "format": "string",
    "guid": "string",
    "int": "int",
    "join": "string",
    "length": "int",
    "loadJsonContent": "object",
    "loadTextContent": "string",
    "replace": "string",
    "resourceGroup": "object",
    "resourceId": "string",
    "split": "array",
    "string": "string",
    "subscription": "object",
    "subscriptionResourceId": "string",
    "substring": "string",
    "take": "any",
    "tenant": "object",
    "toLower": "string",
    "toUpper": "string",
    "union": "any",
    "uniqueString": "string",
}
"""The built-in functions that the files may call, and the kind of what they return."""

_BOOLEAN: Final = frozenset({"==", "!=", "<", "<=", ">", ">=", "&&", "||", "!", "=~", "!~"})
_DEEPEST: Final = 20

type Bound = Mapping[str, tuple[nodes.Expression, ...]]
"""Loop variables and the elements that they stand for."""


@dataclass(frozen=True, slots=True)
class Value:
    """A value that an expression can have: an expression that is no choice and no name, where it was found."""

    file: nodes.File
    expression: nodes.Expression
    kind: str
    bound: Bound = field(default_factory=dict)

    @property
    def literal(self) -> str | int | bool | None:
        """The plain value of a string, number or truth value, if it is one."""
        match self.expression:
            case nodes.Text() as text:
                return text.literal
            case nodes.Constant(value=value):
                return value
        return None


@dataclass(frozen=True, slots=True)
class Project:
    """The parsed files of a tree."""

    tree: Tree
    facts: Facts
    files: dict[str, nodes.File]
    problems: list[Problem]

    @classmethod
    def read(cls, tree: Tree, facts: Facts) -> Self:
        """Parses every Bicep file."""
        files: dict[str, nodes.File] = {}
        problems: list[Problem] = []
        for path in tree.files(FOLDER, ".bicep"):
            files[path], found = parse(path, tree.text(path))
            problems += found
        return cls(tree, facts, files, problems)

    def target(self, file: nodes.File, module: nodes.Module) -> str:
        """The path of a module's file from the root."""
        return self.beside(file, module.path)

    def beside(self, file: nodes.File, path: str) -> str:
        """A path that a file names, from the root."""
        return posixpath.normpath(posixpath.join(posixpath.dirname(file.path), path))

    def callers(self, path: str) -> Iterator[tuple[nodes.File, nodes.Module]]:
        """Where a file is used as a module."""
        for file in self.files.values():
            for module in file.modules.values():
                if self.target(file, module) == path:
                    yield file, module

    def type_of(self, resource: nodes.Resource) -> ResourceType | None:
        """What is known of a resource's type."""
        return self.facts.types.get(resource.type.lower())

    def bound(self, one: nodes.Resource | nodes.Module, file: nodes.File) -> Bound:
        """What the loop variables of a declaration stand for."""
        return {} if one.loop is None else self.bind(file, one.loop, {})

    def bind(self, file: nodes.File, loop: nodes.Loop, bound: Bound) -> Bound:
        """The loop variables bound to every element of a literal array; an index is bound to nothing."""
        elements = tuple(
            item
            for value in self.values(file, loop.over, bound)
            if isinstance(value.expression, nodes.Array)
            for item in value.expression.items
        )
        return {**bound, loop.variables[0]: elements, **dict.fromkeys(loop.variables[1:], ())}

    def values(
        self, file: nodes.File, expression: nodes.Expression, bound: Bound, deep: int = 0
    ) -> Iterator[Value]:
        """Every value that an expression can have, following names, parameters and choices."""
        if deep > _DEEPEST:
            return
        match expression:
            case nodes.Choice(yes=yes, no=no):
                yield from self.values(file, yes, bound, deep + 1)
                yield from self.values(file, no, bound, deep + 1)
            case nodes.Name(name=name) if name in bound:
                for element in bound[name]:
                    yield from self.values(file, element, bound, deep + 1)
                if not bound[name]:
                    yield Value(file, expression, "any")
            case nodes.Name(name=name) if name in file.variables:
                yield from self.values(file, file.variables[name].value, bound, deep + 1)
            case nodes.Name(name=name) if name in file.parameters:
                yield from self._given(file, file.parameters[name], deep)
            case nodes.Member() as member:
                yield from self._member(file, member, bound, deep)
            case _:
                yield Value(file, expression, self.kind(expression), bound)

    def _given(self, file: nodes.File, parameter: nodes.Parameter, deep: int) -> Iterator[Value]:
        """What a parameter can be: what is allowed, else what callers give or the default, else its type."""
        allowed = parameter.decorated("allowed")
        if allowed and isinstance(allowed[0], nodes.Array):
            for item in allowed[0].items:
                yield Value(file, item, self.kind(item))
            return
        found = False
        for caller, module in self.callers(file.path):
            given = module.body.get("params")
            value = given.get(parameter.name) if isinstance(given, nodes.Object) else None
            if value is not None:
                found = True
                yield from self.values(caller, value, self.bound(module, caller), deep + 1)
        if not found:
            yield Value(file, nodes.Name(parameter.line, parameter.name), parameter.type)

    def _member(self, file: nodes.File, member: nodes.Member, bound: Bound, deep: int) -> Iterator[Value]:
        kind = self.member_kind(file, member)
        if kind is not None:
            yield Value(file, member, kind, bound)
            return
        for base in self.values(file, member.base, bound, deep + 1):
            inner = base.expression
            if isinstance(inner, nodes.Object) and (value := inner.get(member.name)) is not None:
                yield from self.values(base.file, value, base.bound, deep + 1)
            else:
                yield Value(file, member, "any", bound)

    def member_kind(self, file: nodes.File, member: nodes.Member) -> str | None:
        """The kind of a property of a resource or a module's output; ``None`` for other members or an unknown one."""
        root, names = path_of(member)
        if not isinstance(root, nodes.Name):
            return None
        if root.name in file.modules and names[:1] == ["outputs"] and len(names) > 1:
            other = self.files.get(self.target(file, file.modules[root.name]))
            return other.outputs[names[1]].type if other and names[1] in other.outputs else None
        if root.name in file.resources:
            known = self.type_of(file.resources[root.name])
            return self.property_kind(known, names) if known else "any"
        return None

    def property_kind(self, known: ResourceType, names: list[str]) -> str | None:
        """The kind at the end of a path of properties; ``None`` when there is no such property."""
        definition: Definition | None = known.definitions[BODY]
        kind = "object"
        for name in names:
            if definition is None:
                return "any"
            if definition.discriminator:
                return "any"
            found = definition.properties.get(name)
            if found is None:
                return definition.additional or None
            kind = kind_of(found.type, known)
            definition = known.definitions.get(found.type)
        return kind

    def kind(self, expression: nodes.Expression) -> str:
        """The kind of an expression that is no name, member or choice."""
        match expression:
            case nodes.Text():
                return "string"
            case nodes.Constant(value=None):
                return "null"
            case nodes.Constant(value=bool()):
                return "bool"
            case nodes.Constant():
                return "int"
            case nodes.Object():
                return "object"
            case nodes.Array() | nodes.Loop():
                return "array"
            case nodes.Call(function=name, base=None):
                return FUNCTIONS.get(name, "any")
            case nodes.Operation(operator=operator) if operator in _BOOLEAN:
                return "bool"
        return "any"

    def json_names(self, file: nodes.File, call: nodes.Call) -> set[str] | None:
        """The members of the JSON file that a call loads; ``None`` when it is no JSON object."""
        literal = (
            call.arguments[0].literal
            if call.arguments and isinstance(call.arguments[0], nodes.Text)
            else None
        )
        if literal is None:
            return None
        try:
            document = json.loads(self.tree.text(self.beside(file, literal)))
        except ValueError:
            return None
        return set(document) if isinstance(document, dict) else None


def path_of(expression: nodes.Expression) -> tuple[nodes.Expression, list[str]]:
    """The innermost base of a chain of members, and their names; an index is passed over."""
    names: list[str] = []
    while isinstance(expression, nodes.Member | nodes.Index):
        if isinstance(expression, nodes.Member):
            names.insert(0, expression.name)
        expression = expression.base
    return expression, names


def kind_of(text: str, known: ResourceType) -> str:
    """The kind of a property's type in the facts."""
    if text.endswith("[]"):
        return "array"
    return "object" if text in known.definitions else text
