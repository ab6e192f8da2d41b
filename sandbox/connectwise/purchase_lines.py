"""Lines of purchase orders: entry, receipt with splitting, cancellation.

A receipt is a change of ``receivedStatus``. ``PartiallyReceiveCloneRest`` closes the line at the received quantity
and adds a line for the rest, ``PartiallyReceiveCancelRest`` drops the rest. ``receivedQuantity`` is whole.
"""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Final

from sandbox.connectwise.crud import Collection, replace
from sandbox.connectwise.errors import ApiError, invalid_field
from sandbox.connectwise.invoice_lines import cents
from sandbox.connectwise.purchase_ledger import PurchaseSource, extended_cost
from sandbox.connectwise.service import Service
from sandbox.connectwise.store import Record, now_text
from sandbox.kit import Json

type Changed = Callable[[Record, str], None]

ENTITY: Final = "PurchaseOrderLineItem"
_PARTIAL: Final = frozenset({"PartiallyReceiveCancelRest", "PartiallyReceiveCloneRest"})
# What may not change on a batched line, nor on a line of a closed order.
_ACCOUNTED: Final = (
    "product",
    "quantity",
    "unitCost",
    "tax",
    "packingSlip",
    "receivedQuantity",
    "receivedStatus",
    "closedFlag",
    "canceledFlag",
    "dateReceived",
)


class PurchaseLines:
    """The lines of all purchase orders; ``changed(order, member)`` is called after any of them changed."""

    def __init__(self, service: Service, source: PurchaseSource, changed: Changed) -> None:
        self.service = service
        self.store = service.store
        self.source = source
        self.changed = changed
        self.collection = Collection(
            service,
            "procurement/purchaseorders/{parentId:\\d+}/lineitems",
            ENTITY,
            complete=self.complete,
            added=self.added,
            update=self.update,
            delete=self.delete,
            parent=("PurchaseOrder", "purchaseOrderId"),
            kept=("receivedStatus", "receivedQuantity"),
        )
        self.store.computed[ENTITY] = self._computed

    def of(self, order: Record) -> list[Record]:
        """The lines of an order in the order of entry."""
        return [self.store.get(ENTITY, number) for number in order["lineIds"]]

    def complete(self, values: Record) -> None:
        """Fills what a new line does not name; raises 400 when the order is closed."""
        order = self.store.get("PurchaseOrder", values["purchaseOrderId"])
        if order["closedFlag"]:
            raise invalid_field(ENTITY, "purchaseOrderId", "the purchase order is closed", "InvalidObject")
        item = self.store.get("CatalogItem", values["product"]["id"])
        values.setdefault("unitCost", item.get("cost", 0))
        values.setdefault("receivedStatus", "Waiting")
        values.setdefault("receivedQuantity", 0)
        if "warehouse" in order:
            values.setdefault("warehouse", order["warehouse"])
        values.setdefault("closedFlag", False)
        values.setdefault("canceledFlag", False)
        _check_amounts(values)
        if values["receivedStatus"] != "Waiting":
            raise invalid_field(ENTITY, "receivedStatus", "a new line waits for its receipt")

    def added(self, line: Record, member: str) -> None:
        """Puts a new line under its order."""
        order = self._order(line)
        order["lineIds"].append(line["id"])
        self.changed(order, member)

    def update(self, line: Record, changed: Record, member: str) -> None:
        """Puts a change into effect, a receipt or cancellation included; raises 400 when the line is locked."""
        order = self._order(line)
        before = {name: line.get(name) for name in _ACCOUNTED}
        if before != {name: changed.get(name) for name in _ACCOUNTED}:
            self._refuse_locked(order, line)
        _check_amounts(changed)
        rest: Record | None = None
        if changed["canceledFlag"] and not line["canceledFlag"]:
            self._cancel(changed, member)
        elif changed["receivedStatus"] != line["receivedStatus"]:
            rest = self._receive(line, changed)
        elif changed["receivedQuantity"] != line["receivedQuantity"]:
            raise invalid_field(ENTITY, "receivedQuantity", "a receipt names its receivedStatus")
        if changed["closedFlag"] and changed["receivedStatus"] == "Waiting" and not changed["canceledFlag"]:
            raise invalid_field(ENTITY, "closedFlag", "a line closes when it is received or cancelled")
        replace(line, changed)
        if rest:
            clone = self.store.insert(ENTITY, rest, member)
            order["lineIds"].append(clone["id"])
        self.changed(order, member)

    def delete(self, line: Record, member: str) -> None:
        """Removes a line that was never received; raises 400 otherwise."""
        order = self._order(line)
        self._refuse_locked(order, line)
        order["lineIds"].remove(line["id"])
        self.store.remove(ENTITY, line["id"], member)
        self.changed(order, member)

    def _order(self, line: Record) -> Record:
        return self.store.get("PurchaseOrder", line["purchaseOrderId"])

    def _refuse_locked(self, order: Record, line: Record) -> None:
        if any(entry["isBatched"] for entry in self.source.line_entries(line)):
            raise ApiError(400, "InvalidObject", "the line is in an accounting batch")
        if order["closedFlag"]:
            raise ApiError(400, "InvalidObject", "the purchase order is closed")

    def _cancel(self, changed: Record, member: str) -> None:
        if changed["receivedStatus"] != "Waiting":
            raise invalid_field(ENTITY, "canceledFlag", "a received line cannot be cancelled")
        stamp = now_text()
        changed |= {"closedFlag": True, "canceledBy": member, "dateCanceled": stamp, "dateCanceledUtc": stamp}

    def _receive(self, line: Record, changed: Record) -> Record | None:
        """Settles a receipt in ``changed``; returns the line for the rest when there is one."""
        status, quantity = changed["receivedStatus"], changed["quantity"]
        if status == "Waiting":
            changed |= {"receivedQuantity": 0, "closedFlag": False}
            changed.pop("dateReceived", None)
            return None
        if line["canceledFlag"] or line["receivedStatus"] in _PARTIAL:
            raise invalid_field(ENTITY, "receivedStatus", "the line is received in part or cancelled already")
        if status == "FullyReceived":
            changed["receivedQuantity"] = changed["receivedQuantity"] or int(quantity)
        received, least = changed["receivedQuantity"], 1 if status in _PARTIAL else int(quantity)
        if not least <= received <= quantity:
            raise invalid_field(ENTITY, "receivedQuantity", f"{received} of {quantity} is not {status}")
        settings = next(iter(self.store.rows("ProcurementSetting")))
        closes = status in _PARTIAL or settings["autoClosePurchaseOrderItemFlag"]
        changed["closedFlag"] = bool(changed["closedFlag"] or closes)
        changed.setdefault("dateReceived", now_text())
        return self._split(changed) if status in _PARTIAL else None

    def _split(self, changed: Record) -> Record | None:
        """Cuts a line down to what was received; the tax is shared out in proportion, to the cent."""
        quantity, received = changed["quantity"], changed["receivedQuantity"]
        tax = Decimal(changed.get("tax", 0))
        share = cents(tax * received / Decimal(quantity))
        changed |= {"quantity": received, "tax": share}
        if changed["receivedStatus"] == "PartiallyReceiveCancelRest":
            return None
        order = self._order(changed)
        fresh = {
            name: value
            for name, value in changed.items()
            if name not in {"id", "_info", "packingSlip", "dateReceived", "serialNumbers", "customFields"}
        }
        return fresh | {
            "quantity": quantity - received,
            "tax": tax - share,
            "receivedQuantity": 0,
            "receivedStatus": "Waiting",
            "closedFlag": False,
            "lineNumber": max(row["lineNumber"] for row in self.of(order)) + 1,
        }

    def _computed(self, line: Record) -> Mapping[str, Json]:
        entries = self.source.line_entries(line)
        return {
            "purchaseOrderNumber": self._order(line)["poNumber"],
            "extCost": extended_cost(line),
            "batchedFlag": bool(entries) and all(entry["isBatched"] for entry in entries),
            "unbatchedRecId": next(
                (row["unbatchedFrom"] for row in entries if row.get("unbatchedFrom")), None
            ),
        }


def _check_amounts(values: Record) -> None:
    tax = Decimal(values.get("tax", 0))
    if tax != cents(tax):
        raise invalid_field(ENTITY, "tax", "tax has at most two decimals")
    if values["quantity"] < 0:
        raise invalid_field(ENTITY, "quantity", "quantity cannot be negative")
