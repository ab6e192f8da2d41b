"""What is checked of every document before it is posted."""

from collections.abc import Iterable

from sandbox.business_central import dimensions, parties
from sandbox.business_central.environment import Environment
from sandbox.business_central.errors import dialog
from sandbox.business_central.kinds import kind_of
from sandbox.business_central.lines import check_target
from sandbox.business_central.posting_dates import date_error
from sandbox.business_central.store import Company, Record

NOTHING_TO_POST = "There is nothing to post because the document does not contain a quantity or amount."


def check_document(
    environment: Environment, company: Company, header: Record, booked: Iterable[Record]
) -> None:
    """Raises 400 when party, date, lines to be booked or their dimensions forbid posting the document."""
    kind, rows = kind_of(header), list(booked)
    ships = environment.settings.shipment_on_invoice and any(row.values["lineType"] == "Item" for row in rows)
    settling = parties.settling_of(company, kind, header.values)
    for party in (parties.trading_of(company, kind, header.values), settling):
        parties.check(kind, party, "post", ships=ships)
    if not rows:
        raise dialog(NOTHING_TO_POST)
    error = date_error(company, header.values["postingDate"])
    if error:
        raise dialog(error)
    for row in rows:
        check_target(company, row)
        item = company.get("items", row.values["itemId"])
        check_dimensions(company, item, dimensions.of_document(row))
    check_dimensions(company, settling, dimensions.of_document(header))


def check_dimensions(company: Company, owner: Record | None, chosen: dict[str, str]) -> None:
    """Raises 400 when a dimension value is missing or wrong by the owner's default dimensions."""
    missing = dimensions.mandatory_missing(company, owner, chosen)
    if missing:
        raise missing
