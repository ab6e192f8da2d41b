"""Figures that are worked out when they are read: trial balance, balances and ages of receivables."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Final

from sandbox.business_central import general_ledger
from sandbox.business_central.environment import lcy_code, today
from sandbox.business_central.fields import BLANK_DATE, BLANK_GUID
from sandbox.business_central.store import Company, Record, Values

_PERIOD_DAYS: Final = 30
_ZERO: Final = Decimal(0)


def trial_balances(company: Company) -> Iterator[tuple[str, Values]]:
    """Debits, credits and the balance of every account, as texts; blank for zero."""
    for account in company.all("accounts"):
        debit, credit = general_ledger.turnover(company, account.values["number"])
        balance = debit - credit
        yield (
            account.key,
            {
                "number": account.values["number"],
                "accountId": account.key,
                "accountType": account.values["accountType"],
                "display": account.values["displayName"],
                "totalDebit": _text(debit),
                "totalCredit": _text(credit),
                "balanceAtDateDebit": _text(max(balance, _ZERO)),
                "balanceAtDateCredit": _text(max(-balance, _ZERO)),
                "dateFilter": BLANK_DATE,
            },
        )


def customer_details(company: Company) -> Iterator[tuple[Record, Values]]:
    """Balance, sales and overdue amount of every customer in LCY."""
    for customer in company.all("customers"):
        number = customer.values["number"]
        kinds = {"salesInvoices": 1, "salesCreditMemos": -1}
        sales = [
            sign * row.values["totalAmountExcludingTax"] * row.hidden["rate"]
            for name, sign in kinds.items()
            for row in company.all(name)
            if row.hidden["posted"] and row.values["billToCustomerNumber"] == number
        ]
        yield (
            customer,
            {
                "id": customer.key,
                "number": number,
                "balance": balance(company, number),
                "totalSalesExcludingTax": sum(sales, _ZERO),
                "overdueAmount": balance(company, number, before=today()),
                "lastModifiedDateTime": customer.values["lastModifiedDateTime"],
            },
        )


def aged_receivables(company: Company) -> Iterator[tuple[str, Values]]:
    """What every customer owes in LCY by days past due: not due, then three periods of 30 days; a total last."""
    day = date.fromisoformat(today())
    total = [_ZERO] * 4
    for customer in company.all("customers"):
        amounts = [_ZERO] * 4
        for entry in company.ledger.by_account.get(customer.values["number"], []):
            late = (day - date.fromisoformat(entry.due_date)).days
            period = min((late - 1) // _PERIOD_DAYS + 1, 3) if late > 0 else 0
            amounts[period] += company.ledger.remaining_lcy(entry.entry_no)
        total = [one + other for one, other in zip(total, amounts, strict=True)]
        yield customer.key, _aged(company, customer.key, customer.values, amounts, day)
    yield BLANK_GUID, _aged(company, BLANK_GUID, {"number": "", "displayName": "Total"}, total, day)


def balance(company: Company, customer: str, before: str = "") -> Decimal:
    """What remains of a customer's entries in LCY, all of them or those due before a date."""
    ledger = company.ledger
    own = ledger.by_account.get(customer, [])
    chosen = (entry for entry in own if not before or entry.due_date < before)
    return sum((ledger.remaining_lcy(entry.entry_no) for entry in chosen), _ZERO)


def vendor_balance(company: Company, vendor: str) -> Decimal:
    """What we owe a vendor in LCY."""
    ledger = company.vendor_ledger
    own = ledger.by_account.get(vendor, [])
    return -sum((ledger.remaining_lcy(entry.entry_no) for entry in own), _ZERO)


def _aged(company: Company, key: str, owner: Values, amounts: list[Decimal], day: date) -> Values:
    values: Values = {
        "customerId": key,
        "customerNumber": owner["number"],
        "name": owner["displayName"],
        "currencyCode": lcy_code(company),
        "balanceDue": sum(amounts, _ZERO),
        "currentAmount": amounts[0],
        "agedAsOfDate": day.isoformat(),
        "periodLengthFilter": f"{_PERIOD_DAYS}D",
    }
    for position in (1, 2, 3):
        first, last = (position - 1) * _PERIOD_DAYS + 1, position * _PERIOD_DAYS
        values[f"period{position}Label"] = (
            f"{first} - {last} days" if position < 3 else f"over {first - 1} days"
        )
        values[f"period{position}Amount"] = amounts[position]
    return values


def _text(amount: Decimal) -> str:
    return f"{amount:.2f}" if amount else ""
