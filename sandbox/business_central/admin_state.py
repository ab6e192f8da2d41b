"""Everything that a company holds, as the admin surface shows it."""

from dataclasses import asdict
from typing import Final

from sandbox.business_central import views
from sandbox.business_central.kinds import KINDS
from sandbox.business_central.ledger import Ledger
from sandbox.business_central.store import Company, Record
from sandbox.kit import Json

_COMPUTED: Final = ("remainingAmount", "currencyCode")


def company_state(company: Company) -> Json:
    """All records by set, the customer ledger and the vendor ledger."""
    return {
        "id": company.key,
        "name": company.name,
        "records": {name: [_shown(company, item) for item in company.all(name)] for name in company.tables},
        "ledger": _ledger(company.ledger),
        "vendorLedger": _ledger(company.vendor_ledger),
    }


def _ledger(ledger: Ledger) -> Json:
    entries = [
        asdict(entry)
        | {
            "remaining": ledger.remaining(entry.entry_no),
            "remaining_lcy": ledger.remaining_lcy(entry.entry_no),
        }
        for entry in ledger.entries.values()
    ]
    return {"entries": entries, "details": [asdict(item) for item in ledger.details]}


def _shown(company: Company, record: Record) -> Json:
    values = dict(record.values)
    if record.set_name in KINDS:
        row = views.row_of(company, record)
        values |= {name: row.read(name) for name in _COMPUTED if name in values}
    return values | {"hidden": {name: item for name, item in record.hidden.items() if name != "content"}}
