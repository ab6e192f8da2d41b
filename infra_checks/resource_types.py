"""Compares every resource with what Azure accepts: type, version, names, flags, kinds and listed values."""

from collections.abc import Iterator
from typing import Final

from infra_checks import nodes
from infra_checks.facts import BODY, Definition, Property, ResourceType
from infra_checks.problems import Problem
from infra_checks.project import Bound, Project, Value, kind_of

CHECK: Final = "resource-type"
_ANYWHERE: Final = "AllExceptExtension"
_OF_BICEP: Final = frozenset({"parent", "scope", "dependsOn"})
_FREE: Final = frozenset({"any", "null"})


def check(project: Project) -> Iterator[Problem]:
    """Every difference between a resource and its type."""
    for file in project.files.values():
        for resource in file.resources.values():
            yield from _Checker(project, file, resource).run()


class _Checker:
    def __init__(self, project: Project, file: nodes.File, resource: nodes.Resource) -> None:
        self.project = project
        self.file = file
        self.resource = resource

    def problem(self, line: int, text: str) -> Problem:
        return Problem(self.file.path, line, CHECK, f"{self.resource.name}: {text}")

    def run(self) -> Iterator[Problem]:
        resource, known = self.resource, self.project.type_of(self.resource)
        if known is None:
            yield self.problem(resource.line, f"the type {resource.type} is not in the facts; refresh them")
            return
        if resource.type != known.name:
            yield self.problem(resource.line, f"the type is written {known.name}, not {resource.type}")
        if resource.version != known.version:
            yield self.problem(
                resource.line, f"version {resource.version} differs from {known.version} of the facts"
            )
        yield from self.place(known)
        bound = self.project.bound(resource, self.file)
        if resource.existing:
            extra = set(resource.body.names()) - _OF_BICEP - {"name"}
            if extra:
                yield self.problem(
                    resource.line, f"an existing resource cannot set {', '.join(sorted(extra))}"
                )
            return
        yield from self.object(resource.body, known.definitions[BODY], known, bound, _OF_BICEP)

    def place(self, known: ResourceType) -> Iterator[Problem]:
        """Parent, scope and dependencies."""
        resource, body = self.resource, self.resource.body
        wanted = self.file.scope[:1].upper() + self.file.scope[1:]
        scope, parent, depends = body.get("scope"), body.get("parent"), body.get("dependsOn")
        if wanted not in known.scopes and _ANYWHERE not in known.scopes and scope is None:
            yield self.problem(resource.line, f"cannot be deployed at scope {self.file.scope}")
        nested = resource.type.count("/") > 1
        if nested and parent is None:
            yield self.problem(resource.line, "has no parent")
        if parent is not None:
            root = parent.base if isinstance(parent, nodes.Index) else parent
            other = self.file.resources.get(root.name) if isinstance(root, nodes.Name) else None
            if other is None or not nested or resource.type.rpartition("/")[0].lower() != other.type.lower():
                yield self.problem(parent.line, f"the parent must be a {resource.type.rpartition('/')[0]}")
        if scope is not None and not (
            _ANYWHERE in known.scopes and isinstance(scope, nodes.Name) and scope.name in self.file.resources
        ):
            yield self.problem(scope.line, "scope must be a resource of this file that the type can extend")
        items = depends.items if isinstance(depends, nodes.Array) else () if depends is None else (depends,)
        for item in items:
            root = item.base if isinstance(item, nodes.Index) else item
            if not isinstance(root, nodes.Name) or root.name not in {d.name for d in self.file.deployed()}:
                yield self.problem(item.line, "dependsOn holds something that is not deployed here")

    def object(
        self,
        value: nodes.Object,
        definition: Definition,
        known: ResourceType,
        bound: Bound,
        also: frozenset[str] = frozenset(),
    ) -> Iterator[Problem]:
        """One object against its definition."""
        if definition.discriminator:
            chosen = value.get(definition.discriminator)
            literal = chosen.literal if isinstance(chosen, nodes.Text) else None
            if literal not in definition.variants:
                names = ", ".join(definition.variants)
                yield self.problem(value.line, f"{definition.discriminator} must be one of {names}")
                return
            definition = known.definitions[definition.variants[literal]]
        for entry in value.entries:
            name = entry.key.literal
            found = definition.properties.get(name) if name is not None else None
            if name in also:
                continue
            if found is None and definition.additional:
                found = Property(definition.additional)
            if found is None:
                yield self.problem(entry.line, f"there is no property {name or 'of a computed name'}")
            elif found.read_only:
                yield self.problem(entry.line, f"{name} is read-only")
            else:
                yield from self.value(str(name), entry.value, found, known, bound)
        for name, wanted in definition.properties.items():
            if wanted.required and not wanted.read_only and value.get(name) is None:
                yield self.problem(value.line, f"{name} is missing")

    def value(
        self, name: str, expression: nodes.Expression, wanted: Property, known: ResourceType, bound: Bound
    ) -> Iterator[Problem]:
        """Every value that an expression can have against what the property takes."""
        for value in self.project.values(self.file, expression, bound):
            line = value.expression.line if value.file is self.file else expression.line
            expected = kind_of(wanted.type, known)
            if value.kind not in _FREE and expected not in _FREE and value.kind != expected:
                yield self.problem(line, f"{name} takes {expected}, not {value.kind}")
                continue
            yield from self.listed(name, line, value, wanted)
            inner = value.expression
            if isinstance(inner, nodes.Object) and wanted.type in known.definitions:
                yield from self.object(inner, known.definitions[wanted.type], known, value.bound or bound)
            elif wanted.type.endswith("[]"):
                yield from self.items(name, value, wanted, known, bound)

    def items(
        self, name: str, value: Value, wanted: Property, known: ResourceType, bound: Bound
    ) -> Iterator[Problem]:
        item = Property(wanted.type.removesuffix("[]"))
        match value.expression:
            case nodes.Array(items=items):
                for one in items:
                    yield from self.value(f"each of {name}", one, item, known, value.bound or bound)
            case nodes.Loop() as loop:
                inner = self.project.bind(value.file, loop, value.bound)
                yield from self.value(f"each of {name}", loop.body, item, known, inner)

    def listed(self, name: str, line: int, value: Value, wanted: Property) -> Iterator[Problem]:
        """Enumerations, lengths and ranges."""
        literal = value.literal
        if isinstance(literal, bool) or literal is None:
            return
        if wanted.enum and literal not in wanted.enum:
            yield self.problem(line, f"{name} is {literal!r} but must be one of {', '.join(wanted.enum)}")
        size = len(literal) if isinstance(literal, str) else literal
        if (wanted.least is not None and size < wanted.least) or (
            wanted.most is not None and size > wanted.most
        ):
            yield self.problem(line, f"{name} is out of range: {wanted.least} to {wanted.most}")
