"""Inventory adjustments: details are entered while open, closing brings them into the accounting interface."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from sandbox.connectwise.crud import Collection, replace
from sandbox.connectwise.errors import ApiError
from sandbox.connectwise.invoice_lines import cents
from sandbox.connectwise.ledger import new_entry
from sandbox.connectwise.screens import Screen
from sandbox.connectwise.service import ADMIN_MEMBER, Service
from sandbox.connectwise.store import Record, now_text
from sandbox.connectwise.validate import clean
from sandbox.kit import Json

ENTITY: Final = "ProcurementAdjustment"
DETAIL: Final = "AdjustmentDetail"


class Adjustments:
    """Adjustments and their details. A record holds, unseen by callers, its ``detailIds`` and ``entries``."""

    def __init__(self, service: Service) -> None:
        self.store = service.store
        self.collection = Collection(
            service,
            "procurement/adjustments",
            ENTITY,
            complete=self.complete,
            added=self.added,
            update=self.update,
            delete=self.delete,
        )
        self.details = Collection(
            service,
            "procurement/adjustments/{parentId:\\d+}/details",
            DETAIL,
            "GET POST DELETE",
            complete=self.complete_detail,
            added=self.added_detail,
            delete=self.delete_detail,
            parent=(ENTITY, "adjustment"),
        )
        self.store.computed[ENTITY] = self._computed

    def screen(self) -> Screen:
        """The screen with its action ``close``."""
        return Screen(self.collection, actions=(self.close,))

    def complete(self, values: Record) -> None:
        """Checks the details of a new adjustment; they become records of their own."""
        given = [clean(self.store, DETAIL, detail) for detail in values.pop("adjustmentDetails", [])]
        values |= {"given": given, "detailIds": [], "entries": [], "closing": values.pop("closedFlag", False)}

    def added(self, adjustment: Record, member: str) -> None:
        """Adds the details that came with a new adjustment, and closes it when asked."""
        for detail in adjustment.pop("given"):
            self.details.create({**detail, "adjustment": {"id": adjustment["id"]}}, member)
        if adjustment.pop("closing"):
            self.collection.change(adjustment, {**adjustment, "closedFlag": True}, member)

    def complete_detail(self, values: Record) -> None:
        """Fills cost and description from the item; raises 400 when the adjustment is closed."""
        self._refuse_closed(self._of(values))
        item = self.store.get("CatalogItem", values["catalogItem"]["id"])
        values.setdefault("unitCost", item.get("cost", 0))
        values.setdefault("description", item["description"][:50])

    def added_detail(self, detail: Record, member: str) -> None:
        """Puts a new detail under its adjustment."""
        adjustment = self._of(detail)
        adjustment["detailIds"].append(detail["id"])
        self.store.touch(ENTITY, adjustment, member)

    def delete_detail(self, detail: Record, member: str) -> None:
        """Removes a detail of an open adjustment."""
        adjustment = self._of(detail)
        self._refuse_closed(adjustment)
        adjustment["detailIds"].remove(detail["id"])
        self.store.remove(DETAIL, detail["id"], member)

    def update(self, adjustment: Record, changed: Record, member: str) -> None:
        """Puts a change into effect: closing makes ledger entries, reopening removes them unless batched."""
        if adjustment["closedFlag"] and changed["closedFlag"]:
            self._refuse_closed(adjustment)
        if changed["closedFlag"] and not adjustment["closedFlag"]:
            changed |= {"closedBy": member, "closedDate": now_text()}
            details = [self.store.get(DETAIL, number) for number in adjustment["detailIds"]]
            changed["entries"] = [self._entry(adjustment, detail, member) for detail in details]
        elif adjustment["closedFlag"]:
            entries = [self.store.get("GLEntry", number) for number in adjustment["entries"]]
            if any(entry["isBatched"] for entry in entries):
                raise ApiError(400, "InvalidObject", "the adjustment is in an accounting batch")
            for entry in entries:
                self.store.remove("GLEntry", entry["id"], member)
            changed["entries"] = []
            changed.pop("closedDate", None)
        replace(adjustment, changed)

    def delete(self, adjustment: Record, member: str) -> None:
        """Deletes an open adjustment with its details."""
        self._refuse_closed(adjustment)
        for number in adjustment["detailIds"]:
            self.store.remove(DETAIL, number, member)
        self.store.remove(ENTITY, adjustment["id"], member)

    def close(self, adjustment: Record, _body: Record) -> None:
        """Closes an adjustment."""
        self.collection.change(adjustment, {**adjustment, "closedFlag": True}, ADMIN_MEMBER)

    def _of(self, detail: Record) -> Record:
        return self.store.get(ENTITY, detail["adjustment"]["id"])

    def _refuse_closed(self, adjustment: Record) -> None:
        if adjustment["closedFlag"]:
            raise ApiError(400, "InvalidObject", "the adjustment is closed")

    def _entry(self, adjustment: Record, detail: Record, member: str) -> int:
        item = self.store.get("CatalogItem", detail["catalogItem"]["id"])
        entry = new_entry(
            self.store,
            "adjustment",
            f"{adjustment['id']}-adjustment",
            "IA",
            cents(Decimal(detail["unitCost"]) * detail["quantityAdjusted"]),
            detail["description"],
            {"adjustmentDetail": {"id": detail["id"]}},
            member,
            productId=item["identifier"],
        )
        return int(entry["id"])

    def _computed(self, adjustment: Record) -> Mapping[str, Json]:
        details = [self.store.get(DETAIL, number) for number in adjustment["detailIds"]]
        return {"adjustmentDetails": [self.store.render(DETAIL, detail) for detail in details]}
