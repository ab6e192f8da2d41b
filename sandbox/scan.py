"""``python -m sandbox.scan [--records N]``: what a reconciliation of large books calls, list by list.

The tables of the stand-ins are filled directly, not by syncing; nothing of what is added should travel, so what is read
is all that is counted. Ends with 0 if every list costs one call and one more for each further page, the whole no more
than one call for 500 records, and nothing is found that is not there.
"""

import argparse
import asyncio
import logging
import sys
from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from sandbox.azurite import Azurite
from sandbox.business_central.entries import INITIAL
from sandbox.business_central.ledger import DetailedEntry, Ledger, LedgerEntry
from sandbox.demo.tables import table
from shared.app import DEFAULT
from shared.reconcile.model import Period
from shared.reconcile.runs import Request
from tests.conformance.traffic import Traffic
from tests.conformance.world import World

CONNECTWISE_PAGE: Final = 1_000
PAGE: Final = 20_000
"""What Business Central gives in one answer (Microsoft, "Operational limits")."""
MOST_PER_CALL: Final = 500
SETUP: Final = frozenset({"companies", "generalLedgerSetup"})
"""What is read beside the lists: the company's id once per process, the local currency at most once in ten minutes."""
LISTS: Final = ("Company", "Invoice", "customers", "salesInvoices", "ledger")
"""The tables that are filled."""
CONNECTWISE: Final = ("finance/", "company/", "procurement/", "project/", "system/", "expense/")
"""How the lists of ConnectWise begin."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What a run read: the rows and the calls of each list, and how many drifts it found."""

    rows: dict[str, int]
    calls: dict[str, int]
    found: int

    @property
    def expected(self) -> dict[str, int]:
        """One call for each list, and one for each further page; ConnectWise tells by a short page that it is the last."""
        return {
            name: rows // CONNECTWISE_PAGE + 1 if name.startswith(CONNECTWISE) else max(1, -(-rows // PAGE))
            for name, rows in self.rows.items()
        }

    @property
    def lists(self) -> dict[str, int]:
        """The calls without the setup."""
        return {name: calls for name, calls in self.calls.items() if name not in SETUP}

    @property
    def per_500(self) -> float:
        """Calls for each 500 records, everything counted."""
        return sum(self.calls.values()) * MOST_PER_CALL / sum(self.rows.values())


async def fill(world: World, count: int, name: str = "MODEL") -> None:
    """Adds ``count`` rows to each of the tables, as copies of one row; none of them is to travel.

    ``name`` tells the rows from those of another time.
    """
    await world.sweep("member")
    store, environment, company = world.connectwise.store, world.business_central.environment, world.company
    prospect = next(row["id"] for row in store.rows("CompanyType") if row["name"] == "Prospect")
    values = {"identifier": name, "name": name, "types": [{"id": prospect}]}
    made = await world.cw("companies", values)
    model = dict(store.get("Company", made["id"]))
    line = {"kind": "service", "amount": 10}
    opened = await world.cw("invoices", {"type": "Standard", "company": {"id": made["id"]}, "lines": [line]})
    invoice = dict(store.get("Invoice", opened["id"]))
    customer = await world.bc_call("POST", "customers", {"number": name, "displayName": name})
    draft = await world.bc_call(
        "POST", "salesInvoices", {"customerNumber": name, "externalDocumentNumber": f"BY HAND {name}"}
    )
    customer, draft = (
        company.get(set_name, row["id"])
        for set_name, row in (("customers", customer), ("salesInvoices", draft))
    )
    for number in range(count):
        mark = f"{name}{number:07}"
        store.insert("Company", {**model, "identifier": mark}, "admin")
        store.insert("Invoice", {**invoice, "invoiceNumber": mark}, "admin")
        for record, field in ((customer, "number"), (draft, "externalDocumentNumber")):
            assert record is not None
            own = {name: value for name, value in record.values.items() if name != "id"} | {field: mark}
            environment.store.insert(company, record.set_name, own, dict(record.hidden))
        _book(company.ledger, name, mark)


def _book(ledger: Ledger, customer: str, mark: str) -> None:
    entry = LedgerEntry(
        ledger.next_entry_no(), customer, "Invoice", mark, "2026-01-05", "2026-01-05", "2026-02-05"
    )
    ledger.add(entry)
    amount = entry.rate * 10
    ledger.append(
        DetailedEntry(0, entry.entry_no, INITIAL, entry.posting_date, "Invoice", mark, amount, amount)
    )


async def reconciled(world: World) -> Cost:
    """A run over the books as they stand."""
    world.clock.advance(timedelta(hours=1))
    today, app = world.clock.now().date(), world.app
    traffic = world.traffic()
    run = await app.reconciler.order(
        DEFAULT, Request(Period(today - timedelta(days=30), today), "none", ""), "test"
    )
    await world.drain()
    head = await app.reconciler.results.head(DEFAULT, run)
    assert head is not None
    assert head["state"] == "done", head
    return cost_of(traffic, head["scanned"], sum(head["drifts"].values()))


def cost_of(traffic: Traffic, scanned: dict[str, int], found: int = 0) -> Cost:
    """What was called since ``traffic`` began, by the lists of which a run tells how many rows it read."""
    calls: Counter[str] = Counter()
    for route, count in traffic.routes.items():
        calls[_list_of(route, scanned)] += count
    return Cost(scanned, dict(calls), found)


def _list_of(route: str, lists: dict[str, int]) -> str:
    return next((name for name in lists if route.endswith(f"/{name}")), route.rpartition("/")[2])


def shown(cost: Cost) -> str:
    """One row for each list."""
    names = [*cost.rows, *(name for name in cost.calls if name not in cost.rows)]
    rows = [(name, f"{cost.rows.get(name, 0):,}", str(cost.calls.get(name, 0))) for name in names]
    total = ("all", f"{sum(cost.rows.values()):,}", str(sum(cost.calls.values())))
    return table(("list", "records", "calls"), [*rows, total])


async def main(records: int) -> int:
    """Fills, reconciles and prints; 0 if the cost is what it is said to be."""
    logging.disable(logging.CRITICAL)
    async with Azurite() as azurite, World(azurite) as world:
        await fill(world, records // len(LISTS))
        cost = await reconciled(world)
    print(f"{shown(cost)}\n\ncalls for each {MOST_PER_CALL} records: {cost.per_500:.2f}")
    kept = cost.lists == cost.expected and cost.per_500 <= 1 and not cost.found
    print("every list costs one call and one for each further page" if kept else f"expected: {cost.expected}")
    return 0 if kept else 1


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m sandbox.scan")
    parser.add_argument("--records", type=int, default=50_000, help="records in all lists together")
    sys.exit(asyncio.run(main(parser.parse_args().records)))
