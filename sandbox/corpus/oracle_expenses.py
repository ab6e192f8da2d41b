"""What must become of an expense report, worked out from what was entered alone. Nothing of the product is used."""

from collections.abc import Iterator
from decimal import Decimal

from sandbox.corpus.claims import Claim
from sandbox.corpus.documents import ABSENT_CURRENCY, UNKNOWN_CURRENCY
from sandbox.corpus.expenses import CARD, LOCAL, MEMBER, NO_ACCOUNT, Expense, Report


def claims(report: Report) -> list[Claim]:
    """One claim for what the member is owed, one for what the company paid: neither holds the other up."""
    by_journal = report.manner == "journal"
    entity = "employee_expense" if by_journal else "expense_report"
    kind = "expenses by journal" if by_journal else "expenses by invoice"
    owed = _travelling(report, MEMBER)
    paid = _travelling(report, CARD, NO_ACCOUNT)
    return [
        _claim(entity, kind, owed, _of_journal(report, owed) if by_journal else _of_invoice(report, owed)),
        _claim("company_expense", "expenses by card", paid, _of_journal(report, paid)),
    ]


def _travelling(report: Report, *paid: str) -> list[Expense]:
    return [one for one in report.expenses if one.paid in paid and report.approved and not one.rejected]


def _claim(entity: str, kind: str, some: list[Expense], obstacles: Iterator[str]) -> Claim:
    cause = next(filter(None, obstacles), "") if some else ""
    if cause or not some:
        return Claim(entity, kind, cause)
    total = sum((one.amount for one in some), Decimal("0.00"))
    return Claim(entity, kind, documents=1, total=total, batches=1, marked=total)


def _of_invoice(report: Report, some: list[Expense]) -> Iterator[str]:
    """A purchase invoice carries any one currency, but no negative total."""
    currencies = {one.currency for one in some}
    yield "currency" if len(currencies) > 1 else ""
    yield "lookup_missing" if UNKNOWN_CURRENCY in currencies else ""
    yield "posting_window" if report.old else ""
    yield "missing_reference" if ABSENT_CURRENCY in currencies else ""
    yield "business_rule" if sum(one.amount for one in some) < 0 else ""


def _of_journal(report: Report, some: list[Expense]) -> Iterator[str]:
    """A journal line carries local currency only, and any amount."""
    owed = any(one.paid == MEMBER for one in some)
    yield "no_vendor_number" if owed and not report.numbered else ""
    yield "currency" if {one.currency for one in some} != {LOCAL} else ""
    yield "lookup_missing" if any(one.paid == NO_ACCOUNT for one in some) else ""
    yield "posting_window" if report.old else ""
