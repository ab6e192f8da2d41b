"""Reads a Bicep file into plain values, and refuses what is broken or outside of the part of Bicep used here.

Left out on purpose: types and functions of one's own, nested resources, loops inside of properties. Every tool that
reads Bicep understands what remains.
"""

from functools import cache
from typing import Final

import tree_sitter
import tree_sitter_bicep

from infra_checks import nodes
from infra_checks.problems import Problem

CHECK: Final = "syntax"
_REFUSED: Final = {
    "type_declaration": "types of one's own are not used here",
    "user_defined_function": "functions of one's own are not used here",
    "function_declaration": "functions of one's own are not used here",
    "union_type": "union types are not used here",
    "import_statement": "imports are not used here",
    "metadata_declaration": "metadata is not used here",
    "test_block": "test blocks are not used here",
    "assert_statement": "assertions are not used here",
}
_LOOPS_STAND_IN: Final = {
    "resource_declaration",
    "module_declaration",
    "variable_declaration",
    "output_declaration",
}

_parser: Final = tree_sitter.Parser(tree_sitter.Language(tree_sitter_bicep.language()))


@cache
def parse(path: str, text: str) -> tuple[nodes.File, tuple[Problem, ...]]:
    """The file and what is wrong with it; of a broken file only what could be read."""
    reader = _Reader(nodes.File(path))
    root = _parser.parse(text.encode()).root_node
    reader.inspect(root)
    if not reader.problems:
        reader.read(root)
    return reader.file, tuple(reader.problems)


def _text(node: tree_sitter.Node) -> str:
    return (node.text or b"").decode()


def _line(node: tree_sitter.Node) -> int:
    return node.start_point[0] + 1


def _named(node: tree_sitter.Node) -> list[tree_sitter.Node]:
    return [child for child in node.named_children if child.type != "comment"]


class _Reader:
    def __init__(self, file: nodes.File) -> None:
        self.file = file
        self.problems: list[Problem] = []

    def refuse(self, node: tree_sitter.Node, text: str) -> None:
        self.problems.append(Problem(self.file.path, _line(node), CHECK, text))

    def inspect(self, node: tree_sitter.Node) -> None:
        """Finds broken syntax and what is left out on purpose."""
        if node.is_missing or node.type == "ERROR":
            self.refuse(node, f"cannot be read near {_text(node)[:40]!r}")
            return
        if node.type in _REFUSED:
            self.refuse(node, _REFUSED[node.type])
        parent = node.parent.type if node.parent else ""
        if node.type == "for_statement" and parent not in _LOOPS_STAND_IN:
            self.refuse(node, "a loop stands inside of a property")
        if node.type == "resource_declaration" and parent != "infrastructure":
            self.refuse(node, "a resource stands inside of another; use parent")
        before = node.prev_sibling
        if (
            node.type == "array"
            and before is not None
            and before.end_byte == node.start_byte
            and before.is_named
        ):
            self.refuse(node, "an index inside of an array is read as two items; give it a name before")
        for child in node.children:
            self.inspect(child)

    def read(self, root: tree_sitter.Node) -> None:
        """Collects the declarations."""
        decorators: tuple[nodes.Decorator, ...] = ()
        seen: set[str] = set()
        for node in _named(root):
            if node.type == "decorators":
                decorators = tuple(self.decorator(child) for child in _named(node))
                continue
            if node.type == "target_scope_assignment":
                self.file.scope = _text(_named(node)[0]).strip("'")
            else:
                name = self.declare(node, decorators)
                if node.type != "output_declaration" and name in seen:
                    self.refuse(node, f"{name} is declared twice")
                seen.add(name)
            decorators = ()

    def decorator(self, node: tree_sitter.Node) -> nodes.Decorator:
        call = self.expression(_named(node)[0])
        if not isinstance(call, nodes.Call):
            self.refuse(node, "a decorator must be a call")
            return nodes.Decorator("", ())
        return nodes.Decorator(call.function, call.arguments)

    def declare(self, node: tree_sitter.Node, decorators: tuple[nodes.Decorator, ...]) -> str:
        parts = _named(node)
        name, line = _text(parts[0]), _line(node)
        match node.type:
            case "parameter_declaration":
                default = self.expression(parts[2]) if len(parts) > 2 else None
                self.file.parameters[name] = nodes.Parameter(name, line, _text(parts[1]), default, decorators)
            case "variable_declaration":
                self.file.variables[name] = nodes.Variable(name, line, self.expression(parts[-1]))
            case "output_declaration":
                value = self.expression(parts[2])
                self.file.outputs[name] = nodes.Output(name, line, _text(parts[1]), value, decorators)
            case "resource_declaration":
                kind, _, version = _text(parts[1]).strip("'").partition("@")
                existing = any(child.type == "existing" for child in node.children)
                body, condition, loop = self.body(parts[-1])
                self.file.resources[name] = nodes.Resource(
                    name, line, body, condition, loop, kind, version, existing
                )
            case "module_declaration":
                body, condition, loop = self.body(parts[-1])
                path = _text(parts[1]).strip("'")
                self.file.modules[name] = nodes.Module(name, line, body, condition, loop, path)
            case _:
                self.refuse(node, f"{node.type.replace('_', ' ')} is not used here")
        return name

    def body(self, node: tree_sitter.Node) -> tuple[nodes.Object, nodes.Expression | None, nodes.Loop | None]:
        condition: nodes.Expression | None = None
        loop: nodes.Loop | None = None
        if node.type == "for_statement":
            loop = self.loop(node)
            node = _named(node)[-1]
        if node.type == "if_statement":
            condition = self.expression(_named(node)[0])
            node = _named(node)[-1]
        value = self.expression(node)
        if not isinstance(value, nodes.Object):
            self.refuse(node, "a body must be an object")
            value = nodes.Object(_line(node), ())
        return value, condition, loop

    def loop(self, node: tree_sitter.Node) -> nodes.Loop:
        head, over, body = _named(node)
        names = [head] if head.type == "identifier" else _named(head)
        if body.type == "if_statement":
            body = _named(body)[-1]
        return nodes.Loop(_line(node), tuple(map(_text, names)), self.expression(over), self.expression(body))

    def expression(self, node: tree_sitter.Node) -> nodes.Expression:
        """The value of a node; raises ValueError for a kind that the files do not need."""
        line, parts = _line(node), _named(node)
        match node.type:
            case "string":
                return self.string(node)
            case "number":
                return nodes.Constant(line, int(_text(node)))
            case "boolean":
                return nodes.Constant(line, _text(node) == "true")
            case "null":
                return nodes.Constant(line, None)
            case "identifier" | "loop_variable" | "loop_enumerator":
                return nodes.Name(line, _text(node))
            case "member_expression":
                return nodes.Member(line, self.expression(parts[0]), _text(parts[1]))
            case "subscript_expression":
                return nodes.Index(line, self.expression(parts[0]), self.expression(parts[1]))
            case "call_expression":
                return self.call(line, parts)
            case "object":
                return nodes.Object(line, tuple(self.entry(part) for part in parts))
            case "array":
                return nodes.Array(line, tuple(self.expression(part) for part in parts))
            case "ternary_expression":
                return nodes.Choice(line, *(self.expression(part) for part in parts))
            case "parenthesized_expression":
                return self.expression(parts[0])
            case "for_statement":
                return self.loop(node)
            case kind if kind in nodes.OPERATIONS:
                operator = next(child.type for child in node.children if not child.is_named)
                return nodes.Operation(line, operator, tuple(self.expression(part) for part in parts))
        raise ValueError(f"{self.file.path}:{line}: {node.type} is not understood by these checks")

    def call(self, line: int, parts: list[tree_sitter.Node]) -> nodes.Call:
        arguments = tuple(self.expression(part) for part in _named(parts[1]))
        if parts[0].type == "member_expression":
            base, name = _named(parts[0])
            return nodes.Call(line, _text(name), arguments, self.expression(base))
        return nodes.Call(line, _text(parts[0]), arguments)

    def entry(self, node: tree_sitter.Node) -> nodes.Entry:
        key, value = _named(node)
        name = self.string(key) if key.type == "string" else nodes.Text(_line(key), (_text(key),))
        return nodes.Entry(name, self.expression(value), _line(node))

    def string(self, node: tree_sitter.Node) -> nodes.Text:
        parts: list[str | nodes.Expression] = []
        for child in _named(node):
            if child.type == "interpolation":
                parts.append(self.expression(_named(child)[0]))
            elif child.type == "escape_sequence":
                parts.append(_text(child)[1:].replace("n", "\n").replace("t", "\t"))
            else:
                parts.append(_text(child))
        return nodes.Text(_line(node), tuple(parts))
