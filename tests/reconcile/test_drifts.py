"""Two hundred drifts of every class in one run: all found, none false, repaired, and gone in the next run."""

from collections import Counter
from typing import Any

from sandbox.scan import cost_of
from shared.reconcile.model import DriftClass
from tests.reconcile.books import Books
from tests.reconcile.seeds import Key, Seeds


def found(result: dict[str, Any]) -> list[Key]:
    """The drifts of a run as keys."""
    return [(row["class"], row["entity"], row["id"] or row["target_number"]) for row in result["drifts"]]


async def seeded(books: Books) -> Seeds:
    """A few hundred records in step, of which two hundred then are not."""
    seeds = Seeds(books)
    payers = await books.make_companies(20)
    await books.make_items(30)
    await books.make_invoices(125)
    invoices, books.invoices = books.invoices, []
    take = iter(invoices)

    def some(count: int) -> list[str]:
        return [next(take) for _ in range(count)]

    memos = await books.make_invoices(8, type="CreditMemo")
    paid = some(45)
    await books.make_payments(paid)
    idle = await books.make_companies(75)
    merged = idle[60:66]
    books.companies = merged
    await books.make_invoices(6)
    books.companies = payers
    held = await books.make_invoices(
        4, lines=[{"kind": "service", "amount": 1}, {"kind": "discount", "amount": 2}]
    )
    items = books.items
    # ConnectWise stamps whole seconds: what is changed from here on carries a later one.
    await seeds.missing(10, 5, 14, 2)
    await seeds.extra(7, 4, 4, books.customer_of(payers[0])["number"])
    await seeds.changed_there(idle[:20], items[:5], some(5))
    await seeds.changed_here(idle[20:35], items[5:10])
    await seeds.stale(idle[35:45], items[10:13], some(2))
    await seeds.deleted(idle[45:53], items[13:17], some(3))
    await seeds.merged(merged, payers[1])
    await seeds.duplicates(idle[66:72], some(4), some(4))
    await seeds.totals([*some(10), *memos[:2]])
    await seeds.payments(paid[:10], paid[10:20], paid[20:30], some(6), paid[30:34])
    await seeds.unconfirmed([*some(8), *paid[34:40], *memos[2:4]])
    await seeds.unbatched(some(12))
    assert {item.ref.id for item in await books.world.work("sales_invoice")} == set(held)
    return seeds


async def test_two_hundred_drifts(books: Books) -> None:
    seeds = await seeded(books)
    assert len(seeds.expected) >= 200
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
