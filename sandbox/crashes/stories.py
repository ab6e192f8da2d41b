"""All stories: of every entity what people do with it, and of the timers what they find."""

from typing import Final

from sandbox.crashes import back_office, sales
from sandbox.crashes.story import Act, Declared, Story
from tests.conformance.test_agreement import TestAgreementAsDimensionValue
from tests.conformance.test_customer import TestCustomer
from tests.conformance.test_employee import TestEmployee
from tests.conformance.test_item import TestItem
from tests.conformance.test_project import TestProject
from tests.conformance.test_vendor import TestVendor


class Customers(Declared):
    """Companies that buy."""

    entity = "customer"
    kind = TestCustomer


class Vendors(Declared):
    """Companies that sell."""

    entity = "vendor"
    kind = TestVendor


class Items(Declared):
    """Catalog items."""

    entity = "item"
    kind = TestItem


class Employees(Declared):
    """Members for whom an expense report waits."""

    entity = "employee"
    kind = TestEmployee


class Projects(Declared):
    """Projects."""

    entity = "project"
    kind = TestProject


class Agreements(Declared):
    """Agreements that are dimension values too."""

    entity = "agreement"
    kind = TestAgreementAsDimensionValue


class BuyerAndSeller(Story):
    """A company that is customer and vendor at once: one hint, two entities; nobody tells of it but the sweep."""

    entity = "customer"

    def turns(self) -> dict[str, Act]:
        return {"both found by the sweep": self.found}

    async def found(self) -> None:
        body = {"identifier": "Both", "name": "Both Ltd", "types": [{"name": "Customer"}, {"name": "Vendor"}]}
        self.record = str((await self.world.cw("companies", body))["id"])
        await self.sweep("company")

    def check(self, turn: str) -> None:
        for entity_set in ("customers", "vendors"):
            [_target] = self.world.bc_records(entity_set, displayName="Both Ltd")


STORIES: Final[tuple[type[Story], ...]] = (
    Customers,
    BuyerAndSeller,
    Vendors,
    Items,
    Employees,
    Projects,
    Agreements,
    sales.Invoices,
    sales.InvoiceDrafts,
    sales.UnknownCustomer,
    sales.Memos,
    sales.MemoDrafts,
    sales.Payments,
    sales.PaymentsWithoutBatchId,
    back_office.Orders,
    back_office.Receipts,
    back_office.Bills,
    back_office.Expenses,
    back_office.CompanyPaid,
    back_office.Employees,
    back_office.Stock,
)
