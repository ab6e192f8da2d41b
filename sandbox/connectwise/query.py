"""Reading lists: conditions, order, paging by page or forward-only, the Link header and the fields parameter."""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Final
from urllib.parse import urlencode

from aiohttp import web

from sandbox.connectwise.conditions import Predicate, compile_conditions, refuse
from sandbox.connectwise.errors import ApiError
from sandbox.connectwise.schema import field_at
from sandbox.connectwise.service import BASE, LINK_BASE, Service
from sandbox.connectwise.store import Path, Record, Store
from sandbox.kit import Json, json_response

DEFAULT_PAGE_SIZE: Final = 25
LARGEST_PAGE_SIZE: Final = 1000


def selected(store: Store, entity: str, rows: Iterable[Record], query: Mapping[str, str]) -> list[Record]:
    """The rows that meet conditions, childConditions and customFieldConditions; raises 400 when malformed."""
    chosen = list(rows)
    if text := query.get("conditions"):
        test = compile_conditions(text, lambda path: field_at(entity, path))
        chosen = [row for row in chosen if test(_getter(store, entity, row))]
    if text := query.get("childConditions"):
        chosen = _by_child(store, entity, chosen, text)
    if text := query.get("customFieldConditions"):
        test = compile_conditions(text, lambda path: field_at("CustomFieldValue", path))
        chosen = [row for row in chosen if _any_element(test, row.get("customFields", []))]
    return chosen


def listing(service: Service, entity: str, rows: Iterable[Record], request: web.Request) -> web.Response:
    """One page of a list as an answer; raises 400 for malformed parameters."""
    store, query = service.store, request.query
    size = min(_positive(query, "pageSize", DEFAULT_PAGE_SIZE), LARGEST_PAGE_SIZE)
    chosen = selected(store, entity, rows, query)
    if request.headers.get("pagination-type", "").lower() == "forward-only":
        if "orderBy" in query:
            raise ApiError(400, "InvalidObject", "orderBy cannot be used with forward-only pagination")
        after = _positive(query, "pageId", 0, least=0)
        shown = [row for row in chosen if row["id"] > after][:size]
        links = [("next", {"pageId": shown[-1]["id"]})] if shown else []
    else:
        page = _positive(query, "page", 1)
        shown = _ordered(store, entity, chosen, query.get("orderBy", ""))[(page - 1) * size : page * size]
        links = _page_links(page, max(1, -(-len(chosen) // size)))
    address = LINK_BASE + request.path.removeprefix(BASE)
    header = ", ".join(
        f'<{address}?{urlencode({**query, **changes})}>; rel="{name}"' for name, changes in links
    )
    paths = named_fields(service, entity, query)
    body = [trimmed(store.render(entity, row), paths) for row in shown]
    return json_response(body, headers={"Link": header} if header else None)


def named_fields(service: Service, entity: str, query: Mapping[str, str]) -> list[Path]:
    """The paths that the fields parameter names; a name that the entity does not have is noted as a breach."""
    paths = [tuple(name.strip().split("/")) for name in query.get("fields", "").split(",") if name.strip()]
    for path in paths:
        if field_at(entity, path) is None:
            service.breach("fields names", f"{entity} has no field {'/'.join(path)}")
    return paths


def trimmed(shown: Record, paths: Iterable[Path]) -> Record:
    """The named parts of a rendered record; everything when no path is named."""
    kept: Record = {}
    for path in paths:
        _copy(shown, kept, path)
    return kept if paths else shown


def _copy(source: Record, target: Record, path: Path) -> None:
    head, *rest = path
    value = source.get(head)
    if value is None:
        return
    if not rest:
        target[head] = value
    elif isinstance(value, dict):
        _copy(value, target.setdefault(head, {}), tuple(rest))


def _getter(store: Store, entity: str, row: Record) -> Callable[[Path], Json]:
    view = store.view(entity, row)
    return lambda path: store.value(entity, view, path)


def _by_child(store: Store, entity: str, rows: list[Record], text: str) -> list[Record]:
    arrays: set[str] = set()

    def element_field(path: Path) -> Json:
        field = field_at(entity, path[:1])
        if field is None or field.kind != "list" or len(path) < 2:
            raise refuse(f"childConditions need the name of an array: {'/'.join(path)}")
        arrays.add(path[0])
        return field_at(field.target, path[1:])

    test = compile_conditions(text, element_field)
    if len(arrays) != 1:
        raise refuse("childConditions speak about one array")
    name = arrays.pop()
    return [
        row
        for row in rows
        if _any_element(lambda get: test(lambda path: get(path[1:])), store.render(entity, row).get(name, []))
    ]


def _any_element(test: Predicate, elements: Iterable[Record]) -> bool:
    return any(test(partial(_inside, element)) for element in elements)


def _inside(item: Json, path: Path) -> Json:
    for name in path:
        item = item.get(name) if isinstance(item, dict) else None
    return item


def _ordered(store: Store, entity: str, rows: list[Record], order: str) -> list[Record]:
    for part in reversed([part.split() for part in order.split(",") if part.strip()]):
        name, direction = part[0], part[1].lower() if len(part) == 2 else "asc"
        path = tuple(name.split("/"))
        if len(part) > 2 or direction not in {"asc", "desc"} or field_at(entity, path) is None:
            raise ApiError(400, "InvalidObject", f"orderBy is invalid: {' '.join(part)}")
        rows = sorted(rows, key=_sort_key(store, entity, path), reverse=direction == "desc")
    return rows


def _sort_key(store: Store, entity: str, path: Path) -> Callable[[Record], tuple[bool, Json]]:
    def key(row: Record) -> tuple[bool, Json]:
        value = store.value(entity, store.view(entity, row), path)
        return (value is not None, value.lower() if isinstance(value, str) else value)

    return key


def _page_links(page: int, last: int) -> list[tuple[str, dict[str, int]]]:
    names = {"first": 1, "prev": page - 1, "next": page + 1, "last": last}
    forward, backward = page < last, page > 1
    wanted = {"first": backward, "prev": backward, "next": forward, "last": forward}
    return [(name, {"page": number}) for name, number in names.items() if wanted[name]]


def _positive(query: Mapping[str, str], name: str, default: int, least: int = 1) -> int:
    text = query.get(name, str(default))
    if not text.isascii() or not text.isdigit() or int(text) < least:
        raise ApiError(400, "InvalidObject", f"{name} is invalid: {text}")
    return int(text)
