"""What agreements, projects and purchasing must have shown."""

from collections import Counter
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from sandbox.demo.books import Books
from sandbox.demo.buying import CANCELLED, CUT, GROWN, OPEN, ORDERS, SWITCHES
from sandbox.demo.day import Day
from sandbox.demo.expectations import Check
from sandbox.demo.money_purchasing import bills, order_lines, receipts

type Item = dict[str, Any]


def contracts(day: Day, books: Books, report: Item) -> list[Check]:
    """Recurring revenue from the terms that ConnectWise has, the renewal in the history, the project on its invoice."""
    expected = sum((Decimal(one["billAmount"]) for one in books.connectwise["Agreement"]), Decimal(0))
    expected += sum((addition_worth(one) for one in books.connectwise["Addition"]), Decimal(0))
    rows = report["agreements"]
    recurring = sum((row["recurring"] for row in rows), Decimal(0))
    events = {event["what"] for row in rows for event in row["history"]}
    number = books.invoice(day.office.moved["id"])["invoiceNumber"]
    [document] = books.posted().get(number, [{"id": ""}])
    lines = books.business_central["salesInvoiceLines"]
    texts = [row["description"] for row in lines if row["documentId"] == document["id"]]
    return [
        Check(
            f"recurring revenue of {len(rows)} agreements with their additions is {expected:,.2f}",
            bool(expected) and recurring == expected,
            f"{recurring:,.2f}",
        ),
        Check("a renewal is in the history of its agreement", "renewed" in events, str(sorted(events))),
        Check(
            "the invoice of a project names it",
            f"Project: {day.office.projects[0]['name']}" in texts,
            str(texts),
        ),
    ]


def receipts_of_expenses(day: Day, books: Books) -> Check:
    """Every receipt of an approved report is on the posted purchase invoice of that report, once and whole."""
    central = books.business_central
    numbers = {row["id"]: row["vendorInvoiceNumber"] for row in central.get("purchaseInvoices", [])}
    found = sorted(
        (numbers[row["parentId"]], row["fileName"], row["byteSize"])
        for row in central.get("documentAttachments", [])
    )
    reports = {row["id"]: row["expenseReport"]["id"] for row in books.connectwise["ExpenseEntry"]}
    expected = sorted(
        (f"EXP-{report}", f"{row['title']} (CW {row['id']}).jpg", row["size"])
        for row in books.connectwise["DocumentInfo"]
        if (report := reports[int(row["serverFileName"].split("/")[1])]) != day.office.unapproved
    )
    size = sum(row[2] for row in found)
    text = f"{len(found)} receipts of {size:,} bytes are on the purchase invoices of their reports"
    return Check(text, bool(found) and found == expected, f"{found} instead of {expected}")


def addition_worth(addition: Item) -> Decimal:
    """What an addition brings in each cycle, to the cent."""
    quantity = Decimal(addition["quantity"]) - Decimal(addition.get("lessIncluded") or 0)
    return (quantity * Decimal(addition["unitPrice"])).quantize(Decimal("0.01"), ROUND_HALF_UP)


def bought(day: Day, books: Books) -> list[Check]:
    """Each order as it ended: received in two parts, cut, grown, half received, cancelled, billed by receipt."""
    buying = day.buying
    parts = Counter(len(receipts(books, order)) for order in buying.orders)
    ordered = {
        number: sum(Decimal(row["quantity"]) for row in order_lines(books, buying.orders[number]))
        for number in (CUT, GROWN, OPEN, CANCELLED)
    }
    quantities = {CUT: Decimal(8), GROWN: Decimal(SWITCHES + 8), OPEN: Decimal(14), CANCELLED: Decimal(0)}
    by_id = {order["id"]: order for order in books.connectwise["PurchaseOrder"]}
    billed = [len(bills(books, by_id[order["id"]])) for order in buying.billed]
    lines = books.business_central["purchaseOrderLines"]
    batched = [row for row in books.unposted_stock if row["procurementType"] == "Purchase"]
    return [
        Check(
            f"of {ORDERS} orders seven came in two receipts, the grown one in three, one in one so far, one was cancelled",
            parts == Counter({2: ORDERS - 3, 3: 1, 1: 1, 0: 1}),
            str(parts),
        ),
        Check(
            "a dropped rest, a grown order and a cancelled one are ordered as they are now",
            ordered == quantities,
            str(ordered),
        ),
        Check(
            "what the grown order needed was told, made by hand and gone on with", buying.steps_by_hand == 2
        ),
        Check("each receipt of the later orders is one bill", billed == [2, 2, 1, 1], str(billed)),
        Check("the bill without a number was held until it had one", buying.held_bills == 1),
        Check("nothing was invoiced on an order", not any(row["invoicedQuantity"] for row in lines)),
        Check("every receipt and bill is batched in ConnectWise", not batched, str(batched[:2])),
    ]
