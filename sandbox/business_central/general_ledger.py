"""General ledger entries of a posting."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Final

from sandbox.business_central.environment import Environment
from sandbox.business_central.store import Company

RECEIVABLES: Final = "13100"
BANK: Final = "10100"
SALES_TAX: Final = "22300"
ITEM_REVENUE: Final = "40200"
PAYMENT_DISCOUNT: Final = "40900"


def book(
    environment: Environment,
    company: Company,
    document: tuple[str, str, str],
    amounts: Iterable[tuple[str, Decimal, str]],
) -> None:
    """Writes one entry per amount other than zero.

    ``document`` is posting date, type and number; an amount is account number, LCY (debit positive) and text.
    """
    date, document_type, number = document
    for account_number, amount, description in amounts:
        if not amount:
            continue
        account = company.find("accounts", "number", account_number)
        values = {
            "entryNumber": len(company.tables.get("generalLedgerEntries", {})) + 1,
            "postingDate": date,
            "documentType": document_type,
            "documentNumber": number,
            "accountNumber": account_number,
            "description": description[:100],
            "debitAmount": max(amount, Decimal(0)),
            "creditAmount": max(-amount, Decimal(0)),
        }
        if account:
            values["accountId"] = account.key
        environment.store.insert(company, "generalLedgerEntries", values)


def net_change(company: Company, account_number: str) -> Decimal:
    """The sum of debits less credits of an account in LCY."""
    entries = [row.values for row in company.all("generalLedgerEntries")]
    own = (row for row in entries if row["accountNumber"] == account_number)
    return sum((row["debitAmount"] - row["creditAmount"] for row in own), Decimal(0))
