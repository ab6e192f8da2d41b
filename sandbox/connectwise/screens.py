"""The screens: how a person creates, edits, deletes and acts on records, in the name of the person ``admin``.

``POST /admin/{name}`` creates one record or a list, ``POST /admin/{name}/{id}`` edits (null clears),
``POST /admin/{name}/{id}/delete`` deletes, ``POST /admin/{name}/{id}/{action}`` acts.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from aiohttp import web

from sandbox.connectwise.crud import Collection, read_json
from sandbox.connectwise.patch import patched
from sandbox.connectwise.schema import fields
from sandbox.connectwise.service import ADMIN_MEMBER, Service
from sandbox.connectwise.store import Record
from sandbox.connectwise.validate import clean, require_object
from sandbox.kit import Handler, Json, json_response

type Enter = Callable[[Record], Record]
type Act = Callable[[Record, Record], None]
type SetLines = Callable[[Record, list[Json], str], None]


@dataclass(frozen=True, slots=True)
class Screen:
    """One kind of record on the screens.

    ``enter`` creates a record from what a person types, where this is more than the fields of the record;
    ``actions`` are called with the record and the body of the request; ``set_lines`` replaces its lines.
    """

    collection: Collection
    enter: Enter | None = None
    actions: Sequence[Act] = ()
    set_lines: SetLines | None = None


def serve_screens(service: Service, screens: Mapping[str, Screen]) -> None:
    """Registers the routes of all screens; actions are named as their functions."""
    for name, screen in screens.items():
        service.admin("POST", f"/admin/{name}", _creator(screen))
        service.admin("POST", f"/admin/{name}/{{id:\\d+}}", _editor(screen))
        service.admin("POST", f"/admin/{name}/{{id:\\d+}}/delete", _deleter(screen))
        for act in screen.actions:
            service.admin("POST", f"/admin/{name}/{{id:\\d+}}/{act.__name__}", _actor(screen, act))


def type_in(collection: Collection, record: Record, values: Record) -> None:
    """Changes fields of a record as a person does; None clears a field. Raises 400 as the API does."""
    service = collection.service
    steps = [
        {"op": "remove", "path": name} if value is None else {"op": "replace", "path": name, "value": value}
        for name, value in values.items()
    ]
    changed = patched(service.store, collection.entity, record, steps, service.breach)
    collection.change(record, changed, ADMIN_MEMBER)


def _shown(screen: Screen, record: Record) -> Record:
    return screen.collection.service.store.render(screen.collection.entity, record)


def _record(screen: Screen, request: web.Request) -> Record:
    store = screen.collection.service.store
    return store.get(screen.collection.entity, int(request.match_info["id"]))


def _creator(screen: Screen) -> Handler:
    def one(body: Json) -> Record:
        values = dict(require_object(screen.collection.entity, body))
        return screen.enter(values) if screen.enter else screen.collection.create(values, ADMIN_MEMBER)

    async def create(request: web.Request) -> web.Response:
        body = await read_json(request)
        if isinstance(body, list):
            return json_response([_shown(screen, record) for record in [one(item) for item in body]], 201)
        return json_response(_shown(screen, one(body)), 201)

    return create


def _editor(screen: Screen) -> Handler:
    async def edit(request: web.Request) -> web.Response:
        record, entity = _record(screen, request), screen.collection.entity
        body = dict(require_object(entity, await read_json(request)))
        lines = body.pop("lines", None) if screen.set_lines else None
        required = {field.name for field in fields(entity).values() if field.required}
        merged = {name: record[name] for name in required if name in record} | body
        changes = clean(screen.collection.service.store, entity, merged)
        cleared = [name for name, value in body.items() if value is None]
        kept = {name: value for name, value in record.items() if name not in cleared}
        screen.collection.change(record, {**kept, **changes}, ADMIN_MEMBER)
        if screen.set_lines and lines is not None:
            screen.set_lines(record, lines, ADMIN_MEMBER)
        return json_response(_shown(screen, record))

    return edit


def _deleter(screen: Screen) -> Handler:
    async def delete(request: web.Request) -> web.Response:
        screen.collection.discard(_record(screen, request), ADMIN_MEMBER)
        return json_response({})

    return delete


def _actor(screen: Screen, act: Act) -> Handler:
    async def action(request: web.Request) -> web.Response:
        record = _record(screen, request)
        body = await read_json(request) if request.can_read_body else {}
        act(record, dict(require_object(screen.collection.entity, body)))
        return json_response(_shown(screen, record))

    return action
