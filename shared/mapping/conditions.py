"""Conditions on a source record, and the words for why one does not hold."""

from collections.abc import Callable
from decimal import Decimal

from shared.mapping.document import Condition
from shared.mapping.paths import compile_path, parse_path
from shared.mapping.values import Json, comparable, equal_to, fold, is_empty, show

type Test = Callable[[Json, Json], bool]
"""Whether a condition holds for the current line (or the record) and the record."""


def compile_condition(condition: Condition | None) -> Test:
    """The function that tests a condition; no condition always holds. It never raises."""
    if condition is None:
        return lambda here, root: True
    if condition.all_:
        parts = [compile_condition(part) for part in condition.all_]
        return lambda here, root: all(part(here, root) for part in parts)
    if condition.any_:
        parts = [compile_condition(part) for part in condition.any_]
        return lambda here, root: any(part(here, root) for part in parts)
    if condition.none:
        parts = [compile_condition(part) for part in condition.none]
        return lambda here, root: not any(part(here, root) for part in parts)
    read, holds = compile_path(parse_path(condition.path or "$")), _leaf(condition)
    return lambda here, root: holds(read(here, root))


def _leaf(condition: Condition) -> Callable[[Json], bool]:
    if condition.is_ is not None:
        return equal_to(condition.is_)
    if condition.not_ is not None:
        unwanted = equal_to(condition.not_)
        return lambda value: not unwanted(value)
    if condition.in_ is not None:
        tests = [equal_to(one) for one in condition.in_]
        return lambda value: any(test(value) for test in tests)
    if condition.any_of is not None:
        tests = [equal_to(one) for one in condition.any_of]
        return lambda value: any(
            test(item) for item in (value if isinstance(value, list) else [value]) for test in tests
        )
    if condition.empty is not None:
        wanted = condition.empty
        return lambda value: is_empty(value) is wanted
    if condition.starts is not None:
        start = fold(condition.starts)
        return lambda value: isinstance(value, str) and fold(value).startswith(start)
    if condition.greater is not None:
        floor = Decimal(condition.greater)
        return lambda value: (number := comparable(value)) is not None and number > floor
    ceiling = Decimal(condition.less or 0)
    return lambda value: (number := comparable(value)) is not None and number < ceiling


def why_not(condition: Condition, here: Json, root: Json) -> str:
    """Why a condition that does not hold does not: its own ``why``, else the values that decided it."""
    if condition.why:
        return condition.why
    for part in condition.all_ or ():
        if not compile_condition(part)(here, root):
            return why_not(part, here, root)
    if condition.any_:
        return ", and ".join(why_not(part, here, root) for part in condition.any_)
    for part in condition.none or ():
        if compile_condition(part)(here, root):
            return part.why or _values(part, here, root)
    return _values(condition, here, root)


def _values(condition: Condition, here: Json, root: Json) -> str:
    if condition.path is None:
        parts = (*(condition.all_ or ()), *(condition.any_ or ()), *(condition.none or ()))
        return ", ".join(_values(part, here, root) for part in parts)
    value = compile_path(parse_path(condition.path))(here, root)
    told = ", ".join(map(show, value)) if isinstance(value, list) and value else show(value)
    return f"{condition.path} is {told}"
