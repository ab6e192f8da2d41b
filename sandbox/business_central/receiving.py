"""What to receive and to invoice of a purchase order line, and what a released order still lets change.

``receiveQuantity`` and ``invoiceQuantity`` belong to the next posting. Setting the first starts the second over
with everything received and not yet invoiced; after each posting both start over with what is left.
"""

from collections.abc import Iterable
from decimal import Decimal
from typing import Final

from sandbox.business_central.environment import Environment
from sandbox.business_central.errors import ApiError, bad_request, dialog, field_error
from sandbox.business_central.kinds import ORDER, kind_of
from sandbox.business_central.store import Record, Values

_MAINTAINED: Final = ("receivedQuantity", "invoicedQuantity", "fullyReceived")
_COMPUTED: Final = (
    "amountExcludingTax",
    "amountIncludingTax",
    "invoiceDiscountAllocation",
    "netAmount",
    "netTaxAmount",
    "netAmountIncludingTax",
)
_FREE_LINE: Final = {
    "receiveQuantity",
    "invoiceQuantity",
    "description",
    "description2",
    "expectedReceiptDate",
}
_FIXED_HEADER: Final = {
    "vendorId",
    "vendorNumber",
    "payToVendorId",
    "payToVendorNumber",
    "currencyId",
    "currencyCode",
    "discountAmount",
}


def check_maintained(environment: Environment, values: Values) -> None:
    """Raises 400 and notes a broken rule when a body sends what only postings or the arithmetic may set."""
    for name in (*_MAINTAINED, *_COMPUTED):
        if name in values:
            environment.breach("maintained property", f"{name} was sent")
            raise bad_request(f"Control '{name}' is read-only.", "BadRequest_InvalidOperation")


def check_header(header: Record, values: Values) -> None:
    """Raises 400 when a released order is to get another vendor, currency or discount."""
    differing = {name for name in _FIXED_HEADER & values.keys() if values[name] != header.values[name]}
    if header.hidden.get("released") and differing:
        raise _not_open(header)


def check_line(header: Record, line: Record | None, values: Values) -> None:
    """Raises 400 when a line of a released order is added (``line`` none) or changed in what is fixed by then."""
    if not header.hidden.get("released"):
        return
    differing = {name for name, value in values.items() if line is None or line.values[name] != value}
    if line is None or differing - _FREE_LINE:
        raise _not_open(header)


def check_deletion(header: Record, rows: Iterable[Record]) -> None:
    """Raises 400 when something was received on the order."""
    for row in rows:
        received = row.values["receivedQuantity"]
        if received:
            key = f"Document Type=Order,Document No.={header.values['number']},Line No.={row.values['sequence']}"
            left = received - row.values["invoicedQuantity"]
            caption = "Qty. Rcd. Not Invoiced" if left else "Quantity Received"
            raise field_error(caption, "Purchase Line", key, wanted="0", current=shown(left or received))


def quantities(environment: Environment, current: Values, changes: Values) -> Values:
    """The quantities to receive and to invoice of an order line after its changes, in page order.

    ``current`` are the values before; a new quantity starts both over. A value equal to the current one is
    skipped. Raises 400 above what is outstanding or what is received and not yet invoiced.
    """
    blank = {name: Decimal(0) for name in ("quantity", "receivedQuantity", "invoicedQuantity")}
    line = blank | {"receiveQuantity": Decimal(0), "invoiceQuantity": Decimal(0)} | current
    if changes.get("quantity", line["quantity"]) != line["quantity"]:
        line["quantity"] = changes["quantity"]
        line |= remainder(environment, line)
    wanted = changes.get("invoiceQuantity", line["invoiceQuantity"])
    if wanted != line["invoiceQuantity"]:
        _check_most(wanted, _to_invoice(line), "invoice")
        line["invoiceQuantity"] = wanted
    wanted = changes.get("receiveQuantity", line["receiveQuantity"])
    if wanted != line["receiveQuantity"]:
        _check_most(wanted, line["quantity"] - line["receivedQuantity"], "receive")
        line["receiveQuantity"] = wanted
        line["invoiceQuantity"] = _to_invoice(line)
    return {name: line[name] for name in ("receiveQuantity", "invoiceQuantity")}


def remainder(environment: Environment, line: Values) -> Values:
    """Both quantities as they start over: everything outstanding, or nothing where the setup says blank."""
    blank = environment.settings.default_receive_quantity == "blank"
    receive = Decimal(0) if blank else line["quantity"] - line["receivedQuantity"]
    return {"receiveQuantity": receive, "invoiceQuantity": _to_invoice(line | {"receiveQuantity": receive})}


def is_order(record: Record) -> bool:
    """Whether the record is a purchase order or one of its lines."""
    return kind_of(record).document_type == ORDER


def shown(quantity: Decimal) -> str:
    """A quantity as error texts show it."""
    return f"{quantity.normalize():f}"


def _to_invoice(line: Values) -> Decimal:
    most: Decimal = line["receivedQuantity"] + line["receiveQuantity"] - line["invoicedQuantity"]
    return most


def _check_most(wanted: Decimal, most: Decimal, verb: str) -> None:
    if wanted * most < 0 or abs(wanted) > abs(most):
        raise dialog(f"You cannot {verb} more than {shown(most)} units.")


def _not_open(header: Record) -> ApiError:
    key = f"Document Type=Order,No.={header.values['number']}"
    return field_error("Status", "Purchase Header", key, wanted="Open", current="Released")
