"""Agreements on the screens: entry with additions, cancelling, renewing, invoicing."""

from sandbox.connectwise.agreements import ADDITION, Agreements
from sandbox.connectwise.errors import invalid_field
from sandbox.connectwise.invoice_screen import InvoiceScreen
from sandbox.connectwise.screens import Screen, type_in
from sandbox.connectwise.service import ADMIN_MEMBER
from sandbox.connectwise.store import Record, now_text
from sandbox.kit import Json


class AgreementScreen:
    """What a person does with agreements."""

    def __init__(self, agreements: Agreements, invoices: InvoiceScreen) -> None:
        self.agreements = agreements
        self.store = agreements.store
        self.invoices = invoices

    def screens(self) -> dict[str, Screen]:
        """The screens by name; additions and adjustments name their ``agreementId``."""
        actions = (self.cancel, self.renew, self.invoice)
        return {
            "agreements": Screen(self.agreements.collection, self.enter, actions),
            "additions": Screen(self.agreements.additions, self.enter_addition),
            "agreementAdjustments": Screen(self.agreements.adjustments),
            "agreementTypes": Screen(self.agreements.types),
        }

    def enter(self, values: Record) -> Record:
        """Creates an agreement: its fields (type and contact have defaults) and ``additions``."""
        given = values.pop("additions", [])
        values.setdefault("type", {"id": next(row["id"] for row in self.store.rows("AgreementType"))})
        if "contact" not in values:
            values["contact"] = {"id": self._contact(values)}
        agreement = self.agreements.collection.create(values, ADMIN_MEMBER)
        for addition in given:
            self.enter_addition({**addition, "agreementId": agreement["id"]})
        return agreement

    def enter_addition(self, values: Record) -> Record:
        """Adds an addition, billable unless it says otherwise."""
        return self.agreements.additions.create({"billCustomer": "Billable", **values}, ADMIN_MEMBER)

    def cancel(self, agreement: Record, body: Record) -> None:
        """Cancels an agreement: ``{date?, reason?}``."""
        cancelled = {
            "cancelledFlag": True,
            "dateCancelled": body.get("date") or f"{now_text()[:10]}T00:00:00Z",
            "reasonCancelled": body.get("reason", "cancelled"),
        }
        type_in(self.agreements.collection, agreement, cancelled)

    def renew(self, agreement: Record, body: Record) -> None:
        """Renews an agreement to a later ``endDate``, or without end; a cancellation is lifted."""
        cleared = dict.fromkeys(("dateCancelled", "reasonCancelled", "endDate"))
        flags = {"cancelledFlag": False, "noEndingDateFlag": "endDate" not in body}
        type_in(self.agreements.collection, agreement, {**cleared, **flags, **body})

    def invoice(self, agreement: Record, body: Record) -> None:
        """Bills an agreement: its amount and its billable additions in effect: ``{date?, close?: bool, lines?}``."""
        date = body.get("date") or f"{now_text()[:10]}T00:00:00Z"
        additions = [row for row in self.agreements.additions_of(agreement) if _in_effect(row, date)]
        lines: list[Json] = [_line(row) for row in additions]
        if amount := agreement.get("billAmount"):
            lines.insert(0, {"kind": "agreement", "description": agreement["name"], "amount": amount})
        references = {name: agreement[name] for name in ("company", "billToCompany", "shipToCompany")}
        made = self.invoices.enter(
            {
                "type": "Agreement",
                **references,
                "agreement": {"id": agreement["id"]},
                "date": date,
                "reference": agreement["name"][:50],
                "locationId": agreement["location"]["id"],
                "departmentId": agreement["department"]["id"],
                "lines": lines + body.get("lines", []),
            }
        )
        for addition in additions:
            addition["billedQuantity"] = addition.get("billedQuantity", 0) + addition["quantity"]
            self.store.touch(ADDITION, addition, ADMIN_MEMBER)
        if body.get("close", True):
            self.invoices.close(made, {})

    def _contact(self, values: Record) -> int:
        company = self.store.resolve("CompanyReference", values.get("company") or {"id": 0})
        found = [row["id"] for row in self.store.rows("Contact") if row.get("company") == company]
        if not found:
            raise invalid_field("Agreement", "contact", "contact is required", "MissingRequiredField")
        return int(found[0])


def _in_effect(addition: Record, date: str) -> bool:
    begun = addition["effectiveDate"] <= date
    return bool(
        addition["billCustomer"] == "Billable" and begun and addition.get("cancelledDate", date) >= date
    )


def _line(addition: Record) -> Json:
    return {
        "kind": "agreementProduct",
        "item": addition["product"],
        "description": addition["invoiceDescription"][:100],
        "quantity": addition["quantity"],
        "unitPrice": addition["unitPrice"],
        "cost": addition["unitCost"],
        "taxable": addition["taxableFlag"],
    }
