"""Reads one posted invoice's side of the receivables: what is open and what settles it, by whom and when."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from shared.domain.errors import RetryLater
from shared.domain.money import cents
from shared.domain.records import Link
from shared.engine.entity import Job, JsonObject
from shared.engine.kinds.applications import (
    DISCOUNT,
    INVOICE,
    TOLERANCE,
    Application,
    LedgerDocument,
    applications,
    documents,
    granted,
    in_document_currency,
    is_mirrored,
)
from shared.engine.kinds.ledger_setup import local_currency

PAYMENT: Final = "Payment"
CREDIT_MEMO: Final = "Credit Memo"


@dataclass(frozen=True, slots=True)
class Settled:
    """One application as ConnectWise should see it; ``discount`` and ``tolerance`` are granted, not received."""

    key: str
    kind: str
    reference: str
    date: str
    amount: Decimal
    local: Decimal
    discount: Decimal
    tolerance: Decimal


@dataclass(frozen=True, slots=True)
class Receivable:
    """A posted invoice at one moment, in its own currency."""

    number: str
    status: str
    total: Decimal
    remaining: Decimal
    posting_date: str
    due_date: str
    entry: int = 0
    settled: tuple[Settled, ...] = ()
    origins: dict[str, list[str]] | None = None


def header_of(invoice: JsonObject) -> Receivable:
    """What the invoice itself says."""
    return Receivable(
        number=str(invoice.get("number", "")),
        status=str(invoice.get("status", "")),
        total=cents(invoice["totalAmountIncludingTax"]),
        remaining=cents(invoice["remainingAmount"]),
        posting_date=str(invoice.get("postingDate", "")),
        due_date=str(invoice.get("dueDate", "")),
    )


async def read_receivable(job: Job, document: Link, invoice: JsonObject) -> Receivable:
    """The invoice with its applications; raises RetryLater while ledger and invoice do not agree yet."""
    system = job.connection.business_central
    head = header_of(invoice)
    known = job.link.facts
    entry = int(known.get("entry") or await _entry(job, document))
    rows = await system.ledger_of_entries([entry])
    if is_mirrored(rows, entry):
        named = await system.ledger_of_document(str(document.target_number))
        rows += [row for row in named if int(row["cleEntryNo"]) != entry]
    applied = applications(rows, entry)
    origins, discounts, tolerances = await _origins(job, {one.applying_entry for one in applied})
    local = str(invoice.get("currencyCode") or "") == await local_currency(system)
    paid = head.total - head.remaining
    total = sum((one.amount for one in applied), Decimal(0))
    if local and total != paid:
        raise RetryLater(
            "ledger_moving",
            f"The ledger shows {total} applied, the invoice says {paid}: an application is being posted right now.",
        )
    kept = {
        key: cents(value["amount"])
        for key, value in known.get("payments", {}).items()
        if any(one.key == key and one.amount == value.get("local") for one in applied)
    }
    amounts = in_document_currency(applied, paid, local=local, settled=kept)
    return Receivable(
        number=head.number,
        status=head.status,
        total=head.total,
        remaining=head.remaining,
        posting_date=head.posting_date,
        due_date=head.due_date,
        entry=entry,
        settled=tuple(_settled(one, origins, amounts, discounts, tolerances) for one in applied),
        origins={str(k): [v.kind, v.number, v.date] for k, v in origins.items()},
    )


def _settled(
    one: Application,
    origins: dict[int, LedgerDocument],
    amounts: dict[str, Decimal],
    discounts: dict[int, Decimal],
    tolerances: dict[int, Decimal],
) -> Settled:
    origin = origins[one.applying_entry]
    discount = min(discounts.get(one.applying_entry, Decimal(0)), one.amount)
    tolerance = min(tolerances.get(one.applying_entry, Decimal(0)), one.amount - discount)
    return Settled(
        one.key, origin.kind, origin.number, one.date, amounts[one.key], one.amount, discount, tolerance
    )


async def _entry(job: Job, document: Link) -> int:
    rows = await job.connection.business_central.ledger_of_document(str(document.target_number))
    entries = [one.entry for one in documents(rows).values() if one.kind == INVOICE]
    if not entries:
        raise RetryLater("ledger_behind", f"The customer ledger does not show {document.target_number} yet.")
    return entries[0]


async def _origins(
    job: Job, entries: Iterable[int]
) -> tuple[dict[int, LedgerDocument], dict[int, Decimal], dict[int, Decimal]]:
    """Which document each applying entry is, and what discount and tolerance were granted with it."""
    wanted = sorted(set(entries))
    if not wanted:
        return {}, {}, {}
    known = {
        int(entry): LedgerDocument(int(entry), *values)
        for entry, values in (job.link.facts.get("origins") or {}).items()
    }
    discounts, tolerances = (
        {int(entry): cents(value) for entry, value in job.link.facts.get(name, {}).items()}
        for name in ("discounts", "tolerances")
    )
    missing = [entry for entry in wanted if entry not in known]
    if missing:
        rows = await job.connection.business_central.ledger_of_entries(missing)
        known |= documents(rows)
        discounts |= granted(rows, DISCOUNT)
        tolerances |= granted(rows, TOLERANCE)
        job.link.facts["discounts"] = {str(entry): value for entry, value in discounts.items()}
        job.link.facts["tolerances"] = {str(entry): value for entry, value in tolerances.items()}
    unknown = [entry for entry in wanted if entry not in known]
    if unknown:
        raise RetryLater("ledger_behind", f"The customer ledger does not show entries {unknown} yet.")
    return {entry: known[entry] for entry in wanted}, discounts, tolerances
