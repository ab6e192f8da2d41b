"""Workflow rules: which documents are posted, drafted or held, and how they go on afterwards."""

from decimal import Decimal
from typing import Final

import pytest

from sandbox.kit import Json, dumps
from shared.app import DEFAULT
from shared.domain.records import State
from shared.mapping import MappingError
from tests.conformance.invoicing import Invoicing
from tests.conformance.taps import Crash
from tests.documents.support import amount, rules, the_open_item

LARGE: Final = {
    "entity": "sales_invoice",
    "when": {"path": "transaction.total", "greater": 1000},
    "do": "hold",
    "note": "Invoices above 1,000.00 are looked at first.",
}


async def billed(work: Invoicing, total: str, **values: Json) -> str:
    """An invoice of one service, handled."""
    record = await work.invoice([amount("service", total)], **values)
    await work.world.sync("invoice", record)
    return record


async def release(work: Invoicing, record: str, entity: str = "sales_invoice") -> int:
    """Lets a held document go."""
    count = await work.world.app.desk.release(DEFAULT, entity, [record])
    await work.world.drain()
    return count


async def test_the_first_rule_that_holds_decides(work: Invoicing) -> None:
    everything = {"entity": "sales_invoice", "do": "draft"}
    memos = {"entity": "credit_memo", "do": "hold"}
    await rules(work.world, LARGE, memos, everything)
    small, large = await billed(work, "999.99"), await billed(work, "1000.01")
    memo = await billed(work, "10.00", type="CreditMemo")
    work.check_draft(small)
    item = await the_open_item(work.world, "sales_invoice")
    assert (item.ref.id, item.state, item.cause, item.reason) == (
        large,
        State.HELD,
        "awaiting_release",
        LARGE["note"],
    )
    assert (await the_open_item(work.world, "credit_memo")).ref.id == memo
    assert work.documents(large) == work.documents(memo) == []


async def test_released(work: Invoicing) -> None:
    await rules(work.world, LARGE)
    record = await billed(work, "1500.00")
    await work.world.app.desk.retry(DEFAULT, "sales_invoice")
    await work.world.drain()
    assert (await the_open_item(work.world, "sales_invoice")).cause == "awaiting_release"
    assert await release(work, "999999") == 0
    assert await release(work, record) == 1
    work.check_posted(record)
    assert await work.world.work("sales_invoice") == []


async def test_a_release_is_for_what_was_looked_at(work: Invoicing) -> None:
    """An invoice that is opened and edited after its release is looked at again."""
    await rules(work.world, LARGE)
    record = await billed(work, "1500.00")

    async def edit() -> None:
        await work.edit(record, [amount("service", "15000.00")])

    await work.world.bc("posting-window", {"from": "2031-01-01", "to": "2031-12-31"})
    await work.world.restart()
    await release(work, record)
    assert (await the_open_item(work.world, "sales_invoice")).cause == "posting_window"
    await edit()
    await work.world.bc("posting-window", {"from": "2020-01-01", "to": "2031-12-31"})
    await work.world.restart()
    await work.world.app.desk.retry(DEFAULT, "sales_invoice")
    await work.world.drain()
    assert (await the_open_item(work.world, "sales_invoice")).cause == "awaiting_release"
    assert await release(work, record) == 1
    work.check_posted(record)


async def test_released_and_the_process_dies(work: Invoicing) -> None:
    """The release is not lost with the process that was about to post."""
    await rules(work.world, LARGE)
    record = await billed(work, "1500.00")

    async def die(call: str) -> None:
        if call == "business_central.create":
            raise Crash(call)

    await work.world.tap(after=die)
    with pytest.raises(Crash):
        await release(work, record)
    await work.world.restart()
    await work.world.drain()
    await release(work, record)
    work.check_posted(record)


@pytest.mark.parametrize("kind", ["Standard", "CreditMemo"])
async def test_drafted_and_posted_by_an_accountant(work: Invoicing, kind: str) -> None:
    """DynaConnect finds what the accountant posted and does what is left: batch, number, settlement."""
    await rules(work.world, otherwise="draft")
    record = await billed(work, "1500.00", type=kind)
    work.check_draft(record)
    await work.world.sync("invoice", record)
    work.check_draft(record)
    [draft] = work.documents(record)
    entity_set = "salesCreditMemos" if kind == "CreditMemo" else "salesInvoices"
    await work.world.bc("post", {"set": entity_set, "key": draft["id"]})
    await work.world.sweep("invoice")
    work.check_posted(record)


async def test_drafted_then_changed_by_an_accountant(work: Invoicing) -> None:
    """A draft that says something else when it is posted is held with both figures; nothing is batched."""
    await rules(work.world, otherwise="draft")
    record = await billed(work, "1500.00")
    [draft] = work.documents(record)
    [line] = work.world.bc_records("salesInvoiceLines", documentId=draft["id"], lineType="Account")
    await work.world.bc_call("PATCH", f"salesInvoiceLines({line['id']})", {"unitPrice": Decimal("1400.00")})
    await work.world.bc("post", {"set": "salesInvoices", "key": draft["id"]})
    await work.world.sweep("invoice")
    item = await the_open_item(work.world, "sales_invoice")
    assert (item.state, item.cause) == (State.HELD, "total_differs")
    assert "1,500.00" in item.reason
    assert "1,400.00" in item.reason
    assert work.batches(record) == []


@pytest.mark.parametrize("kind", ["Standard", "CreditMemo"])
async def test_drafted_then_posted_and_opened_again(work: Invoicing, kind: str) -> None:
    """An accountant posts the draft of a document that people have opened again in ConnectWise: nobody may miss that."""
    await rules(work.world, otherwise="draft")
    record = await billed(work, "1500.00", type=kind)
    await work.reopen(record)
    await work.world.sweep("invoice")
    assert await work.world.work("sales_invoice") == []
    [draft] = work.documents(record)
    entity = "credit_memo" if kind == "CreditMemo" else "sales_invoice"
    entity_set = "salesCreditMemos" if kind == "CreditMemo" else "salesInvoices"
    await work.world.bc("post", {"set": entity_set, "key": draft["id"]})
    await work.world.sync("invoice", record)
    item = await the_open_item(work.world, entity)
    [posted] = work.documents(record)
    assert (item.state, item.cause) == (State.HELD, "posted_meanwhile")
    assert posted["number"] in item.reason
    await work.close(record)
    await work.world.app.desk.retry(DEFAULT, entity)
    await work.world.drain()
    work.check_posted(record)


async def test_the_process_dies_right_after_posting_and_the_invoice_is_opened_again(work: Invoicing) -> None:
    record = await work.invoice([{"kind": "service", "amount": Decimal("1500.00")}])

    async def die(call: str) -> None:
        if call == "business_central.act":
            raise Crash(call)

    await work.world.tap(after=die)
    with pytest.raises(Crash):
        await work.world.sync("invoice", record)
    await work.reopen(record)
    await work.world.restart()
    await work.world.drain()
    item = await the_open_item(work.world, "sales_invoice")
    assert (item.state, item.cause) == (State.HELD, "posted_meanwhile")
    await work.close(record)
    await work.world.app.desk.retry(DEFAULT, "sales_invoice")
    await work.world.drain()
    work.check_posted(record)


async def test_back_to_the_standard(work: Invoicing) -> None:
    await rules(work.world, otherwise="hold")
    record = await billed(work, "10.00")
    assert (await the_open_item(work.world, "sales_invoice")).ref.id == record
    await work.world.app.desk.drop_workflow(DEFAULT)
    await work.world.app.desk.retry(DEFAULT, "sales_invoice")
    await work.world.drain()
    work.check_posted(record)


async def test_a_rule_for_no_document_is_refused(work: Invoicing) -> None:
    """A rule that would never hold anything is no rule; somebody relies on it."""
    desk = work.world.app.desk
    given = {"rules": [{"entity": "sales_invoise", "do": "hold"}, {"entity": "customer", "do": "draft"}]}
    with pytest.raises(MappingError) as refused:
        await desk.save_workflow(DEFAULT, dumps(given))
    assert [one.place for one in refused.value.problems] == ["rules[0].entity", "rules[1].entity"]
    assert "sales_invoice" in refused.value.problems[0].message
    with pytest.raises(MappingError):
        await desk.save_workflow(DEFAULT, '{"rules": [{"entity": "sales_invoice", "do": "wait"}]}')
    record = await billed(work, "10.00")
    work.check_posted(record)
