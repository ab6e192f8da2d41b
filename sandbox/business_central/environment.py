"""What every part of the stand-in works on: the settings, the store and the note-taker of broken rules."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Final

from sandbox.business_central.settings import Settings
from sandbox.business_central.store import Company, Record, Store

CENT: Final = Decimal("0.01")


@dataclass(slots=True)
class Environment:
    """One Business Central environment.

    ``postings`` counts posted sales invoices and credit memos by external document number; ``web_services``
    are the published pages by service name.
    """

    breach: Callable[[str, str], None]
    settings: Settings = field(default_factory=Settings)
    store: Store = field(default_factory=Store)
    postings: Counter[str] = field(default_factory=Counter)
    web_services: dict[str, str] = field(default_factory=dict)

    def rate(self, currency: str) -> Decimal:
        """LCY per unit of a currency; blank is LCY itself. An unknown rate counts as 1."""
        return self.settings.exchange_rates.get(currency, Decimal(1)) if currency else Decimal(1)


def today() -> str:
    """The work date: today in UTC as an ISO date."""
    return datetime.now(UTC).date().isoformat()


def is_date(text: str) -> bool:
    """Whether the text is an ISO calendar date."""
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def rounded(amount: Decimal, precision: Decimal = CENT) -> Decimal:
    """Rounds half up, away from zero, to the amount rounding precision."""
    return ((amount / precision).quantize(Decimal(1), ROUND_HALF_UP) * precision).quantize(
        min(precision, CENT)
    )


def precision_of(company: Company, currency: str) -> Decimal:
    """The amount rounding precision of a currency; blank is LCY."""
    record = company.find("currencies", "code", currency) if currency else None
    return (record.values["amountRoundingPrecision"] if record else Decimal(0)) or CENT


def setup(company: Company) -> Record:
    """The general ledger setup of the company: posting window, LCY code, shortcut dimensions."""
    return company.all("generalLedgerSetup")[0]


def lcy_code(company: Company) -> str:
    """The local currency code of the company."""
    return str(setup(company).values["localCurrencyCode"])
