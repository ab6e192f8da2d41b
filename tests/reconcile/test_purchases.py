"""What is bought and spent: proved to the cent where it is in step, and each way in which it can drift found once."""

from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from decimal import Decimal
from typing import Any

import pytest

from sandbox.azurite import Azurite
from sandbox.kit import Json
from sandbox.scan import cost_of
from shared.app import DEFAULT
from shared.reconcile.sheets import as_csv
from tests.conformance.expensing import Expensing
from tests.conformance.pairs import Pairs
from tests.conformance.purchasing import Purchasing
from tests.conformance.world import World
from tests.reconcile.books import Books
from tests.reconcile.test_drifts import found

type Mend = Callable[[], Awaitable[object]]

KINDS = ("vendor_bill", "expense_report", "company_expense", "employee_expense")


class Spending:
    """A company that buys by order, by bill and by expense report; and what people do to that behind the product's back."""

    def __init__(self, books: Books) -> None:
        self.books, self.world = books, books.world
        self.buying, self.spending = Purchasing(self.world), Expensing(self.world)
        self.expected: list[tuple[str, str, str]] = []
        self.mends: list[Mend] = []
        self.orders: list[str] = []
        self.received: list[str] = []
        self.billed: list[str] = []
        self.reports: list[str] = []
        self.owed: list[str] = []

    async def open(self) -> None:
        """Orders that wait, orders that are partly received, orders that came as bills, and reports of both policies."""
        await self.buying.open()
        await self.spending.open()
        buying, spending = self.buying, self.spending
        spending.month = 14  # The months that a run looks at.
        self.orders = [await buying.synced() for _ in range(4)]
        self.received = [await buying.synced(buying.line(10), buying.line(3, "CABLE")) for _ in range(2)]
        for record in self.received:
            await buying.receive(record, 4)
            await buying.sync(record)
        self.reports = [
            await spending.report(spending.expense("120.10"), spending.card("33.33")) for _ in range(5)
        ]
        await self.world.sweep("expense_report")
        await buying.options(vendor_bills="purchase_invoice", expense_reports="journal")
        self.billed = [await self._bill() for _ in range(5)]
        number = self.world.cw_record("Member", self.spending.member)["vendorNumber"]
        await self.world.bc_call(
            "POST", "employees", {"number": number, "givenName": "Kim", "surname": "Low"}
        )
        self.owed = [await spending.report(spending.expense("64.20"))]
        await self.settle()

    async def open_drafts(self) -> None:
        """Bills and reports that an accountant is to post, and orders of which something has come."""
        await self.world.keep_drafts()
        await self.buying.open()
        await self.spending.open()
        self.received = [await self.buying.synced() for _ in range(2)]
        for record in self.received:
            await self.buying.receive(record, 4)
            await self.buying.sync(record)
        await self.buying.options(vendor_bills="purchase_invoice")
        self.billed = [await self._bill() for _ in range(2)]
        amounts = self.spending.expense("120.10"), self.spending.card("33.33")
        self.reports = [await self.spending.report(*amounts) for _ in range(5)]
        await self.settle()

    async def _bill(self) -> str:
        record = await self.buying.order(self.buying.line(4), self.buying.line(7, "CABLE"))
        await self.world.cw(f"purchaseOrders/{record}", {"vendorInvoiceNumber": f"V-{record}"})
        await self.buying.receive(record, 4, slip="S0")
        await self.buying.sync(record)
        return record

    async def settle(self) -> None:
        """What the sweeps do every few minutes."""
        for subject in ("member", "purchase_order", "expense_report"):
            await self.world.sweep(subject)

    def expect(self, kind: str, entity: str, record: str) -> None:
        """One record drifts in this way."""
        self.expected.append((kind, entity, record))

    def bill(self, record: str) -> Json:
        """The one purchase invoice of a billed order."""
        [row] = [r for r in self.buying.bills() if r["vendorInvoiceNumber"].startswith(f"V-{record}-")]
        return row

    async def alter(self, document: Json, **values: Json) -> None:
        """Changes fields of a purchase invoice past every rule; a person sets them back."""
        place = {"set": "purchaseInvoices", "key": document["id"]}
        await self.world.bc("edit", place | {"values": values})
        before = {name: document[name] for name in values}
        self.mends.append(lambda: self.world.bc("edit", place | {"values": before}))

    def lose(self, entity_set: str, record_id: str) -> None:
        """Deletes a record past every rule; a person restores it from a backup."""
        company, store = self.world.company, self.world.business_central.environment.store
        record = company.tables[entity_set][record_id]
        store.delete(company, record)

        async def restore() -> None:
            store._put(company, record)

        self.mends.append(restore)

    async def enter(self, vendor: str, number: str) -> Json:
        """A purchase invoice that somebody enters by hand, and deletes again when told."""
        line = {"lineType": "Account", "lineObjectNumber": "4000", "quantity": 1, "unitCost": Decimal(10)}
        body = {"vendorNumber": vendor, "vendorInvoiceNumber": number, "purchaseInvoiceLines": [line]}
        made = await self.world.bc_call("POST", "purchaseInvoices", body)
        self.mends.append(lambda: self.world.bc_call("DELETE", f"purchaseInvoices({made['id']})"))
        return made

    async def book_by_hand(self, model: str) -> str:
        """Books like an entry of ours under a number of ours that no report has; returns the number."""
        company, store, number = self.world.company, self.world.business_central.environment.store, "EXR-4712"
        entry = company.tables["generalLedgerEntries"][model]
        values = {name: value for name, value in entry.values.items() if name != "id"}
        made = store.insert(company, entry.set_name, values | {"documentNumber": number}, dict(entry.hidden))

        async def reverse() -> None:
            store.delete(company, made)

        self.mends.append(reverse)
        return number

    async def drift(self) -> None:
        """One of each kind."""
        world, buying = self.world, self.buying
        changed, here = "changed_in_business_central", "changed_in_connectwise"
        # Purchase invoices.
        total, owner, gone, due, _ = map(self.bill, self.billed)
        await self.alter(total, totalAmountIncludingTax=total["totalAmountIncludingTax"] + Decimal("0.01"))
        self.expect("total_differs", "vendor_bill", self.billed[0])
        await self.alter(owner, vendorNumber="ELSE")
        self.expect(changed, "vendor_bill", self.billed[1])
        self.lose("purchaseInvoices", gone["id"])
        self.expect("stale_link", "vendor_bill", self.billed[2])
        again = await self.enter(due["vendorNumber"], f"V-{self.billed[3]}")
        self.expect("extra", "vendor_bill", again["number"])
        other = await self.enter(due["vendorNumber"], "V-99999")
        assert other["number"]
        [report] = self.spending.invoices(self.reports[0])
        await self.alter(report, status="Canceled")
        self.expect(changed, "expense_report", self.reports[0])
        unknown = await self.enter(report["vendorNumber"], "EXP-4711")
        self.expect("extra", "expense_report", unknown["number"])
        twin = await self.enter(report["vendorNumber"], f"EXP-{self.reports[1]}")
        assert twin["number"]
        self.expect("duplicate", "expense_report", self.reports[1])
        store = world.connectwise.store
        entry = store.get("ExpenseEntry", self.spending.entries(self.reports[2])[0]["id"])
        entry["amount"] += Decimal("0.01")

        async def back() -> None:
            entry["amount"] -= Decimal("0.01")

        self.mends.append(back)
        store.touch("ExpenseReport", store.get("ExpenseReport", int(self.reports[2])), "admin")
        self.expect("total_differs", "expense_report", self.reports[2])
        self.expect(here, "expense_report", self.reports[2])
        # Journals.
        for row in self.spending.booked(self.reports[3]):
            self.lose("generalLedgerEntries", row["id"])
        self.expect("stale_link", "company_expense", self.reports[3])
        [debit] = [row for row in self.spending.booked(self.owed[0], "EXR") if row["debitAmount"]]
        place = {"set": "generalLedgerEntries", "key": debit["id"]}
        await world.bc("edit", place | {"values": {"debitAmount": debit["debitAmount"] * 2}})
        self.mends.append(lambda: world.bc("edit", place | {"values": {"debitAmount": debit["debitAmount"]}}))
        self.expect("total_differs", "employee_expense", self.owed[0])
        number = await self.book_by_hand(debit["id"])
        self.expect("extra", "employee_expense", number)
        # Orders and receipts.
        line = buying.line_of(self.orders[0])
        await world.bc_call("PATCH", f"purchaseOrderLines({line['id']})", {"directUnitCost": Decimal("1.11")})
        self.expect(changed, "purchase_order", self.orders[0])
        [order] = buying.orders(self.orders[1])
        await world.bc_call("DELETE", f"purchaseOrders({order['id']})")
        self.expect("stale_link", "purchase_order", self.orders[1])
        await world.cw(f"purchaseOrders/{self.orders[2]}", {"internalNotes": "call the vendor"})
        self.expect(here, "purchase_order", self.orders[2])
        await buying.at_bc(self.orders[3], "vendor-invoice", vendorInvoiceNumber="AP-1")
        await buying.at_bc(self.orders[3], "post")
        self.expect("stale_link", "purchase_order", self.orders[3])
        await buying.receive_at_bc(self.received[0], 2)
        self.expect(changed, "purchase_receipt", self.received[0])
        # What no hint told of.
        self.expect("missing", "purchase_order", await buying.order())
        self.expect("missing", "expense_report", await self.spending.report(self.spending.expense("9.99")))

    async def reprice(self, record: str, cost: str) -> None:
        """Changes the price of a released order, as a person does who reopens it."""
        place = {"set": "purchaseOrderLines", "key": self.buying.line_of(record)["id"]}
        await self.world.bc("edit", place | {"values": {"directUnitCost": Decimal(cost)}})

    async def drift_drafts(self) -> None:
        """What accountants do to drafts, and what only people can settle."""
        world, changed = self.world, "changed_in_business_central"
        bill, other = map(self.bill, self.billed)
        await world.bc_call("POST", f"purchaseInvoices({bill['id']})/Microsoft.NAV.post")
        self.expect(changed, "vendor_bill", self.billed[0])
        await self.alter(other, vendorNumber="ELSE")
        self.expect(changed, "vendor_bill", self.billed[1])
        [draft] = self.spending.invoices(self.reports[0])
        await world.bc_call("DELETE", f"purchaseInvoices({draft['id']})")
        self.expect("stale_link", "expense_report", self.reports[0])
        journal = (await world.link("expense_report", self.reports[1], "company_expense")).target_id
        await world.bc_call("POST", f"journals({journal})/Microsoft.NAV.post")
        self.expect(changed, "company_expense", self.reports[1])
        [draft] = self.spending.invoices(self.reports[2])
        await self.alter(draft, totalAmountIncludingTax=Decimal("120.11"))
        self.expect("total_differs", "expense_report", self.reports[2])
        world.connectwise.store.remove("ExpenseReport", int(self.reports[4]), "admin")
        self.expect("deleted_in_connectwise", "expense_report", self.reports[4])
        self.expect("deleted_in_connectwise", "company_expense", self.reports[4])
        await self.reprice(self.received[0], "1.11")
        self.expect(changed, "purchase_order", self.received[0])
        [order] = self.buying.orders(self.received[1])
        self.lose("purchaseOrders", order["id"])
        self.expect("stale_link", "purchase_order", self.received[1])


@pytest.fixture
async def spending(azurite: Azurite, pairs: Pairs) -> AsyncIterator[Spending]:
    """A company that buys, without the customers of the other tests."""
    async with World(azurite, pairs) as world:
        spending = Spending(Books(world))
        await spending.open()
        yield spending
        assert world.breaches == []


async def test_what_is_bought_is_proved_and_its_drifts_are_found_and_mended(spending: Spending) -> None:
    world, books = spending.world, spending.books
    traffic = world.traffic()
    result = await books.reconcile()
    check_in_step(spending, result)
    assert traffic.writes == 0
    assert cost_of(traffic, result["scanned"]).lists == dict.fromkeys(result["scanned"], 1), traffic.routes

    await spending.drift()
    traffic = world.traffic()
    planned = await books.reconcile("plan")
    assert Counter(found(planned)) == Counter(spending.expected)
    assert planned["known"] == []
    assert traffic.writes == 0
    assert cost_of(traffic, planned["scanned"]).lists == dict.fromkeys(planned["scanned"], 1), traffic.routes
    assert all(row["repair"]["words"] and row["repair"]["steps"] for row in planned["drifts"])
    assert {"documents_posted", "totals_agree"} <= set(planned["red"])
    assert "master_data" not in planned["red"]
    [unequal] = [
        row for row in planned["proofs"] if row["entity"] == "vendor_bill" and row["id"] == spending.billed[0]
    ]
    assert (unequal["difference"], unequal["equal"]) == (Decimal("0.01"), False)

    posted = Counter(world.business_central.environment.postings)
    await books.reconcile("apply")
    for mend in spending.mends:
        await mend()
    assert spending.buying.line_of(spending.orders[0])["directUnitCost"] == Decimal("89.90")
    spending.buying.check(spending.orders[1])
    # What only a person can settle and the engine knows of is in the work list now, with its steps.
    last = await books.reconcile()
    assert found(last) == []
    assert {(row["entity"], row["id"]) for row in last["known"]} == {
        ("purchase_receipt", spending.received[0])
    }
    assert set((Counter(world.business_central.environment.postings) - posted).values()) <= {1}


def check_in_step(spending: Spending, result: dict[str, Any]) -> None:
    """Asserts: nothing is found, and each document is proved to the cent, alone and by day, kind and currency."""
    assert result["drifts"] == []
    assert result["known"] == []
    proofs = [row for row in result["proofs"] if row["kind"] in KINDS]
    counts = Counter(row["kind"] for row in proofs)
    assert counts == {"vendor_bill": 5, "expense_report": 5, "company_expense": 5, "employee_expense": 1}
    for row in proofs:
        amounts = {row[f"{name}_total"] for name in ("connectwise", "lines", "draft", "posted", "source")}
        assert len(amounts - {None}) == 1, row
        assert row["equal"]
        assert row["batch"]
    for record in spending.billed:
        [row] = [row for row in proofs if row["entity"] == "vendor_bill" and row["id"] == record]
        assert row["posted_total"] == spending.buying.batched(record) == Decimal("359.60")
    statement = [row for row in result["statement"] if row["kind"] in KINDS]
    assert sum(row["documents"] for row in statement) == len(proofs)
    assert all(row["difference"] == 0 and row["unequal"] == 0 for row in statement)
    assert sum(row["connectwise"] for row in statement) == sum(row["posted_total"] for row in proofs)
    assert set(result["purchase_difference"].values()) == {0}
    assert "vendor_bill" in as_csv(result["statement"])


async def test_drafts_and_what_people_have_settled(azurite: Azurite, pairs: Pairs) -> None:
    """Drafts that people post, change and delete; orders that only people can change, until they settle them."""
    async with World(azurite, pairs) as world:
        spending = Spending(Books(world))
        await spending.open_drafts()
        first = await spending.books.reconcile()
        assert (first["drifts"], first["known"]) == ([], [])
        assert "drafts_posted" in first["red"]
        assert [row for row in first["proofs"] if row["kind"] in KINDS] == []
        await spending.drift_drafts()
        applied = await spending.books.reconcile("apply")
        assert Counter(found(applied)) == Counter(spending.expected)
        assert {(row["entity"], row["id"]) for row in applied["drifts"] if is_automatic(row)} == {
            ("vendor_bill", spending.billed[0]),
            ("expense_report", spending.reports[0]),
            ("company_expense", spending.reports[1]),
        }
        assert spending.bill(spending.billed[0])["status"] == "Open"
        assert spending.buying.batched(spending.billed[0]) == Decimal("359.60")
        assert [row["status"] for row in spending.spending.invoices(spending.reports[0])] == ["Draft"]
        spending.spending.check_booked(spending.reports[1], "33.33")
        for mend in spending.mends:
            await mend()
        known = await spending.books.reconcile()
        assert found(known) == []
        held = {(row["entity"], row["id"]) for row in known["known"]}
        gone = spending.reports[4]
        assert held == {
            ("purchase_order", spending.received[0]),
            ("expense_report", gone),
            ("company_expense", gone),
        }
        # A person takes the order as it is: that is in step, until somebody changes it again.
        await world.app.desk.release(DEFAULT, "purchase_order", [spending.received[0]])
        await world.drain()
        assert found(await spending.books.reconcile()) == []
        await spending.reprice(spending.received[0], "2.22")
        key = ("changed_in_business_central", "purchase_order", spending.received[0])
        assert found(await spending.books.reconcile()) == [key]
        assert world.breaches == []


def is_automatic(row: dict[str, Any]) -> bool:
    """True for a drift that the engine repairs."""
    return bool(row["repair"]["how"] == "automatic")
