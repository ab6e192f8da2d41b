"""What ConnectWise shows of a posted invoice: one line in its internal notes that is replaced, never repeated."""

from decimal import Decimal

import pytest

from sandbox.kit import Json
from tests.conformance.invoicing import Invoicing
from tests.documents.support import settle

TOTAL = "334.79"


@pytest.fixture
async def invoice(work: Invoicing) -> str:
    """A posted invoice of 334.79 on which somebody has written a note."""
    record = await work.invoice(work.lines(), internalNotes="Ask for Ann. [VIP]")
    await work.world.sync("invoice", record)
    work.check_posted(record)
    return record


def standing(work: Invoicing, record: str) -> str:
    """Our line without its posting; asserts that it is there once and that everything else is kept."""
    notes = work.source(record)["internalNotes"]
    [document] = work.documents(record)
    dates = f"posted {document['postingDate']}, due {document['dueDate']}"
    kept, _, line = notes.partition(f" [Business Central {document['number']}, {dates}")
    assert kept == "Ask for Ann. [VIP]"
    assert line.endswith("]")
    assert "[" not in line
    return str(line[:-1].removeprefix(", "))


async def pay(work: Invoicing, record: str, amount: str, number: str, **part: Json) -> None:
    """A payment of one invoice."""
    [document] = work.documents(record)
    application = {"documentNumber": document["number"], "amount": Decimal(amount), **part}
    await work.world.bc(
        "ledger/post",
        {
            "customerNumber": document["customerNumber"],
            "amount": Decimal(amount) - Decimal(part.get("discount", 0)),
            "documentNumber": number,
            "postingDate": "2026-12-01",
            "applications": [application],
        },
    )
    await settle(work.world)


async def test_posted_open_paid_and_open_again(work: Invoicing, invoice: str) -> None:
    assert standing(work, invoice) == ""
    await pay(work, invoice, "100.00", "P1")
    assert standing(work, invoice) == "open 234.79"
    await pay(work, invoice, "234.79", "P2")
    assert standing(work, invoice) == "paid 2026-12-01"
    work.check_paid(invoice, "100.00", "234.79")
    await work.world.bc("ledger/unapply", {"documentNumber": "P2"})
    await settle(work.world)
    assert standing(work, invoice) == "open 234.79"
    work.check_paid(invoice, "100.00")


async def test_cancelled(work: Invoicing, invoice: str) -> None:
    [document] = work.documents(invoice)
    await work.world.bc_call("POST", f"salesInvoices({document['id']})/Microsoft.NAV.cancel")
    await settle(work.world)
    [memo] = work.world.bc_records("salesCreditMemos", status="Corrective")
    assert standing(work, invoice) == f"cancelled, credit memo {memo['number']} {TOTAL}"
    assert work.payments(invoice) == []


async def test_payment_discount(work: Invoicing, invoice: str) -> None:
    """The customer owes nothing more, so ConnectWise shows the full amount; the notes tell what was granted."""
    await pay(work, invoice, TOTAL, "P1", discount=Decimal("4.79"))
    work.check_paid(invoice, TOTAL)
    assert work.source(invoice)["balance"] == 0
    assert standing(work, invoice) == "paid 2026-12-01, of which discount 4.79"


async def test_payment_tolerance(work: Invoicing, invoice: str) -> None:
    """A few cents too little are accepted in Business Central: settled in full, and told apart from a discount."""
    [document] = work.documents(invoice)
    part = {"documentNumber": document["number"], "amount": Decimal(TOTAL), "tolerance": Decimal("0.04")}
    body = {"customerNumber": document["customerNumber"], "amount": Decimal("334.75"), "documentNumber": "P1"}
    await work.world.bc("ledger/post", body | {"postingDate": "2026-12-01", "applications": [part]})
    await settle(work.world)
    work.check_paid(invoice, TOTAL)
    assert standing(work, invoice) == "paid 2026-12-01, of which tolerance 0.04"


async def test_unapplied_and_refunded(work: Invoicing, invoice: str) -> None:
    """A payment that goes back to the customer leaves the invoice open in both systems."""
    await pay(work, invoice, TOTAL, "P1")
    await work.world.bc("ledger/unapply", {"documentNumber": "P1"})
    await refund(work, invoice, TOTAL)
    await settle(work.world)
    work.check_paid(invoice)
    assert standing(work, invoice) == f"open {TOTAL}"


async def test_the_rest_of_a_payment_is_refunded(work: Invoicing, invoice: str) -> None:
    """What was paid too much and goes back is no matter of the invoice."""
    await work.pay({invoice: TOTAL}, amount="400.00", documentNumber="P1", postingDate="2026-12-01")
    await settle(work.world)
    await refund(work, invoice, "65.21")
    await settle(work.world)
    work.check_paid(invoice, TOTAL)
    assert standing(work, invoice) == "paid 2026-12-01"


async def refund(work: Invoicing, record: str, amount: str) -> None:
    """Gives money of the payment P1 back."""
    [document] = work.documents(record)
    await work.world.bc(
        "ledger/post",
        {
            "documentType": "Refund",
            "customerNumber": document["customerNumber"],
            "amount": Decimal(amount),
            "documentNumber": "R1",
            "applications": [{"documentNumber": "P1", "amount": Decimal(amount)}],
        },
    )


async def test_reversed_and_booked_anew(work: Invoicing, invoice: str) -> None:
    """A wrong payment is taken back and the right one is booked: ConnectWise shows only that."""
    await pay(work, invoice, "300.00", "P1")
    await work.world.bc("ledger/unapply", {"documentNumber": "P1"})
    await refund(work, invoice, "300.00")
    await pay(work, invoice, "330.00", "P2")
    work.check_paid(invoice, "330.00")
    assert standing(work, invoice) == "open 4.79"


async def test_a_person_edits_the_notes(work: Invoicing, invoice: str) -> None:
    await pay(work, invoice, "100.00", "P1")
    notes = work.source(invoice)["internalNotes"]
    change = [{"op": "replace", "path": "internalNotes", "value": f"{notes} Called on Monday."}]
    await work.world.cw_call("PATCH", f"finance/closedInvoices/{invoice}", change)
    await work.world.sync("invoice", invoice)
    await pay(work, invoice, "234.79", "P2")
    notes = work.source(invoice)["internalNotes"]
    assert notes.startswith("Ask for Ann. [VIP] Called on Monday. [Business Central ")
    assert (notes.count("Business Central"), "open" in notes) == (1, False)
