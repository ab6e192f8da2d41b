"""The admin surface: what a person does on the screens, and the controls of tests and demos."""

from collections.abc import Callable

from aiohttp import web

from sandbox.connectwise.accounting import Accounting
from sandbox.connectwise.callback_rules import ENTITY
from sandbox.connectwise.callbacks import Callbacks
from sandbox.connectwise.crud import Collection, read_json
from sandbox.connectwise.errors import ApiError
from sandbox.connectwise.invoice_lines import read_lines
from sandbox.connectwise.invoices import Invoices
from sandbox.connectwise.schema import fields
from sandbox.connectwise.service import ADMIN_MEMBER, Service
from sandbox.connectwise.store import Record
from sandbox.connectwise.validate import clean, require_object
from sandbox.kit import Handler, Json, json_response

_DUMPED = (
    "Company",
    "Contact",
    "CatalogItem",
    "Invoice",
    "InvoicePayment",
    "AccountingBatch",
    "GLEntry",
    ENTITY,
)


class Admin:
    """Routes under ``/admin/``; changes are made in the name of the person ``admin``.

    ``POST /admin/{name}`` creates one record or a list, ``POST /admin/{name}/{id}`` edits (null clears),
    ``POST /admin/{name}/{id}/delete`` deletes; names are companies, contacts, items, invoices and the setup tables.
    """

    def __init__(
        self,
        service: Service,
        invoices: Invoices,
        accounting: Accounting,
        callbacks: Callbacks,
        collections: dict[str, Collection],
    ) -> None:
        self.service = service
        self.store = service.store
        self.invoices = invoices
        self.accounting = accounting
        self.callbacks = callbacks
        for name, collection in collections.items():
            service.admin("POST", f"/admin/{name}", self._creator(collection))
            service.admin("POST", f"/admin/{name}/{{id:\\d+}}", self._editor(collection))
            service.admin("POST", f"/admin/{name}/{{id:\\d+}}/delete", self._deleter(collection))
        for action in (self.close, self.reopen, self.unbatch):
            service.admin("POST", f"/admin/invoices/{{id:\\d+}}/{action.__name__}", self._on_invoice(action))
        service.admin("POST", "/admin/customFields", self._custom_field)
        service.admin("GET", "/admin/state", self._state)
        service.admin("GET", "/admin/settings", self._show_settings)
        service.admin("POST", "/admin/settings", self._settings)
        service.admin("GET", "/admin/callbacks/pending", self._pending)
        service.admin("GET", "/admin/callbacks/deliveries", self._deliveries)
        service.admin("POST", "/admin/callbacks/replay", self._replay)
        service.admin("POST", "/admin/callbacks/disable", self._disable)
        service.admin("POST", "/admin/callbacks/drop", self._drop)

    def close(self, invoice: Record, body: Record) -> None:
        """Closes an invoice: ``{status?: id, glMapping?: bool}``; without mapping no ledger entries arise."""
        status = body.get("status") or self.invoices.status_id(closed=True)
        self.invoices.set_status(invoice, status, ADMIN_MEMBER, mapped=body.get("glMapping", True))
        self.store.touch("Invoice", invoice, ADMIN_MEMBER)

    def reopen(self, invoice: Record, body: Record) -> None:
        """Moves an invoice back to an open status: ``{status?: id}``; refused while it is batched."""
        status = body.get("status") or self.invoices.status_id(closed=False)
        self.invoices.set_status(invoice, status, ADMIN_MEMBER)
        self.store.touch("Invoice", invoice, ADMIN_MEMBER)

    def unbatch(self, invoice: Record, _body: Record) -> None:
        """Takes an invoice out of its batch as the screen does; the batch itself stays."""
        if "glBatch" not in invoice:
            raise ApiError(400, "InvalidObject", "the invoice is not batched")
        batch = self.store.get("AccountingBatch", invoice["glBatch"]["id"])
        reference = {"id": batch["id"], "name": batch["batchIdentifier"]}
        self.accounting.unbatch(invoice, reference, ADMIN_MEMBER)

    def _creator(self, collection: Collection) -> Handler:
        async def create(request: web.Request) -> web.Response:
            body = await read_json(request)
            made = [self._create(collection, item) for item in (body if isinstance(body, list) else [body])]
            shown = [self.store.render(collection.entity, record) for record in made]
            return json_response(shown if isinstance(body, list) else shown[0], 201)

        return create

    def _create(self, collection: Collection, body: Json) -> Record:
        values = dict(require_object(collection.entity, body))
        if collection.entity != "Invoice":
            return collection.create(values, ADMIN_MEMBER)
        given = values.pop("lines", [])
        cleaned = clean(self.store, "Invoice", {"type": "Standard", **values})
        cleaned["lines"] = read_lines(self.store, cleaned["type"], given)
        self.store.check_unique("Invoice", cleaned)
        self.invoices.complete(cleaned)
        return self.store.insert("Invoice", cleaned, ADMIN_MEMBER)

    def _editor(self, collection: Collection) -> Handler:
        async def edit(request: web.Request) -> web.Response:
            record = self.store.get(collection.entity, int(request.match_info["id"]))
            body = dict(require_object(collection.entity, await read_json(request)))
            lines = body.pop("lines", None)
            required = {field.name for field in fields(collection.entity).values() if field.required}
            merged = {name: record[name] for name in required if name in record} | body
            changes = clean(self.store, collection.entity, merged)
            cleared = [name for name, value in body.items() if value is None]
            kept = {name: value for name, value in record.items() if name not in cleared}
            collection.change(record, {**kept, **changes}, ADMIN_MEMBER)
            if lines is not None:
                self.invoices.set_lines(record, lines, ADMIN_MEMBER)
            return json_response(self.store.render(collection.entity, record))

        return edit

    def _deleter(self, collection: Collection) -> Handler:
        async def delete(request: web.Request) -> web.Response:
            collection.discard(self.store.get(collection.entity, int(request.match_info["id"])), ADMIN_MEMBER)
            return json_response({})

        return delete

    def _on_invoice(self, action: Callable[[Record, Record], None]) -> Handler:
        async def act(request: web.Request) -> web.Response:
            invoice = self.store.get("Invoice", int(request.match_info["id"]))
            action(
                invoice, require_object("Invoice", await read_json(request) if request.can_read_body else {})
            )
            return json_response(self.store.render("Invoice", invoice))

        return act

    async def _custom_field(self, request: web.Request) -> web.Response:
        body = require_object("CustomFieldValue", await read_json(request))
        entity = body.pop("entity")
        definition = {"type": "Text", "entryMethod": "EntryField", "numberOfDecimals": 0} | body
        self.store.custom_fields[entity].append(definition)
        for record in self.store.rows(entity):
            stored = record.get("customFields", [])
            record["customFields"] = self.store.merged_custom_fields(entity, stored, [])
        return json_response(definition, 201)

    async def _state(self, request: web.Request) -> web.Response:
        wanted = request.query.get("tables", ",".join(_DUMPED)).split(",")
        tables = {name: [self.store.render(name, row) for row in self.store.rows(name)] for name in wanted}
        unposted = [self.store.render("UnpostedInvoice", row) for row in self.accounting.unposted()]
        outcomes = [delivery.outcome for delivery in self.callbacks.log]
        return json_response(
            {
                "tables": tables,
                "unposted": unposted,
                "settings": self.service.settings.show(),
                "deliveries": {name: outcomes.count(name) for name in ("pending", "delivered", "lost")},
            }
        )

    async def _show_settings(self, _request: web.Request) -> web.Response:
        return json_response(self.service.settings.show())

    async def _settings(self, request: web.Request) -> web.Response:
        self.service.settings.change(require_object("settings", await read_json(request)))
        return json_response(self.service.settings.show())

    async def _pending(self, request: web.Request) -> web.Response:
        """``?wait=seconds`` answers as soon as nothing is pending, or when the time is over."""
        return json_response({"pending": await self.callbacks.settled(float(request.query.get("wait", "0")))})

    async def _deliveries(self, _request: web.Request) -> web.Response:
        rows = [
            {
                "messageId": delivery.message_id,
                "callbackId": delivery.callback_id,
                "url": delivery.url,
                "body": delivery.body.decode(),
                "answers": delivery.answers,
                "outcome": delivery.outcome,
            }
            for delivery in self.callbacks.log
        ]
        return json_response(rows)

    async def _replay(self, request: web.Request) -> web.Response:
        """``{count, shuffle}``: sends the last ``count`` messages again, shuffled when asked."""
        body = await read_json(request)
        past = list(self.callbacks.log)[-body["count"] :]
        if body.get("shuffle"):
            self.service.random.shuffle(past)
        return json_response({"replayed": self.callbacks.replay(past)})

    async def _disable(self, _request: web.Request) -> web.Response:
        """As after three days of failures: every callback entry becomes inactive."""
        entries = list(self.store.rows(ENTITY))
        for entry in entries:
            entry["inactiveFlag"] = True
        return json_response({"disabled": len(entries)})

    async def _drop(self, _request: web.Request) -> web.Response:
        """Removes every callback entry."""
        numbers = [entry["id"] for entry in self.store.rows(ENTITY)]
        for number in numbers:
            self.store.remove(ENTITY, number, ADMIN_MEMBER)
        return json_response({"dropped": len(numbers)})
