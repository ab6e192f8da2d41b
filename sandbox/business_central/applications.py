"""What a person does in the customer ledger: post payments, refunds and credit memos, apply and unapply.

An application writes a row on the closed entry that names the applying entry, and a mirror row on the
applying entry that names itself. A payment discount is a row on the payment with applied entry 0; the row
of the invoice carries the full amount.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final

from sandbox.business_central import general_ledger
from sandbox.business_central.entries import INITIAL, opened
from sandbox.business_central.environment import Environment, rounded
from sandbox.business_central.fields import BLANK_DATE
from sandbox.business_central.general_ledger import Booking
from sandbox.business_central.kinds import CREDIT_MEMO
from sandbox.business_central.ledger import DetailedEntry, LedgerEntry
from sandbox.business_central.posting_dates import date_error
from sandbox.business_central.store import Company

_CREDITS: Final = {"Payment", CREDIT_MEMO}
_DOCUMENT_TYPES: Final = ("Invoice", "Payment", CREDIT_MEMO, "Refund")
_DOCUMENT_SETS: Final = {"Invoice": "salesInvoices", CREDIT_MEMO: "salesCreditMemos"}


class LedgerError(ValueError):
    """A ledger action that Business Central would refuse; the text says why."""


@dataclass(frozen=True, slots=True)
class Application:
    """One document to apply to: its number, the amount (all that remains if none) and the discount within it.

    ``granted_as`` is the type of the row that tells the discount: a payment tolerance is written in the same way.
    """

    document_no: str
    amount: Decimal | None = None
    discount: Decimal = Decimal(0)
    granted_as: str = "Payment_x0020_Discount"


def post_document(
    environment: Environment,
    company: Company,
    entry: LedgerEntry,
    amount: Decimal,
    targets: Sequence[Application],
) -> LedgerEntry:
    """Posts a payment, refund or credit memo of a positive amount and applies it while posting."""
    error = date_error(company, entry.posting_date)
    if error:
        raise LedgerError(error)
    if entry.document_type not in _DOCUMENT_TYPES[1:] or amount <= 0:
        raise LedgerError(f"{entry.document_type} of {amount} cannot be posted")
    if company.find("customers", "number", entry.account_no) is None:
        raise LedgerError(f"The Customer does not exist: {entry.account_no}")
    if company.ledger.find(entry.document_type, entry.document_no):
        raise LedgerError(f"{entry.document_type} {entry.document_no} already exists")
    planned = plan(company, entry, targets, amount)
    signed = -amount if entry.document_type in _CREDITS else amount
    transaction = opened(company.ledger, entry, signed)
    _book(environment, company, entry, rounded(signed * entry.rate))
    apply_planned(environment, company, entry, planned, transaction)
    return entry


def apply(
    environment: Environment, company: Company, entry: LedgerEntry, targets: Sequence[Application]
) -> int:
    """Applies an entry that was posted before; answers the number of the transaction."""
    available = abs(company.ledger.remaining(entry.entry_no))
    planned = plan(company, entry, targets, available)
    transaction = company.ledger.transaction()
    apply_planned(environment, company, entry, planned, transaction, company.ledger.application())
    return transaction


def unapply(environment: Environment, company: Company, transaction: int, posting_date: str) -> None:
    """Takes back everything that one transaction applied, with rows of the opposite sign."""
    ledger = company.ledger
    rows = [
        row
        for row in ledger.details
        if row.transaction_no == transaction and not row.unapplied and row.entry_type != INITIAL
    ]
    if not rows:
        raise LedgerError(f"transaction {transaction} applied nothing, or is unapplied already")
    undone, number = ledger.transaction(), ledger.application()
    for row in rows:
        row.unapplied = True
        opposite = replace(
            row,
            posting_date=posting_date,
            amount=-row.amount,
            amount_lcy=-row.amount_lcy,
            application_no=number,
            transaction_no=undone,
        )
        row.unapplied_by = ledger.append(opposite).entry_no
    for entry_no in sorted({row.ledger_entry_no for row in rows}):
        _settle(environment, company, ledger.entries[entry_no], posting_date)


def last_transaction(company: Company, entry: LedgerEntry) -> int:
    """The last transaction in which the entry was applied and that is still in force; 0 if there is none."""
    rows = company.ledger.by_entry[entry.entry_no]
    return max((row.transaction_no for row in rows if _is_live_application(row)), default=0)


def find(company: Company, document_no: str, document_type: str = "") -> LedgerEntry:
    """The ledger entry of a document; raises ``LedgerError`` when there is none."""
    for kind in [document_type] if document_type else _DOCUMENT_TYPES:
        entry = company.ledger.find(kind, document_no)
        if entry:
            return entry
    raise LedgerError(f"no customer ledger entry of document {document_no}")


def _is_live_application(row: DetailedEntry) -> bool:
    return row.entry_type == "Application" and not row.unapplied


type Planned = list[tuple[LedgerEntry, Decimal, Decimal, str]]


def plan(company: Company, entry: LedgerEntry, targets: Sequence[Application], available: Decimal) -> Planned:
    """The entries to apply to, with signed amount and discount, after every check; raises ``LedgerError``."""
    planned: Planned = []
    if len({target.document_no for target in targets}) < len(targets):
        raise LedgerError("a document is named twice")
    for target in targets:
        other = find(company, target.document_no)
        remaining = company.ledger.remaining(other.entry_no)
        amount = abs(remaining) if target.amount is None else target.amount
        if (other.account_no, other.currency_code) != (entry.account_no, entry.currency_code):
            raise LedgerError(f"{target.document_no} has another customer or currency")
        if amount <= 0 or amount > abs(remaining) or target.discount >= amount:
            raise LedgerError(f"{amount} cannot be applied to {target.document_no}: {remaining} remains")
        if (remaining > 0) != (entry.document_type in _CREDITS):
            raise LedgerError(f"{target.document_no} has the same sign as the applying entry")
        sign = 1 if remaining > 0 else -1
        planned.append((other, sign * amount, sign * target.discount, target.granted_as))
    if sum((abs(amount - discount) for _other, amount, discount, _kind in planned), Decimal(0)) > available:
        raise LedgerError("more is applied than remains of the applying entry")
    return planned


def apply_planned(
    environment: Environment,
    company: Company,
    entry: LedgerEntry,
    planned: Planned,
    transaction: int,
    application: int = 0,
) -> None:
    """Writes the detailed entries of planned applications on both sides; 0 as number means while posting."""
    ledger = company.ledger

    def write(row: DetailedEntry) -> None:
        ledger.append(replace(row, transaction_no=transaction, application_no=application))

    for other, amount, discount, kind in planned:
        lcy = rounded(amount * entry.rate)
        if discount:
            row = _row(entry, entry, kind, -discount, -rounded(discount * entry.rate))
            write(replace(row, applied_entry_no=0))
            _book_discount(environment, company, entry, rounded(discount * entry.rate))
        write(_row(other, entry, "Application", -amount, -lcy))
        write(_row(entry, entry, "Application", amount, lcy))
        gain = lcy - rounded(amount * other.rate)
        if not ledger.remaining(other.entry_no):
            gain = -ledger.remaining_lcy(other.entry_no)
        if gain:
            write(_row(other, entry, _difference_type(entry, other, gain), Decimal(0), gain))
        _settle(environment, company, other, entry.posting_date)
    if not ledger.remaining(entry.entry_no):
        residual = ledger.remaining_lcy(entry.entry_no)
        if residual:
            write(
                _row(entry, entry, "Correction_x0020_of_x0020_Remaining_x0020_Amount", Decimal(0), -residual)
            )
    _settle(environment, company, entry, entry.posting_date)


def _difference_type(entry: LedgerEntry, other: LedgerEntry, gain: Decimal) -> str:
    if entry.rate == other.rate:
        return "Correction_x0020_of_x0020_Remaining_x0020_Amount"
    return "Realized_x0020_Gain" if gain > 0 else "Realized_x0020_Loss"


def _row(
    owner: LedgerEntry, applying: LedgerEntry, entry_type: str, amount: Decimal, lcy: Decimal
) -> DetailedEntry:
    return DetailedEntry(
        entry_no=0,
        ledger_entry_no=owner.entry_no,
        entry_type=entry_type,
        posting_date=applying.posting_date,
        document_type=applying.document_type,
        document_no=applying.document_no,
        amount=amount,
        amount_lcy=lcy,
        applied_entry_no=applying.entry_no,
    )


def _settle(environment: Environment, company: Company, entry: LedgerEntry, day: str) -> None:
    """Opens or closes an entry; only then the record of its document changes and a webhook fires."""
    entry.open = company.ledger.remaining(entry.entry_no) != 0
    entry.closed_at = BLANK_DATE if entry.open else day
    document = company.get(_DOCUMENT_SETS[entry.document_type], entry.document) if entry.document else None
    if document and not document.hidden.get("corrected"):
        environment.store.update(company, document, {"status": "Open" if entry.open else "Paid"})


def _book(environment: Environment, company: Company, entry: LedgerEntry, lcy: Decimal) -> None:
    is_credit_memo = entry.document_type == CREDIT_MEMO
    against = general_ledger.ITEM_REVENUE if is_credit_memo else general_ledger.BANK
    text = f"{entry.document_type} {entry.document_no}"
    bookings = general_ledger.balanced([Booking(against, -lcy, text)], general_ledger.RECEIVABLES, text)
    document = (entry.posting_date, entry.document_type, entry.document_no)
    general_ledger.book(environment, company, document, bookings)


def _book_discount(environment: Environment, company: Company, entry: LedgerEntry, lcy: Decimal) -> None:
    text = f"Payment discount {entry.document_no}"
    discount = [Booking(general_ledger.PAYMENT_DISCOUNT, lcy, text)]
    bookings = general_ledger.balanced(discount, general_ledger.RECEIVABLES, text)
    document = (entry.posting_date, entry.document_type, entry.document_no)
    general_ledger.book(environment, company, document, bookings)
