"""The oracles of expenses and purchasing by worked examples, and that what ends otherwise is told."""

from dataclasses import replace
from decimal import Decimal
from typing import Final

import pytest

from sandbox.corpus import oracle_expenses, oracle_purchases
from sandbox.corpus.books import strays
from sandbox.corpus.claims import ZERO, Claim, Found, Part
from sandbox.corpus.expenses import CARD, MEMBER, Expense, Report, reports
from sandbox.corpus.expenses import CASES as EXPENSE_CASES
from sandbox.corpus.expenses import DEFECTS as EXPENSE_DEFECTS
from sandbox.corpus.oracle_purchases import BILL, ORDER, RECEIPT
from sandbox.corpus.purchases import (
    ALL,
    CANCEL,
    CASES,
    CLONE,
    DEFECTS,
    MANNERS,
    Order,
    OrderLine,
    Receipt,
    Round,
    orders,
)

ITEMS: Final = 2
TEN: Final = OrderLine(0, 10, Decimal("89.90"), Decimal("1.00"))
FIRST: Final = Round((Receipt(0, 3, CLONE),), "S1", heard=True)
REST: Final = Round((Receipt(0, 7, ALL),), "S2", heard=True)
PARTS: Final = Order("accounts_payable", "", "USD", (TEN,), (FIRST, REST), freight=Decimal("12.50"))


def money(text: str) -> Decimal:
    """An amount."""
    return Decimal(text)


def test_the_same_seed_gives_the_same_records() -> None:
    assert reports(30, 1) == reports(30, 1) != reports(30, 2)
    assert orders(30, 1, ITEMS) == orders(30, 1, ITEMS) != orders(30, 2, ITEMS)


def test_a_run_of_the_whole_corpus_has_everything_in_it() -> None:
    spent, bought = reports(200, 1), orders(200, 1, ITEMS)
    assert {one.case for one in spent} == {*EXPENSE_CASES, *EXPENSE_DEFECTS}
    assert {one.case for one in bought} == {*CASES, *DEFECTS}
    assert {(one.manner, bool(one.freight)) for one in bought} == {
        (m, f) for m in MANNERS for f in (True, False)
    }
    hows = {receipt.how for one in bought for each in one.rounds for receipt in each.receipts}
    assert hows == {ALL, CLONE, CANCEL}
    causes = {claim.cause for one in spent for claim in oracle_expenses.claims(one)}
    assert causes >= {"currency", "lookup_missing", "missing_reference", "no_vendor_number", "posting_window"}
    causes = {claim.cause for one in bought for claim in oracle_purchases.claims(one)}
    assert causes >= {"by_hand", "over_receipt", "posting_window", "vendor_invoice_number", "lookup_missing"}


def test_receipts_on_paper() -> None:
    """Two receipts, each with its packing slip; freight is marked with the second one and ordered as a note."""
    assert oracle_purchases.claims(PARTS) == [
        Claim(ORDER, "purchase orders", "", 1, money("899.00")),
        Claim(RECEIPT, "receipts", "", 2, money("899.00"), 2, money("912.50")),
    ]


def test_freight_on_an_account_is_ordered_and_received() -> None:
    ordered, received = oracle_purchases.claims(replace(PARTS, manner="freight_account"))
    assert (ordered.total, received.total) == (money("911.50"), money("911.50"))


def test_what_nobody_heard_of_comes_with_the_next_round() -> None:
    _, received = oracle_purchases.claims(replace(PARTS, rounds=(replace(FIRST, heard=False), REST)))
    assert (received.documents, received.batches) == (1, 2)


def test_each_packing_slip_is_a_bill() -> None:
    ordered, billed = oracle_purchases.claims(replace(PARTS, manner="vendor_bills"))
    assert (ordered.documents, ordered.total) == (0, ZERO)
    assert billed == Claim(BILL, "vendor bills", "", 2, money("912.50"), 2, money("912.50"))


def test_a_rest_that_is_dropped_late_is_for_a_person() -> None:
    dropped = Round((Receipt(0, 2, CANCEL),), "S2", heard=True)
    ordered, received = oracle_purchases.claims(replace(PARTS, rounds=(FIRST, dropped)))
    assert (ordered.cause, ordered.total) == ("by_hand", money("899.00"))
    assert (received.cause, received.total) == ("", money("449.50"))
    ordered, received = oracle_purchases.claims(replace(PARTS, rounds=(dropped,)))
    assert (ordered.cause, ordered.total, received.total) == ("", money("179.80"), money("179.80"))


@pytest.mark.parametrize(("manner", "receipts"), [("accounts_payable", 1), ("freight_account", 2)])
def test_freight_that_comes_with_the_cancellation(manner: str, receipts: int) -> None:
    """The slip of what came last has its goods in a batch already, so the freight gets one of its own."""
    quiet = Round((), "S2", heard=True)
    cancelled = replace(PARTS, manner=manner, rounds=(FIRST, quiet), cancelled=2)
    ordered, received = oracle_purchases.claims(cancelled)
    assert (ordered.cause, received.documents, received.batches) == ("by_hand", receipts, 2)
    assert received.marked == money("269.70") + money("0.30") + PARTS.freight
    nothing = replace(cancelled, rounds=(quiet, quiet))
    assert [claim.documents for claim in oracle_purchases.claims(nothing)] == [0, 0]


def test_a_report_on_paper() -> None:
    """Neither part holds the other up, and what was rejected stays."""
    euro = Expense(CARD, money("9.99"), currency="EUR")
    owed, rejected = Expense(MEMBER, money("20.00")), Expense(MEMBER, money("5.00"), rejected=True)
    report = Report("journal", "", (owed, rejected, euro))
    assert oracle_expenses.claims(report) == [
        Claim("employee_expense", "expenses by journal", "", 1, money("20.00"), 1, money("20.00")),
        Claim("company_expense", "expenses by card", "currency"),
    ]


POSTED: Final = Part(
    "", "", "USD", "1",
    Claim(BILL, "vendor bills", "", 1, money("5.00"), 1, money("5.00")),
    Found("", explained=False, documents=1, total=money("5.00"), batches=1, marked=money("5.00")),
)  # fmt: skip


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({}, ""),
        ({"total": money("4.99")}, "differs by 0.01"),
        ({"documents": 0}, "0 documents instead of 1"),
        ({"documents": 2}, "2 documents instead of 1"),
        ({"batches": 2}, "2 batches instead of 1"),
        ({"marked": ZERO}, "0.00 marked in ConnectWise instead of 5.00"),
        ({"cause": "by_hand"}, "expected posted, found by_hand"),
        ({"faults": ("the journal is out of balance",)}, "the journal is out of balance"),
    ],
)
def test_what_is_wrong_is_told(change: dict[str, object], problem: str) -> None:
    found = replace(POSTED.found, **change)  # type: ignore[arg-type]
    assert replace(POSTED, found=found).problem == problem


def test_a_hold_must_be_explained() -> None:
    claim, found = Claim(BILL, "vendor bills", "currency"), Found("currency", False, 0, ZERO, 0, ZERO)
    assert replace(POSTED, claim=claim, found=found).problem == "held without a reason or without what to do"
    assert replace(POSTED, claim=claim, found=replace(found, explained=True)).problem == ""


def test_what_nobody_claimed_is_a_problem() -> None:
    [part] = strays({"V-1": [1]}, {})
    assert part.problem == "1 documents instead of 0"
