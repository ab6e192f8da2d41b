"""Drifts of every class in one run: all found, none false, repaired, and gone in the next run."""

from collections import Counter
from typing import Any

import pytest

from sandbox.scan import cost_of
from shared.reconcile.model import DriftClass
from tests.reconcile.books import Books
from tests.reconcile.seeds import Key, Seeds


def found(result: dict[str, Any]) -> list[Key]:
    """The drifts of a run as keys."""
    return [(row["class"], row["entity"], row["id"] or row["target_number"]) for row in result["drifts"]]


def cut(records: list[str], count: int) -> list[str]:
    """Takes the next records from a list."""
    taken = records[:count]
    del records[:count]
    assert len(taken) == count
    return taken


async def seeded(books: Books, share: float) -> Seeds:
    """Records in step, many of which then are not; ``share`` of a few hundred, but at least one of each kind."""

    def n(count: int) -> int:
        return max(1, round(count * share))

    def total(*counts: int) -> int:
        return sum(n(count) for count in counts)

    seeds = Seeds(books)
    payers = await books.make_companies(n(20))
    items = await books.make_items(total(5, 5, 3, 4, 10))
    paid = await books.make_invoices(total(10, 10, 10, 4, 6, 4))
    await books.make_payments(paid)
    invoices = await books.make_invoices(total(5, 2, 3, 4, 4, 10, 6, 8, 12, 20))
    memos = await books.make_invoices(total(2, 2, 4), type="CreditMemo")
    idle = await books.make_companies(total(20, 15, 10, 8, 6, 6, 10))
    books.companies = merged = cut(idle, n(6))
    await books.make_invoices(n(6))
    books.companies = payers
    held = await books.make_invoices(
        n(4), lines=[{"kind": "service", "amount": 1}, {"kind": "discount", "amount": 2}]
    )
    # ConnectWise stamps whole seconds: what is changed from here on carries a later one.
    await seeds.missing(n(10), n(5), n(14), n(2))
    await seeds.extra(n(7), n(4), n(4), books.customer_of(payers[0])["number"])
    await seeds.changed_there(cut(idle, n(20)), cut(items, n(5)), cut(invoices, n(5)))
    await seeds.changed_here(cut(idle, n(15)), cut(items, n(5)))
    await seeds.stale(cut(idle, n(10)), cut(items, n(3)), cut(invoices, n(2)))
    await seeds.deleted(cut(idle, n(8)), cut(items, n(4)), cut(invoices, n(3)))
    await seeds.merged(merged, payers[1])
    await seeds.duplicates(cut(idle, n(6)), cut(invoices, n(4)), cut(invoices, n(4)))
    await seeds.totals([*cut(invoices, n(10)), *cut(memos, n(2))])
    await seeds.payments(
        cut(paid, n(10)), cut(paid, n(10)), cut(paid, n(10)), cut(invoices, n(6)), cut(paid, n(4))
    )
    await seeds.unconfirmed([*cut(invoices, n(8)), *cut(paid, n(6)), *cut(memos, n(2))])
    await seeds.unbatched(cut(invoices, n(12)))
    assert {item.ref.id for item in await books.world.work("sales_invoice")} == set(held)
    return seeds


@pytest.mark.parametrize(
    ("share", "least"), [(0.2, 40), pytest.param(1.0, 200, marks=pytest.mark.thorough)], ids=["40", "200"]
)
async def test_drifts_are_found_and_mended(books: Books, share: float, least: int) -> None:
    seeds = await seeded(books, share)
    assert len(seeds.expected) >= least
    assert {key[0] for key in seeds.expected} == {kind.value for kind in DriftClass}
    traffic = books.world.traffic()
    first = await books.reconcile()
    assert Counter(found(first)) == Counter(seeds.expected)
    assert {row["entity"] for row in first["known"]} == {"sales_invoice"}
    assert traffic.writes == 0
    assert cost_of(traffic, first["scanned"]).lists == dict.fromkeys(first["scanned"], 1), traffic.routes

    planned = await books.reconcile("plan")
    assert Counter(found(planned)) == Counter(seeds.expected)
    assert all(row["repair"]["words"] and row["repair"]["steps"] for row in planned["drifts"])
    assert planned["queued"] == 0
    assert traffic.writes == 0

    posted = Counter(books.world.business_central.environment.postings)
    applied = await books.reconcile("apply")
    assert applied["queued"] > 0
    for mend in seeds.by_hand:
        await mend()
    await books.world.drain()
    last = await books.reconcile()
    assert found(last) == []
    after = Counter(books.world.business_central.environment.postings) - posted
    assert set(after.values()) <= {1}
    lost = {key[2] for key in seeds.expected if key[:2] == ("missing", "sales_invoice")}
    assert set(after) >= {books.source(record)["invoiceNumber"] for record in lost}
