"""Down payments: invoices of that type, drawn on by lines of later invoices of the same company."""

from collections import defaultdict
from collections.abc import Iterable
from decimal import Decimal

from sandbox.connectwise.errors import invalid_field
from sandbox.connectwise.invoice_lines import ZERO, Line
from sandbox.connectwise.store import Record, Store


def remaining(store: Store, down_payment: Record, excluding: int = 0) -> Decimal:
    """What is left of a down payment, without tax; draws of the invoice ``excluding`` do not count."""
    invoices = [store.find("Invoice", at) for at in down_payment.get("drawnBy", []) if at != excluding]
    lines = [line for invoice in invoices if invoice for line in invoice["lines"]]
    drawn = sum((line.amount for line in lines if line.down_payment_id == down_payment["id"]), ZERO)
    return Decimal(down_payment["subtotal"]) + drawn


def remaining_of(store: Store, invoice: Record) -> Decimal:
    """The ``remainingDownpayment`` of an invoice: its own rest, or that of the down payments it draws on."""
    if invoice["type"] == "DownPayment":
        return remaining(store, invoice)
    numbers = {line.down_payment_id for line in invoice["lines"]} - {None}
    down_payments = [found for number in numbers if (found := store.find("Invoice", number))]
    return sum((remaining(store, found) for found in down_payments), ZERO)


def check_draws(store: Store, company: Record, lines: Iterable[Line], own_id: int = 0) -> None:
    """Raises 400 when a line draws on no down payment of the company, or on more than is left."""
    draws: defaultdict[int, Decimal] = defaultdict(Decimal)
    for line in lines:
        if line.down_payment_id is not None:
            draws[line.down_payment_id] -= line.amount
    for number, amount in draws.items():
        found = store.find("Invoice", number)
        if found is None or found["type"] != "DownPayment" or found["company"] != company:
            raise invalid_field("Invoice", "lines", f"{number} is not a down payment of the company")
        if amount > remaining(store, found, own_id):
            raise invalid_field("Invoice", "lines", f"down payment {number} has less left than {amount}")


def note_draws(store: Store, invoice: Record) -> None:
    """Remembers on each down payment that the invoice draws on it."""
    for line in invoice["lines"]:
        found = store.find("Invoice", line.down_payment_id)
        if found and invoice["id"] not in found.setdefault("drawnBy", []):
            found["drawnBy"].append(invoice["id"])
