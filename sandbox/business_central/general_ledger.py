"""General ledger entries of a posting."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from sandbox.business_central.environment import Environment
from sandbox.business_central.store import Company

RECEIVABLES: Final = "13100"
BANK: Final = "10100"
INVENTORY: Final = "14100"
PURCHASE_TAX: Final = "16300"
PAYABLES: Final = "20100"
EMPLOYEES_PAYABLE: Final = "20200"
SALES_TAX: Final = "22300"
ITEM_REVENUE: Final = "40200"
PAYMENT_DISCOUNT: Final = "40900"
ITEM_COST: Final = "50100"


@dataclass(frozen=True, slots=True)
class Booking:
    """One amount to book in LCY, debit positive; ``dimensions`` is value code by dimension code."""

    account: str
    amount: Decimal
    text: str
    dimensions: Mapping[str, str] = field(default_factory=dict)


def book(
    environment: Environment, company: Company, document: tuple[str, str, str], bookings: Iterable[Booking]
) -> None:
    """Writes one entry per amount other than zero; ``document`` is posting date, type and number."""
    date, document_type, number = document
    for booking in bookings:
        if not booking.amount:
            continue
        account = company.find("accounts", "number", booking.account)
        values = {
            "entryNumber": len(company.tables.get("generalLedgerEntries", {})) + 1,
            "postingDate": date,
            "documentType": document_type,
            "documentNumber": number,
            "accountNumber": booking.account,
            "description": booking.text[:100],
            "debitAmount": max(booking.amount, Decimal(0)),
            "creditAmount": max(-booking.amount, Decimal(0)),
        }
        if account:
            values["accountId"] = account.key
        hidden = {"dimensions": dict(booking.dimensions)}
        environment.store.insert(company, "generalLedgerEntries", values, hidden)


def balanced(bookings: list[Booking], account: str, text: str) -> list[Booking]:
    """The bookings with one more on the account that brings their sum to zero."""
    return [*bookings, Booking(account, -sum((item.amount for item in bookings), Decimal(0)), text)]


def net_change(company: Company, account_number: str) -> Decimal:
    """The sum of debits less credits of an account in LCY."""
    debit, credit = turnover(company, account_number)
    return debit - credit


def turnover(company: Company, account_number: str, until: str = "9999-12-31") -> tuple[Decimal, Decimal]:
    """The debits and the credits of an account in LCY up to a posting date."""
    own = [
        row.values
        for row in company.all("generalLedgerEntries")
        if row.values["accountNumber"] == account_number and row.values["postingDate"] <= until
    ]
    debit = sum((values["debitAmount"] for values in own), Decimal(0))
    return debit, sum((values["creditAmount"] for values in own), Decimal(0))
