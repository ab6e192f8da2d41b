"""Agreements with their additions and adjustments. Changes of the latter two are not announced to anyone."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from sandbox.connectwise.crud import Collection
from sandbox.connectwise.errors import ApiError, invalid_field
from sandbox.connectwise.invoice_lines import cents
from sandbox.connectwise.service import Service
from sandbox.connectwise.store import Record, now_text
from sandbox.kit import Json

ENTITY: Final = "Agreement"
ADDITION: Final = "Addition"
ADJUSTMENT: Final = "Agreement.Adjustment"


class Agreements:
    """Agreements, additions, adjustments and types. ``agreementStatus`` follows the dates and the cancellation."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.store = service.store
        path, parent = "finance/agreements", (ENTITY, "agreementId")
        self.collection = Collection(
            service,
            path,
            ENTITY,
            complete=self.complete,
            delete=self.delete,
            kept=("startDate", "billToCompany", "shipToCompany", "location", "department"),
        )
        self.additions = Collection(
            service,
            f"{path}/{{parentId:\\d+}}/additions",
            ADDITION,
            complete=self.complete_addition,
            delete=self.delete_addition,
            parent=parent,
            kept=("quantity", "unitPrice", "unitCost", "invoiceDescription", "effectiveDate"),
        )
        self.adjustments = Collection(
            service,
            f"{path}/{{parentId:\\d+}}/adjustments",
            ADJUSTMENT,
            complete=self.complete_adjustment,
            parent=parent,
        )
        self.types = Collection(service, f"{path}/types", "AgreementType")
        self.store.computed[ENTITY] = lambda agreement: {"agreementStatus": self.status(agreement)}
        self.store.computed[ADDITION] = self._computed_addition

    def status(self, agreement: Record) -> str:
        """Cancelled, Expired, Inactive (not begun) or Active, as of now."""
        now = now_text()
        if agreement["cancelledFlag"]:
            return "Cancelled"
        if not agreement["noEndingDateFlag"] and agreement.get("endDate", now) < now:
            return "Expired"
        return "Inactive" if agreement.get("startDate", now) > now else "Active"

    def complete(self, values: Record) -> None:
        """Fills what a new agreement does not name from its company and type."""
        company = self.store.get("Company", values["company"]["id"])
        kind = self.store.get("AgreementType", values["type"]["id"])
        values.setdefault("billToCompany", {"id": company["id"]})
        values.setdefault("shipToCompany", {"id": company["id"]})
        for name in ("billingTerms", "currency", "taxCode"):
            if name in company:
                values.setdefault(name, company[name])
        names = ("invoicingCycle", "billTime", "billExpenses", "billProducts", "billAmount", "billingCycle")
        for name in (*names, "employeeCompRate", "employeeCompNotExceed"):
            if name in kind:
                values.setdefault(name, kind[name])
        values.setdefault("startDate", f"{now_text()[:10]}T00:00:00Z")
        values.setdefault("noEndingDateFlag", "endDate" not in values)
        values.setdefault("location", {"id": 1})
        values.setdefault("department", {"id": 1})
        if values.get("endDate", values["startDate"]) < values["startDate"]:
            raise invalid_field(ENTITY, "endDate", "an agreement cannot end before it starts")

    def delete(self, agreement: Record, member: str) -> None:
        """Deletes an agreement that was never invoiced; raises 409 otherwise."""
        reference = {"id": agreement["id"]}
        if any(invoice.get("agreement") == reference for invoice in self.store.rows("Invoice")):
            raise ApiError(409, "InvalidObject", "the agreement has invoices")
        for table in (ADDITION, ADJUSTMENT):
            numbers = [row["id"] for row in self.store.rows(table) if row["agreementId"] == agreement["id"]]
            for number in numbers:
                self.store.remove(table, number, member)
        self.store.remove(ENTITY, agreement["id"], member)

    def additions_of(self, agreement: Record) -> list[Record]:
        """The additions of an agreement."""
        return [row for row in self.store.rows(ADDITION) if row["agreementId"] == agreement["id"]]

    def complete_addition(self, values: Record) -> None:
        """Fills quantity, price, cost, text and start from the item and the agreement."""
        agreement = self.store.get(ENTITY, values["agreementId"])
        item = self.store.get("CatalogItem", values["product"]["id"])
        values.setdefault("quantity", 1)
        values.setdefault("unitPrice", item.get("price", 0))
        values.setdefault("unitCost", item.get("cost", 0))
        values.setdefault("invoiceDescription", item["customerDescription"])
        values.setdefault("effectiveDate", agreement["startDate"])
        if values.get("cancelledDate", values["effectiveDate"]) < values["effectiveDate"]:
            raise invalid_field(ADDITION, "cancelledDate", "an addition cannot end before it takes effect")

    def complete_adjustment(self, values: Record) -> None:
        """Fills the effective date; raises 400 for fractions of a cent."""
        values.setdefault("effectiveDate", f"{now_text()[:10]}T00:00:00Z")
        amount = Decimal(values.setdefault("amount", 0))
        if amount != cents(amount):
            raise invalid_field(ADJUSTMENT, "amount", "an amount has at most two decimals")

    def delete_addition(self, addition: Record, member: str) -> None:
        """Deletes an addition that was never billed; one that was is cancelled by its date instead."""
        if addition.get("billedQuantity"):
            raise ApiError(400, "InvalidObject", "the addition was billed; set its cancelledDate")
        self.store.remove(ADDITION, addition["id"], member)

    def _computed_addition(self, addition: Record) -> Mapping[str, Json]:
        agreement = self.store.get(ENTITY, addition["agreementId"])
        item = self.store.get("CatalogItem", addition["product"]["id"])
        quantity = Decimal(addition.get("quantity", 0))
        price = cents(quantity * Decimal(addition.get("unitPrice", 0)))
        cost = cents(quantity * Decimal(addition.get("unitCost", 0)))
        return {
            "description": addition.get("description", item["description"]),
            "uom": self.store.expand("UnitOfMeasureReference", item["unitOfMeasure"]).get("name")
            if "unitOfMeasure" in item
            else None,
            "extPrice": price,
            "extCost": cost,
            "margin": price - cost,
            "agreementStatus": self.status(agreement),
        }
