"""The admin surface: the controls of tests and demos, and a look at the whole state."""

from aiohttp import web

from sandbox.connectwise.accounting import Accounting
from sandbox.connectwise.callback_rules import ENTITY
from sandbox.connectwise.callbacks import Callbacks
from sandbox.connectwise.crud import read_json
from sandbox.connectwise.service import ADMIN_MEMBER, Service
from sandbox.connectwise.validate import require_object
from sandbox.kit import json_response

_DUMPED = (
    "Company",
    "Contact",
    "CatalogItem",
    "Invoice",
    "InvoicePayment",
    "PurchaseOrder",
    "PurchaseOrderLineItem",
    "ProcurementAdjustment",
    "ExpenseReport",
    "ExpenseEntry",
    "Agreement",
    "Addition",
    "Project",
    "AccountingBatch",
    "GLEntry",
    ENTITY,
)


class Admin:
    """Routes under ``/admin/`` beside the screens: custom fields, settings, state, callbacks."""

    def __init__(self, service: Service, accounting: Accounting, callbacks: Callbacks) -> None:
        self.service = service
        self.store = service.store
        self.accounting = accounting
        self.callbacks = callbacks
        service.admin("POST", "/admin/customFields", self._custom_field)
        service.admin("GET", "/admin/state", self._state)
        service.admin("GET", "/admin/settings", self._show_settings)
        service.admin("POST", "/admin/settings", self._settings)
        service.admin("GET", "/admin/callbacks/pending", self._pending)
        service.admin("GET", "/admin/callbacks/deliveries", self._deliveries)
        service.admin("POST", "/admin/callbacks/replay", self._replay)
        service.admin("POST", "/admin/callbacks/disable", self._disable)
        service.admin("POST", "/admin/callbacks/drop", self._drop)

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
        unposted = {
            rows.entity: [self.store.render(rows.entity, row) for row in (rows.made_rows or list)()]
            for rows in self.accounting.unposted
        }
        outcomes = [delivery.outcome for delivery in self.callbacks.log]
        return json_response(
            {
                "tables": tables,
                "unposted": unposted["UnpostedInvoice"],
                "unpostedExpenses": unposted["UnpostedExpense"],
                "unpostedProcurement": unposted["UnpostedProcurement"],
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
