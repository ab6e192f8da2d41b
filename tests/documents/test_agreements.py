"""Agreements: their terms over time, the dimension value that stands for them, and what they bring."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from sandbox.kit import Json
from shared.app import DEFAULT
from shared.domain.records import State
from shared.engine.kinds.agreements import AgreementReport
from shared.engine.kinds.missing import MissingDimensions
from tests.conformance.invoicing import Invoicing
from tests.conformance.world import World
from tests.documents.support import agreement, amount, currency, options, project, the_open_item

MONTHLY: Json = {"id": 2, "name": "Monthly"}


async def entered(work: Invoicing, **values: Json) -> str:
    """An agreement of 250.00 a month from 2026 on, synced."""
    body = {
        "billAmount": Decimal("250.00"),
        "billingCycle": MONTHLY,
        "startDate": "2026-01-01T00:00:00Z",
        **values,
    }
    record = str(await agreement(work, **body))
    await work.world.sync("agreement", record)
    return record


async def addition(work: Invoicing, record: str, **values: Json) -> str:
    """An addition that is billed from the beginning of 2026."""
    body = {
        "agreementId": int(record),
        "product": {"id": int(work.product)},
        "effectiveDate": "2026-01-01T00:00:00Z",
        **values,
    }
    return str((await work.world.cw("additions", body))["id"])


async def events(world: World, record: str) -> list[dict[str, Any]]:
    """The history of an agreement without its moments."""
    facts = (await world.link("agreement", record, "agreement")).facts
    assert all(event["at"] for event in facts["history"])
    return [{name: value for name, value in event.items() if name != "at"} for event in facts["history"]]


async def report(world: World) -> dict[str, Any]:
    """The recurring revenue."""
    return await AgreementReport(world.app.connections, world.app.store, world.app.clock).read(DEFAULT)


async def row_of(world: World, record: str) -> dict[str, Any]:
    """The report's row of an agreement."""
    [row] = [row for row in (await report(world))["agreements"] if row["id"] == record]
    return dict(row)


async def test_history_of_additions_and_adjustments(work: Invoicing) -> None:
    record = await entered(work)
    first = await addition(work, record, quantity=10, lessIncluded=2, unitPrice=Decimal("12.50"))
    adjusted = {"agreementId": int(record), "amount": Decimal("-25.00"), "description": "Goodwill"}
    adjustment = str((await work.world.cw("agreementAdjustments", adjusted))["id"])
    await work.world.sync("agreement", record)
    await work.world.cw(f"additions/{first}", {"quantity": 12})
    await work.world.sync("agreement", record)
    await work.world.cw(f"additions/{first}", {"cancelledDate": "2026-02-01T00:00:00Z"})
    await work.world.cw(f"agreementAdjustments/{adjustment}/delete")
    await work.world.sync("agreement", record)
    found = await events(work.world, record)
    assert [(one["what"], one.get("id"), one.get("to")) for one in found if "recurring" in one["what"]] == [
        ("recurring amount", None, Decimal("350.00")),
        ("recurring amount", None, Decimal("375.00")),
        ("recurring amount", None, Decimal("250.00")),
    ]
    others = [(one["what"], one.get("id")) for one in found if "recurring" not in one["what"]]
    assert others == [
        ("first seen", None),
        ("addition added", first),
        ("adjustment added", adjustment),
        ("addition changed", first),
        ("addition changed", first),
        ("adjustment removed", adjustment),
    ]
    [changed] = [
        one for one in found if one["what"] == "addition changed" and "cancelledDate" not in one["to"]
    ]
    assert (changed["from"]["quantity"], changed["to"]["quantity"]) == (10, 12)


async def test_additions_that_nobody_tells_of_are_found_within_a_day(work: Invoicing) -> None:
    """ConnectWise neither announces an addition nor stamps its agreement."""
    record = await entered(work)
    await work.world.sweep("agreement")
    await addition(work, record, quantity=4, unitPrice=Decimal("5.00"))
    await work.world.sweep("agreement")
    assert (await row_of(work.world, record))["recurring"] == Decimal("250.00")
    work.world.clock.advance(timedelta(days=1))
    await work.world.sweep("agreement")
    assert (await row_of(work.world, record))["recurring"] == Decimal("270.00")
    traffic = work.world.traffic()
    await work.world.sweep("agreement")
    assert traffic.calls == 1, traffic.routes


async def test_renewed_shortened_cancelled_reinstated(work: Invoicing) -> None:
    record = await entered(work, endDate="2027-12-31T00:00:00Z")
    for action, body in (
        ("renew", {"endDate": "2028-12-31T00:00:00Z"}),
        ("renew", {"endDate": "2028-06-30T00:00:00Z"}),
        ("renew", {}),
        ("cancel", {"date": "2026-11-30T00:00:00Z", "reason": "Moved away"}),
        ("renew", {}),
    ):
        await work.world.cw(f"agreements/{record}/{action}", body)
        await work.world.sync("agreement", record)
    assert (await events(work.world, record))[1:] == [
        {"what": "renewed", "from": "2027-12-31", "to": "2028-12-31"},
        {"what": "shortened", "from": "2028-12-31", "to": "2028-06-30"},
        {"what": "renewed", "from": "2028-06-30", "to": ""},
        {"what": "cancelled", "on": "2026-11-30", "why": "Moved away"},
        {"what": "reinstated"},
    ]
    [project] = work.world.bc_records("projects", number=f"AGR{int(record):06}")
    assert project["displayName"] == "Managed services"


async def test_recurring_amounts(work: Invoicing) -> None:
    """What counts is billable and in effect today; what is included in the agreement costs nothing more."""
    record = await entered(work, billingCycle={"id": 3, "name": "Quarterly"})
    price = {"unitPrice": Decimal("10.00")}
    for values in (
        {"quantity": 5, "lessIncluded": 2},
        {"quantity": 1, "lessIncluded": 3},
        {"quantity": 7, "billCustomer": "DoNotBill"},
        {"quantity": 7, "effectiveDate": "2031-01-01T00:00:00Z"},
        {"quantity": 7, "cancelledDate": "2026-03-01T00:00:00Z"},
        {"quantity": 2, "cancelledDate": "2031-03-01T00:00:00Z"},
    ):
        await addition(work, record, **price, **values)
    await work.world.sync("agreement", record)
    row = await row_of(work.world, record)
    assert (row["recurring"], row["monthly"], row["additions"]) == (Decimal("300.00"), Decimal("100.00"), 3)
    assert (row["cycle"], row["currency"], row["status"]) == ("Quarterly", "USD", "Active")
    assert (row["start"], row["end"], row["company"]["name"]) == ("2026-01-01", "", "Payer Inc")
    work.world.clock.advance(timedelta(days=365 * 5))
    assert (await row_of(work.world, record))["recurring"] == Decimal("350.00")


async def test_report(work: Invoicing) -> None:
    first = await entered(work)
    euros = await entered(work, name="Servers", currency=currency(work.world, "EUR"))
    over = await entered(work, name="Over", endDate="2026-06-30T00:00:00Z")
    await work.world.cw(f"agreements/{first}/invoice", {"date": "2026-11-01T00:00:00Z"})
    billed = str(work.world.cw_records("Invoice")[-1]["id"])
    memo = await work.invoice([amount("agreement", "50.00")], type="CreditMemo", agreement={"id": int(first)})
    held = await work.invoice([amount("service", "1.00", account="4711")], agreement={"id": int(first)})
    for record in (billed, memo, held):
        await work.world.sync("invoice", record)
    found = await report(work.world)
    rows = {row["id"]: row for row in found["agreements"]}
    assert rows[first]["invoiced"] == [{"currency": "USD", "total": Decimal("200.00"), "count": 2}]
    assert (rows[over]["status"], rows[over]["monthly"]) == ("Expired", 0)
    assert (rows[euros]["currency"], rows[euros]["invoiced"]) == ("EUR", [])
    assert found["totals"] == [
        {"currency": "EUR", "active": 1, "monthly": Decimal("250.00"), "invoiced": 0, "count": 0},
        {
            "currency": "USD",
            "active": 1,
            "monthly": Decimal("250.00"),
            "invoiced": Decimal("200.00"),
            "count": 2,
        },
    ]


async def test_what_was_invoiced_for_an_unknown_agreement_counts(work: Invoicing) -> None:
    number = await agreement(work)
    record = await work.invoice(work.lines(), agreement={"id": number})
    await work.world.sync("invoice", record)
    found = await report(work.world)
    assert [row["id"] for row in found["agreements"]] == [str(number)]
    assert found["totals"][0]["invoiced"] == Decimal("334.79")


async def test_missing_value_is_listed_then_made(work: Invoicing) -> None:
    """Without the published page a person is told what to make; with it, DynaConnect makes it."""
    await options(work.world, agreement_dimension="AGREEMENT")
    record = await entered(work)
    link = await work.world.link("agreement", record, "agreement")
    assert (link.state, link.target_number) == (State.DONE, f"AGR{int(record):06}")
    missing = MissingDimensions(work.world.app.connections, work.world.app.registry, work.world.app.store)
    [row] = (await missing.read(DEFAULT))["values"]
    assert row == {
        "dimension": "AGREEMENT",
        "value": link.target_number,
        "name": "Managed services",
        "needed_by": [{"entity": "agreement", "id": record, "state": "done"}],
    }
    await work.world.bc("web-services/publish", {"name": "DimensionValues", "page": 537})
    await work.world.sync("agreement", record)
    [value] = work.world.bc_records("dimensionValues", code=link.target_number)
    assert value["displayName"] == "Managed services"
    assert (await missing.read(DEFAULT))["values"] == []
    traffic = work.world.traffic()
    await work.world.sync("agreement", record)
    assert (traffic.writes, traffic.calls) == (0, 3), traffic.routes


@pytest.mark.parametrize("kind", ["agreement", "project"])
@pytest.mark.parametrize("billed", ["Standard", "CreditMemo"])
async def test_every_document_carries_what_it_is_for(work: Invoicing, kind: str, billed: str) -> None:
    """The option alone is enough: the value is made, and the document waits for it and has it on all its lines."""
    await work.world.bc("web-services/publish", {"name": "DimensionValues", "page": 537})
    await options(work.world, **{f"{kind}_dimension": "AGREEMENT"})
    number = await (agreement(work) if kind == "agreement" else project(work))
    reference: Json = {kind: {"id": number}}
    record = await work.invoice(work.lines(), type=billed, **reference)
    await work.world.sync("invoice", record)
    work.check_posted(record)
    [document] = work.documents(record)
    value = f"{'AGR' if kind == 'agreement' else 'PRJ'}{number:06}"
    entries = [
        entry
        for entry in work.world.company.all("generalLedgerEntries")
        if entry.values["documentNumber"] == document["number"] and entry.values["accountNumber"] != "13100"
    ]
    assert entries
    assert all(entry.hidden["dimensions"] == {"AGREEMENT": value} for entry in entries)


async def test_a_value_that_nobody_can_make_holds_the_invoice(work: Invoicing) -> None:
    """Without the published page the value is missing, and the policy for missing values decides."""
    await options(work.world, agreement_dimension="AGREEMENT")
    number = await agreement(work)
    record = await work.invoice(work.lines(), agreement={"id": number})
    await work.world.sync("invoice", record)
    item = await the_open_item(work.world, "sales_invoice")
    assert (item.state, item.cause) == (State.HELD, "dimension_value_missing")
    await options(work.world, agreement_dimension="AGREEMENT", missing_dimension="skip")
    await work.world.app.desk.retry(DEFAULT, "sales_invoice")
    await work.world.drain()
    work.check_posted(record)


async def test_value_made_by_hand_is_found(work: Invoicing) -> None:
    await options(work.world, agreement_dimension="AGREEMENT")
    record = await entered(work)
    [dimension] = work.world.bc_records("dimensions", code="AGREEMENT")
    row = {"code": f"AGR{int(record):06}", "displayName": "By hand", "dimensionId": dimension["id"]}
    await work.world.bc("records", {"set": "dimensionValues", "records": [row]})
    await work.world.restart()
    await work.world.sync("agreement", record)
    facts = (await work.world.link("agreement", record, "agreement")).facts
    assert "missing_value" not in facts
    assert facts["value_of"] == "AGREEMENT"
