"""Payments of an invoice and applied credit memos; amounts to the cent, never beyond the balance."""

from decimal import Decimal

from aiohttp import web

from sandbox.connectwise.crud import read_json, replace, replaced
from sandbox.connectwise.errors import invalid_field, not_found
from sandbox.connectwise.invoice_lines import CENT
from sandbox.connectwise.invoices import Invoices
from sandbox.connectwise.patch import patched
from sandbox.connectwise.query import listing
from sandbox.connectwise.service import BASE, Service
from sandbox.connectwise.store import Record, now_text
from sandbox.connectwise.validate import clean, require_object
from sandbox.kit import Json, json_response

_ENTITY = "InvoicePayment"


class Payments:
    """Payment records. One with a ``credit`` reference applies a closed credit memo to the invoice."""

    def __init__(self, service: Service, invoices: Invoices) -> None:
        self.service = service
        self.store = service.store
        self.invoices = invoices
        self.store.computed[_ENTITY] = self._computed

    def serve(self) -> None:
        """Registers the payment routes."""
        many = f"{BASE}/finance/invoices/{{parentId:\\d+}}/payments"
        one = f"{many}/{{id:\\d+}}"
        service = self.service
        service.route("GET", many, self._list)
        service.route("POST", many, self._post)
        service.route("GET", one, self._get)
        service.route("PUT", one, self._put)
        service.route("PATCH", one, self._patch)
        service.route("DELETE", one, self._delete)

    def _computed(self, payment: Record) -> Record:
        invoice = self.store.get("Invoice", payment["invoice"]["id"])
        return {
            "invoiceTotal": invoice["total"],
            "invoiceBalance": self.invoices.balances(invoice)["balance"],
        }

    def _invoice(self, request: web.Request) -> Record:
        return self.store.get("Invoice", int(request.match_info["parentId"]))

    def _payment(self, request: web.Request) -> tuple[Record, Record]:
        invoice, number = self._invoice(request), int(request.match_info["id"])
        if number not in invoice.get("paymentIds", []):
            raise not_found(_ENTITY, number)
        return invoice, self.store.get(_ENTITY, number)

    def _check(self, invoice: Record, values: Record, before: Json = 0) -> None:
        """Raises 400 when the amount has fractions of a cent or goes beyond what is open; ``before`` is free again."""
        amount = Decimal(values["amount"])
        if amount <= 0 or amount % CENT:
            raise invalid_field(_ENTITY, "amount", "amount must be positive and have at most two decimals")
        if amount > self.invoices.balances(invoice)["balance"] + before:
            raise invalid_field(_ENTITY, "amount", "amount is greater than the balance of the invoice")
        if "credit" in values:
            if self.service.settings.refuse_credit_payments:
                raise invalid_field(_ENTITY, "credit", "a credit cannot be applied through the API")
            wanted = self.service.settings.credit_payment_type
            if wanted and values.get("type", "") != wanted:
                raise invalid_field(_ENTITY, "type", f"an applied credit has the type {wanted}")
            memo = self.store.get("Invoice", values["credit"]["id"])
            if memo["type"] != "CreditMemo" or not self.invoices.is_closed(memo):
                raise invalid_field(_ENTITY, "credit", "credit must be a closed credit memo")
            if amount > -self.invoices.balances(memo)["balance"] + before:
                raise invalid_field(_ENTITY, "amount", "amount is greater than the rest of the credit memo")
        if not self.service.settings.keep_gl_batch_id:
            values.pop("glBatchID", None)
        values["amount"] = amount.quantize(CENT)

    def _change(self, invoice: Record, payment: Record, changed: Record) -> web.Response:
        if changed.get("credit") != payment.get("credit"):
            raise invalid_field(_ENTITY, "credit", "credit cannot be changed")
        self._check(invoice, changed, payment["amount"])
        if changed != payment:
            replace(payment, changed)
            self.store.touch(_ENTITY, payment, self.service.member)
        return json_response(self.store.render(_ENTITY, payment))

    async def _list(self, request: web.Request) -> web.Response:
        rows = [self.store.get(_ENTITY, number) for number in self._invoice(request).get("paymentIds", [])]
        return listing(self.service, _ENTITY, rows, request)

    async def _get(self, request: web.Request) -> web.Response:
        return json_response(self.store.render(_ENTITY, self._payment(request)[1]))

    async def _post(self, request: web.Request) -> web.Response:
        invoice = self._invoice(request)
        values = clean(self.store, _ENTITY, require_object(_ENTITY, await read_json(request)))
        if self.service.settings.drop_credit_of_payments:
            values.pop("credit", None)
        self._check(invoice, values)
        values |= {"invoice": {"id": invoice["id"]}, "appliedBy": self.service.member, "source": "Default"}
        values.setdefault("type", "P")
        values.setdefault("paymentSyncStatus", "Unapplied")
        values.setdefault("paymentDate", f"{now_text()[:10]}T00:00:00Z")
        payment = self.store.insert(_ENTITY, values, self.service.member)
        invoice.setdefault("paymentIds", []).append(payment["id"])
        if "credit" in payment:
            memo = self.store.get("Invoice", payment["credit"]["id"])
            memo.setdefault("applicationIds", []).append(payment["id"])
        return json_response(self.store.render(_ENTITY, payment), 201)

    async def _put(self, request: web.Request) -> web.Response:
        invoice, payment = self._payment(request)
        body = require_object(_ENTITY, await read_json(request))
        return self._change(invoice, payment, replaced(self.service, _ENTITY, payment, body))

    async def _patch(self, request: web.Request) -> web.Response:
        invoice, payment = self._payment(request)
        changed = patched(self.store, _ENTITY, payment, await read_json(request), self.service.breach)
        return self._change(invoice, payment, changed)

    async def _delete(self, request: web.Request) -> web.Response:
        invoice, payment = self._payment(request)
        invoice["paymentIds"].remove(payment["id"])
        if "credit" in payment:
            self.store.get("Invoice", payment["credit"]["id"])["applicationIds"].remove(payment["id"])
        self.store.remove(_ENTITY, payment["id"], self.service.member)
        return web.Response(status=204)
