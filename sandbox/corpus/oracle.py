"""What must become of a document: posted, or held for this reason. Worked out from what a person entered alone.

Nothing of the product is used here; the rules of both systems are written down once more, so that a mistake in one
of the two places shows.
"""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Final

from sandbox.corpus.documents import (
    ABSENT_ACCOUNT,
    ABSENT_CURRENCY,
    OLD_DAY,
    RATE,
    UNKNOWN_CURRENCY,
    Document,
    cents,
)

CAP: Final = Decimal("0.05")
"""The penny rule of every connection of the corpus."""
POSTED: Final = ""


def expected(document: Document) -> str:
    """The cause for which the document must be held, an empty text when it must be posted.

    The first obstacle on its way counts: ConnectWise's export, the mapping, the setup, the draft, its tax and total,
    and at last the posting.
    """
    return next(filter(None, _obstacles(document)), POSTED)


def _obstacles(document: Document) -> Iterator[str]:
    yield "" if document.mapped else "no_gl_entries"
    if document.mode == "prices_include_tax":
        yield "tax_without_base" if document.tax and not sum(_taxable(document)) else ""
    yield "lookup_missing" if document.currency == UNKNOWN_CURRENCY else ""
    yield "posting_window" if document.date == OLD_DAY else ""
    yield "missing_reference" if document.currency == ABSENT_CURRENCY else ""
    accounts = [line.get("account") for line in document.lines]
    yield "business_rule" if ABSENT_ACCOUNT in accounts else ""
    if document.mode == "prices_include_tax":
        yield _prices(document)
    if document.mode == "business_central":
        yield "total_differs" if abs(document.tax - _tax_on_top(_taxable(document))) > CAP else ""
    yield "business_rule" if document.total < 0 or not document.lines else ""


def _prices(document: Document) -> str:
    """Whether the customer's prices include tax, and whether the same tax is found in them."""
    amounts = _taxable(document)
    prices = [a + b for a, b in zip(amounts, _shares(document.tax, amounts), strict=True)]
    if not document.inclusive:
        return "prices_exclude_tax" if document.tax or _tax_on_top(prices) else ""
    inside = sum((cents(price * RATE / (100 + RATE)) for price in prices), Decimal(0))
    return "tax_differs" if abs(document.tax - inside) > CAP else ""


def _taxable(document: Document) -> list[Decimal]:
    pairs = zip(document.lines, document.amounts, strict=True)
    return [amount for line, amount in pairs if line.get("taxable") and line["kind"] != "tax"]


def _tax_on_top(amounts: Sequence[Decimal]) -> Decimal:
    return sum((cents(amount * RATE / 100) for amount in amounts), Decimal(0))


def _shares(tax: Decimal, amounts: Sequence[Decimal]) -> list[Decimal]:
    """In proportion, in whole cents; the last amount that is not zero takes what is left over."""
    base = sum(amounts, Decimal(0))
    if not tax or not base:
        return [Decimal(0)] * len(amounts)
    shares = [cents(tax * amount / base) for amount in amounts]
    last = [position for position, amount in enumerate(amounts) if amount][-1]
    shares[last] += tax - sum(shares, Decimal(0))
    return shares
