"""What the back office adds to the day: agreements, projects, credit memos, expenses, stock."""

import random
from base64 import b64encode
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from sandbox.demo.buying import FREIGHT
from sandbox.demo.documents import RULES
from sandbox.demo.waiting import until
from sandbox.stage import Stage

type Record = dict[str, Any]

AGREEMENTS, PROJECTS, MEMOS, REPORTS = 12, 8, 10, 5
CARD_ACCOUNT: Final = "2050"
PHOTO: Final = (20_000, 400_000)
"""The least and the most bytes of a receipt."""
ACCOUNTS: Final = {
    "6100": "Client expenses",
    "6200": "Own expenses",
    "1510": "Recoverable tax",
    FREIGHT: "Freight of purchases",
    CARD_ACCOUNT: "Company cards",
}


@dataclass(slots=True)
class Office:
    """The records of the back office, by kind."""

    stage: Stage
    chance: random.Random
    agreements: list[Record] = field(default_factory=list)
    projects: list[Record] = field(default_factory=list)
    memos: list[Record] = field(default_factory=list)
    reports: list[Record] = field(default_factory=list)
    options: Record = field(default_factory=dict)
    moved: Record = field(default_factory=dict)
    unapproved: int = 0
    stock_entries: int = 0

    async def prepare(self) -> None:
        """Accounts, approval, the company's card, the page of dimension values, the options, the workflow rules."""
        accounts = [
            {"number": number, "displayName": name, "accountType": "Posting", "directPosting": True}
            for number, name in ACCOUNTS.items()
        ]
        await self.stage.in_business_central("records", {"set": "accounts", "records": accounts})
        await self.stage.in_connectwise("settings", {"expense_approval_tiers": 2})
        mapping = (await self.stage.api("GET", "mappings/company_expense"))["document"]
        mapping["lookups"]["payment_accounts"]["rows"] = {"Company card": CARD_ACCOUNT}
        await self.stage.api("PUT", "mappings/company_expense", mapping)
        page = {"name": "DimensionValues", "page": 537}
        await self.stage.in_business_central("web-services/publish", page)
        self.options = {"agreement_dimension": "AGREEMENT", "freight_account": FREIGHT}
        await self.stage.api("PUT", "connections/default", {"options": self.options})
        await self.stage.api("PUT", "workflow", {"rules": RULES})

    async def contracts(self, customers: list[Record], items: list[Record]) -> None:
        """Agreements with additions, some of them billed, and projects."""
        year = datetime.now(UTC).year
        for number in range(AGREEMENTS):
            company = {"id": customers[number]["id"]}
            await self.stage.in_connectwise("contacts", {"firstName": "Kim", "company": company})
            agreement = await self.stage.in_connectwise(
                "agreements",
                {
                    "name": f"Care plan {number}",
                    "company": company,
                    "startDate": "2026-01-01T00:00:00Z",
                    "endDate": f"{year + 1}-12-31T00:00:00Z",
                    "billAmount": Decimal(self.chance.randint(5_000, 90_000)) / 100,
                    "additions": [
                        {"product": {"id": items[number]["id"]}, "quantity": 3, "billCustomer": "Billable"}
                    ],
                },
            )
            self.agreements.append(agreement)
        for number in range(PROJECTS):
            company = {"id": customers[number]["id"]}
            name = f"Office move {number}, Gebäude {number}"
            self.projects.append(
                await self.stage.in_connectwise("projects", {"name": name, "company": company})
            )

    async def bill(self, customers: list[Record]) -> None:
        """Five agreements are billed; each gets a credit memo, five more belong to nothing. One is renewed, a project billed."""
        day = f"{datetime.now(UTC).date()}T00:00:00Z"
        renewed = {"endDate": f"{datetime.now(UTC).year + 3}-12-31T00:00:00Z"}
        await self.stage.in_connectwise(f"agreements/{self.agreements[0]['id']}", renewed)
        project = self.projects[0]
        part: Record = {"type": "Standard", "date": day, "company": project["company"]}
        part |= {"project": {"id": project["id"]}, "lines": [{"kind": "service", "amount": "1250.00"}]}
        self.moved = await self.stage.in_connectwise("invoices", part)
        await self.stage.in_connectwise(f"invoices/{self.moved['id']}/close")
        for number in range(MEMOS):
            line = {"kind": "service", "amount": Decimal(self.chance.randint(100, 2_000)) / 100}
            memo: Record = {"type": "CreditMemo", "date": day, "lines": [line]}
            if number < MEMOS // 2:
                agreement = self.agreements[number]
                await self.stage.in_connectwise(f"agreements/{agreement['id']}/invoice", {"date": day})
                memo |= {
                    "company": agreement["company"],
                    "applyToType": "Agreement",
                    "applyToId": agreement["id"],
                }
            else:
                memo["company"] = {"id": customers[number]["id"]}
            stored = await self.stage.in_connectwise("invoices", memo)
            self.memos.append(await self.stage.in_connectwise(f"invoices/{stored['id']}/close"))

    async def expenses(self, customers: list[Record]) -> None:
        """Five approved reports with cash and card entries and a receipt each, and one that nobody has approved."""
        for number in range(REPORTS + 1):
            person = {"identifier": f"tech{number}", "firstName": "Robin", "lastName": f"Field {number}"}
            member = await self.stage.in_connectwise("members", person)
            company = {"id": customers[number]["id"]}
            entries = [
                {"type": {"name": "Travel"}, "amount": self._amount(), "company": company, "notes": "Train"},
                {"type": {"name": "Meals"}, "amount": self._amount(), "company": company, "notes": "Lunch"},
                {
                    "type": {"name": "Travel"},
                    "amount": self._amount(),
                    "company": company,
                    "notes": "Hotel",
                    "paymentMethod": {"name": "Company card"},
                },
            ]
            body = {"member": {"id": member["id"]}, "date": "2026-11-05T00:00:00Z", "entries": entries}
            report = await self.stage.in_connectwise("expenseReports", body)
            await self._receipt(int(report["id"]))
            await self.stage.in_connectwise(f"expenseReports/{report['id']}/submit")
            if number == REPORTS:
                self.unapproved = int(report["id"])
            else:
                report = await self.stage.in_connectwise(f"expenseReports/{report['id']}/approve")
                self.reports.append(report)

    async def _receipt(self, report: int) -> None:
        """A photo of the train ticket, on the first expense of a report."""
        state = await self.stage.state_of(self.stage.connectwise_url, "?tables=ExpenseEntry")
        own = [row for row in state["tables"]["ExpenseEntry"] if row["expenseReport"]["id"] == report]
        chance = random.Random(report)
        photo = b64encode(chance.randbytes(chance.randint(*PHOTO))).decode()
        document = {"recordType": "Expense", "recordId": own[0]["id"], "fileName": "ticket.jpg"}
        await self.stage.in_connectwise("documents", document | {"content": photo})

    def _amount(self) -> Decimal:
        return Decimal(self.chance.randint(500, 40_000)) / 100

    async def stock(self, items: list[Record]) -> None:
        """One adjustment and one transfer, which only a person can book."""
        inventory = next(item for item in items if item["productClass"] == "Inventory")
        detail = {
            "catalogItem": {"id": inventory["id"]},
            "quantityAdjusted": -2,
            "warehouse": {"id": 1},
            "warehouseBin": {"id": 1},
        }
        adjustment = await self.stage.in_connectwise(
            "adjustments",
            {"identifier": "Count", "type": {"identifier": "Count"}, "adjustmentDetails": [detail]},
        )
        await self.stage.in_connectwise(f"adjustments/{adjustment['id']}/close")
        transfer = {"item": {"id": inventory["id"]}, "quantity": 3, "fromBin": {"id": 1}, "toBin": {"id": 2}}
        await self.stage.in_connectwise("transfers", transfer)

    async def book_stock_by_hand(self) -> None:
        """A person reads the entries in the work list, makes them, and releases the records."""
        found: list[str] = []

        async def listed() -> bool:
            items = (await self.stage.api("GET", "work?entity=stock_entry"))["items"]
            found[:] = [item["ref"]["id"] for item in items if item["cause"] == "by_hand"]
            return len(found) == 2

        await until("both stock entries are listed to be booked by hand", listed)
        self.stock_entries = len(found)
        await self.stage.api("POST", "work/release", {"entity": "stock_entry", "ids": found})
