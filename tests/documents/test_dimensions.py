"""Dimensions of documents, and what happens where Business Central lacks a value: hold, leave out, or a default."""

from decimal import Decimal

import pytest

from sandbox.kit import Json, dumps
from shared.app import DEFAULT
from shared.domain.records import State
from shared.engine.kinds.agreements import JsonObject
from shared.engine.kinds.missing import MissingDimensions
from shared.mapping import standard_mapping
from tests.conformance.invoicing import Invoicing
from tests.conformance.world import World
from tests.documents.support import amount, options, the_open_item

ENTITIES = ("sales_invoice", "credit_memo")


@pytest.fixture(autouse=True)
async def _mapping(work: Invoicing) -> None:
    """The customer PO stands for the department: a field that a test can set to anything."""
    for entity in ENTITIES:
        document = standard_mapping(entity).model_dump(mode="json", by_alias=True, exclude_unset=True)
        fields = [
            {"to": "code", "constant": "DEPARTMENT"},
            {"to": "valueCode", "from": "invoice.customerPO", "overflow": "hold"},
        ]
        when = {"path": "invoice.customerPO", "empty": False}
        document["lines"] = [
            {"to": "dimensionSetLines", "when": when, "fields": fields},
            *document["lines"],
        ]
        await work.world.app.desk.save_mapping(DEFAULT, entity, dumps(document))


async def billed(work: Invoicing, department: str, **values: Json) -> str:
    """An invoice of a department, handled."""
    record = await work.invoice([amount("service", "100.00")], customerPO=department, **values)
    await work.world.sync("invoice", record)
    return record


def dimensions(work: Invoicing, record: str) -> dict[str, str]:
    """The dimensions of the posted document: codes and values."""
    [document] = work.documents(record)
    found = work.world.company.get(
        "salesCreditMemos" if "creditMemoDate" in document else "salesInvoices", document["id"]
    )
    assert found is not None
    return dict(found.hidden["dimensions"])


async def missing(world: World) -> list[JsonObject]:
    """What the report lists as missing."""
    report = MissingDimensions(world.app.connections, world.app.registry, world.app.store)
    rows: list[JsonObject] = (await report.read(DEFAULT))["values"]
    return rows


async def add_value(world: World, code: str) -> None:
    """Makes a department by hand; the product has read its lists before."""
    [dimension] = world.bc_records("dimensions", code="DEPARTMENT")
    row = {"code": code, "displayName": code.title(), "dimensionId": dimension["id"]}
    await world.bc("records", {"set": "dimensionValues", "records": [row]})
    await world.restart()


@pytest.mark.parametrize("kind", ["Standard", "CreditMemo"])
async def test_carried_to_the_document_and_its_lines(work: Invoicing, kind: str) -> None:
    record = await billed(work, "SALES", type=kind)
    work.check_posted(record)
    assert dimensions(work, record) == {"DEPARTMENT": "SALES"}
    [document] = work.documents(record)
    entries = work.world.company.all("generalLedgerEntries")
    own = [entry for entry in entries if entry.values["documentNumber"] == document["number"]]
    assert {entry.values["accountNumber"] for entry in own} == {"4000", "13100"}
    assert all(
        entry.hidden["dimensions"] == {"DEPARTMENT": "SALES"}
        for entry in own
        if entry.values["accountNumber"] == "4000"
    )
    assert await missing(work.world) == []


async def test_hold(work: Invoicing) -> None:
    record = await billed(work, "ROBOTICS")
    item = await the_open_item(work.world, "sales_invoice")
    assert (item.state, item.cause) == (State.HELD, "dimension_value_missing")
    assert "ROBOTICS" in item.reason
    assert work.documents(record) == []
    [row] = await missing(work.world)
    assert (row["dimension"], row["value"]) == ("DEPARTMENT", "ROBOTICS")
    assert row["needed_by"] == [{"entity": "sales_invoice", "id": record, "state": "held"}]
    await add_value(work.world, "ROBOTICS")
    assert await missing(work.world) == []
    await work.world.app.desk.retry(DEFAULT, cause="dimension_value_missing")
    await work.world.drain()
    work.check_posted(record)
    assert dimensions(work, record) == {"DEPARTMENT": "ROBOTICS"}


async def test_left_out(work: Invoicing) -> None:
    await options(work.world, missing_dimension="skip")
    record = await billed(work, "ROBOTICS")
    work.check_posted(record)
    assert dimensions(work, record) == {}
    [row] = await missing(work.world)
    assert (row["value"], row["needed_by"][0]["state"]) == ("ROBOTICS", "done")
    other = await billed(work, "SALES")
    assert dimensions(work, other) == {"DEPARTMENT": "SALES"}


async def test_default(work: Invoicing) -> None:
    await options(work.world, missing_dimension="default:ADMIN")
    record = await billed(work, "ROBOTICS")
    work.check_posted(record)
    assert dimensions(work, record) == {"DEPARTMENT": "ADMIN"}


async def test_a_default_that_is_missing_too_holds(work: Invoicing) -> None:
    await options(work.world, missing_dimension="default:NOBODY")
    record = await billed(work, "ROBOTICS")
    item = await the_open_item(work.world, "sales_invoice")
    assert item.cause == "dimension_value_missing"
    assert "NOBODY" in item.reason
    assert work.documents(record) == []


async def test_a_preview_tells_what_would_be_left_out(work: Invoicing) -> None:
    await options(work.world, missing_dimension="skip")
    record = await work.invoice([amount("service", "100.00")], customerPO="ROBOTICS")
    [plan] = await work.world.app.desk.preview(DEFAULT, "sales_invoice", [record])
    assert plan["warnings"] == ["Dimension DEPARTMENT has no value ROBOTICS: it is left out."]
    assert plan["payload"]["dimensionSetLines"] == []


async def test_several_documents_need_one_value(work: Invoicing) -> None:
    records = [await billed(work, "ROBOTICS") for _ in range(2)]
    [row] = await missing(work.world)
    assert [one["id"] for one in row["needed_by"]] == records
    assert work.billed(records[0]) == Decimal("100.00")
