"""Posting a purchase order: receipts and invoices of what its lines say, and what is left afterwards."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from sandbox.business_central import dimensions, parties, purchase_posting, receiving
from sandbox.business_central.checks import check_document
from sandbox.business_central.environment import Environment, precision_of, rounded
from sandbox.business_central.fields import SETS
from sandbox.business_central.kinds import KINDS
from sandbox.business_central.lines import lines_of, recalculate
from sandbox.business_central.store import Company, Record, Values

_RECEIPT_TYPES: Final = {"Comment": "_x0020_", "Account": "G_x002F_L_x0020_Account", "Item": "Item"}
_NOTHING: Final = Decimal(0)

type Quantities = Mapping[str, Decimal]


def post(
    environment: Environment,
    company: Company,
    order: Record,
    *,
    receive: bool = True,
    invoice: bool = True,
) -> None:
    """Posts as ``Microsoft.NAV.receiveAndInvoice``; a receipt alone when no line is to be invoiced.

    A person may leave out one half. The order is released by it, and deleted when everything is invoiced.
    Raises 400.
    """
    environment.store.commit()
    rows = lines_of(company, order)
    received = {row.key: row.values["receiveQuantity"] if receive else _NOTHING for row in rows}
    invoiced = {row.key: _to_invoice(row, received[row.key]) if invoice else _NOTHING for row in rows}
    booked = [row for row in rows if received[row.key] or invoiced[row.key]]
    check_document(environment, company, order, booked)
    number = order.hidden.get("vendorInvoiceNumber", "")
    if any(invoiced.values()):
        vendor = order.values["payToVendorNumber"]
        purchase_posting.check_vendor_number(environment, company, vendor, number)
    with environment.store.transaction():
        if any(received.values()):
            _enter_receipt(environment, company, order, received)
        if any(invoiced.values()):
            _enter_invoice(environment, company, order, invoiced, number)
        _carry_over(environment, company, order, received, invoiced)
    environment.store.commit()


def _to_invoice(row: Record, receiving_now: Decimal) -> Decimal:
    values = row.values
    most = values["receivedQuantity"] + receiving_now - values["invoicedQuantity"]
    return Decimal(min(values["invoiceQuantity"], most, key=abs))


def _enter_receipt(environment: Environment, company: Company, order: Record, received: Quantities) -> None:
    kind, values, store = KINDS["purchaseOrders"], order.values, environment.store
    own = {name: values[name] for name in SETS["purchaseReceipts"].fields if name in values}
    own |= {
        "number": company.next_number(*kind.posted),
        "orderNumber": values["number"],
        "invoiceDate": values["orderDate"],
        "dueDate": parties.due_date(company, kind, values),
    }
    receipt = store.insert(company, "purchaseReceipts", own, {"dimensions": dimensions.of_document(order)})
    for row in lines_of(company, order):
        line = {name: row.values[name] for name in SETS["purchaseReceiptLines"].fields if name in row.values}
        line |= {
            "documentId": receipt.key,
            "lineType": _RECEIPT_TYPES[row.values["lineType"]],
            "unitCost": row.values["directUnitCost"],
            "quantity": received[row.key],
        }
        store.insert(company, "purchaseReceiptLines", line, {"dimensions": dimensions.of_document(row)})


def _enter_invoice(
    environment: Environment, company: Company, order: Record, invoiced: Quantities, number: str
) -> None:
    kind, values, store = KINDS["purchaseInvoices"], order.values, environment.store
    own = {name: values[name] for name in SETS[kind.set_name].fields if name in values}
    own |= {
        "orderId": order.key,
        "orderNumber": values["number"],
        "vendorInvoiceNumber": number,
        "invoiceDate": values["postingDate"],
        "discountAmount": _NOTHING,
    }
    own["dueDate"] = parties.due_date(company, kind, values | own)
    hidden = {name: order.hidden[name] for name in ("dimensions", "rate", "taxed")} | {"posted": False}
    header = store.insert(company, kind.set_name, own, hidden)
    precision = precision_of(company, values["currencyCode"])
    for row in lines_of(company, order):
        line = {name: row.values[name] for name in SETS[kind.lines].fields if name in row.values}
        line |= {
            "documentId": header.key,
            "unitCost": row.values["directUnitCost"],
            "quantity": invoiced[row.key],
            "discountAmount": _share(row.values, "discountAmount", invoiced[row.key], precision),
        }
        store.insert(company, kind.lines, line, {"dimensions": dimensions.of_document(row)})
    shares = (
        _share(row.values, "invoiceDiscountAllocation", invoiced[row.key], precision)
        for row in lines_of(company, order)
    )
    store.update(company, header, {"discountAmount": sum(shares, _NOTHING)})
    recalculate(environment, company, header)
    purchase_posting.enter(environment, company, header)


def _share(line: Values, name: str, quantity: Decimal, precision: Decimal) -> Decimal:
    """The part of an amount of the line that belongs to a part of its quantity."""
    return rounded(line[name] * quantity / line["quantity"], precision) if line["quantity"] else _NOTHING


def _carry_over(
    environment: Environment, company: Company, order: Record, received: Quantities, invoiced: Quantities
) -> None:
    store, rows = environment.store, lines_of(company, order)
    for row in rows:
        done = {
            "receivedQuantity": row.values["receivedQuantity"] + received[row.key],
            "invoicedQuantity": row.values["invoicedQuantity"] + invoiced[row.key],
        }
        left = receiving.remainder(environment, row.values | done)
        store.update(company, row, done | left)
    if all(row.values["invoicedQuantity"] == row.values["quantity"] for row in rows):
        for record in (*rows, order):
            store.delete(company, record)
        return
    complete = all(row.values["receivedQuantity"] == row.values["quantity"] for row in rows)
    mark = [(row.key, row.version) for row in rows]
    hidden = {"released": True, "lines": mark, "vendorInvoiceNumber": ""}
    store.update(company, order, {"status": "Open", "fullyReceived": complete}, hidden)
