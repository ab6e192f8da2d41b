"""A member with expenses, and the accounts they are booked on, for the tests of expenses."""

from base64 import b64encode
from decimal import Decimal
from typing import Final

from sandbox.connectwise.ledger import ACCOUNTS
from sandbox.kit import Json, dumps
from shared.app import DEFAULT
from shared.mapping import standard_mapping
from tests.conformance.world import World

CARD: Final = "Company card"
EXPENSE_ACCOUNTS: Final = tuple(dict.fromkeys(ACCOUNTS[kind] for kind in ("EE", "EI", "ET", "EO")))


class Expensing:
    """People at work with expenses; ``member`` is the ConnectWise member, ``client`` a company that is charged."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.member = ""
        self.client = ""
        self.month = 0
        """How many months later than January 2025 the next report is."""

    async def open(self) -> None:
        """Makes the member, the client and the accounts, and says which account the card is; two tiers approve."""
        await self.world.cw("settings", {"expense_approval_tiers": 2})
        rows = [
            {"number": number, "displayName": "Expenses", "accountType": "Posting", "directPosting": True}
            for number in EXPENSE_ACCOUNTS
        ]
        await self.world.bc("records", {"set": "accounts", "records": rows})
        self.client = str(
            (await self.world.cw("companies", {"identifier": "Client", "name": "Client Inc"}))["id"]
        )
        await self.world.sync("company", self.client)
        self.member = await self.person("kim")
        await self.pay_from({CARD: ACCOUNTS["EO"]})

    async def person(self, identifier: str) -> str:
        """A member."""
        values = {"identifier": identifier, "firstName": identifier.title(), "lastName": "Low"}
        email = {"officeEmail": f"{identifier}@us.example"}
        return str((await self.world.cw("members", values | email))["id"])

    async def pay_from(self, accounts: dict[str, str], **lookups: dict[str, str]) -> None:
        """Stores the mapping of company-paid expenses with these payment accounts and other lookup rows."""
        document = standard_mapping("company_expense").model_dump(
            mode="json", by_alias=True, exclude_unset=True
        )
        for name, rows in {"payment_accounts": accounts, **lookups}.items():
            document["lookups"][name]["rows"] = rows
        await self.world.app.desk.save_mapping(DEFAULT, "company_expense", dumps(document))

    def expense(self, amount: str, **values: Json) -> Json:
        """An expense for the client, paid by the member."""
        charged = {"company": {"id": int(self.client)}}
        return {"type": {"name": "Travel"}, "amount": Decimal(amount), **charged, **values}

    def card(self, amount: str, **values: Json) -> Json:
        """An expense for the client, paid by company card."""
        return self.expense(amount, paymentMethod={"name": CARD}, **values)

    async def report(self, *entries: Json, approved: bool = True, member: str = "") -> str:
        """A report of a month of its own, approved unless told otherwise."""
        month, self.month = self.month, self.month + 1
        date = f"{2025 + month // 12}-{month % 12 + 1:02}-05T00:00:00Z"
        body = {"member": {"id": int(member or self.member)}, "date": date, "entries": list(entries)}
        record = str((await self.world.cw("expenseReports", body))["id"])
        if approved:
            await self.approve(record)
        return record

    async def approve(self, record: str) -> None:
        """Hands a report in and approves it by every tier."""
        await self.world.cw(f"expenseReports/{record}/submit")
        await self.world.cw(f"expenseReports/{record}/approve")

    async def reopen(self, record: str) -> None:
        """Takes approval and submission back."""
        while self.source(record)["status"] != "Open":
            await self.world.cw(f"expenseReports/{record}/reverse")

    async def edit(self, record: str, amount: str) -> None:
        """Reverses the approval, changes the amount of the first expense and approves again."""
        await self.reopen(record)
        await self.world.cw(f"expenses/{self.entries(record)[0]['id']}", {"amount": Decimal(amount)})
        await self.approve(record)

    async def attach(self, entry: str, name: str, content: bytes = b"", **values: Json) -> str:
        """Attaches a file to an expense, as the member does; returns the number of the document."""
        body = {"recordType": "Expense", "recordId": int(entry), "fileName": name, **values}
        document = await self.world.cw("documents", {**body, "content": b64encode(content).decode()})
        return str(document["id"])

    async def with_receipt(self, record: str, name: str = "receipt.pdf") -> str:
        """The report with a file on its first expense, which holds the number of the report."""
        await self.attach(self.entries(record)[0]["id"], name, b"%PDF " + record.encode())
        return record

    def files(self, record: str, shelf: str = "documentAttachments") -> dict[str, bytes]:
        """Name and content of every file of the report's purchase invoices; no name is there twice."""
        parents = {row["id"] for row in self.invoices(record)}
        rows = [row for row in self.world.company.all(shelf) if row.values["parentId"] in parents]
        found = {row.values["fileName"]: row.hidden["content"] for row in rows}
        assert len(found) == len(rows)
        return found

    def check_files(self, record: str) -> None:
        """Asserts that every file of the report's expenses is there once, with its content."""
        own = {row["id"] for row in self.entries(record)}
        rows = self.world.connectwise.store.rows("DocumentInfo")
        contents = sorted(row["content"] for row in rows if row["recordId"] in own)
        assert sorted(self.files(record).values()) == contents

    async def sync(self, record: str, why: str = "catch up") -> None:
        """Hints at a report and lets everything come to rest."""
        await self.world.sync("expense_report", record, why)

    def source(self, record: str) -> Json:
        """The report as ConnectWise answers it."""
        return self.world.cw_record("ExpenseReport", record)

    def entries(self, record: str) -> list[Json]:
        """The expenses of a report."""
        rows = self.world.cw_records("ExpenseEntry")
        return [row for row in rows if row["expenseReport"]["id"] == int(record)]

    def batches(self, record: str, suffix: str = "") -> list[Json]:
        """The accounting batches of a report's reimbursable expenses; ``C`` for the company-paid ones."""
        batches = self.world.cw_records("AccountingBatch")
        return [row for row in batches if row["batchIdentifier"].endswith(f"-E{record}{suffix}")]

    def unposted(self, record: str) -> list[Json]:
        """The expenses of a report that ConnectWise still lists as not exported."""
        own = {row["id"] for row in self.entries(record)}
        return [row for row in self.world.connectwise.expenses.source.rows() if row["expenseDetailId"] in own]

    def invoices(self, record: str) -> list[Json]:
        """The purchase invoices in Business Central under the report's number."""
        return self.world.bc_records("purchaseInvoices", vendorInvoiceNumber=f"EXP-{record}")

    def booked(self, record: str, prefix: str = "EXP") -> list[Json]:
        """The general ledger entries of the report's journal."""
        return self.world.bc_records("generalLedgerEntries", documentNumber=f"{prefix}-{record}")

    def check_invoice(self, record: str, total: str) -> Json:
        """Asserts one posted purchase invoice of the member's vendor, in one batch; returns it."""
        [document] = self.invoices(record)
        vendor = self.world.cw_record("Member", str(self.source(record)["member"]["id"]))["vendorNumber"]
        assert document["vendorNumber"] == vendor
        assert document["totalAmountIncludingTax"] == Decimal(total)
        assert document["status"] in ("Open", "Paid")
        [_batch] = self.batches(record)
        return document

    def check_booked(self, record: str, total: str, prefix: str = "EXP", suffix: str = "C") -> None:
        """Asserts one posting of the report's journal, in one batch, and that no journal is left over."""
        debit = sum((row["debitAmount"] for row in self.booked(record, prefix)), Decimal(0))
        credit = sum((row["creditAmount"] for row in self.booked(record, prefix)), Decimal(0))
        assert debit == credit == Decimal(total)
        [_batch] = self.batches(record, suffix)
        assert self.world.bc_records("journals", code=f"{prefix}{int(record):07}") == []
