"""Receipts: every file of an expense goes to the purchase invoice once, or is visibly left with the reason."""

from typing import Any

import pytest

from sandbox.kit import Fault, Json
from shared.app import DEFAULT
from shared.domain.plans import Plan
from shared.domain.records import State
from shared.engine.kinds.attachments import GONE, LONGEST_NAME, name_of
from tests.conformance.expensing import Expensing
from tests.conformance.scenes import set_up
from tests.conformance.world import World
from tests.documents.support import options, rules, the_open_item

LARGE = bytes(range(256)) * 12_000
"""More than a process holds of one file."""


@pytest.fixture
async def expenses(world: World) -> Expensing:
    """A member with expenses, who is a vendor."""
    expenses = Expensing(world)

    async def prepare() -> None:
        await expenses.open()
        await world.sync("member", expenses.member, "on demand")

    await set_up(world, expenses, prepare, "vendor")
    return expenses


async def with_file(expenses: Expensing, name: str, content: bytes = b"x", **values: Json) -> str:
    """A report with one file on its only expense."""
    record = await expenses.report(expenses.expense("20.00"))
    await expenses.attach(expenses.entries(record)[0]["id"], name, content, **values)
    return record


async def plan_of(expenses: Expensing, record: str, entity: str = "expense_report") -> Plan:
    """What would be done now."""
    world = expenses.world
    outcomes = await world.app.pipeline.preview(world.envelope("expense_report", record, "on demand"))
    return next(one.plan for one in outcomes if one.entity == entity)


async def test_every_file_of_every_expense_is_shown_first_and_carried_once(expenses: Expensing) -> None:
    """Two receipts of one name, one that is large, one that tells no size, a link, an empty file."""
    record = await expenses.report(expenses.expense("20.00"), expenses.expense("7.35"), expenses.card("5.00"))
    first, second, card = (row["id"] for row in expenses.entries(record))
    numbers = [
        await expenses.attach(first, "image.jpg", b"one"),
        await expenses.attach(second, "image.jpg", LARGE),
        await expenses.attach(second, "Rechnung/München", b"three", size=None),
        await expenses.attach(second, "page.html", b"<html></html>"),
    ]
    await expenses.attach(second, "nothing.txt")
    await expenses.attach(second, "map", link="https://maps.example/route")
    await expenses.attach(card, "card.pdf", b"of the company")
    plan = await plan_of(expenses, record)
    assert "attach files: 4" in plan.steps
    shown = [change.after for change in plan.changes if change.field == "attachments"]
    assert shown[:2] == [f"image (CW {number}).jpg" for number in numbers[:2]]
    assert [text.partition(" is ")[2] for text in plan.warnings] == [
        "empty: it stays in ConnectWise.",
        "a link, no file: it stays in ConnectWise.",
    ]
    assert expenses.invoices(record) == []
    await expenses.sync(record)
    expenses.check_invoice(record, "27.35")
    assert expenses.files(record) == {
        f"image (CW {numbers[0]}).jpg": b"one",
        f"image (CW {numbers[1]}).jpg": LARGE,
        f"Rechnung_München (CW {numbers[2]})": b"three",
        f"page (CW {numbers[3]}).html": b"<html></html>",
    }


async def test_what_is_attached_to_a_draft_later_follows(expenses: Expensing) -> None:
    """Once each, though a draft with a single file tells no size; a draft that is made anew gets all of them."""
    world = expenses.world
    await world.bc("settings", {"size_of_one_file": False})
    await rules(world, otherwise="draft")
    record = await with_file(expenses, "first.pdf", b"1")
    await expenses.sync(record)
    assert list(expenses.files(record).values()) == [b"1"]
    traffic = world.traffic()
    await world.sweep("expense_report")
    assert traffic.writes == 0, traffic.routes
    await expenses.attach(expenses.entries(record)[0]["id"], "second.pdf", b"2")
    await world.sweep("expense_report")
    assert sorted(expenses.files(record).values()) == [b"1", b"2"]
    await expenses.edit(record, "21.00")
    await expenses.sync(record)
    assert sorted(expenses.files(record).values()) == [b"1", b"2"]
    assert len(world.company.all("documentAttachments")) == 2


async def test_an_interrupted_file_is_found_again(expenses: Expensing) -> None:
    """The name was made and the answer lost, or only the name was made: neither makes a second one."""
    world = expenses.world
    await world.bc("settings", {"size_of_one_file": False})
    for kind in ("lost", "reset"):
        for route in ("POST /api/v2.0/companies({company})/documentAttachments", "attachmentContent"):
            record = await with_file(expenses, "receipt.pdf", kind.encode())
            world.fault("business_central", Fault(kind, route=route, times=1))
            await expenses.sync(record)
            [fault] = world.business_central.faults
            assert fault.times == 0, (kind, route)
            world.fault("business_central")
            expenses.check_invoice(record, "20.00")
            assert list(expenses.files(record).values()) == [kind.encode()]


async def test_before_22_1_files_are_incoming_documents(expenses: Expensing) -> None:
    await expenses.world.bc("settings", {"document_attachments": False})
    record = await with_file(expenses, "receipt.pdf", b"paper")
    await expenses.sync(record)
    expenses.check_invoice(record, "20.00")
    assert list(expenses.files(record, "attachments").values()) == [b"paper"]


@pytest.mark.parametrize("size", [{}, {"size": None}], ids=["known before", "noticed while it comes"])
async def test_a_file_that_is_too_large_is_held_and_released(expenses: Expensing, size: Any) -> None:
    world = expenses.world
    await options(world, attachment_limit_mb=1)
    record = await with_file(expenses, "scan.pdf", LARGE, **size)
    await expenses.attach(expenses.entries(record)[0]["id"], "small.pdf", b"s")
    await expenses.sync(record)
    item = await the_open_item(world, "expense_report")
    assert (item.state, item.cause) == (State.HELD, "attachment")
    assert "scan" in item.reason
    assert "1" in item.reason
    assert not any(row["status"] != "Draft" for row in expenses.invoices(record))
    assert await world.app.desk.retry(DEFAULT, cause="attachment") == 1
    await world.drain()
    assert (await the_open_item(world, "expense_report")).cause == "attachment"
    assert await world.app.desk.release(DEFAULT, "expense_report", [record]) == 1
    await world.drain()
    expenses.check_invoice(record, "20.00")
    assert list(expenses.files(record).values()) == [b"s"]
    assert await world.work("expense_report") == []


@pytest.mark.parametrize("size", [{}, {"size": None}], ids=["known before", "noticed while it comes"])
async def test_a_file_that_is_too_large_can_be_noted_only(expenses: Expensing, size: Any) -> None:
    await options(expenses.world, attachment_limit_mb=1, attachments="note")
    record = await with_file(expenses, "scan.pdf", LARGE, **size)
    plan = await plan_of(expenses, record)
    assert bool(plan.warnings) == (not size)
    await expenses.sync(record)
    expenses.check_invoice(record, "20.00")
    assert expenses.files(record) == {}
    link = await expenses.world.link("expense_report", record, "expense_report")
    assert ("scan" in link.reason) == bool(size)


async def test_none_are_looked_for_where_they_are_off(expenses: Expensing) -> None:
    await options(expenses.world, attachments="off")
    record = await with_file(expenses, "receipt.pdf")
    traffic = expenses.world.traffic()
    await expenses.sync(record)
    assert not [route for route in traffic.routes if "ocuments" in route or "ttachments" in route]
    expenses.check_invoice(record, "20.00")


@pytest.mark.parametrize("route", ["GET /v4_6_release/apis/3.0/system/documents", "/download"])
async def test_a_missing_right_holds_the_report_alone(expenses: Expensing, route: str) -> None:
    """Everything else of the connection goes on; the report does once the right is given."""
    world = expenses.world
    world.fault("connectwise", Fault("status", status=403, route=route))
    record = await with_file(expenses, "receipt.pdf", b"paper")
    await expenses.sync(record)
    item = await the_open_item(world, "expense_report")
    assert (item.state, item.cause) == (State.HELD, "attachment")
    assert (await world.connection()).paused_until is None
    world.fault("connectwise")
    await world.app.desk.retry(DEFAULT, cause="attachment")
    await world.drain()
    expenses.check_invoice(record, "20.00")
    assert list(expenses.files(record).values()) == [b"paper"]


async def test_a_file_that_is_removed_meanwhile_is_no_longer_missed(expenses: Expensing) -> None:
    world = expenses.world
    record = await with_file(expenses, "receipt.pdf")
    [document] = world.connectwise.store.rows("DocumentInfo")

    async def remove() -> None:
        await world.cw(f"documents/{document['id']}/delete")

    removed = await world.before("business_central.create", remove)
    await expenses.sync(record)
    assert removed.done
    expenses.check_invoice(record, "20.00")
    assert world.company.all("documentAttachments") == []
    link = await world.link("expense_report", record, "expense_report")
    assert f"receipt (CW {document['id']}).pdf {GONE}" in link.reason


async def test_a_draft_that_cannot_be_found_is_no_older_business_central(expenses: Expensing) -> None:
    """Only a place that is not there at all means that files are kept elsewhere."""
    world = expenses.world
    missing = '{"error": {"code": "Internal_RecordNotFound", "message": "not there right now"}}'
    fault = Fault("status", status=404, body=missing, route="})/documentAttachments", times=1)
    world.fault("business_central", fault)
    record = await with_file(expenses, "receipt.pdf", b"paper")
    await expenses.sync(record)
    assert fault.times == 0
    expenses.check_invoice(record, "20.00")
    assert list(expenses.files(record).values()) == [b"paper"]


async def test_a_document_that_a_person_posted_first_is_told_to_lack_them(expenses: Expensing) -> None:
    world = expenses.world
    await rules(world, otherwise="draft")
    record = await with_file(expenses, "first.pdf")
    await expenses.sync(record)
    await expenses.attach(expenses.entries(record)[0]["id"], "late.pdf", b"late")
    await world.bc("post", {"set": "purchaseInvoices", "key": expenses.invoices(record)[0]["id"]})
    await world.sweep("expense_report")
    expenses.check_invoice(record, "20.00")
    link = await world.link("expense_report", record, "expense_report")
    assert "without late (CW " in link.reason
    assert len(expenses.files(record)) == 1


async def test_a_journal_tells_which_files_it_cannot_take(expenses: Expensing) -> None:
    await options(expenses.world, expense_reports="journal")
    record = await with_file(expenses, "receipt.pdf")
    plan = await plan_of(expenses, record, "employee_expense")
    assert [text for text in plan.warnings if "stays in ConnectWise" in text]


def test_names_have_the_number_and_fit() -> None:
    assert name_of("a.b.pdf", 7) == "a.b (CW 7).pdf"
    assert name_of("", 7) == "file (CW 7)"
    assert name_of("..\\x\r\n/y:z?.PDF", 7) == ".._x_y_z_ (CW 7).PDF"
    assert len(name_of("x" * 400 + ".pdf", 123)) == LONGEST_NAME
