"""The rows of Business Central's small lists to which the standard mapping documents translate."""

import re
from collections.abc import Iterator
from typing import Final

from sandbox.business_central.store import Company
from sandbox.connectwise.invoice_lines import ACCOUNTS
from sandbox.kit import Json
from shared.mapping import STANDARD, standard_mapping

_LISTS: Final = {
    "countries": "countriesRegions",
    "currencies": "currencies",
    "payment_terms": "paymentTerms",
    "units_of_measure": "unitsOfMeasure",
    "tax_groups": "taxGroups",
}
"""The lookups of the standard documents whose results are codes, and the sets that hold them."""


def missing_rows(company: Company) -> Iterator[tuple[str, list[Json]]]:
    """What a person adds before going live: set and records, without the rows that are there already."""
    for lookup, entity_set in _LISTS.items():
        codes = sorted(
            {
                str(code)
                for name in STANDARD
                if lookup in standard_mapping(name).lookups
                for code in standard_mapping(name).lookups[lookup].rows.values()
            }
        )
        absent = [code for code in codes if company.find(entity_set, "code", code) is None]
        yield (
            entity_set,
            [_row(entity_set, code) for code in absent if (lookup, code) != ("currencies", "USD")],
        )
    yield (
        "accounts",
        [
            {
                "number": number,
                "displayName": f"Account {kind}",
                "accountType": "Posting",
                "directPosting": True,
            }
            for kind, number in ACCOUNTS.items()
        ],
    )


def _row(entity_set: str, code: str) -> Json:
    row: dict[str, Json] = {"code": code, "displayName": code}
    if entity_set == "currencies":
        row |= {"amountDecimalPlaces": "2:2", "amountRoundingPrecision": "0.01"}
    if days := re.fullmatch(r"(\d+) DAYS", code):
        row["dueDateCalculation"] = f"{days[1]}D"
    return row
