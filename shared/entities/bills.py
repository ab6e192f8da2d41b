"""Receipts as bills of the vendor: which are to be made, their numbers, and what each contains.

ConnectWise has one vendor invoice number for a whole order, Business Central takes each number of a vendor once; so
where an order comes in several receipts the packing slip is added to the number.
"""

from typing import Final

from shared.domain.errors import HoldForPerson, WaitForDependency
from shared.domain.money import Money, cents
from shared.domain.plans import Action, Plan
from shared.domain.records import RecordRef
from shared.engine.entity import Job, JsonObject
from shared.engine.kinds.documents import Document, Gathered
from shared.engine.kinds.mapping_data import linked_target
from shared.engine.kinds.parts import BEGUN, PARTS, Open, PartJob
from shared.entities import purchasing, receipt_batches
from shared.entities.subjects import COMPANY, PURCHASE_ORDER

NUMBER: Final = "number"


def judge(job: Job) -> Plan | None:
    """A bill travels once."""
    if job.link.step == "done":
        return Plan(Action.NOTHING, f"Posted as {job.link.target_number}.")
    return None


async def gather(job: Job) -> Gathered:
    """One unposted receipt of the order as the vendor's bill."""
    source = job.source or {}
    order, transaction = source["order"], source["transaction"]
    await _require_free(job, str(source[NUMBER]))
    job.link.facts[NUMBER] = source[NUMBER]
    currency = transaction.get("currency") or order.get("currency") or {}
    return Gathered(
        source=source,
        total=Money(
            cents(transaction["total"]), str(currency.get("currencyCode") or currency.get("name") or "")
        ),
        entry_ids=tuple(receipt_batches.entry_ids(transaction)),
        batch=str(source["batch"]),
        tags={
            "order": order.get("poNumber"),
            "receipt": transaction["id"],
            "lines": source["lines"],
            "freight": receipt_batches.has_freight(transaction),
        },
    )


async def _require_free(job: Job, number: str) -> None:
    """Raises HoldForPerson when the vendor's number is on a document that does not name this order.

    One bill can cover several orders, each with the same number: such a document is never taken for this one.
    """
    order = (job.source or {})["order"]
    vendor = await linked_target(
        job.connection, job.store, COMPANY.name, "vendor", str(order["vendorCompany"]["id"])
    )
    if vendor is None or job.link.target_id:
        return
    equal = {"vendorInvoiceNumber": number.upper(), "vendorNumber": vendor["number"]}
    async for page in job.connection.business_central.scan(
        DOCUMENT.target, equal=equal, expand=DOCUMENT.lines
    ):
        for row in page:
            texts = [
                str(line["description"]) for line in row[DOCUMENT.lines] if line["lineType"] == "Comment"
            ]
            if not any(str(order["poNumber"]) in text for text in texts):
                raise HoldForPerson(
                    "number_taken",
                    f"Purchase invoice {row['number']} of vendor {vendor['number']} has the number {number} already and "
                    f"does not name order {order['poNumber']}.",
                    todo="Give the order a vendor invoice number of its own in ConnectWise, such as the number with the "
                    "order's; if that invoice covers this order too, put the receipt into a batch by hand.",
                )


async def confirm(job: Job) -> None:
    """Notes what the bill's batch holds; ConnectWise has no field on an order that could take the bill's number."""
    if isinstance(job, PartJob):
        facts = job.link.facts
        tags: JsonObject = facts["tags"]
        job.whole.facts.setdefault("batches", {})[facts["batch"]] = {
            "key": tags["receipt"],
            "lines": tags["lines"],
            "freight": tags["freight"],
            "total": facts["total"],
            "done": True,
        }


DOCUMENT: Final = Document(
    name=purchasing.BILL,
    title="Vendor bill",
    subject=PURCHASE_ORDER,
    target="purchaseInvoices",
    number_field="vendorInvoiceNumber",
    judge=judge,
    gather=gather,
    confirm=confirm,
    lines="purchaseInvoiceLines",
    price_field="unitCost",
    owner_field="vendorNumber",
    accounting="products",
)


async def open_bills(job: Job) -> Open:
    """The bills that are to be made or finished."""
    if not purchasing.by_invoices(job):
        return Open(why="Vendor bills are entered by accounts payable.")
    if job.source is None:
        return Open(why="The order was deleted in ConnectWise.")
    parts: dict[str, JsonObject] = job.link.facts.get(PARTS, {})
    sources: dict[str, JsonObject] = {key: {} for key, part in parts.items() if part["step"] in BEGUN}
    lines = await purchasing.order_lines(job)
    due, problems = receipt_batches.due_lines(job, lines), receipt_batches.taken_out(job, lines)
    marked = receipt_batches.marked_lines(job)
    open_lines = [line for line in due if line["id"] not in marked]
    if any(map(receipt_batches.is_worth, open_lines)) or receipt_batches.freight_due(job, lines):
        await _require_vendor(job)
        begun = {parts[key]["facts"]["tags"]["receipt"] for key in sources}
        left = {int(line["id"]) for line in open_lines if receipt_batches.is_worth(line)}
        left -= {int(line) for key in sources for line in parts[key]["facts"]["tags"]["lines"]}
        for transaction in await receipt_batches.unposted(job):
            behind = receipt_batches.lines_behind(transaction, due)
            left -= {int(line["id"]) for line in behind}
            if transaction["id"] in begun or any(line["id"] in marked for line in behind):
                continue
            key = _key(str(transaction["id"]), parts)
            numbers = [int(line["id"]) for line in behind]
            sources[key] = _source(job, key, transaction, lines) | {"lines": numbers}
        problems += [receipt_batches.NOT_EXPORTED] if left else []
    return Open(sources, tuple(problems))


async def _require_vendor(job: Job) -> None:
    """The vendor must be there first; ConnectWise exports nothing of one without a vendor number."""
    company = str((job.source or {})["vendorCompany"]["id"])
    if await linked_target(job.connection, job.store, COMPANY.name, "vendor", company) is None:
        needed = RecordRef(job.ref.connection, COMPANY.name, company)
        raise WaitForDependency((needed,), f"Waits for vendor {company} to be in Business Central.")


def _key(receipt: str, parts: dict[str, JsonObject]) -> str:
    """The part of an unposted receipt: the one that is not finished, else a new one."""
    count = 1
    while True:
        key = receipt if count == 1 else f"{receipt} ({count})"
        if key not in parts or parts[key]["step"] != "done":
            return key
        count += 1


def _source(job: Job, key: str, transaction: JsonObject, lines: list[JsonObject]) -> JsonObject:
    parts: dict[str, JsonObject] = job.link.facts.get(PARTS, {})
    others = {name: part["facts"] for name, part in parts.items() if name != key}
    return {
        "order": purchasing.header(job),
        "transaction": transaction,
        NUMBER: _number(job, transaction, lines, {str(facts.get(NUMBER)) for facts in others.values()}),
        "batch": receipt_batches.identifier(
            transaction, [str(facts.get("batch")) for facts in others.values()]
        ),
    }


def _number(job: Job, transaction: JsonObject, lines: list[JsonObject], taken: set[str]) -> str:
    """The vendor's invoice number, made unique where the order comes in several receipts."""
    number = str((job.source or {}).get("vendorInvoiceNumber") or "").strip()
    if not number:
        raise HoldForPerson(
            "vendor_invoice_number",
            f"The order {(job.source or {}).get('poNumber')} has no vendor invoice number, without which Business "
            "Central posts no purchase invoice.",
            todo="Enter the vendor's invoice number on the order in ConnectWise; it goes on by itself.",
        )
    slips = {receipt_batches.slip_of(line) for line in lines if purchasing.is_received(line)}
    waiting = any(not purchasing.is_received(line) and not line.get("canceledFlag") for line in lines)
    slip = receipt_batches.slip_of(transaction)
    if slip and (len(slips) > 1 or waiting):
        number = f"{number}-{slip}"
    count, name = 1, number
    while name in taken:
        count += 1
        name = f"{number}-{count}"
    return name
