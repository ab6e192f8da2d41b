"""Invoices: creation defaults, lines, closing with general ledger entries, reopening, computed balances."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Final

from aiohttp import web

from sandbox.connectwise.conditions import parse_instant
from sandbox.connectwise.crud import Collection, read_json, replace, replaced
from sandbox.connectwise.down_payments import check_draws, note_draws, remaining_of
from sandbox.connectwise.errors import ApiError, invalid_field
from sandbox.connectwise.invoice_lines import ACCOUNTS, ZERO, Line, header_totals, read_lines
from sandbox.connectwise.patch import patched
from sandbox.connectwise.query import listing
from sandbox.connectwise.service import BASE, Service
from sandbox.connectwise.store import Record, now_text
from sandbox.connectwise.validate import require_object
from sandbox.kit import Json, json_response

_SPECIAL: Final = frozenset({"CreditMemo", "DownPayment", "Miscellaneous"})
_APPLY_TO: Final = {"Agreement": "Agreement", "Project": "Project"}


class Invoices:
    """The invoices of the tenant. A closed invoice is locked; only its status and internal notes can change.

    A record holds, unseen by callers, its ``lines``, the ids of its ``entries``, its ``unpostedId`` and the
    moment ``dateClosed``.
    """

    def __init__(self, service: Service) -> None:
        self.service = service
        self.store = service.store
        self.collection = Collection(
            service,
            "finance/invoices",
            "Invoice",
            complete=self.complete,
            update=self.update,
            delete=self.delete,
            kept=("status", "date", "billToCompany", "shipToCompany", "locationId", "departmentId"),
        )
        self.store.computed["Invoice"] = self.balances

    def serve(self) -> None:
        """Registers the invoice routes beyond the collection."""
        service = self.service
        service.route("PATCH", f"{BASE}/finance/closedInvoices/{{id:\\d+}}", self._patch_closed)
        service.route("PUT", f"{BASE}/finance/closedInvoices/{{id:\\d+}}", self._put_closed)
        service.route("GET", f"{BASE}/finance/invoices/{{id:\\d+}}/glEntries/", self._entries)
        service.route("GET", f"{BASE}/finance/info/invoice/{{id:\\d+}}", self._info)

    def bill_to(self, invoice: Record) -> Record:
        """The company that is billed."""
        return self.store.get("Company", (invoice.get("billToCompany") or invoice["company"])["id"])

    def is_closed(self, invoice: Record) -> bool:
        """Whether the billing status of the invoice is a closed one."""
        return bool(self.store.get("BillingStatus", invoice["status"]["id"])["closedFlag"])

    def balances(self, invoice: Record) -> Mapping[str, Json]:
        """The fields that are computed on every read: payments, applied credits, balance, account number."""
        payments = [self.store.get("InvoicePayment", number) for number in invoice.get("paymentIds", [])]
        paid = sum((row["amount"] for row in payments if "credit" not in row), ZERO)
        credited = sum((row["amount"] for row in payments if "credit" in row), ZERO)
        used = sum((row["amount"] for row in self.applications(invoice)), ZERO)
        return {
            "payments": paid,
            "credits": credited,
            "balance": invoice["total"] - paid - credited + used,
            "accountNumber": self.bill_to(invoice).get("accountNumber"),
            "remainingDownpayment": remaining_of(self.store, invoice),
            "location": {"id": invoice["locationId"]},
            "department": {"id": invoice["departmentId"]},
        }

    def applications(self, credit_memo: Record) -> list[Record]:
        """The payment records that apply a credit memo to invoices."""
        return [self.store.get("InvoicePayment", number) for number in credit_memo.get("applicationIds", [])]

    def complete(self, values: Record) -> None:
        """Fills what a new invoice does not name: number, status, dates, bill-to, terms, currency, totals.

        Raises 400 when it is tied to something that does not exist, or bills progress without a fixed fee.
        """
        _place(values)
        self._check_ties(values)
        values["specialInvoiceFlag"] = values["type"] in _SPECIAL
        company = self.store.get("Company", values["company"]["id"])
        values.setdefault("invoiceNumber", str(self.store.next_id("invoiceNumber")))
        values.setdefault("status", {"id": self.status_id(closed=False)})
        values.setdefault("billToCompany", company.get("billToCompany") or {"id": company["id"]})
        bill_to = self.store.get("Company", values["billToCompany"]["id"])
        values.setdefault("shipToCompany", {"id": company["id"]})
        for name in ("billingTerms", "currency", "taxCode"):
            if name not in values and name in bill_to:
                values[name] = bill_to[name]
        today = datetime.now(UTC).date()
        values.setdefault("date", f"{today}T00:00:00Z")
        values.setdefault("dueDate", self._due_date(values))
        values.setdefault("locationId", 1)
        values.setdefault("departmentId", 1)
        lines = values.setdefault("lines", [])
        values.update(header_totals(values["type"], lines))

    def set_lines(self, invoice: Record, given: list[Json], member: str) -> None:
        """Replaces the lines of an open invoice and its totals; raises 400 when it is closed."""
        self._refuse_closed(invoice)
        lines = read_lines(self.store, invoice["type"], given)
        check_draws(self.store, invoice["company"], lines, invoice["id"])
        invoice["lines"] = lines
        note_draws(self.store, invoice)
        invoice.update(header_totals(invoice["type"], invoice["lines"]))
        self.store.touch("Invoice", invoice, member)

    def update(self, invoice: Record, changed: Record, member: str) -> None:
        """Puts a change of an open invoice into effect, a change of status included."""
        self._refuse_closed(invoice)
        _place(changed)
        self._check_ties(changed)
        moved = {**changed, "status": invoice["status"]}
        self.set_status(moved, changed["status"]["id"], member)
        replace(invoice, moved)

    def delete(self, invoice: Record, member: str) -> None:
        """Deletes an open invoice; raises 400 when it is closed or paid."""
        self._refuse_closed(invoice)
        if invoice.get("paymentIds") or invoice.get("applicationIds"):
            raise ApiError(409, "InvalidObject", "the invoice has payments")
        self.store.remove("Invoice", invoice["id"], member)

    def set_status(self, invoice: Record, status_id: int, member: str, *, mapped: bool = True) -> None:
        """Moves an invoice to a billing status: closing makes entries (when ``mapped``), reopening removes them.

        Raises 400 when a batched invoice would be reopened or a required account number is missing.
        """
        closes, was_closed = self.store.get("BillingStatus", status_id)["closedFlag"], self.is_closed(invoice)
        if closes and not was_closed:
            if self.service.settings.require_account_number_to_close and not self.bill_to(invoice).get(
                "accountNumber"
            ):
                raise invalid_field(
                    "Invoice", "status", "the company needs an account number", "InvalidObject"
                )
            invoice["unpostedId"] = self.store.next_id("UnpostedInvoice")
            invoice["dateClosed"], invoice["closedBy"] = now_text(), member
            invoice["entries"] = self._make_entries(invoice, member) if mapped else []
        elif was_closed and not closes:
            if self.is_batched(invoice):
                raise invalid_field(
                    "Invoice", "status", "a batched invoice cannot be reopened", "InvalidObject"
                )
            for number in invoice.pop("entries"):
                self.store.remove("GLEntry", number, member)
            invoice.pop("closedBy", None)
        invoice["status"] = {"id": status_id}

    def is_batched(self, invoice: Record) -> bool:
        """Whether any ledger entry of the invoice is in a batch."""
        return any(entry["isBatched"] for entry in self.entries(invoice))

    def entries(self, invoice: Record) -> list[Record]:
        """The general ledger entries of an invoice."""
        return [self.store.get("GLEntry", number) for number in invoice.get("entries", [])]

    def status_id(self, *, closed: bool) -> int:
        """The first billing status that is closed, or open."""
        return int(next(row["id"] for row in self.store.rows("BillingStatus") if row["closedFlag"] is closed))

    def _make_entries(self, invoice: Record, member: str) -> list[int]:
        """Receivable entries as debits (the tax part on its own), one credit per line; returns their ids."""
        tax = invoice["salesTax"]
        receivables = [invoice["total"] - tax, tax] if tax else [invoice["total"]]
        entries = [self._entry(invoice, "AR", amount, ACCOUNTS["AR"], None) for amount in receivables]
        entries += [
            self._entry(invoice, line.gl_type, -line.amount, line.account, line) for line in invoice["lines"]
        ]
        return [self.store.insert("GLEntry", entry, member)["id"] for entry in entries]

    def _entry(
        self, invoice: Record, gl_type: str, amount: Decimal, account: str, line: Line | None
    ) -> Record:
        item = self.store.find("CatalogItem", line.item_id) if line else None
        return {
            "type": gl_type,
            "amount": amount,
            "description": (line.description if line else f"Invoice {invoice['invoiceNumber']}")[:100],
            "segment1": account,
            "productId": item["identifier"] if item else None,
            "cost": line.cost if line else None,
            "kind": "invoice",
            "documentId": invoice["id"],
            "references": {"invoice": {"id": invoice["id"]}},
            "line": line,
        }

    def _check_ties(self, values: Record) -> None:
        table = _APPLY_TO.get(values.get("applyToType", ""))
        if table and self.store.find(table, values.get("applyToId")) is None:
            raise invalid_field("Invoice", "applyToId", "applyToId does not exist", "NotFound")
        project = self.store.find("Project", values.get("project", {}).get("id"))
        if values["type"] == "Progress" and project and project["billingMethod"] != "FixedFee":
            raise invalid_field("Invoice", "project", "progress billing needs a project with a fixed fee")

    def _due_date(self, values: Record) -> str:
        terms = self.store.find("BillingTerm", values.get("billingTerms", {}).get("id"))
        days: int = terms["dueDays"] if terms else 0
        due: date = parse_instant(values["date"]).date() + timedelta(days=days)
        return f"{due}T00:00:00Z"

    def _refuse_closed(self, invoice: Record) -> None:
        if self.is_closed(invoice):
            raise invalid_field(
                "Invoice", "status", "the invoice is closed; use closedInvoices", "InvalidObject"
            )

    def _closed(self, request: web.Request) -> Record:
        invoice = self.store.get("Invoice", int(request.match_info["id"]))
        if not self.is_closed(invoice):
            raise invalid_field("ClosedInvoice", "status", "the invoice is not closed", "InvalidObject")
        return invoice

    async def _patch_closed(self, request: web.Request) -> web.Response:
        invoice = self._closed(request)
        changed = patched(self.store, "ClosedInvoice", invoice, await read_json(request), self.service.breach)
        return self._change_closed(invoice, changed)

    async def _put_closed(self, request: web.Request) -> web.Response:
        invoice = self._closed(request)
        body = require_object("ClosedInvoice", await read_json(request))
        return self._change_closed(invoice, replaced(self.service, "ClosedInvoice", invoice, body))

    def _change_closed(self, invoice: Record, changed: Record) -> web.Response:
        if "status" not in changed:
            raise invalid_field("ClosedInvoice", "status", "status is required", "MissingRequiredField")
        if changed != invoice:
            self.set_status(invoice, changed["status"]["id"], self.service.member)
            invoice["internalNotes"] = changed.get("internalNotes")
            self.store.touch("Invoice", invoice, self.service.member)
        return json_response(self.store.render("ClosedInvoice", invoice))

    async def _entries(self, request: web.Request) -> web.Response:
        invoice = self.store.get("Invoice", int(request.match_info["id"]))
        return listing(self.service, "GLEntry", self.entries(invoice), request)

    async def _info(self, request: web.Request) -> web.Response:
        invoice = self.store.get("Invoice", int(request.match_info["id"]))
        products = [self._product(invoice, line) for line in invoice["lines"] if line.item_id is not None]
        shown = self.store.render("Invoice", invoice)
        return json_response(
            {"id": invoice["id"], "invoice": shown, "products": products, "timeEntries": [], "expenses": []}
        )

    def _product(self, invoice: Record, line: Line) -> Record:
        values: Record = {
            "id": line.id,
            "catalogItem": {"id": line.item_id},
            "description": line.description,
            "quantity": line.quantity,
            "price": line.unit_price,
            "cost": line.cost,
            "extPrice": line.amount,
            "billableOption": "Billable",
            "taxableFlag": line.taxable,
            "invoice": {"id": invoice["id"]},
        }
        return self.store.render("ProductItem", values)


def _place(values: Record) -> None:
    """Location and department are kept as ids; the references are made from them."""
    for name in ("location", "department"):
        if reference := values.pop(name, None):
            values[f"{name}Id"] = reference["id"]
