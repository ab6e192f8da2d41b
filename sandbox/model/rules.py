"""The rules of the model: those that hold after every step, and those that hold when everything has come to rest.

All are read from the two systems' books; of what the product says of itself only the work list is believed, where it
must explain what is not in step.
"""

from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from typing import Final

from sandbox.kit import Json
from sandbox.model.people import People
from shared.app import DEFAULT
from shared.domain.records import State
from shared.ports.storage import OpenItem

POSTED: Final = ("Open", "Paid", "Canceled", "Corrective")
ZERO: Final = Decimal(0)


def always(people: People) -> list[str]:
    """What is broken although it must hold at any moment, one sentence each."""
    return [*_documents_always(people), *_payments_always(people), *_others_always(people)]


def _documents_always(people: People) -> Iterator[str]:
    world = people.world
    for number, count in world.business_central.environment.postings.items():
        if count > 1:
            yield f"document {number} was posted {count} times"
    names = Counter(row["batchIdentifier"] for row in world.cw_records("AccountingBatch"))
    yield from (f"batch {name} exists {count} times" for name, count in names.items() if count > 1)
    documents = _posted(people)
    for row in world.cw_records("Invoice"):
        found = documents.get(row["invoiceNumber"], [])
        if len(found) > 1:
            yield f"invoice {row['id']} has {len(found)} posted documents"
        if found and row.get("glBatch") and found[0]["totalAmountIncludingTax"] != abs(row["total"]):
            yield f"invoice {row['id']}: {row['total']}, posted {found[0]['totalAmountIncludingTax']}"
        if row.get("glBatch") and not found:
            yield f"invoice {row['id']} is batched, but nothing was posted"


def _posted(people: People) -> dict[str, list[Json]]:
    found: dict[str, list[Json]] = {}
    for name in ("salesInvoices", "salesCreditMemos"):
        for row in people.world.bc_records(name):
            if row["status"] in POSTED:
                found.setdefault(row["externalDocumentNumber"], []).append(row)
    return found


def _payments_always(people: People) -> Iterator[str]:
    for number, total, paid in _overpaid(people):
        if paid > people.shrunk.get(number, ZERO):
            yield f"invoice {number} of {total} carries payments of {paid}"
    for row in people.world.bc_records("salesInvoices"):
        if row["status"] in POSTED and not ZERO <= row["remainingAmount"] <= row["totalAmountIncludingTax"]:
            yield f"{row['number']}: {row['remainingAmount']} of {row['totalAmountIncludingTax']} is open"


def _overpaid(people: People) -> Iterator[tuple[int, Decimal, Decimal]]:
    """Invoices that carry more than their total: number, total, paid."""
    for row in people.world.cw_records("Invoice"):
        paid = people.paid_on(row["id"])
        if paid > max(row["total"], ZERO):
            yield row["id"], row["total"], paid


def _overpaid_unseen(people: People, excused: "Excused") -> Iterator[str]:
    for number, total, paid in _overpaid(people):
        if ("invoice", str(number)) not in excused:
            yield f"invoice {number} of {total} carries payments of {paid}, and nobody is told"


def _others_always(people: People) -> Iterator[str]:
    world = people.world
    yield from (f"contract: {breach}" for breach in world.breaches)
    for name in ("customers", "vendors", "items"):
        numbers = Counter(row["number"] for row in world.bc_records(name))
        yield from (f"{name} {number} exists {n} times" for number, n in numbers.items() if n > 1)
    for record in people.orders:
        orders = people.buying.orders(record)
        if len(orders) > 1:
            yield f"purchase order {record} has {len(orders)} orders"
        for item in people.buying.items if orders else ():
            there = sum(people.buying.receipt_quantities(record, item))
            if there > people.buying.received(record, item):
                yield f"purchase order {record}: {there} of {item} received, more than in ConnectWise"
    for record in people.reports:
        posted = [row for row in people.spending.invoices(record) if row["status"] in POSTED]
        if len(posted) > 1:
            yield f"expense report {record} has {len(posted)} posted invoices"
        debit = sum((row["debitAmount"] for row in people.spending.booked(record)), ZERO)
        credit = sum((row["creditAmount"] for row in people.spending.booked(record)), ZERO)
        if debit != credit:
            yield f"expense report {record}: debit {debit}, credit {credit}"


async def at_rest(people: People) -> list[str]:
    """What is broken when everything has come to rest."""
    items = await people.world.app.desk.work(DEFAULT)
    excused = {(item.ref.subject, item.ref.id) for item in items}
    poison = [value async for _, value in people.world.app.state.named(DEFAULT, "poison|")]
    return [
        *always(people),
        *_explained(items),
        *(f"given up: {value}" for value in poison),
        *_companies(people, excused),
        *_items(people, excused),
        *_invoices(people, excused),
        *_overpaid_unseen(people, excused),
        *_orders(people, excused),
        *_reports(people, excused),
    ]


type Excused = set[tuple[str, str]]


def _explained(items: list[OpenItem]) -> Iterator[str]:
    for item in items:
        what = f"{item.entity} {item.ref.id} is {item.state}"
        if not item.reason or not item.cause:
            yield f"{what} without a reason"
        if item.state is State.RETRYING:
            yield f"{what} although nothing fails any more: {item.cause}: {item.reason}"
        if item.cause == "unexpected":
            yield f"{what}: {item.reason}"


def _companies(people: People, excused: Excused) -> Iterator[str]:
    customers = {row["number"]: row for row in people.world.bc_records("customers")}
    used: Counter[str] = Counter()
    for record in people.companies:
        source = people.world.cw_record("Company", record)
        number = source.get("accountNumber") or ""
        used[number] += 1
        if ("company", record) in excused:
            continue
        if number not in customers:
            if number in people.gone:
                continue
            yield f"company {record} has no customer {number}"
        elif customers[number]["displayName"] != source["name"]:
            yield f"company {record}: {source['name']!r}, the customer {customers[number]['displayName']!r}"
    yield from (f"customer {number} has {n} companies" for number, n in used.items() if number and n > 1)


def _items(people: People, excused: Excused) -> Iterator[str]:
    items = {row["number"]: row for row in people.world.bc_records("items")}
    for record in people.items:
        source = people.world.cw_record("CatalogItem", record)
        if ("catalog_item", record) in excused:
            continue
        row = items.get(source["identifier"])
        if row is None:
            if source["identifier"] in people.gone:
                continue
            yield f"item {record} is not in Business Central"
        elif row["unitPrice"] != source["price"]:
            yield f"item {record}: {source['price']}, in Business Central {row['unitPrice']}"


def _invoices(people: People, excused: Excused) -> Iterator[str]:
    documents = _posted(people)
    for record in people.invoices:
        if record in people.deleted or ("invoice", record) in excused:
            continue
        source = people.billing.source(record)
        found = documents.get(source["invoiceNumber"], [])
        if not source["status"]["isClosed"]:
            if found:
                yield f"invoice {record} is open again, but posted, and not in the work list"
            continue
        if len(found) != 1:
            yield f"invoice {record} has {len(found)} posted documents and is not in the work list"
            continue
        if found[0]["totalAmountIncludingTax"] != abs(source["total"]):
            yield f"invoice {record}: {source['total']}, posted {found[0]['totalAmountIncludingTax']}"
        if not source.get("glBatch"):
            yield f"invoice {record} is posted, but not batched"
        if source["type"] != "CreditMemo" and ("settlement", record) not in excused:
            yield from _settled(people, record, source, found[0])


def _settled(people: People, record: str, source: Json, document: Json) -> Iterator[str]:
    paid = sum((row["amount"] for row in people.billing.payments(record)), ZERO)
    applied = document["totalAmountIncludingTax"] - document["remainingAmount"]
    if paid != applied:
        yield f"invoice {record}: payments {paid}, applied in Business Central {applied}"
    if source["balance"] != document["remainingAmount"]:
        yield f"invoice {record}: open {source['balance']}, in Business Central {document['remainingAmount']}"


def _orders(people: People, excused: Excused) -> Iterator[str]:
    for record in people.orders:
        if ("purchase_order", record) in excused:
            continue
        if len(people.buying.orders(record)) != 1:
            yield f"purchase order {record} has {len(people.buying.orders(record))} orders"
            continue
        for item in people.buying.items:
            here, there = people.buying.received(record, item), people.buying.receipt_quantities(record, item)
            if here != sum(there):
                yield f"purchase order {record}: {here} of {item} received, {sum(there)} in Business Central"
        if people.buying.unposted(record):
            yield f"purchase order {record} is received, but not batched"


def _reports(people: People, excused: Excused) -> Iterator[str]:
    for record in people.reports:
        source = people.spending.source(record)
        if ("expense_report", record) in excused or source["status"] != "Approved":
            continue
        sums = {"Reimbursable": ZERO, "": ZERO}
        for entry in people.spending.entries(record):
            owed = entry["classification"]["name"] == "Reimbursable"
            sums["Reimbursable" if owed else ""] += entry["amount"]
        posted = [row for row in people.spending.invoices(record) if row["status"] in POSTED]
        total = sum((row["totalAmountIncludingTax"] for row in posted), ZERO)
        booked = sum((row["debitAmount"] for row in people.spending.booked(record)), ZERO)
        for name, here, there in (("owed", sums["Reimbursable"], total), ("paid", sums[""], booked)):
            if here != there:
                yield f"expense report {record}: {name} {here}, in Business Central {there}"
