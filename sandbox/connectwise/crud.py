"""The routes of one collection: list, count, read, create, replace, patch and delete."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from aiohttp import web

from sandbox.connectwise.errors import ApiError, not_found
from sandbox.connectwise.patch import patched
from sandbox.connectwise.query import listing, named_fields, selected, trimmed
from sandbox.connectwise.schema import fields
from sandbox.connectwise.service import BASE, Service
from sandbox.connectwise.store import Record
from sandbox.connectwise.validate import clean, require_object
from sandbox.kit import Json, json_response, loads

type Complete = Callable[[Record], None]
type Update = Callable[[Record, Record, str], None]
type Added = Callable[[Record, str], None]
type Delete = Callable[[Record, str], None]
type Rows = Callable[[], Iterable[Record]]


async def read_json(request: web.Request) -> Json:
    """The JSON body of a request, fractions as Decimal; raises 400 InvalidObject when malformed."""
    try:
        return loads(await request.read())
    except ValueError as error:
        raise ApiError(400, "InvalidObject", f"the body is not JSON: {error}") from None


@dataclass(slots=True)
class Collection:
    """A table served under a path.

    ``complete`` checks and fills a new record, ``added(record, member)`` hears of it, ``update(record, changed,
    member)`` puts a checked change into effect, ``delete(record, member)`` removes; they may refuse with ``ApiError``. ``made_rows`` makes the rows of a
    list that is not a table. With ``parent``, a table and a field, the path holds ``{parentId}`` and the
    collection is what belongs to that record: the field holds its id. No change empties a field in ``kept``.
    """

    service: Service
    path: str
    entity: str
    methods: str = "GET POST PUT PATCH DELETE"
    complete: Complete | None = None
    update: Update | None = None
    delete: Delete | None = None
    made_rows: Rows | None = None
    parent: tuple[str, str] | None = None
    added: Added | None = None
    kept: tuple[str, ...] = ()

    def serve(self) -> None:
        """Registers the routes of the allowed methods."""
        one = f"{BASE}/{self.path}/{{id:\\d+}}"
        routes = {
            "GET": [
                (f"{BASE}/{self.path}", self._list),
                (f"{BASE}/{self.path}/count", self._count),
                (one, self._get),
            ],
            "POST": [(f"{BASE}/{self.path}", self._post)],
            "PUT": [(one, self._put)],
            "PATCH": [(one, self._patch)],
            "DELETE": [(one, self._delete)],
        }
        for method in self.methods.split():
            for path, handler in routes[method]:
                self.service.route(method, path, handler)

    def create(self, values: Record, member: str, *, keep_read_only: bool = False) -> Record:
        """Adds a record from a written body; raises 400."""
        store = self.service.store
        cleaned = clean(store, self.entity, values, keep_read_only=keep_read_only)
        store.check_unique(self.entity, cleaned)
        if self.parent:
            given = values.get(self.parent[1])
            cleaned |= self.parent_value(given["id"] if isinstance(given, dict) else given or 0)
        if self.complete:
            self.complete(cleaned)
        record = store.insert(self.entity, cleaned, member)
        if self.added:
            self.added(record, member)
        return record

    def change(self, record: Record, changed: Record, member: str) -> None:
        """Puts a checked change into effect and announces it; nothing happens when nothing differs."""
        store = self.service.store
        changed = {name: record[name] for name in self.kept if name in record} | changed
        store.check_unique(self.entity, changed, record["id"])
        if changed == record:
            return
        if self.update:
            self.update(record, changed, member)
        else:
            replace(record, changed)
        store.touch(self.entity, record, member)

    def discard(self, record: Record, member: str) -> None:
        """Deletes a record in the way of its table."""
        if self.delete:
            self.delete(record, member)
        else:
            self.service.store.remove(self.entity, record["id"], member)

    def answer(self, request: web.Request, record: Record, status: int = 200) -> web.Response:
        """One record as an answer, cut to the fields parameter."""
        shown = self.service.store.render(self.entity, record)
        return json_response(trimmed(shown, named_fields(self.service, self.entity, request.query)), status)

    def parent_value(self, number: int) -> Record:
        """The member with which a record belongs to the parent record of that number; raises 404."""
        if self.parent is None:
            return {}
        entity, name = self.parent
        self.service.store.get(entity, number)
        return {name: {"id": number} if fields(self.entity)[name].kind == "ref" else number}

    def _parent(self, request: web.Request) -> Record:
        return self.parent_value(int(request.match_info["parentId"])) if self.parent else {}

    def _rows(self, request: web.Request) -> Iterable[Record]:
        if self.made_rows:
            return self.made_rows()
        rows = self.service.store.rows(self.entity)
        if self.parent is None:
            return rows
        name, value = next(iter(self._parent(request).items()))
        return [row for row in rows if row[name] == value]

    def _record(self, request: web.Request) -> Record:
        number = int(request.match_info["id"])
        if not (self.made_rows or self.parent):
            return self.service.store.get(self.entity, number)
        found = next((row for row in self._rows(request) if row["id"] == number), None)
        if found is None:
            raise not_found(self.entity, number)
        return found

    async def _list(self, request: web.Request) -> web.Response:
        return listing(self.service, self.entity, self._rows(request), request)

    async def _count(self, request: web.Request) -> web.Response:
        store = self.service.store
        return json_response({"count": len(selected(store, self.entity, self._rows(request), request.query))})

    async def _get(self, request: web.Request) -> web.Response:
        return self.answer(request, self._record(request))

    async def _post(self, request: web.Request) -> web.Response:
        body = require_object(self.entity, await read_json(request))
        return self.answer(request, self.create(body | self._parent(request), self.service.member), 201)

    async def _put(self, request: web.Request) -> web.Response:
        record = self._record(request)
        body = require_object(self.entity, await read_json(request))
        self.change(record, replaced(self.service, self.entity, record, body), self.service.member)
        return self.answer(request, record)

    async def _patch(self, request: web.Request) -> web.Response:
        record, service = self._record(request), self.service
        changed = patched(service.store, self.entity, record, await read_json(request), service.breach)
        self.change(record, changed, service.member)
        return self.answer(request, record)

    async def _delete(self, request: web.Request) -> web.Response:
        self.discard(self._record(request), self.service.member)
        return web.Response(status=204)


def replace(record: Record, changed: Record) -> None:
    """Gives a record exactly the members of another."""
    record.clear()
    record.update(changed)


def replaced(service: Service, entity: str, record: Record, body: Record) -> Record:
    """The record after PUT: writable fields that the body leaves out fall back to false or nothing."""
    table = fields(entity)
    kept = {
        name: value
        for name, value in record.items()
        if name not in table or table[name].read_only or table[name].create_only
    }
    if "customFields" not in body and "customFields" in record:
        kept["customFields"] = record["customFields"]
    flags = {field.name: False for field in table.values() if field.kind == "boolean" and not field.read_only}
    return {**flags, **clean(service.store, entity, body), **kept}
