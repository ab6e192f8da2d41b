"""The parts of a Bicep file as plain values: declarations and expressions."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final


@dataclass(frozen=True, slots=True)
class Expression:
    """Anything that has a value; ``line`` counts from 1."""

    line: int

    def children(self) -> Iterator["Expression"]:
        """The expressions directly inside this one."""
        for name in self.__dataclass_fields__:
            value = getattr(self, name)
            for item in value if isinstance(value, tuple) else (value,):
                if isinstance(item, Entry):
                    yield from (item.key, item.value)
                elif isinstance(item, Expression):
                    yield item

    def walk(self) -> Iterator["Expression"]:
        """The expression itself and all inside it."""
        yield self
        for child in self.children():
            yield from child.walk()


@dataclass(frozen=True, slots=True)
class Text(Expression):
    """A string: literal pieces and what is interpolated between them."""

    parts: tuple["str | Expression", ...]

    @property
    def literal(self) -> str | None:
        """The text, unless something is interpolated."""
        return "".join(map(str, self.parts)) if all(isinstance(part, str) for part in self.parts) else None

    @property
    def fixed(self) -> str:
        """The literal pieces only."""
        return "".join(part for part in self.parts if isinstance(part, str))


@dataclass(frozen=True, slots=True)
class Constant(Expression):
    """A number, true, false or null."""

    value: int | bool | None


@dataclass(frozen=True, slots=True)
class Name(Expression):
    """The use of a declared name."""

    name: str


@dataclass(frozen=True, slots=True)
class Member(Expression):
    """``base.name``."""

    base: Expression
    name: str


@dataclass(frozen=True, slots=True)
class Index(Expression):
    """``base[index]``."""

    base: Expression
    index: Expression


@dataclass(frozen=True, slots=True)
class Call(Expression):
    """A call of a built-in function; ``base`` is set for a call upon a value."""

    function: str
    arguments: tuple[Expression, ...]
    base: Expression | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """One property of an object."""

    key: Text
    value: Expression
    line: int


@dataclass(frozen=True, slots=True)
class Object(Expression):
    """An object."""

    entries: tuple[Entry, ...]

    def get(self, name: str) -> Expression | None:
        """The value of a property that has a literal name."""
        return next((entry.value for entry in self.entries if entry.key.literal == name), None)

    def names(self) -> list[str]:
        """The literal names."""
        return [entry.key.literal for entry in self.entries if entry.key.literal is not None]


@dataclass(frozen=True, slots=True)
class Array(Expression):
    """An array."""

    items: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Choice(Expression):
    """``condition ? yes : no``."""

    condition: Expression
    yes: Expression
    no: Expression


@dataclass(frozen=True, slots=True)
class Operation(Expression):
    """An operator with one or two operands."""

    operator: str
    operands: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Loop(Expression):
    """``[for item in over: body]``, with or without an index."""

    variables: tuple[str, ...]
    over: Expression
    body: Expression


type Declared = "Parameter | Variable | Output | Resource | Module"


@dataclass(frozen=True, slots=True)
class Decorator:
    """``@name(arguments)``."""

    name: str
    arguments: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Parameter:
    """``param``; without a default it must be given."""

    name: str
    line: int
    type: str
    default: Expression | None
    decorators: tuple[Decorator, ...]

    def decorated(self, name: str) -> tuple[Expression, ...] | None:
        """The arguments of a decorator, or ``None`` without it."""
        return next((one.arguments for one in self.decorators if one.name == name), None)


@dataclass(frozen=True, slots=True)
class Variable:
    """``var``."""

    name: str
    line: int
    value: Expression


@dataclass(frozen=True, slots=True)
class Output:
    """``output``."""

    name: str
    line: int
    type: str
    value: Expression
    decorators: tuple[Decorator, ...]


@dataclass(frozen=True, slots=True)
class Deployed:
    """What resources and modules share: a body, perhaps under a condition or in a loop."""

    name: str
    line: int
    body: Object
    condition: Expression | None
    loop: Loop | None


@dataclass(frozen=True, slots=True)
class Resource(Deployed):
    """``resource``."""

    type: str
    version: str
    existing: bool


@dataclass(frozen=True, slots=True)
class Module(Deployed):
    """``module``; ``path`` is relative to the file."""

    path: str


@dataclass(slots=True)
class File:
    """One Bicep file."""

    path: str
    scope: str = "resourceGroup"
    parameters: dict[str, Parameter] = field(default_factory=dict)
    variables: dict[str, Variable] = field(default_factory=dict)
    outputs: dict[str, Output] = field(default_factory=dict)
    resources: dict[str, Resource] = field(default_factory=dict)
    modules: dict[str, Module] = field(default_factory=dict)

    def deployed(self) -> list[Resource | Module]:
        """Everything with a body."""
        return [*self.resources.values(), *self.modules.values()]

    def expressions(self) -> Iterator[Expression]:
        """Every outermost expression."""
        for parameter in self.parameters.values():
            if parameter.default is not None:
                yield parameter.default
        yield from (variable.value for variable in self.variables.values())
        yield from (output.value for output in self.outputs.values())
        for one in self.deployed():
            yield one.body
            if one.condition is not None:
                yield one.condition
            if one.loop is not None:
                yield one.loop.over


OPERATIONS: Final = frozenset({"binary_expression", "unary_expression"})
