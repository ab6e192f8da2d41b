"""Books in step: nothing is reported, every cent is proved, at few calls and without a write."""

from decimal import Decimal
from typing import Any

from sandbox.scan import cost_of
from tests.reconcile.books import Books


def steps(row: dict[str, Any]) -> list[str]:
    """What was rounded or converted on the way, in words."""
    return [step["what"] for step in row["rounding"]]


async def test_books_in_step(books: Books) -> None:
    world = books.world
    await books.make_companies(12)
    await books.make_items(5)
    await books.make_invoices(36)
    await books.make_invoices(6, type="CreditMemo")
    await books.make_payments(books.invoices[:16])
    traffic = world.traffic()
    result = await books.reconcile()
    assert result["drifts"] == []
    assert result["known"] == []
    assert result["red"] == []
    assert traffic.writes == 0
    assert cost_of(traffic, result["scanned"]).lists == dict.fromkeys(result["scanned"], 1), traffic.routes
    assert sum(result["calls"].values()) == traffic.calls

    proofs = {row["id"]: row for row in result["proofs"]}
    assert set(proofs) == {*books.invoices, *books.memos}
    for record, row in proofs.items():
        total = abs(books.source(record)["total"])
        amounts = {row[f"{name}_total"] for name in ("connectwise", "lines", "draft", "posted")}
        assert amounts == {total}
        assert row["difference"] == 0
        assert row["equal"]
        if row["local"]:
            assert abs(row["ledger_amount"]) == total
        else:
            assert any("local currency" in what for what in steps(row))
        if record in books.invoices[:16]:
            assert row["paid_business_central"] == row["paid_connectwise"] > 0
        if record in books.invoices:
            assert row["remaining_business_central"] == row["remaining_connectwise"]
    assert any("quantity times unit price" in " ".join(steps(row)) for row in proofs.values())

    assert {row["currency"] for row in result["statement"]} == {"USD", "EUR", "GBP"}
    assert sum(row["documents"] for row in result["statement"]) == 42
    assert all(row["difference"] == 0 and row["unequal"] == 0 for row in result["statement"])
    billed = sum((books.source(record)["total"] for record in proofs), Decimal(0))
    assert sum(row["connectwise"] for row in result["statement"]) == billed
    assert result["difference"] == {"USD": 0, "EUR": 0, "GBP": 0}


async def test_receivables_name_every_cent_of_the_ledger(books: Books) -> None:
    await books.make_companies(2)
    [local, foreign] = await books.make_invoices(2, currency=books.currency("USD"))
    customer = books.document_of(local)["customerNumber"]
    await books.world.bc(
        "ledger/post", {"customerNumber": customer, "amount": Decimal("12.34"), "documentNumber": "ADVANCE"}
    )
    result = await books.reconcile()
    [row] = [row for row in result["receivables"] if row["customer"] == customer]
    assert row["difference"] == 0
    assert row["other_entries"] == ["Payment ADVANCE: -12.34"]
    assert row["ledger_local"] == row["business_central"] == books.source(local)["balance"]
    ledger = books.world.company.ledger
    owed = sum((ledger.remaining_lcy(number) for number in ledger.entries), Decimal(0))
    assert sum(r["ledger_local"] + r["other_ledger_local"] for r in result["receivables"]) == owed
    assert foreign


async def test_settled_by_a_credit_memo_that_connectwise_cannot_show(books: Books) -> None:
    await books.make_companies(1)
    [record] = await books.make_invoices(1, currency=books.currency("USD"))
    await books.pay({record: "10.00"}, documentNumber="M1", documentType="Credit_x0020_Memo")
    await books.world.sweep("settlement")
    result = await books.reconcile()
    assert result["drifts"] == []
    [row] = result["proofs"]
    assert row["notes"] == [
        "Settled in Business Central by Credit Memo M1: 10.00; ConnectWise cannot show it."
    ]
    assert result["red"] == []


async def test_what_changed_a_moment_ago_is_no_drift(books: Books) -> None:
    await books.make_companies(3)
    await books.world.cw(f"companies/{books.companies[0]}", {"addressLine1": "Moved"})
    number = books.customer_of(books.companies[1])["number"]
    await books.world.bc("edit", {"set": "customers", "key": number, "values": {"addressLine1": "Elsewhere"}})
    [record] = await books.make_invoices(1, sync=False)
    result = await books.reconcile(wait=False)
    assert result["drifts"] == []
    assert {(row["class"], row["id"]) for row in (await books.reconcile())["drifts"]} == {
        ("changed_in_connectwise", books.companies[0]),
        ("changed_in_business_central", books.companies[1]),
        ("missing", record),
    }


async def test_without_the_ledger_everything_else_is_compared(books: Books) -> None:
    await books.world.bc("settings", {"analytics_version": ""})
    await books.make_companies(1)
    [record] = await books.make_invoices(1, sync=False)
    result = await books.reconcile()
    assert not result["ledger"]
    assert [row["id"] for row in result["drifts"]] == [record]
    assert {"receivables_tie_out", "payments_agree"} <= set(result["red"])
