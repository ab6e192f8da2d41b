"""Invoices on the screens: entry with lines, closing, reopening, taking out of a batch."""

from sandbox.connectwise.down_payments import check_draws, note_draws
from sandbox.connectwise.errors import ApiError
from sandbox.connectwise.invoice_lines import read_lines
from sandbox.connectwise.invoices import Invoices
from sandbox.connectwise.screens import Screen
from sandbox.connectwise.service import ADMIN_MEMBER
from sandbox.connectwise.store import Record
from sandbox.connectwise.unposted_invoices import InvoiceSource
from sandbox.connectwise.validate import clean


class InvoiceScreen:
    """What a person does with invoices."""

    def __init__(self, invoices: Invoices, source: InvoiceSource) -> None:
        self.invoices = invoices
        self.store = invoices.store
        self.source = source

    def screen(self) -> Screen:
        """The screen with its actions."""
        actions = (self.close, self.reopen, self.unbatch)
        return Screen(self.invoices.collection, self.enter, actions, self.invoices.set_lines)

    def enter(self, values: Record) -> Record:
        """Creates an invoice; beside its fields it takes ``lines``, see ``read_lines``."""
        given = values.pop("lines", [])
        cleaned = clean(self.store, "Invoice", {"type": "Standard", **values})
        cleaned["lines"] = read_lines(self.store, cleaned["type"], given)
        check_draws(self.store, cleaned["company"], cleaned["lines"])
        self.store.check_unique("Invoice", cleaned)
        self.invoices.complete(cleaned)
        invoice = self.store.insert("Invoice", cleaned, ADMIN_MEMBER)
        note_draws(self.store, invoice)
        return invoice

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
        self.source.unbatched(invoice["id"], reference, ADMIN_MEMBER)
