"""Approved reimbursable expenses, and journal lines that credit the employee."""

from typing import ClassVar

from sandbox.kit import dumps
from shared.app import DEFAULT
from shared.domain.records import State
from tests.conformance.test_company_expense import TestCompanyExpense as CompanyExpense
from tests.conformance.world import World

EMPLOYEE = "E7"
PAYABLE = "20200"
"""The account of the employee's posting group."""


class TestEmployeeExpense(CompanyExpense):
    entity = "employee_expense"
    calls_when_unchanged = 5
    """The report, its entries and what is not exported, twice: the company's part is looked for each time."""
    prefix: ClassVar[str] = "EXR"
    suffix: ClassVar[str] = ""
    balance: ClassVar[tuple[str, str]] = ("Employee", EMPLOYEE)

    async def prepare(self, world: World) -> None:
        await super().prepare(world)
        await world.bc_call("POST", "employees", {"number": EMPLOYEE, "givenName": "Kim", "surname": "Low"})
        await world.cw(f"members/{self.work.member}", {"vendorNumber": EMPLOYEE})
        await world.app.connection_desk.save(DEFAULT, dumps({"options": {"expense_reports": "journal"}}))

    async def make(self, world: World, number: int = 1) -> str:
        return await self.work.report(self.work.expense("50.25", notes="Train"))

    def check(self, world: World, record: str) -> None:
        super().check(world, record)
        assert self.work.invoices(record) == []
        if not self.drafts:
            accounts = {row["accountNumber"] for row in self.booked(record) if row["creditAmount"]}
            assert accounts == {PAYABLE}

    async def test_a_member_without_a_number_is_held(self, scene: World) -> None:
        member = await self.work.person("lee")
        record = await self.work.report(self.work.expense("20.00"), member=member)
        await self.sync(scene, record)
        [item] = await scene.work(self.entity)
        assert (item.state, item.cause) == (State.HELD, "no_vendor_number")
        await scene.cw(f"members/{member}", {"vendorNumber": EMPLOYEE})
        await scene.app.desk.retry(DEFAULT, self.entity)
        await scene.drain()
        self.check(scene, record)

    async def test_a_report_stays_with_how_it_was_booked(self, scene: World) -> None:
        record = await self.made(scene)
        await scene.app.connection_desk.save(DEFAULT, dumps({"options": {}}))
        await scene.drain()
        await self.touch(scene, record)
        await self.sync(scene, record)
        self.check(scene, record)
        assert await scene.work("expense_report") == []
