"""Mistakes a document shows by itself, before any target is known: rules that contradict each other or lead nowhere."""

from collections.abc import Iterator

from shared.mapping.document import Condition, Lookup, MappingDocument, Rule, TransformStep, Value
from shared.mapping.paths import Path, parse_path
from shared.mapping.problems import Problem, did_you_mean
from shared.mapping.templates import parse_template
from shared.mapping.transforms import TRANSFORMS


def places(document: MappingDocument) -> Iterator[tuple[str, Rule]]:
    """Every rule with its place, such as ``lines[1] salesInvoiceLines, fields[2] unitPrice``."""
    for index, rule in enumerate(document.fields):
        yield f"fields[{index}] {rule.to}", rule
    for number, block in enumerate(document.lines):
        for index, rule in enumerate(block.fields):
            yield f"lines[{number}] {block.to}, fields[{index}] {rule.to}", rule


def values(rule: Rule) -> list[Value]:
    """Every value source of a rule, the rule itself included when it is one."""
    own = [rule] if rule.given("from", "constant", "template") else []
    other = [rule.otherwise] if rule.otherwise else []
    exact = [rule.exact.total] if rule.exact else []
    return [*own, *(rule.first or ()), *(rule.cases or ()), *other, *exact]


def consistency(document: MappingDocument) -> list[Problem]:
    """Every mistake that needs no target to be seen."""
    found = [*_twice(document), *_lookups(document)]
    for place, rule in places(document):
        found += [Problem(place, text) for text in _rule(rule, in_line=place.startswith("lines["))]
    for number, block in enumerate(document.lines):
        found += [Problem(f"lines[{number}] {block.to}", text) for text in _exact(list(block.fields))]
    header = [condition for condition in [document.when] if condition]
    for index, rule in enumerate(document.fields):
        header += [case.when for case in rule.cases or ()]
        if rule.exact:
            found.append(Problem(f"fields[{index}] {rule.to}", "exact belongs to lines"))
    if any(path.up for condition in header for path in condition_paths(condition)):
        found.append(Problem("when", "a path with ^ belongs to lines; leave the ^ out"))
    if document.balance:
        filled = {block.to for block in document.lines}
        if document.balance.to not in filled:
            text = f"no line block fills '{document.balance.to}'{did_you_mean(document.balance.to, filled)}"
            found.append(Problem("balance", text))
        found += [Problem("balance", text) for text in _value(document.balance.total, in_line=False)]
    return found


def condition_paths(condition: Condition) -> Iterator[Path]:
    """Every path a condition reads."""
    if condition.path:
        yield parse_path(condition.path)
    for part in (*(condition.all_ or ()), *(condition.any_ or ()), *(condition.none or ())):
        yield from condition_paths(part)


def _twice(document: MappingDocument) -> Iterator[Problem]:
    for prefix, rules in [
        ("", document.fields),
        *((f"lines[{number}] {block.to}, ", block.fields) for number, block in enumerate(document.lines)),
    ]:
        first: dict[str, int] = {}
        for index, rule in enumerate(rules):
            if rule.to in first:
                yield Problem(
                    f"{prefix}fields[{index}] {rule.to}",
                    f"fields[{first[rule.to]}] fills '{rule.to}' already",
                )
            first.setdefault(rule.to, index)


def _lookups(document: MappingDocument) -> Iterator[Problem]:
    used = set()
    for place, rule in places(document):
        if rule.lookup is None:
            continue
        used.add(rule.lookup)
        if rule.lookup not in document.lookups:
            yield Problem(
                place, f"there is no lookup '{rule.lookup}'{did_you_mean(rule.lookup, document.lookups)}"
            )
    for name in document.lookups:
        if name not in used:
            yield Problem(f"lookups.{name}", "no rule uses this lookup")


def _rule(rule: Rule, *, in_line: bool) -> Iterator[str]:
    for value in values(rule):
        transforms = value.transforms if value is rule else (*value.transforms, *rule.transforms)
        yield from _value(value, in_line=in_line, transforms=transforms)
    if in_line and rule.mode == "create":
        yield "lines are only sent on creation, so mode has no meaning here"
    if rule.decimals is not None and rule.type_ not in ("money", "decimal"):
        yield "decimals belongs to the types money and decimal"


def _value(
    value: Value, *, in_line: bool, transforms: tuple[TransformStep, ...] | None = None
) -> Iterator[str]:
    paths = [parse_path(text) for text in value.from_ or ()]
    is_list = any(path.is_list for path in paths)
    if value.template:
        paths = [piece for piece in parse_template(value.template) if isinstance(piece, Path)]
    if not in_line and any(path.up for path in paths):
        yield "a path with ^ belongs to lines; leave the ^ out"
    for step in value.transforms if transforms is None else transforms:
        if is_list and TRANSFORMS[step.name].takes != "list":
            yield f"'{step.name}' needs one value, but the path gives a list; put join or first before it"
            return
        if not is_list and TRANSFORMS[step.name].takes == "list" and not value.from_:
            yield f"'{step.name}' needs a list, but gets one value"
        is_list = False
    if is_list:
        yield "the path gives a list; add the transform join or first"


def _exact(rules: list[Rule]) -> Iterator[str]:
    for index, rule in enumerate(rules):
        if rule.exact:
            earlier = {one.to for one in rules[:index]}
            for name in (rule.exact.quantity, rule.exact.description):
                if name not in earlier:
                    yield f"fields[{index}] {rule.to}: exact needs a rule for '{name}' before it"


def longest_result(lookup: Lookup) -> int | None:
    """The length of the longest text a lookup can give, or None when that depends on the source."""
    if lookup.otherwise == "same":
        return None
    extra = [] if isinstance(lookup.otherwise, str) else [lookup.otherwise.use]
    return max((len(str(value)) for value in [*lookup.rows.values(), *extra]), default=0)
