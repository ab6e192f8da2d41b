"""What the day must have shown; the demo fails if any of it is not so."""

from collections import Counter
from typing import Any, Final

from sandbox.demo.books import Books
from sandbox.demo.checks_office import bought, contracts, receipts_of_expenses
from sandbox.demo.day import PAYMENTS, TOO_MUCH, Day
from sandbox.demo.expectations import Check
from sandbox.demo.money import MoneyRow

type Item = dict[str, Any]

EXPECTED: Final = {
    *("Agreement", "Consolidated", "CreditMemo", "DownPayment", "Miscellaneous", "Progress", "Standard"),
    *("Agreement carried", "Payments", "Credits applied", "Discounts granted"),
    *("Purchase orders", "Receipts", "Vendor bills", "Expenses owed", "Expenses paid"),
}
"""Kinds of money that the day must show; a kind without any would be equal by being empty."""


def checks(
    day: Day, books: Books, work: dict[str, list[Item]], money: list[MoneyRow], agreements: Item
) -> list[Check]:
    """Every expectation of the day."""
    return [
        *_nothing_twice(day, books),
        *_nothing_lost(day, books),
        *contracts(day, books, agreements),
        *bought(day, books),
        *_money(money),
        *_held(day, work["items"]),
        *_costs(day),
        Check("no message was given up", not work["poison"], str(work["poison"])),
        Check("no rule of either system was broken", not books.breaches, str(books.breaches[:3])),
    ]


def _nothing_twice(day: Day, books: Books) -> list[Check]:
    central = books.business_central
    twice = [number for number, rows in books.posted().items() if len(rows) > 1]
    posted_twice = [number for number, count in books.postings.items() if count > 1]
    drafts = [
        row
        for name in ("salesInvoices", "salesCreditMemos", "purchaseInvoices")
        for row in central.get(name, [])
        if row["status"] == "Draft"
    ]
    numbers = [
        number
        for name in ("customers", "vendors", "items")
        for number, count in Counter(row["number"] for row in central[name]).items()
        if count > 1
    ]
    batches = Counter(row["batchIdentifier"] for row in books.connectwise["AccountingBatch"])
    return [
        Check("no invoice was posted twice", not twice and not posted_twice, str([*twice, *posted_twice])),
        Check("no draft was left behind", not drafts, str([row["number"] for row in drafts])),
        Check("no customer, vendor or item was made twice", not numbers, str(numbers[:5])),
        Check("every accounting batch is there once", all(count == 1 for count in batches.values())),
    ]


def _nothing_lost(day: Day, books: Books) -> list[Check]:
    held = {int(record_id) for subject, record_id in day.to_hold if subject == "invoice"}
    posted = books.posted()
    invoices = [one for one in books.connectwise["Invoice"] if one["id"] not in held]
    missing = [one["invoiceNumber"] for one in invoices if one["invoiceNumber"] not in posted]
    unbatched = [one["invoiceNumber"] for one in invoices if "glBatch" not in one]
    kinds = Counter(t["name"] for one in books.connectwise["Company"] for t in one["types"])
    central = books.business_central
    employees = len(day.office.reports)
    contracts = len(books.connectwise["Agreement"]) + len(books.connectwise["Project"])
    items = len(books.connectwise["CatalogItem"])
    expected = (kinds["Customer"] - 1, kinds["Vendor"] + employees, items, contracts)
    found = tuple(len(central.get(name, [])) for name in ("customers", "vendors", "items", "projects"))
    unnoted = [
        one["invoiceNumber"] for one in invoices if "Business Central" not in one.get("internalNotes", "")
    ]
    return [
        Check(
            "every customer, vendor, item, agreement and project arrived",
            expected == found,
            f"expected {expected}, found {found}",
        ),
        Check(f"all {len(invoices)} invoices are posted", not missing, str(missing[:5])),
        Check("each is batched in ConnectWise", not unbatched, str(unbatched[:5])),
        Check("each carries its Business Central number in ConnectWise", not unnoted, str(unnoted[:5])),
        *_back_office(day, books),
        Check(
            "two drafts were posted by an accountant, two held ones released",
            (day.drafts, day.releases) == (2, 2),
        ),
        *_paid(day, books),
    ]


def _back_office(day: Day, books: Books) -> list[Check]:
    central, unapproved = books.business_central, f"EXP-{day.office.unapproved}"
    leaked = [
        row
        for name, key in (
            ("purchaseInvoices", "vendorInvoiceNumber"),
            ("generalLedgerEntries", "documentNumber"),
        )
        for row in central.get(name, [])
        if row[key] == unapproved
    ]
    memos = [row for row in central.get("salesCreditMemos", []) if row["status"] != "Draft"]
    applied = [row for row in memos if row["status"] == "Paid"]
    return [
        Check(f"all {len(day.office.memos)} credit memos are posted", len(memos) == len(day.office.memos)),
        Check(
            "those of an agreement are applied to its invoice",
            len(applied) == len(memos) // 2,
            str(len(applied)),
        ),
        Check("no unapproved expense left ConnectWise", not leaked, str(leaked)),
        receipts_of_expenses(day, books),
        Check(
            "stock was booked by hand and marked",
            day.office.stock_entries == 2 and not books.unposted_stock,
            str(books.unposted_stock),
        ),
    ]


def _paid(day: Day, books: Books) -> list[Check]:
    """Payments by what they are: a refund is none, and what was paid too much is no matter of the invoice."""
    shown = {
        row["externalDocumentNumber"]: [
            payment["amount"]
            for payment in books.connectwise["InvoicePayment"]
            if books.invoice(payment["invoice"]["id"])["invoiceNumber"] == row["externalDocumentNumber"]
        ]
        for row in day.refunds
    }
    total = {row["externalDocumentNumber"]: [row["totalAmountIncludingTax"]] for row in day.refunds}
    refunds = [entry for entry in books.entries if entry["document_type"] == "Refund"]
    applied = [payment for payment in books.connectwise["InvoicePayment"] if payment.get("credit")]
    return [
        Check(
            f"{PAYMENTS} payments were made in Business Central", day.payments == PAYMENTS, str(day.payments)
        ),
        Check(
            f"{TOO_MUCH} paid too much and refunded are no payment in ConnectWise",
            len(refunds) == 1 and bool(total) and shown == total,
            str(shown),
        ),
        Check(
            "the credit memos of agreements are credits on their invoices, no payments",
            len(applied) == len(day.office.memos) // 2,
            str(len(applied)),
        ),
    ]


def _money(money: list[MoneyRow]) -> list[Check]:
    wrong = [f"{row.kind} {row.currency} {row.difference}" for row in money if row.difference]
    empty = EXPECTED - {row.kind for row in money if row.count and row.connectwise}
    return [
        Check("every kind of document moved money", not empty, str(sorted(empty))),
        Check("every total is equal to the cent", bool(money) and not wrong, str(wrong)),
    ]


def _held(day: Day, items: list[Item]) -> list[Check]:
    found = {(item["ref"]["subject"], item["ref"]["id"]): item for item in items}
    named = [
        key
        for key, word in day.to_hold.items()
        if key in found
        and found[key]["state"] == "held"
        and word in found[key]["reason"]
        and found[key]["todo"]
    ]
    others = [
        f"{key} {item['state']}: {item['reason']}" for key, item in found.items() if key not in day.to_hold
    ]
    return [
        Check(
            "the three records are held with a reason and what to do",
            len(named) == 3,
            str(list(found.values())),
        ),
        Check("nothing else is open", not others, str(others[:3])),
    ]


def _costs(day: Day) -> list[Check]:
    if day.interrupted:
        return []
    unchanged, changed = day.costs["unchanged"], day.costs["changed"]
    return [
        Check(
            f"a linked record without a change costs at most 1 call: {unchanged.per_record:.2f}",
            unchanged.per_record <= 1,
        ),
        Check(f"a changed one at most 2: {changed.per_record:.2f}", changed.per_record <= 2),
    ]
