"""Kinds of billing that are more than lines: down payments and their use, progress, agreements, other payers."""

from decimal import Decimal

from sandbox.kit import Json
from tests.conformance.invoicing import Invoicing
from tests.documents.support import agreement, amount, project, settle

DEFERRED = "2100"


async def arrives(work: Invoicing, lines: list[Json], **values: Json) -> str:
    """Syncs an invoice and asserts that it is posted with an equal total."""
    record = await work.invoice(lines, **values)
    await work.world.sync("invoice", record)
    work.check_posted(record)
    return record


def balance(work: Invoicing, account: str) -> Decimal:
    """Debits less credits of an account in Business Central."""
    rows = work.world.bc_records("generalLedgerEntries", accountNumber=account)
    return sum((row["debitAmount"] - row["creditAmount"] for row in rows), Decimal(0))


def comments(work: Invoicing, record: str) -> list[str]:
    """The comment lines of the document."""
    [document] = work.documents(record)
    rows = work.world.bc_records("salesInvoiceLines", documentId=document["id"], lineType="Comment")
    return [row["description"] for row in rows]


async def test_down_payment_and_its_use(work: Invoicing) -> None:
    """Deferred revenue is filled by the down payment and emptied by the invoices that draw on it."""
    paid = await arrives(work, [amount("downPayment", "500.00")], type="DownPayment")
    assert balance(work, DEFERRED) == Decimal("-500.00")
    draw = amount("downPayment", "300.00", downPayment={"id": int(paid)})
    first = await arrives(work, [work.item_line(5, "99.90"), draw])
    assert (work.billed(first), balance(work, DEFERRED)) == (Decimal("199.50"), Decimal("-200.00"))
    rest = amount("downPayment", "200.00", downPayment={"id": int(paid)})
    last = await arrives(work, [amount("service", "200.00"), rest])
    assert (work.billed(last), balance(work, DEFERRED)) == (Decimal(0), Decimal(0))
    await work.pay({paid: "500.00", first: "199.50"}, documentNumber="P1")
    await settle(work.world)
    work.check_paid(paid, "500.00")
    work.check_paid(first, "199.50")


async def test_progress(work: Invoicing) -> None:
    number = await project(work, billingMethod="FixedFee")
    reference = {"project": {"id": number}, "type": "Progress"}
    first = await arrives(work, [amount("service", "1000.00")], **reference)
    lines = [amount("service", "2500.00"), amount("previousProgress", "1000.00")]
    second = await arrives(work, lines, **reference)
    assert [work.billed(one) for one in (first, second)] == [Decimal("1000.00"), Decimal("1500.00")]
    assert comments(work, second) == ["Project: Move"]


async def test_agreement_with_additions(work: Invoicing) -> None:
    addition = {"product": {"id": int(work.product)}, "quantity": 3, "unitPrice": Decimal("19.995")}
    number = await agreement(work, billAmount=Decimal("250.00"), additions=[addition])
    await work.world.cw(f"agreements/{number}/invoice", {"date": "2026-12-01T00:00:00Z"})
    record = str(work.world.cw_records("Invoice")[-1]["id"])
    await work.world.sync("invoice", record)
    work.check_posted(record)
    assert work.billed(record) == Decimal("309.99")
    assert comments(work, record) == ["Agreement: Managed services"]
    link = await work.world.link("invoice", record, "sales_invoice")
    assert link.facts["tags"] == {"agreement": number}


async def test_prepaid_agreement_bills_nothing(work: Invoicing) -> None:
    number = await agreement(work, type={"name": "Block time"})
    lines = [amount("service", "480.00"), amount("discount", "480.00")]
    record = await arrives(work, lines, type="Agreement", agreement={"id": number})
    assert work.billed(record) == 0


async def test_consolidated(work: Invoicing) -> None:
    """Agreement, project work and goods on one invoice."""
    number = await agreement(work)
    lines = [amount("agreement", "250.00"), amount("expense", "17.35"), *work.lines()]
    record = await arrives(work, lines, agreement={"id": number})
    assert work.billed(record) == Decimal("602.14")


async def test_billed_to_headquarters(work: Invoicing) -> None:
    """The company that pays is the customer, and what it pays settles the branch's invoice."""
    payer = await work.company("Headquarters")
    branch = await work.company("Branch", billToCompany={"id": int(payer)})
    record = await work.invoice(work.lines(), payer=branch)
    await work.world.sync("invoice", record)
    work.check_posted(record)
    [document] = work.documents(record)
    assert document["customerNumber"] == work.world.cw_record("Company", payer)["accountNumber"]
    assert work.world.bc_records("customers", displayName="Branch Inc") == []
    await work.pay({record: "334.79"}, documentNumber="P1")
    await settle(work.world)
    work.check_paid(record, "334.79")
