"""Turns the value sources of a document into functions that read a value and remember where it was found."""

from collections.abc import Callable
from typing import NamedTuple

from shared.mapping.conditions import compile_condition
from shared.mapping.document import Rule, TransformStep, Value
from shared.mapping.paths import Getter, compile_path, parse_path
from shared.mapping.results import Step
from shared.mapping.templates import compile_template
from shared.mapping.transforms import bind
from shared.mapping.values import Json, is_empty


class Reading(NamedTuple):
    """What a source gave: the path or template, what was found there, the value after its transforms, their steps."""

    source: str
    found: Json
    value: Json
    steps: tuple[Step, ...] = ()


type Reader = Callable[[Json, Json], Reading]
"""Reads a value source for the current line (or the record) and the record; may raise ``Unfit``."""


def compile_reader(rule: Rule) -> Reader:
    """The reader of a rule: its own source without its own transforms, its first choices or its cases."""
    if rule.first:
        return _first(rule)
    if rule.cases:
        return _cases(rule)
    return _source(rule)


def compile_value(value: Value) -> Reader:
    """The reader of one value source with its transforms."""
    read = _source(value)
    steps = steps_of(value.transforms)
    if not steps:
        return read

    def transformed(here: Json, root: Json) -> Reading:
        source, found, value, _ = read(here, root)
        taken = []
        for name, apply in steps:
            if is_empty(value):
                break
            value = apply(value, here, root)
            taken.append(Step(name, value))
        return Reading(source, found, value, tuple(taken))

    return transformed


def describe(rule: Rule) -> str:
    """The paths and templates a rule may read, for people."""
    parts = [rule, *(rule.first or ()), *(rule.cases or ())]
    parts += [rule.otherwise] if rule.otherwise else []
    parts += [rule.exact.total] if rule.exact else []
    return " or ".join(
        text for part in parts for text in [*(part.from_ or ()), *filter(None, [part.template])]
    )


def steps_of(steps: tuple[TransformStep, ...]) -> list[tuple[str, Callable[[Json, Json, Json], Json]]]:
    """Transforms by name, bound to their arguments."""
    return [(step.name, bind(step.name, step.arguments)) for step in steps]


def _source(value: Value) -> Reader:
    if value.constant is not None:
        fixed = Reading("", value.constant, value.constant)
        return lambda here, root: fixed
    if value.template is not None:
        fill, name = compile_template(value.template), f'template "{value.template}"'

        def filled(here: Json, root: Json) -> Reading:
            text = fill(here, root)
            return Reading(name, text, text)

        return filled
    paths = [(text, compile_path(parse_path(text))) for text in value.from_ or ()]
    return _one_path(*paths[0]) if len(paths) == 1 else _many_paths(paths)


def _one_path(text: str, get: Getter) -> Reader:
    def read(here: Json, root: Json) -> Reading:
        value = get(here, root)
        return Reading(text, value, value)

    return read


def _many_paths(paths: list[tuple[str, Getter]]) -> Reader:
    nothing = Reading(" or ".join(text for text, _ in paths), None, None)

    def read(here: Json, root: Json) -> Reading:
        for text, get in paths:
            value = get(here, root)
            if not is_empty(value):
                return Reading(text, value, value)
        return nothing

    return read


def _first(rule: Rule) -> Reader:
    readers = [compile_value(value) for value in rule.first or ()]
    nothing = Reading(describe(rule), None, None)

    def read(here: Json, root: Json) -> Reading:
        for number, reader in enumerate(readers, 1):
            source, found, value, steps = reader(here, root)
            if not is_empty(value):
                return Reading(
                    source, found, value, (Step(f"choice {number} of {len(readers)}", found), *steps)
                )
        return nothing

    return read


def _cases(rule: Rule) -> Reader:
    cases = [(compile_condition(case.when), compile_value(case)) for case in rule.cases or ()]
    otherwise = compile_value(rule.otherwise) if rule.otherwise else None
    nothing = Reading("no case", None, None)

    def read(here: Json, root: Json) -> Reading:
        for number, (holds, reader) in enumerate(cases, 1):
            if holds(here, root):
                source, found, value, steps = reader(here, root)
                return Reading(source, found, value, (Step(f"case {number}", found), *steps))
        if otherwise is None:
            return nothing
        source, found, value, steps = otherwise(here, root)
        return Reading(source, found, value, (Step("no case, otherwise", found), *steps))

    return read
