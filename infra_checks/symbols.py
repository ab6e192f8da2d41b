"""Names: declared, used, spelt right; modules called as they ask for; parameters described and sound."""

from collections.abc import Iterator
from typing import Final

from infra_checks import nodes
from infra_checks.problems import Problem
from infra_checks.project import FUNCTIONS, MAIN, Project, path_of

CHECK: Final = "symbol"
MODULE: Final = "module"
DESCRIBED: Final = "parameter"


def check(project: Project) -> Iterator[Problem]:
    """Everything about names."""
    for file in project.files.values():
        yield from _names(project, file)
        yield from _unused(file)
        yield from _modules(project, file)
        yield from _described(project, file)
        if file.path != MAIN and not list(project.callers(file.path)):
            yield Problem(file.path, 1, MODULE, "nothing uses this module")


def _names(project: Project, file: nodes.File) -> Iterator[Problem]:
    declared = {
        *file.parameters,
        *file.variables,
        *file.resources,
        *file.modules,
    }
    looped = {name for one in file.deployed() if one.loop for name in one.loop.variables}
    for outer in file.expressions():
        for one in outer.walk():
            if isinstance(one, nodes.Loop):
                looped |= set(one.variables)
    for outer in file.expressions():
        for one in outer.walk():
            match one:
                case nodes.Name(name=name) if name not in declared | looped:
                    yield Problem(file.path, one.line, CHECK, f"{name} is not declared")
                case nodes.Call(function=name, base=None) if name.startswith("list"):
                    yield Problem(file.path, one.line, CHECK, f"{name} reads a secret of a resource")
                case nodes.Call(function=name, base=None) if name not in FUNCTIONS:
                    yield Problem(file.path, one.line, CHECK, f"there is no function {name} in use here")
                case nodes.Call(base=nodes.Expression(), function=name):
                    yield Problem(
                        file.path, one.line, CHECK, f"the call of {name} upon a value is not used here"
                    )
                case nodes.Call(function="loadTextContent" | "loadJsonContent"):
                    yield from _loaded(project, file, one)
                case nodes.Member():
                    yield from _member(project, file, one)


def _loaded(project: Project, file: nodes.File, call: nodes.Call) -> Iterator[Problem]:
    path = call.arguments[0].literal if isinstance(call.arguments[0], nodes.Text) else None
    found = path is not None and (
        call.function == "loadTextContent" or project.json_names(file, call) is not None
    )
    if not found or not project.tree.exists(project.beside(file, str(path))):
        yield Problem(file.path, call.line, CHECK, f"cannot load {path}")


def _member(project: Project, file: nodes.File, member: nodes.Member) -> Iterator[Problem]:
    root, names = path_of(member)
    if not isinstance(root, nodes.Name):
        return
    if root.name in file.modules:
        module = file.modules[root.name]
        other = project.files.get(project.target(file, module))
        if names[0] not in ("outputs", "name"):
            yield Problem(file.path, member.line, MODULE, f"a module has no {names[0]}")
        elif other and len(names) > 1 and names[1] not in other.outputs:
            yield Problem(file.path, member.line, MODULE, f"{module.name} has no output {names[1]}")
    elif root.name in file.resources and project.member_kind(file, member) is None:
        yield Problem(file.path, member.line, CHECK, f"{root.name} has no property {'.'.join(names)}")
    elif root.name in file.variables:
        value = file.variables[root.name].value
        known: set[str] | None = None
        if isinstance(value, nodes.Object):
            known = set(value.names())
        elif isinstance(value, nodes.Call) and value.function == "loadJsonContent":
            known = project.json_names(file, value)
        if known is not None and names[0] not in known:
            yield Problem(file.path, member.line, CHECK, f"{root.name} has no member {names[0]}")
    else:
        yield from _loop_member(project, file, member, root, names)


def _loop_member(
    project: Project, file: nodes.File, member: nodes.Member, root: nodes.Name, names: list[str]
) -> Iterator[Problem]:
    for one in file.deployed():
        for element in project.bound(one, file).get(root.name, ()):
            if isinstance(element, nodes.Object) and element.get(names[0]) is None:
                yield Problem(
                    file.path, element.line, CHECK, f"an element has no {names[0]}, which {one.name} reads"
                )


def _unused(file: nodes.File) -> Iterator[Problem]:
    used = {one.name for outer in file.expressions() for one in outer.walk() if isinstance(one, nodes.Name)}
    existing = {name: one for name, one in file.resources.items() if one.existing}
    for group in (file.parameters, file.variables, existing):
        for name, one in group.items():
            if name not in used:
                yield Problem(file.path, one.line, CHECK, f"{name} is never used")


def _modules(project: Project, file: nodes.File) -> Iterator[Problem]:
    for module in file.modules.values():
        path = project.target(file, module)
        other = project.files.get(path)
        if other is None:
            yield Problem(file.path, module.line, MODULE, f"there is no module {path}")
            continue
        scope = module.body.get("scope")
        if file.scope != other.scope and not (
            isinstance(scope, nodes.Name)
            and scope.name in file.resources
            and file.resources[scope.name].type == "Microsoft.Resources/resourceGroups"
        ):
            yield Problem(file.path, module.line, MODULE, f"{module.name} has no scope of kind {other.scope}")
        if module.body.get("name") is None:
            yield Problem(file.path, module.line, MODULE, f"{module.name} has no name")
        yield from _given(project, file, module, other)


def _given(project: Project, file: nodes.File, module: nodes.Module, other: nodes.File) -> Iterator[Problem]:
    given = module.body.get("params")
    entries = given.entries if isinstance(given, nodes.Object) else ()
    names = {str(entry.key.literal) for entry in entries}
    for name in sorted(names - other.parameters.keys()):
        yield Problem(file.path, module.line, MODULE, f"{module.name} takes no parameter {name}")
    for name, parameter in other.parameters.items():
        if parameter.default is None and name not in names:
            yield Problem(file.path, module.line, MODULE, f"{module.name} needs the parameter {name}")
    for entry in entries:
        wanted = other.parameters.get(str(entry.key.literal))
        for value in project.values(file, entry.value, project.bound(module, file)) if wanted else ():
            if wanted and value.kind not in ("any", "null", wanted.type):
                yield Problem(
                    file.path, entry.line, MODULE, f"{wanted.name} takes {wanted.type}, not {value.kind}"
                )


def _described(project: Project, file: nodes.File) -> Iterator[Problem]:
    declared: list[nodes.Parameter | nodes.Output] = [*file.parameters.values(), *file.outputs.values()]
    for one in declared:
        if not any(decorator.name == "description" for decorator in one.decorators):
            yield Problem(file.path, one.line, DESCRIBED, f"{one.name} has no description")
    for parameter in file.parameters.values():
        if parameter.default is not None:
            yield from _default(project, file, parameter, parameter.default)
    for output in file.outputs.values():
        for value in project.values(file, output.value, {}):
            if value.kind not in ("any", output.type):
                yield Problem(
                    file.path, output.line, DESCRIBED, f"{output.name} is {output.type}, not {value.kind}"
                )


def _default(
    project: Project, file: nodes.File, parameter: nodes.Parameter, default: nodes.Expression
) -> Iterator[Problem]:
    kind = project.kind(default)
    if kind not in ("any", parameter.type):
        yield Problem(
            file.path, parameter.line, DESCRIBED, f"{parameter.name} is {parameter.type}, its default {kind}"
        )
        return
    value = (
        default.literal
        if isinstance(default, nodes.Text)
        else default.value
        if isinstance(default, nodes.Constant)
        else None
    )
    if value is None:
        return
    allowed = parameter.decorated("allowed")
    options = allowed[0].items if allowed and isinstance(allowed[0], nodes.Array) else ()
    plain = [o.literal if isinstance(o, nodes.Text) else getattr(o, "value", None) for o in options]
    size = len(value) if isinstance(value, str) else value
    fits = all(
        sign * size >= sign * bound.value
        for name, sign in (("minValue", 1), ("minLength", 1), ("maxValue", -1), ("maxLength", -1))
        for bound in parameter.decorated(name) or ()
        if isinstance(bound, nodes.Constant) and bound.value is not None
    )
    if (plain and value not in plain) or not fits:
        yield Problem(file.path, parameter.line, DESCRIBED, f"the default of {parameter.name} is not allowed")
