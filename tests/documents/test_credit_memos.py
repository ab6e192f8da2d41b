"""A credit memo is applied to the invoice that it corrects where that is certain, and ConnectWise shows it."""

from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Final

import pytest

from sandbox.kit import Json
from shared.domain.records import State
from tests.conformance.invoicing import Invoicing
from tests.documents.support import agreement, amount, currency, options, project, settle, the_open_item

CREDIT: Final = "120.00"
LINES: Final = [amount("service", CREDIT)]

type Reference = tuple[str, int, Json]


async def by_agreement(work: Invoicing) -> Reference:
    number = await agreement(work)
    return "Agreement", number, {"agreement": {"id": number}}


async def by_project(work: Invoicing) -> Reference:
    number = await project(work)
    return "Project", number, {"project": {"id": number}}


async def by_ticket(_work: Invoicing) -> Reference:
    return "Ticket", 4711, {"ticket": {"id": 4711}}


async def memo_for(work: Invoicing, reference: Reference, **values: Json) -> str:
    """A credit memo of 120.00 that names what it belongs to, handled."""
    kind, number, _ = reference
    body = {"type": "CreditMemo", "applyToType": kind, "applyToId": number, **values}
    memo = await work.invoice(LINES, **body)
    await work.world.sync("invoice", memo)
    return memo


async def is_unapplied(work: Invoicing, memo: str) -> None:
    work.check_posted(memo)
    [document] = work.documents(memo)
    assert (document["invoiceNumber"], document["status"]) == ("", "Open")


@pytest.mark.parametrize("belongs", [by_agreement, by_project, by_ticket])
async def test_applied_to_the_invoice_of_the_same_thing(
    work: Invoicing, belongs: Callable[[Invoicing], Awaitable[Reference]]
) -> None:
    reference = await belongs(work)
    invoice = await work.invoice(work.lines(), **reference[2])
    await work.world.sync("invoice", invoice)
    memo = await memo_for(work, reference)
    work.check_posted(memo)
    [document], [invoiced] = work.documents(memo), work.documents(invoice)
    assert (document["invoiceNumber"], document["status"]) == (invoiced["number"], "Paid")
    assert work.remaining(invoice) == Decimal("214.79")
    await settle(work.world)
    [payment] = work.payments(invoice)
    assert (payment["amount"], payment["credit"]["id"]) == (Decimal(CREDIT), int(memo))
    assert work.source(invoice)["balance"] == Decimal("214.79")
    assert work.source(memo)["balance"] == 0
    notes = work.source(invoice)["internalNotes"]
    assert f"open 214.79, credit memo {document['number']} {CREDIT}]" in notes


async def test_waits_for_its_invoice(work: Invoicing) -> None:
    reference = await by_agreement(work)
    invoice = await work.invoice(work.lines(), close=False, **reference[2])
    memo = await memo_for(work, reference)
    item = await the_open_item(work.world, "credit_memo")
    assert (item.state, item.ref.id) == (State.WAITING, memo)
    assert work.documents(memo) == []
    await work.close(invoice)
    await work.world.sync("invoice", invoice)
    work.check_posted(invoice)
    work.check_posted(memo)
    assert work.remaining(invoice) == Decimal("214.79")


async def test_both_at_once(work: Invoicing) -> None:
    """Whichever comes first: the memo never posts before the invoice to which it is applied."""
    reference = await by_agreement(work)
    invoice = await work.invoice(work.lines(), **reference[2])
    kind, number, _ = reference
    memo = await work.invoice(LINES, type="CreditMemo", applyToType=kind, applyToId=number)
    await work.world.hint("invoice", memo)
    await work.world.hint("invoice", invoice)
    await work.world.drain()
    work.check_posted(memo)
    assert work.remaining(invoice) == Decimal("214.79")


async def test_several_invoices_leave_it_unapplied(work: Invoicing) -> None:
    reference = await by_agreement(work)
    for _ in range(2):
        await work.world.sync("invoice", await work.invoice(work.lines(), **reference[2]))
    await is_unapplied(work, await memo_for(work, reference))


async def test_without_a_reference_it_stays_unapplied(work: Invoicing) -> None:
    await work.world.sync("invoice", await work.invoice(work.lines()))
    memo = await work.invoice(LINES, type="CreditMemo")
    await work.world.sync("invoice", memo)
    await is_unapplied(work, memo)


async def test_another_payer_leaves_it_unapplied(work: Invoicing) -> None:
    reference = await by_agreement(work)
    other = await work.company("Headquarters")
    invoice = await work.invoice(work.lines(), billToCompany={"id": int(other)}, **reference[2])
    await work.world.sync("invoice", invoice)
    work.check_posted(invoice)
    await is_unapplied(work, await memo_for(work, reference))


async def test_another_currency_leaves_it_unapplied(work: Invoicing) -> None:
    reference = await by_agreement(work)
    invoice = await work.invoice(work.lines(), currency=currency(work.world, "EUR"), **reference[2])
    await work.world.sync("invoice", invoice)
    work.check_posted(invoice)
    await is_unapplied(work, await memo_for(work, reference))


async def test_a_paid_invoice_leaves_it_unapplied(work: Invoicing) -> None:
    reference = await by_agreement(work)
    invoice = await work.invoice(work.lines(), **reference[2])
    await work.world.sync("invoice", invoice)
    await work.pay({invoice: "334.79"}, documentNumber="P1")
    memo = await memo_for(work, reference)
    await is_unapplied(work, memo)
    await settle(work.world)
    work.check_paid(invoice, "334.79")


async def test_an_invoice_of_another_accounting_leaves_it_unapplied(work: Invoicing) -> None:
    """What another interface exported never arrives here: nothing waits for it."""
    reference = await by_agreement(work)
    invoice = await work.invoice(work.lines(), **reference[2])
    export = await work.world.cw_call("GET", f"finance/invoices/{invoice}/glEntries/")
    batch = {
        "batchIdentifier": "OLD-1",
        "glInterfaceIdentifier": "OLD",
        "exportInvoicesFlag": True,
        "processedRecordIds": [row["id"] for row in export],
    }
    await work.world.cw_call("POST", "finance/accounting/batches", batch)
    await work.world.sync("invoice", invoice)
    assert work.documents(invoice) == []
    await is_unapplied(work, await memo_for(work, reference))


@pytest.mark.parametrize("negative", [False, True])
async def test_signs(work: Invoicing, negative: bool) -> None:
    """Items, services, discounts and taxes are positive in Business Central, whichever way ConnectWise has them."""
    await work.world.cw("settings", {"credit_memo_negative_price": negative})
    lines = [*work.lines(), work.item_line(7, "0.1457"), amount("discount", "9.99")]
    memo = await work.invoice(lines, type="CreditMemo")
    assert work.source(memo)["total"] == Decimal("-325.82")
    await work.world.sync("invoice", memo)
    work.check_posted(memo)
    [document] = work.documents(memo)
    rows = work.world.bc_records("salesCreditMemoLines", documentId=document["id"])
    amounts = sorted(row["amountIncludingTax"] for row in rows if row["lineType"] != "Comment")
    assert amounts == [Decimal(text) for text in ("-9.99", "1.02", "14.99", "120.00", "199.80")]
    assert all(row["quantity"] > 0 for row in rows if row["lineType"] != "Comment")


async def test_refused_by_connectwise_it_becomes_a_note(work: Invoicing) -> None:
    await work.world.cw("settings", {"refuse_credit_payments": True})
    reference = await by_agreement(work)
    invoice = await work.invoice(work.lines(), **reference[2])
    await work.world.sync("invoice", invoice)
    memo = await memo_for(work, reference)
    await settle(work.world)
    assert work.payments(invoice) == []
    [document] = work.documents(memo)
    notes = work.source(invoice)["internalNotes"]
    assert notes.count(f"open 214.79, credit memo {document['number']} {CREDIT}]") == 1
    await work.pay({invoice: "214.79"}, documentNumber="P1")
    await settle(work.world)
    assert [row["amount"] for row in work.payments(invoice)] == [Decimal("214.79")]
    assert f"credit memo {document['number']} {CREDIT}]" in work.source(invoice)["internalNotes"]


@pytest.mark.parametrize("kind", ["C", "P"])
async def test_the_type_of_an_applied_credit_is_found_by_trying(work: Invoicing, kind: str) -> None:
    """Nobody says which type ConnectWise wants: it is found once, and what was refused on the way leaves nothing."""
    await work.world.cw("settings", {"credit_payment_type": kind})
    calls = []
    for name in ("first", "second"):
        number = await agreement(work, name)
        invoice = await work.invoice(work.lines(), agreement={"id": number})
        await work.world.sync("invoice", invoice)
        traffic = work.world.traffic()
        memo = await memo_for(work, ("Agreement", number, {}))
        await settle(work.world)
        [payment] = work.payments(invoice)
        assert (payment["credit"]["id"], payment["type"]) == (int(memo), kind)
        assert work.source(invoice)["balance"] == work.remaining(invoice) == Decimal("214.79")
        calls.append(
            sum(n for route, n in traffic.routes.items() if route.startswith("POST") and "payments" in route)
        )
    assert calls == [2 if kind == "C" else 3, 1]


async def test_a_credit_that_connectwise_forgets_is_taken_back(work: Invoicing) -> None:
    """A payment that comes back without its memo would be money that nobody has paid."""
    await work.world.cw("settings", {"drop_credit_of_payments": True})
    reference = await by_agreement(work)
    invoice = await work.invoice(work.lines(), **reference[2])
    await work.world.sync("invoice", invoice)
    memo = await memo_for(work, reference)
    await settle(work.world)
    [document] = work.documents(memo)
    assert work.payments(invoice) == []
    assert work.source(invoice)["balance"] == Decimal("334.79")
    assert f"credit memo {document['number']} {CREDIT}]" in work.source(invoice)["internalNotes"]


async def test_as_a_note_where_the_option_says_so(work: Invoicing) -> None:
    await options(work.world, credit_applications="note")
    reference = await by_agreement(work)
    invoice = await work.invoice(work.lines(), **reference[2])
    await work.world.sync("invoice", invoice)
    memo = await memo_for(work, reference)
    traffic = work.world.traffic()
    await settle(work.world)
    assert not [route for route in traffic.routes if route.startswith("POST") and "payments" in route]
    [document] = work.documents(memo)
    assert f"open 214.79, credit memo {document['number']} {CREDIT}]" in work.source(invoice)["internalNotes"]


async def test_applied_by_an_accountant_later(work: Invoicing) -> None:
    invoice, memo = await work.invoice(work.lines()), await work.invoice(LINES, type="CreditMemo")
    for record in (invoice, memo):
        await work.world.sync("invoice", record)
    await settle(work.world)
    [document], [invoiced] = work.documents(memo), work.documents(invoice)
    body = {"documentNumber": document["number"], "documentType": "Credit_x0020_Memo"}
    part = {"documentNumber": invoiced["number"], "amount": Decimal("100.00")}
    await work.world.bc("ledger/apply", {**body, "applications": [part]})
    await settle(work.world)
    [payment] = work.payments(invoice)
    assert (payment["amount"], payment["credit"]["id"]) == (Decimal("100.00"), int(memo))
    assert work.source(memo)["balance"] == Decimal("-20.00")
    await work.world.bc("ledger/unapply", body)
    await settle(work.world)
    assert work.payments(invoice) == []
    assert (work.source(memo)["balance"], work.source(invoice)["balance"]) == (
        Decimal("-120.00"),
        Decimal("334.79"),
    )


async def test_settlement_that_was_looked_at_before_the_memo_was_known(work: Invoicing) -> None:
    """The ledger shows the application before the pass that posted the memo has ended: it is looked at again."""
    reference = await by_agreement(work)
    invoice = await work.invoice(work.lines(), **reference[2])
    await work.world.sync("invoice", invoice)

    async def look() -> None:
        await work.world.deliver(work.world.envelope("settlement", invoice, "ledger"))

    looked = await work.world.before("commit_batch", look)
    memo = await memo_for(work, reference)
    assert looked.done
    [payment] = work.payments(invoice)
    assert payment["credit"]["id"] == int(memo)
    await settle(work.world)
