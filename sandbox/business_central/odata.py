"""Query options and their application to rows: filter, order, paging, projection and expansion."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from sandbox.business_central.errors import ApiError, bad_request
from sandbox.business_central.fields import EntitySet
from sandbox.business_central.filters import FilterRules, Predicate, Reader, compiled
from sandbox.kit import Json

_KNOWN: Final = {"$filter", "$select", "$expand", "$top", "$skip", "$count", "$orderby", "$skiptoken"}
_HARMLESS: Final = {"$schemaversion"}

type Expander = Callable[["Row", "Expansion"], Json]


@dataclass(frozen=True, slots=True)
class Row:
    """One record as a query sees it: a reader of its properties, its etag and its place in creation order."""

    read: Reader
    etag: str
    sequence: int
    key: str = ""


@dataclass(frozen=True, slots=True)
class Expansion:
    """One ``$expand`` item with its nested options."""

    name: str
    options: "Options"


@dataclass(frozen=True, slots=True)
class Options:
    """The query options of one request."""

    filter_text: str = ""
    select: tuple[str, ...] = ()
    expand: tuple[Expansion, ...] = ()
    top: int | None = None
    skip: int = 0
    count: bool = False
    order: tuple[tuple[str, bool], ...] = ()
    token: int | None = None


@dataclass(slots=True)
class Page:
    """The rows of one page, the total if asked for, and the token of the next page."""

    rows: list[Row]
    total: int | None = None
    next_token: int | None = None
    taken: int = field(default=0)


def parsed(query: Mapping[str, str]) -> Options:
    """The options in a query string; raises 400 for an unknown option or a bad number."""
    for name in query:
        if name.startswith("$") and name not in _KNOWN | _HARMLESS:
            raise bad_request(f"The query parameter '{name}' is not supported.")
    top = _number(query, "$top")
    token = _number(query, "$skiptoken")
    return Options(
        query.get("$filter", ""),
        tuple(item.strip() for item in query.get("$select", "").split(",") if item.strip()),
        tuple(_expansion(item) for item in _split(query.get("$expand", ""), ",")),
        top,
        _number(query, "$skip") or 0,
        query.get("$count", "").lower() == "true",
        tuple(_order(item) for item in _split(query.get("$orderby", ""), ",")),
        token,
    )


def check_names(entity_set: EntitySet, options: Options, navigation: Iterable[str]) -> None:
    """Raises 400 when the options select, order by or expand something that the set does not have."""
    for name in (*options.select, *(name for name, _descending in options.order)):
        _known(entity_set, name)
    for expansion in options.expand:
        if expansion.name not in navigation:
            raise _unknown(entity_set, expansion.name)


def predicate(entity_set: EntitySet, options: Options, rules: FilterRules) -> Predicate:
    """The filter of the options as a predicate."""
    return compiled(entity_set, options.filter_text, rules) if options.filter_text.strip() else _everything


def page(entity_set: EntitySet, rows: Iterable[Row], options: Options, rules: FilterRules, size: int) -> Page:
    """The page of rows that the options ask for, at most ``size`` rows."""
    matches = predicate(entity_set, options, rules)
    found = [row for row in rows if matches(row.read)]
    for name, descending in reversed(options.order):
        found.sort(key=lambda row, name=name: row.read(name), reverse=descending)  # type: ignore[misc]
    total = len(found) if options.count else None
    start = options.token if options.token is not None else options.skip
    if options.token is not None and not options.order:
        found, start = [row for row in found if row.sequence > (options.token or 0)], 0
    limit = size if options.top is None else min(size, options.top)
    taken = list(islice(found, start, start + limit))
    more = len(found) > start + limit and (options.top is None or options.top > limit)
    if not more or not taken:
        return Page(taken, total)
    token = start + limit if options.order else taken[-1].sequence
    return Page(taken, total, token, len(taken))


def shown(entity_set: EntitySet, row: Row, options: Options, expander: Expander) -> Json:
    """One row as JSON: the etag, the selected properties, links to files, and what is expanded."""
    names: Sequence[str] = options.select or tuple(
        name for name, item in entity_set.fields.items() if item.kind != "Stream"
    )
    result: dict[str, Json] = {"@odata.etag": row.etag} | {name: row.read(name) for name in names}
    for name, item in entity_set.fields.items():
        if item.kind == "Stream" and not options.select:
            result[f"{name}@odata.mediaEditLink"] = f"{entity_set.name}({row.key})/{name}"
    for expansion in options.expand:
        result[expansion.name] = expander(row, expansion)
    return result


def _known(entity_set: EntitySet, name: str) -> None:
    if name not in entity_set.fields:
        raise _unknown(entity_set, name)


def _unknown(entity_set: EntitySet, name: str) -> ApiError:
    return bad_request(
        f"Could not find a property named '{name}' on type 'Microsoft.NAV.{entity_set.entity}'."
    )


def _everything(_reader: Reader) -> bool:
    return True


def _number(query: Mapping[str, str], name: str) -> int | None:
    text = query.get(name)
    if text is None:
        return None
    if not text.isdecimal():
        raise _bad_value(name, text)
    return int(text)


def _bad_value(name: str, text: str) -> ApiError:
    return bad_request(f"Invalid value '{text}' for {name} query option found.")


def _order(text: str) -> tuple[str, bool]:
    name, _space, direction = text.strip().partition(" ")
    if direction.strip() not in ("", "asc", "desc"):
        raise _bad_value("$orderby", text)
    return name, direction.strip() == "desc"


def _expansion(text: str) -> Expansion:
    name, bracket, rest = text.strip().partition("(")
    if bracket and not rest.endswith(")"):
        raise _bad_value("$expand", text)
    nested = dict(item.strip().partition("=")[::2] for item in _split(rest[:-1], ";")) if bracket else {}
    return Expansion(name, parsed(nested))


def _split(text: str, separator: str) -> list[str]:
    """Splits at a separator outside of parentheses and quotes."""
    parts, depth, quoted, start = [], 0, False, 0
    for index, character in enumerate(text):
        if character == "'":
            quoted = not quoted
        elif not quoted and character in "()":
            depth += 1 if character == "(" else -1
        elif character == separator and depth == 0 and not quoted:
            parts.append(text[start:index])
            start = index + 1
    parts.append(text[start:])
    return [part for part in parts if part.strip()]
