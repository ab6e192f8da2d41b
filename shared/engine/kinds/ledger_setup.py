"""What the general ledger setup says before a write: dates, currency (Microsoft, "generalLedgerSetup")."""

from datetime import date
from typing import Final

from shared.domain.errors import HoldForPerson
from shared.ports.systems import BusinessCentral

UNSET: Final = "0001-01-01"
"""Business Central's blank date in API v2.0."""


async def check_posting_date(system: BusinessCentral, posting_date: str | None) -> None:
    """Raises HoldForPerson when the ledger does not accept the posting date."""
    if posting_date is None:
        return
    rows = await system.reference("generalLedgerSetup")
    if rows and _outside(rows[0], posting_date):
        rows = await system.refresh("generalLedgerSetup")
    if not rows or not _outside(rows[0], posting_date):
        return
    first, last = (rows[0].get(name) or UNSET for name in ("allowPostingFrom", "allowPostingTo"))
    window = " ".join(
        part
        for part in (f"from {first}" if first != UNSET else "", f"to {last}" if last != UNSET else "")
        if part
    )
    raise HoldForPerson(
        "posting_window",
        f"The posting date {posting_date} is outside the dates that Business Central allows ({window}).",
        todo="Allow the date in General Ledger Setup, or change the invoice date in ConnectWise; then retry.",
    )


def _outside(setup: dict[str, str | None], posting_date: str) -> bool:
    day = date.fromisoformat(posting_date)
    first, last = (setup.get(name) or UNSET for name in ("allowPostingFrom", "allowPostingTo"))
    return (first != UNSET and day < date.fromisoformat(first)) or (
        last != UNSET and day > date.fromisoformat(last)
    )


async def local_currency(system: BusinessCentral) -> str:
    """The ISO code of the currency that the books are kept in, empty where the setup cannot be read."""
    rows = await system.reference("generalLedgerSetup")
    return str(rows[0].get("localCurrencyCode") or "") if rows else ""
