"""What purchasing comes to in both systems: what is on order, what was received, what was billed."""

from collections import defaultdict
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from sandbox.demo.books import Books
from sandbox.demo.buying import Buying
from sandbox.demo.money import ZERO, MoneyRow, Sum, code_of, rows_of

type Record = dict[str, Any]


def purchase_money(books: Books, buying: Buying) -> list[MoneyRow]:
    """Orders and receipts against the orders in Business Central; bills against the purchase invoices."""
    by_order = {order["id"]: order for order in books.connectwise["PurchaseOrder"]}
    lines: dict[int, list[Record]] = defaultdict(list)
    for line in books.connectwise["PurchaseOrderLineItem"]:
        if not line["canceledFlag"]:
            lines[line["purchaseOrderId"]].append(line)
    ordered: dict[str, Sum] = defaultdict(Sum)
    received: dict[str, Sum] = defaultdict(Sum)
    billed: dict[str, Sum] = defaultdict(Sum)
    for made in buying.orders:
        order, own, stored = by_order[made["id"]], lines[made["id"]], order_lines(books, made)
        one, came = ordered[code_of(order)], received[code_of(order)]
        freight = Decimal(order.get("freightCost") or 0)
        one.count += bool(own)
        one.connectwise += sum((worth(line, "quantity") for line in own), freight if own else ZERO)
        one.business_central += sum((row["amountIncludingTax"] for row in stored), ZERO)
        came.count += len(receipts(books, made))
        came.connectwise += sum((worth(line, "receivedQuantity") for line in own), ZERO)
        came.connectwise += freight if order["closedFlag"] else ZERO
        came.business_central += _received(books, made)
    for made in buying.billed:
        order = by_order[made["id"]]
        one = billed[code_of(order)]
        one.connectwise += sum((worth(line, "receivedQuantity") for line in lines[made["id"]]), ZERO)
        for row in bills(books, order):
            one.count += 1
            one.business_central += row["totalAmountIncludingTax"]
    named = {"Purchase orders": ordered, "Receipts": received, "Vendor bills": billed}
    return [row for kind, sums in named.items() for row in rows_of(kind, sums)]


def worth(line: Record, quantity: str) -> Decimal:
    """A quantity of a line at its cost, to the cent."""
    amount = Decimal(line.get(quantity) or 0) * Decimal(line["unitCost"])
    return amount.quantize(Decimal("0.01"), ROUND_HALF_UP)


def order_lines(books: Books, order: Record) -> list[Record]:
    """The lines in Business Central of the order that carries a ConnectWise number, without comments."""
    rows = books.business_central.get("purchaseOrderLines", [])
    mark = f"CW PO {order['poNumber']}"
    orders = {row["documentId"] for row in rows if row["description"] == mark}
    return [row for row in rows if row["documentId"] in orders and row["lineType"] != "Comment"]


def receipts(books: Books, order: Record) -> list[Record]:
    """The posted receipts of an order."""
    ids = {row["documentId"] for row in order_lines(books, order)}
    numbers = {row["number"] for row in books.business_central.get("purchaseOrders", []) if row["id"] in ids}
    rows = books.business_central.get("purchaseReceipts", [])
    return [row for row in rows if row["orderNumber"] in numbers]


def _received(books: Books, order: Record) -> Decimal:
    """What the posted receipts hold, at the cost of the order's lines."""
    costs = {row["lineObjectNumber"]: Decimal(row["directUnitCost"]) for row in order_lines(books, order)}
    own = {row["id"] for row in receipts(books, order)}
    return sum(
        (
            (Decimal(row["quantity"]) * costs[row["lineObjectNumber"]]).quantize(
                Decimal("0.01"), ROUND_HALF_UP
            )
            for row in books.business_central.get("purchaseReceiptLines", [])
            if row["documentId"] in own and row["lineType"] != "Comment" and row["quantity"]
        ),
        ZERO,
    )


def bills(books: Books, order: Record) -> list[Record]:
    """The posted purchase invoices under the order's vendor invoice number."""
    number = str(order["vendorInvoiceNumber"]).upper()
    return [
        row
        for row in books.business_central.get("purchaseInvoices", [])
        if row["status"] != "Draft" and f"{row['vendorInvoiceNumber']}-".startswith(f"{number}-")
    ]
