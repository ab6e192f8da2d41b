"""Approved expenses that the company paid, and journal lines."""

from decimal import Decimal
from typing import ClassVar

from sandbox.connectwise.ledger import ACCOUNTS
from sandbox.kit import Json
from tests.conformance.expensing import Expensing
from tests.conformance.suite import EntityConformance
from tests.conformance.world import World


class TestCompanyExpense(EntityConformance):
    entity = "company_expense"
    subject = "expense_report"
    reason = "catch up"
    writes_to_create = 5
    """The journal, its line, the posting, the batch, and the empty journal that goes."""
    calls_when_unchanged = 3
    """The report, and its entries with what is not exported: what is owed is looked for each time."""
    drafts = False
    prefix: ClassVar[str] = "EXP"
    suffix: ClassVar[str] = "C"
    balance: ClassVar[tuple[str, str]] = ("G_x002F_L_x0020_Account", ACCOUNTS["EO"])
    not_applicable: ClassVar = {
        "test_changed_costs_at_most_two_calls": "a posted report never changes again; test_unchanged... proves"
        " that what happens to it in ConnectWise costs no write",
        "test_dependency_missing": "accounts are no synced records: one that is missing holds the report",
    }

    async def prepare(self, world: World) -> None:
        self.work = Expensing(world)
        await self.work.open()

    async def stay_changeable(self, world: World) -> None:
        self.drafts = True
        await world.keep_drafts()

    async def make(self, world: World, number: int = 1) -> str:
        return await self.work.report(self.work.card("50.25", notes="Hotel"))

    async def change(self, world: World, record: str, number: int = 1) -> None:
        await self.work.edit(record, f"5{number}.05")

    async def touch(self, world: World, record: str) -> None:
        store = world.connectwise.store
        store.touch("ExpenseReport", store.get("ExpenseReport", int(record)), "admin")

    def number(self, record: str) -> str:
        """The document number of the report's journal."""
        return f"{self.prefix}-{record}"

    def booked(self, record: str) -> list[Json]:
        """The general ledger entries of the report's journal."""
        return self.work.booked(record, self.prefix)

    def targets(self, world: World, record: str) -> list[Json]:
        if self.drafts:
            return world.bc_records("journalLines", documentNumber=self.number(record))
        return [row for row in self.booked(record) if row["accountNumber"] == ACCOUNTS["EE"]]

    def check(self, world: World, record: str) -> None:
        total = self.work.source(record)["total"]
        if not self.drafts:
            self.work.check_booked(record, str(total), self.prefix, self.suffix)
            assert self.work.unposted(record) == []
            return
        [line] = self.targets(world, record)
        assert (line["amount"], line["accountNumber"]) == (total, ACCOUNTS["EE"])
        assert (line["balanceAccountType"], line["balancingAccountNumber"]) == self.balance
        assert (self.booked(record), self.work.batches(record, self.suffix)) == ([], [])

    async def make_target(self, world: World, record: str) -> str:
        journal = await world.bc_call("POST", "journals", {"code": "BYHAND"})
        line = {
            "accountNumber": ACCOUNTS["EE"],
            "balanceAccountType": self.balance[0],
            "balancingAccountNumber": self.balance[1],
            "documentNumber": self.number(record),
            "amount": Decimal(self.work.source(record)["total"]),
        }
        await world.bc_call("POST", f"journals({journal['id']})/journalLines", line)
        await world.bc("post", {"set": "journals", "key": journal["id"]})
        [entry] = self.targets(world, record)
        return str(entry["id"])

    async def remove_target(self, world: World, record: str) -> None:
        [line] = self.targets(world, record)
        await world.bc_call("DELETE", f"journalLines({line['id']})")

    async def make_refused(self, world: World) -> str:
        await self._block(world, blocked=True)
        return await self.make(world)

    async def mend(self, world: World, record: str) -> None:
        await self._block(world, blocked=False)

    async def _block(self, world: World, *, blocked: bool) -> None:
        values = {"blocked": blocked}
        await world.bc("edit", {"set": "accounts", "key": ACCOUNTS["EE"], "values": values})
