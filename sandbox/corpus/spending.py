"""The members of the corpus with their expense reports: entered, approved, sent, looked at."""

import random
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

from sandbox.corpus.books import ExpenseBooks
from sandbox.corpus.claims import ZERO, Claim, Found, Part
from sandbox.corpus.delivery import Delivery, Held
from sandbox.corpus.expenses import CARD, MANNERS, MEMBER, NO_ACCOUNT, NOBODY, Expense, Report, reports
from sandbox.corpus.oracle_expenses import claims
from sandbox.kit import Json, dumps
from shared.app import DEFAULT
from tests.conformance.expensing import CARD as CARD_METHOD
from tests.conformance.expensing import Expensing
from tests.conformance.world import World

SUBJECT: Final = "expense_report"
CHEQUE: Final = "Cheque"
MONTHS: Final = 12
OLD_YEAR: Final = 2019


class Spending:
    """The reports of the corpus. A report is a member's month, so there are as many members as are needed."""

    def __init__(self, world: World, delivery: Delivery, currencies: Mapping[str, int]) -> None:
        self.world, self.delivery, self.currencies = world, delivery, currencies
        self.work = Expensing(world)
        self.entered: dict[str, Report] = {}
        self._months: dict[tuple[str, bool, bool], Iterator[tuple[str, str]]] = {}

    async def open(self) -> None:
        """Accounts, a company that is charged, a way of paying without an account; the interface leaks what is unapproved."""
        await self.work.open()
        await self.world.cw("settings", {"leak_unapproved_expenses": True})
        rows = self.world.cw_records("Classification")
        company = next(row["id"] for row in rows if row["name"] == "NonReimbursable")
        method = {"name": CHEQUE, "companyFlag": True, "classification": {"id": company}}
        await self.world.cw("paymentTypes", method)

    async def process(self, count: int, seed: int) -> None:
        """Enters the reports, manner by manner, and lets the engine work."""
        made, chance = reports(count, seed), random.Random(seed)
        for manner in MANNERS:
            options = dumps({"options": {"expense_reports": manner}})
            await self.world.app.connection_desk.save(DEFAULT, options)
            mine = [one for one in made if one.manner == manner]
            for some in self.delivery.portions(mine):
                records = [await self._enter(one) for one in some]
                await self.delivery.deliver(SUBJECT, records, chance)

    async def _enter(self, report: Report) -> str:
        member, month = await self._month(report)
        entries = [self._entry(one) for one in report.expenses]
        body = {"member": {"id": int(member)}, "date": f"{month}-05T00:00:00Z", "entries": entries}
        record = str((await self.world.cw("expenseReports", body))["id"])
        if report.approved:
            await self.work.approve(record)
        rows = self.work.entries(record)
        for row, one in zip(rows, report.expenses, strict=True):
            if one.rejected:
                self.world.connectwise.store.get("ExpenseEntry", row["id"])["status"] = "Rejected"
        self.entered[record] = report
        return record

    async def _month(self, report: Report) -> tuple[str, str]:
        """A member of the right kind and a month for which he has no report yet."""
        kind = (report.manner, report.old, report.numbered)
        months = self._months.get(kind)
        found = next(months, None) if months else None
        if found is None:
            member = await self._member(report, len(self.entered))
            year = OLD_YEAR if report.old else datetime.now(UTC).year - 1
            every = [(member, f"{year}-{month:02}") for month in range(1, MONTHS + 1)]
            self._months[kind] = iter(every[1:])
            found = every[0]
        return found

    async def _member(self, report: Report, number: int) -> str:
        member = await self.work.person(f"m{number}")
        if report.manner == "journal" and report.numbered:
            employee = {"number": f"E{number}", "givenName": "Kim", "surname": f"Low {number}"}
            await self.world.bc_call("POST", "employees", employee)
            await self.world.cw(f"members/{member}", {"vendorNumber": employee["number"]})
        return member

    def _entry(self, one: Expense) -> Json:
        values: Json = {
            "currency": {"id": self.currencies[one.currency]},
            "taxes": [{"amount": tax} for tax in one.taxes],
        }
        paid = {
            CARD: {"paymentMethod": {"name": CARD_METHOD}},
            NO_ACCOUNT: {"paymentMethod": {"name": CHEQUE}},
            NOBODY: {"classification": {"name": "Personal"}},
        }
        entry: Json = self.work.expense(str(one.amount), **values, **paid.get(one.paid, {}))
        if one.internal:
            del entry["company"]
            entry |= {"chargeToType": "ChargeCode", "chargeToId": 3}
        return entry

    # What became of them.

    def parts(self, held: Held) -> list[Part]:
        """What became of every report, and one part for each document that nobody claimed."""
        books = ExpenseBooks(self.world)
        found = []
        for record, report in self.entered.items():
            for claim in claims(report):
                currency = "/".join(dict.fromkeys(one.currency for one in _own(report, claim)))
                number = f"report {record}"
                state = self._found(books, record, report, claim, held)
                if not _own(report, claim) and not state.documents and not state.cause:
                    continue
                found.append(Part(report.manner, report.case, currency, number, claim, state))
        return found + books.left_over()

    def _found(self, books: ExpenseBooks, record: str, report: Report, claim: Claim, held: Held) -> Found:
        if claim.entity == "company_expense":
            documents, total, faults = books.journal(f"EXP-{record}", _own(report, claim))
        elif claim.entity == "employee_expense":
            documents, total, faults = books.journal(f"EXR-{record}", _own(report, claim))
        else:
            documents, total, faults = books.invoices(f"EXP-{record}")
        suffix = "C" if claim.entity == "company_expense" else ""
        marked = self._marked(books.entries[record], report, claim)
        batches = books.batches[f"E{record}{suffix}"]
        return Found(*held.of(SUBJECT, record, claim.entity), documents, total, batches, marked, faults)

    def _marked(self, rows: Sequence[Json], report: Report, claim: Claim) -> Decimal:
        """What ConnectWise has as exported of the expenses of the claim."""
        own, total = _own(report, claim), ZERO
        expenses, store = self.world.connectwise.expenses.source, self.world.connectwise.store
        for row, one in zip(rows, report.expenses, strict=True):
            if one in own and expenses.is_batched(store.get("ExpenseEntry", row["id"])):
                total += row["amount"]
        return total


def _own(report: Report, claim: Claim) -> list[Expense]:
    """The expenses that a claim is about."""
    paid = (CARD, NO_ACCOUNT) if claim.entity == "company_expense" else (MEMBER,)
    return [one for one in report.expenses if one.paid in paid]
