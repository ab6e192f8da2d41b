"""Documents: files and links that belong to a record, listed by record type and id, downloaded one by one.

The definition names the two parameters and no record types; those here are what published integrations ask for.
"""

from base64 import b64decode
from collections.abc import Iterable
from pathlib import PurePath
from typing import Final

from aiohttp import web

from sandbox.connectwise.crud import Collection
from sandbox.connectwise.errors import ApiError
from sandbox.connectwise.query import listing, selected
from sandbox.connectwise.schema import fields
from sandbox.connectwise.screens import Screen
from sandbox.connectwise.service import ADMIN_MEMBER, BASE, Service
from sandbox.connectwise.store import Record
from sandbox.kit import json_response

ENTITY: Final = "DocumentInfo"
RECORD_TYPES: Final = {
    "Agreement": "Agreement",
    "Company": "Company",
    "Contact": "Contact",
    "Expense": "ExpenseEntry",
    "Project": "Project",
    "PurchaseOrder": "PurchaseOrder",
}
"""The table behind each record type; the documents of an expense belong to its entry, not to its report."""


class Documents:
    """The documents. A record holds, unseen by callers, ``recordType``, ``recordId`` and the ``content``."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.store = service.store
        self.collection = Collection(service, "system/documents", ENTITY, "DELETE")

    def serve(self) -> None:
        """Registers the routes for reading."""
        path = f"{BASE}/system/documents"
        self.service.route("GET", path, self._list)
        self.service.route("GET", f"{path}/count", self._count)
        self.service.route("GET", f"{path}/{{id:\\d+}}", self._get)
        self.service.route("GET", f"{path}/{{id:\\d+}}/download", self._download)

    def screen(self) -> Screen:
        """How a person attaches a file and removes it."""
        return Screen(self.collection, self.attach)

    def attach(self, values: Record) -> Record:
        """``{recordType, recordId, fileName, content}`` with the content in base64, or ``{..., link}`` for a link.

        ``size`` tells another size than the content has; null tells none.
        """
        kind, number = str(values["recordType"]), int(values["recordId"])
        self.store.get(_table(kind), number)
        name = str(values["fileName"])
        content = b64decode(values.get("content") or "")
        shown: Record = {
            "title": values.get("title") or PurePath(name).stem,
            "fileName": values.get("link") or name,
            "serverFileName": f"{kind}/{number}/{name}",
            "owner": ADMIN_MEMBER,
            "linkFlag": "link" in values,
            "urlFlag": "link" in values,
            "size": values.get("size", len(content)),
        }
        assert shown.keys() <= fields(ENTITY).keys()
        hidden = {"recordType": kind, "recordId": number, "content": content}
        return self.store.insert(ENTITY, {**shown, **hidden}, ADMIN_MEMBER)

    def _rows(self, request: web.Request) -> Iterable[Record]:
        kind, number = request.query.get("recordType"), request.query.get("recordId")
        if kind is not None:
            _table(kind)
        return [
            row
            for row in self.store.rows(ENTITY)
            if kind in (None, row["recordType"]) and number in (None, str(row["recordId"]))
        ]

    async def _list(self, request: web.Request) -> web.Response:
        return listing(self.service, ENTITY, self._rows(request), request)

    async def _count(self, request: web.Request) -> web.Response:
        return json_response({"count": len(selected(self.store, ENTITY, self._rows(request), request.query))})

    async def _get(self, request: web.Request) -> web.Response:
        return self.collection.answer(request, self._record(request))

    async def _download(self, request: web.Request) -> web.Response:
        return web.Response(body=self._record(request)["content"], content_type="application/octet-stream")

    def _record(self, request: web.Request) -> Record:
        return self.store.get(ENTITY, int(request.match_info["id"]))


def _table(kind: str) -> str:
    if kind not in RECORD_TYPES:
        raise ApiError(400, "InvalidObject", f"recordType is invalid: {kind}")
    return RECORD_TYPES[kind]
