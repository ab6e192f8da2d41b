"""The working day itself: people in both systems do their work, and the app keeps up."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from sandbox.demo import documents, people
from sandbox.demo.books import read_books
from sandbox.demo.buying import BILLED, ORDERS, Buying
from sandbox.demo.office import AGREEMENTS, MEMOS, PROJECTS, REPORTS, Office
from sandbox.demo.waiting import quiet, until
from sandbox.stage import Stage
from shared.entities import load_entities

type Record = dict[str, Any]

CALLBACKS: Final = {subject.callback for subject in load_entities().subjects() if subject.callback}
LATE: Final = slice(120, 130)
"""Customers that arrive only together with their first, already closed invoice."""
BUYERS: Final = 40
SAMPLE: Final = 20
FULL, PARTIAL, SPREAD = 44, 14, 3
PAYMENTS: Final = FULL + PARTIAL + 4
"""Beside full and partial ones: one taken back, one with discount, one paid too much, one over several invoices."""
DISCOUNT, TOO_MUCH = Decimal("1.23"), Decimal("50.00")


@dataclass(slots=True)
class Costs:
    """API calls of a phase, as the stand-ins counted them."""

    records: int
    connectwise: int
    business_central: int

    @property
    def per_record(self) -> float:
        """Calls to both systems for each record."""
        return (self.connectwise + self.business_central) / self.records


@dataclass(slots=True)
class Day:
    """What the day made and measured.

    An ``interrupted`` day is one in which the functions are killed: hints are lost with them, so each step
    ends with the sweeps that find what was missed, and single calls cannot be told apart.
    """

    stage: Stage
    say: Callable[[str], None]
    interrupted: bool = False
    chance: random.Random = field(default_factory=lambda: random.Random(20261123))
    made_at: dict[tuple[str, str], datetime] = field(default_factory=dict)
    people: list[Record] = field(default_factory=list)
    customers: list[Record] = field(default_factory=list)
    items: list[Record] = field(default_factory=list)
    invoices: list[Record] = field(default_factory=list)
    to_hold: dict[tuple[str, str], str] = field(default_factory=dict)
    costs: dict[str, Costs] = field(default_factory=dict)
    payments: int = 0
    refunds: list[Record] = field(default_factory=list)
    drafts: int = 0
    releases: int = 0
    vendors: list[Record] = field(default_factory=list)
    office: Office = field(init=False)
    buying: Buying = field(init=False)

    async def play(self) -> None:
        """The whole day, step by step."""
        self.say("sets up codes and accounts, registers callbacks and subscriptions")
        await people.reference_data(self.stage)
        await self.register_hooks()
        self.office = Office(self.stage, self.chance)
        await self.office.prepare()
        self.buying = Buying(self.stage, self.chance, self.office.options)
        self.say(f"{people.COMPANIES - 10} companies and {people.ITEMS} items appear in ConnectWise")
        await self.master_data()
        await self._settle()
        self.say(
            f"{documents.INVOICES} invoices are written, some edited, all closed; 10 for customers unknown so far"
        )
        await self.bill()
        await self._settle()
        self.say("an accountant posts two drafts, two held invoices are released")
        await self.approve()
        self.say(
            f"{AGREEMENTS} agreements, {PROJECTS} projects, {MEMOS} credit memos, {REPORTS} expense reports, stock, "
            f"{ORDERS} purchase orders with first receipts"
        )
        await self.back_office()
        self.say(
            f"the rest of the orders is received, one has grown; then {BILLED} orders whose receipts are bills"
        )
        await self.buy()
        self.say("three records that must be held; then 150 old callbacks again, in any order")
        await self.hold_three()
        await self.stage.in_connectwise("callbacks/replay", {"count": 150, "shuffle": True})
        await self._settle()
        self.say(f"{SAMPLE} companies touched without effect, {SAMPLE} changed: what does each cost?")
        await self.touch()
        self.say(
            f"{PAYMENTS} payments: full, partial, with discount, over three invoices, taken back, refunded"
        )
        await self.pay()
        self.say("the timers' sweeps look for anything that was missed")
        await self.sweep()

    async def _settle(self) -> None:
        await quiet(self.stage)
        if self.interrupted:
            await self.sweep()

    async def register_hooks(self) -> None:
        """As the timer does at a connection's first start."""
        await self.stage.run("keep_hooks")

        async def registered() -> bool:
            state = await self.stage.state_of(self.stage.connectwise_url, "?tables=CallbackEntry")
            return len(state["tables"]["CallbackEntry"]) == len(CALLBACKS)

        await until("the callbacks are registered", registered)
        await quiet(self.stage)

    def _made(self, subject: str, records: list[Record]) -> None:
        now = datetime.now(UTC)
        self.made_at |= {(subject, str(record["id"])): now for record in records}

    async def master_data(self) -> None:
        """Companies and items, all but the customers that come late."""
        self.people = people.companies(self.chance)
        early = [*self.people[: LATE.start], *self.people[LATE.stop :]]
        stored = await self.stage.in_connectwise("companies", early)
        self._made("company", stored)
        self.customers = [one for one in stored if any(t["name"] == "Customer" for t in one["types"])]
        self.vendors = [one for one in stored if any(t["name"] == "Vendor" for t in one["types"])]
        self.items = await self.stage.in_connectwise("items", people.items(self.chance))
        self._made("catalog_item", self.items)

    async def bill(self) -> None:
        """All invoices; the last ten are closed in the same breath in which their customers appear."""
        late = await self.stage.in_connectwise("companies", self.people[LATE])
        self._made("company", late)
        buyers = [*self.customers[:BUYERS]]
        wanted = documents.invoices(self.chance, buyers, self.items)
        for invoice, customer in zip(wanted[-10:], late, strict=True):
            invoice |= {"company": {"id": customer["id"]}, "currency": {"id": customer["currency"]["id"]}}
        self.invoices = await self.stage.in_connectwise("invoices", wanted)
        for invoice in self.invoices[:10]:
            line = {"kind": "service", "amount": "12.34", "description": "Added before closing"}
            lines = [*wanted[self.invoices.index(invoice)]["lines"], line]
            if invoice["type"] != "DownPayment":
                await self.stage.in_connectwise(f"invoices/{invoice['id']}", {"lines": lines})
        for invoice in self.invoices:
            await self.stage.in_connectwise(f"invoices/{invoice['id']}/close")
            self._made("invoice", [invoice])

    async def back_office(self) -> None:
        """What is not an everyday invoice; expenses and stock have no callback and wait for the sweep."""
        await self.office.contracts(self.customers, self.items)
        self._made("agreement", self.office.agreements)
        self._made("project", self.office.projects)
        await self.buying.order(self.vendors, self.items)
        await self._settle()
        await self.buying.receive_first()
        await self.office.bill(self.customers)
        self._made("invoice", self.office.memos)
        await self.office.expenses(self.customers)
        await self.office.stock(self.items)
        await self.sweep()
        await self.office.book_stock_by_hand()

    async def buy(self) -> None:
        """The rest of the orders; what a person settles by hand; then orders whose receipts are bills."""
        await self.buying.receive_rest()
        await self._settle()
        await self.buying.settle_by_hand()
        await self.buying.bill(self.vendors, self.items)
        await self._settle()
        await self.buying.number_by_hand()
        await self._settle()

    async def approve(self) -> None:
        """What the workflow rules kept back: an accountant posts the drafts, a person releases the held ones."""
        books = await read_books(self.stage)
        drafts = [row for row in books.business_central["salesInvoices"] if row["status"] == "Draft"]
        for row in drafts:
            await self.stage.in_business_central("post", {"invoice": row["id"]})
        items = (await self.stage.api("GET", "work?entity=sales_invoice"))["items"]
        held = [item["ref"]["id"] for item in items if item["cause"] == "awaiting_release"]
        await self.stage.api("POST", "work/release", {"entity": "sales_invoice", "ids": held})
        self.drafts, self.releases = len(drafts), len(held)

    async def hold_three(self) -> None:
        """A company with terms nobody mapped, an invoice outside the posting dates, one without G/L entries."""
        terms = await self.stage.in_connectwise(
            "billingTerms", {"name": "Half now, half at harvest", "dueDays": 200}
        )
        odd = await self.stage.in_connectwise(
            "companies",
            {
                "identifier": "Harvest",
                "name": "Harvest Farms",
                "types": [people.CUSTOMER],
                "billingTerms": {"id": terms["id"]},
            },
        )
        self.to_hold["company", str(odd["id"])] = "Half now, half at harvest"
        old = datetime.now(UTC).date() - timedelta(days=3000)
        line = {"kind": "service", "amount": "99.00"}
        buyer = {"id": self.customers[0]["id"]}
        early, bare = await self.stage.in_connectwise(
            "invoices",
            [
                {"company": buyer, "date": f"{old}T00:00:00Z", "lines": [line]},
                {"company": buyer, "date": f"{datetime.now(UTC).date()}T00:00:00Z", "lines": [line]},
            ],
        )
        await self.stage.in_connectwise(f"invoices/{early['id']}/close")
        await self.stage.in_connectwise(f"invoices/{bare['id']}/close", {"glMapping": False})
        self.to_hold["invoice", str(early["id"])] = str(old)
        self.to_hold["invoice", str(bare["id"])] = "general ledger entries"

    async def touch(self) -> None:
        """Counts the calls for records that changed without effect, and for records that changed.

        One more company goes first, so that the lists of Business Central are not read again while it counts.
        """
        sample = self.customers[:SAMPLE]
        await self.stage.in_connectwise(f"companies/{self.customers[SAMPLE]['id']}", {"leadFlag": True})
        await quiet(self.stage)
        for name, values in (
            ("unchanged", {"leadFlag": True}),
            ("changed", {"phoneNumber": "+1 813 555 9999"}),
        ):
            before = await self._totals()
            for company in sample:
                await self.stage.in_connectwise(f"companies/{company['id']}", values)
            await quiet(self.stage)
            after = await self._totals()
            self.costs[name] = Costs(SAMPLE, after[0] - before[0], after[1] - before[1])

    async def _totals(self) -> tuple[int, int]:
        reports = [
            await self.stage.report(url)
            for url in (self.stage.connectwise_url, self.stage.business_central_url)
        ]
        return int(reports[0]["total"]), int(reports[1]["total"])

    async def pay(self) -> None:
        """60 payments; the sweep is run by hand as the timer would run it."""
        books = await read_books(self.stage)
        rows = [row for many in books.posted().values() for row in many if row.get("remainingAmount", 0) > 0]
        rows.sort(key=lambda row: row["number"])
        spread = self._same_customer(rows)
        others = [row for row in rows if row not in spread]
        taken_back = FULL + PARTIAL
        for number, row in enumerate(others[: taken_back + 1]):
            amount: Decimal = row["remainingAmount"]
            if FULL <= number < FULL + PARTIAL:
                amount = (amount / 3).quantize(Decimal("0.01"))
            await self._pay(f"PAY-{number:03d}", [row], amount)
        local = [row for row in others[taken_back + 1 :] if row["currencyCode"] == "USD"]
        granted, overpaid = local[:2]
        await self._pay("PAY-DISCOUNT", [granted], granted["remainingAmount"], discount=DISCOUNT)
        await self._pay("PAY-OVER", [overpaid], overpaid["remainingAmount"], more=TOO_MUCH)
        await self._pay("PAY-SPREAD", spread, sum((row["remainingAmount"] for row in spread), Decimal(0)))
        await self.sweep()
        await self.stage.in_business_central(
            "ledger/unapply", {"documentNumber": f"PAY-{taken_back:03d}", "documentType": "Payment"}
        )
        refund = {"documentType": "Refund", "customerNumber": overpaid["customerNumber"], "amount": TOO_MUCH}
        refund |= {
            "documentNumber": "REFUND",
            "applications": [{"documentNumber": "PAY-OVER", "amount": TOO_MUCH}],
        }
        await self.stage.in_business_central("ledger/post", refund)
        self.refunds.append(overpaid)

    def _same_customer(self, rows: list[Record]) -> list[Record]:
        for row in rows:
            own = [one for one in rows if one["customerNumber"] == row["customerNumber"]]
            if len(own) >= SPREAD:
                return own[:SPREAD]
        raise RuntimeError("the day has no customer with three open invoices")

    async def _pay(
        self,
        number: str,
        rows: list[Record],
        amount: Decimal,
        discount: Decimal = Decimal(0),
        more: Decimal = Decimal(0),
    ) -> None:
        single = len(rows) == 1
        await self.stage.in_business_central(
            "ledger/post",
            {
                "customerNumber": rows[0]["customerNumber"],
                "amount": amount - discount + more,
                "documentNumber": number,
                "currencyCode": rows[0]["currencyCode"],
                "applications": [
                    {
                        "invoiceId": row["id"],
                        "amount": amount if single else row["remainingAmount"],
                        "discount": discount,
                    }
                    for row in rows
                ],
            },
        )
        self.payments += 1
        numbers = {str(row["externalDocumentNumber"]) for row in rows}
        self._made("settlement", [one for one in self.invoices if one["invoiceNumber"] in numbers])

    async def sweep(self) -> None:
        """What the timers do every few minutes."""
        await self.stage.run("catch_up")
        await self.stage.run("sweep_payments")
        await quiet(self.stage)
