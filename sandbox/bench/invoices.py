"""Posted invoices: how many calls each takes, by route, against the least that the promise allows."""

from collections import Counter
from typing import Any, Final

from sandbox.bench.figures import Figures
from sandbox.bench.ground import NUMBER, Ground, in_ms
from sandbox.demo.waiting import quiet

FULL: Final = 1_000
SENSIBLE: Final = 100
CUSTOMERS: Final = 20
AT_ONCE: Final = 10
PATIENCE_SECONDS: Final = 1_800.0
LEAST: Final = 8
"""The calls that none of the steps can do without; which and why is argued in docs/performance.md."""


async def invoices(count: int) -> Figures:
    """Closes so many invoices in ConnectWise, one callback each, until Business Central has posted them all."""
    part = Figures(f"Invoices: {count:,} posted in one run")
    async with Ground() as ground:
        ids = await _closed(ground, count)
        await ground.set_latency(ground.latency)
        calls, before = await ground.calls(), await ground.meters()
        sent = await ground.send(ids, AT_ONCE, "updated", kind="invoice")
        await ground.until(lambda: len(_posted(ground)) > count, PATIENCE_SECONDS)
        await quiet(ground.stage)
        made, used = (await ground.calls()) - calls, (await ground.meters()).since(before)
        posted = _posted(ground)
        part.at_most("not posted", count + 1 - len(posted), 0, digits=0)
        part.at_most("posted twice", sum(posted.values()) - len(posted), 0, digits=0)
        part.at_most("calls for a posted invoice", sum(made.values()) / count, LEAST + 0.1, digits=2)
        for route, number in made.most_common():
            part.note(f"{number / count:.2f} x", route)
        part.note("ack p95 in a burst", f"{in_ms([one.seconds for one in sent], 0.95):.0f} ms")
        part.note("storage requests an invoice", f"{sum(used.storage.values()) / count:.2f}")
        part.note("CPU of the functions an invoice", f"{1000 * used.cpu / count:.1f} ms")
    return part


async def _closed(ground: Ground, count: int) -> list[int]:
    """Customers and items that have arrived, and closed invoices over them; the first one warmed the lists up."""
    customers, items = await ground.companies(CUSTOMERS), await ground.items(CUSTOMERS)
    await ground.send(customers, AT_ONCE, "added")
    await ground.send(items, AT_ONCE, "added", kind="productcatalog")
    wanted = {NUMBER.format(one) for one in customers}
    await ground.until(lambda: wanted <= {write.number for write in ground.writes})
    await quiet(ground.stage)
    made = await ground.stage.in_connectwise(
        "invoices", [_invoice(number, customers, items) for number in range(count + 1)]
    )
    ids = [int(one["id"]) for one in made]
    for one in ids:
        await ground.stage.in_connectwise(f"invoices/{one}/close")
    await ground.send(ids[:1], 1, "updated", kind="invoice")
    await ground.until(lambda: bool(_posted(ground)))
    await quiet(ground.stage)
    return ids[1:]


def _invoice(number: int, customers: list[int], items: list[int]) -> dict[str, Any]:
    return {
        "type": "Standard",
        "company": {"id": customers[number % len(customers)]},
        "date": "2026-06-01T00:00:00Z",
        "currency": {"id": 1},
        "customerPO": f"BENCH-{number:05d}",
        "lines": [
            {
                "kind": "product",
                "item": {"id": items[number % len(items)]},
                "quantity": 3,
                "unitPrice": f"{10 + number % 90}.25",
            },
            {"kind": "service", "amount": "180.00"},
        ],
    }


def _posted(ground: Ground) -> Counter[str]:
    """The posted invoices of Business Central by the number they have in ConnectWise."""
    company = next(iter(ground.stage.business_central.environment.store.companies.values()))
    return Counter(
        str(record.values["externalDocumentNumber"])
        for record in company.all("salesInvoices")
        if record.values["status"] != "Draft"
    )
