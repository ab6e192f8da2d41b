"""Checks a mapping document against what its target accepts, before any record is mapped."""

from collections.abc import Iterator

from shared.mapping.consistency import consistency, longest_result, places, values
from shared.mapping.document import Lookup, MappingDocument, Rule, Use
from shared.mapping.problems import Problem, did_you_mean
from shared.mapping.stages import CLEAR, type_of
from shared.mapping.targets import TargetCatalogue, TargetField, TargetSet
from shared.mapping.values import Scalar, Unfit, coercer, show, width

ACCEPTS = {
    "text": {"text", "code", "guid", "enum"},
    "money": {"decimal"},
    "decimal": {"decimal"},
    "integer": {"integer", "decimal"},
    "boolean": {"boolean"},
    "date": {"date"},
}
"""Which target types a rule type may fill."""


def check(document: MappingDocument, catalogue: TargetCatalogue) -> list[Problem]:
    """Every mistake in the document, in document order; an empty list means it can be compiled."""
    found = consistency(document)
    target = catalogue.sets.get(document.target)
    if target is None:
        text = f"there is no target '{document.target}'{did_you_mean(document.target, catalogue.sets)}"
        return [*found, Problem("target", text)]
    expected = catalogue.entities.get(document.entity)
    if expected is None:
        found.append(
            Problem(
                "entity",
                f"unknown entity '{document.entity}'{did_you_mean(document.entity, catalogue.entities)}",
            )
        )
    elif expected != document.target:
        found.append(Problem("target", f"the entity '{document.entity}' goes to '{expected}'"))
    sets: dict[str, TargetSet] = {"": target}
    for number, block in enumerate(document.lines):
        if block.to in target.lines:
            sets[block.to] = catalogue.sets[target.lines[block.to]]
        else:
            text = f"'{document.target}' has no lines '{block.to}'{did_you_mean(block.to, target.lines)}"
            found.append(Problem(f"lines[{number}] {block.to}", text))
    for place, rule in places(document):
        line = place.split(" ")[1].rstrip(",") if place.startswith("lines[") else ""
        if line in sets:
            found += [Problem(place, text) for text in _rule(rule, sets[line], document, catalogue)]
    found += [Problem("fields", text) for text in _required(document, target)]
    if document.balance and document.balance.to in sets:
        found += [Problem("balance", text) for text in _amounts(document, sets[document.balance.to])]
    return found


def _required(document: MappingDocument, target: TargetSet) -> Iterator[str]:
    filled = {rule.to for rule in document.fields}
    for name, field in target.fields.items():
        if field.required and name not in filled:
            yield f"'{name}' is required by '{document.target}', but no rule fills it"


def _amounts(document: MappingDocument, lines: TargetSet) -> Iterator[str]:
    balance = document.balance
    for name in (balance.quantity, balance.price) if balance else ():
        field = lines.fields.get(name)
        if field is None or field.type_ != "decimal":
            yield f"'{name}' is not a number field of the lines{did_you_mean(name, lines.fields)}"


def _rule(
    rule: Rule, target: TargetSet, document: MappingDocument, catalogue: TargetCatalogue
) -> Iterator[str]:
    field = target.fields.get(rule.to)
    if field is None:
        yield f"the target has no field '{rule.to}'{did_you_mean(rule.to, target.fields)}"
        return
    if field.read_only:
        yield f"'{rule.to}' is read-only in the target"
    if field.never:
        yield f"'{rule.to}' must never be sent: {field.never}"
    if field.create_only and rule.mode != "create":
        yield f'\'{rule.to}\' may only be sent on creation; add "mode": "create"'
    if rule.type_ and field.type_ not in ACCEPTS[rule.type_]:
        yield f"'{rule.to}' is of type {field.type_}, which type {rule.type_} does not fit"
    if rule.empty == "clear" and field.type_ not in CLEAR:
        yield f"'{rule.to}' cannot be cleared"
    if rule.exact:
        yield from _exact(rule, field, target)
        return
    lookup = document.lookups.get(rule.lookup or "")
    yield from _length(rule, field, lookup)
    yield from _choices(rule, field, lookup)
    yield from _references(rule, catalogue)


def _exact(rule: Rule, field: TargetField, target: TargetSet) -> Iterator[str]:
    if field.type_ != "decimal":
        yield f"exact needs a number field, but '{rule.to}' is of type {field.type_}"
    for name, kind in (
        ((rule.exact.quantity, "decimal"), (rule.exact.description, "text")) if rule.exact else ()
    ):
        other = target.fields.get(name)
        if other is None or other.type_ != kind:
            yield f"exact needs a {kind} field, but '{name}' is not one"


def _length(rule: Rule, field: TargetField, lookup: Lookup | None) -> Iterator[str]:
    if not field.is_text:
        if extra := rule.given("max", "overflow"):
            yield f"{extra[0]} belongs to texts, but '{rule.to}' is of type {field.type_}"
        return
    if rule.max_ and field.length and rule.max_ > field.length:
        yield f"max is {rule.max_}, but the target takes {field.length} characters"
    limit = min((one for one in (rule.max_, field.length) if one), default=None)
    if limit is None or rule.overflow or rule.resolve or rule.link:
        return
    longest = longest_result(lookup) if lookup else None
    open_ended = any(value.constant is None or value.transforms for value in values(rule)) or bool(
        rule.transforms
    )
    if (longest is None and open_ended) or (longest or 0) > limit:
        yield f"the value may be longer than {limit} characters; say with overflow what happens then"


def _choices(rule: Rule, field: TargetField, lookup: Lookup | None) -> Iterator[str]:
    """Fixed values that the target would refuse."""
    final = [] if isinstance(rule.empty, str) else [rule.empty.use]
    if not (rule.resolve or rule.link):
        if lookup:
            final += [
                *lookup.rows.values(),
                *([lookup.otherwise.use] if isinstance(lookup.otherwise, Use) else []),
            ]
        elif not rule.transforms:
            final += [
                value.constant
                for value in values(rule)
                if value.constant is not None and not value.transforms
            ]
    for value in final:
        if problem := _unfit(value, rule, field):
            yield problem


def _unfit(value: Scalar, rule: Rule, field: TargetField) -> str:
    if value == "":
        return ""
    if field.enum and value not in field.enum:
        return f"{show(value)} is not one of {', '.join(field.enum)}{did_you_mean(str(value), field.enum)}"
    try:
        result = coercer(type_of(rule, field), rule.decimals)(value)
    except Unfit as unfit:
        return unfit.what
    limit = min((one for one in (rule.max_, field.length) if one), default=None)
    if limit and field.is_text and width(result) > limit:
        return f"{show(value)} is longer than {limit} characters"
    return ""


def _references(rule: Rule, catalogue: TargetCatalogue) -> Iterator[str]:
    if rule.link:
        if rule.link.entity not in catalogue.entities:
            yield f"unknown entity '{rule.link.entity}'{did_you_mean(rule.link.entity, catalogue.entities)}"
        elif rule.link.give not in catalogue.sets[catalogue.entities[rule.link.entity]].fields:
            yield f"the target of '{rule.link.entity}' has no '{rule.link.give}'"
    if rule.resolve:
        target = catalogue.sets.get(rule.resolve.set_)
        if target is None:
            yield f"there is no target list '{rule.resolve.set_}'{did_you_mean(rule.resolve.set_, catalogue.sets)}"
            return
        for name in (rule.resolve.by, rule.resolve.give):
            if name not in target.fields:
                yield f"'{rule.resolve.set_}' has no field '{name}'{did_you_mean(name, target.fields)}"
