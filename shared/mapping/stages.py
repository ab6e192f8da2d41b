"""What happens to a value between its source and its target field: translate, find, link, bring to type and length."""

from collections.abc import Callable, Mapping
from typing import Final

from shared.mapping.document import Link, Lookup, Resolve, Rule
from shared.mapping.results import Finding, MappingContext, References, SetReference, Step, Trace, Wait
from shared.mapping.targets import TargetField
from shared.mapping.values import Json, Unfit, as_text, coercer, cut, fold, is_empty, show, width

CLEAR: Final[Mapping[str, Json]] = {
    "text": "",
    "code": "",
    "guid": "00000000-0000-0000-0000-000000000000",
    "decimal": 0,
    "integer": 0,
    "boolean": False,
    "date": "0001-01-01",
}
"""What empties a field of a type in the target."""


class Run:
    """What gathers while one record is mapped."""

    __slots__ = ("context", "holds", "traces", "waits", "warnings")

    def __init__(self, context: MappingContext) -> None:
        self.context = context
        self.traces: list[Trace] = []
        self.holds: list[Finding] = []
        self.waits: dict[Wait, None] = {}
        self.warnings: list[Finding] = []


class Waiting(Exception):
    """A linked record has not reached the target yet."""

    def __init__(self, wait: Wait) -> None:
        super().__init__(wait)
        self.wait = wait


class NoContext:
    """Knows nothing; for finding out what a mapping would ask."""

    def resolve(self, set_name: str, by: str, value: str) -> None:
        """Nothing."""

    def link(self, entity: str, source_id: str) -> None:
        """Nothing."""


type Stage = Callable[[Json, Json, Json, Run, str], Json]
"""One step: value, current line (or record), record, run and target field; may raise ``Unfit`` or ``Waiting``."""


def lookup_stage(name: str, lookup: Lookup) -> Stage:
    """Translates a value by a table."""
    rows = {fold(row): result for row, result in lookup.rows.items()}
    otherwise, todo = (
        lookup.otherwise,
        f"Add a row for it to the lookup '{name}', or correct the value in the source.",
    )

    def translate(value: Json, here: Json, root: Json, run: Run, target: str) -> Json:
        key = ("true" if value else "false") if isinstance(value, bool) else fold(as_text(value))
        if key in rows:
            return rows[key]
        if not isinstance(otherwise, str):
            return otherwise.use
        if otherwise == "same":
            return value
        what = f"{show(value)} has no row in the lookup '{name}' ({lookup.title})"
        if otherwise == "hold":
            raise Unfit("lookup_missing", what, todo)
        if otherwise == "empty_with_warning":
            run.warnings.append(Finding("lookup_missing", target, f"{what}, so it is left empty", todo))
        return None

    return translate


def resolve_stage(resolve: Resolve) -> Stage:
    """Finds a target record by one property and gives another."""

    def find(value: Json, here: Json, root: Json, run: Run, target: str) -> Json:
        text = as_text(value)
        record = run.context.resolve(resolve.set_, resolve.by, text)
        if record is None:
            raise Unfit(
                "not_in_target",
                f"{show(text)} is not in the target list {resolve.set_} (by {resolve.by})",
                f"Create it there, or map the source value to one of the existing {resolve.set_}.",
            )
        return _property(record, resolve.give, f"the record {show(text)} in {resolve.set_}")

    return find


def link_stage(link: Link) -> Stage:
    """Gives a property of the target record another source record has become."""

    def follow(value: Json, here: Json, root: Json, run: Run, target: str) -> Json:
        source_id = as_text(value)
        record = run.context.link(link.entity, source_id)
        if record is None:
            raise Waiting(Wait(link.entity, source_id))
        return _property(record, link.give, f"{link.entity} {source_id}")

    return follow


def reference(rule: Rule, value: Json) -> References:
    """What a rule would ask the context for this value."""
    text = as_text(value)
    if rule.resolve:
        return References(records=(SetReference(rule.resolve.set_, rule.resolve.by, text),))
    return References(links=(Wait(rule.link.entity, text),)) if rule.link else References()


def _property(record: Mapping[str, Json], name: str, whose: str) -> Json:
    value = record.get(name)
    if is_empty(value):
        raise Unfit(
            "property_missing", f"{whose} has no {name}", "Refresh the list, or complete the record there."
        )
    return value


type Fit = Callable[[Json, list[Step], Run, str], Json]
"""Brings a value to type and length: value, steps so far, run and target field; may raise ``Unfit``."""


def type_of(rule: Rule, field: TargetField) -> str:
    """The type a rule writes: its own or, by default, the one of its target field."""
    if field.type_ == "code" and rule.type_ in (None, "text"):
        return "code"
    return rule.type_ or field.type_


def fit_stage(rule: Rule, field: TargetField) -> Fit:
    """Checks type, choice and length the target field asks for."""
    coerce = coercer(type_of(rule, field), rule.decimals)
    limits = [limit for limit in (rule.max_, field.length) if limit] if field.is_text else []
    limit, overflow, choices = min(limits, default=0), rule.overflow or "hold", field.enum

    def fit(value: Json, steps: list[Step], run: Run, target: str) -> Json:
        value = coerce(value)
        if choices and value not in choices:
            raise Unfit(
                "not_a_choice",
                f"{show(value)} is not one of {', '.join(choices)}",
                "Map it to one of them in a lookup.",
            )
        if not limit or width(value) <= limit:
            return value
        what = f"the text has {width(value)} characters, {limit} are allowed"
        if overflow == "hold":
            raise Unfit(
                "too_long", f"{what}: {show(value)}", "Shorten it in the source, or let the mapping cut it."
            )
        value = cut(value, limit)
        steps.append(Step(f"cut to {limit} characters", value))
        if overflow == "cut_with_warning":
            run.warnings.append(
                Finding("cut", target, f"{what}, so it was cut to {show(value)}", "Shorten it in the source.")
            )
        return value

    return fit
