"""Purchase orders: headers whose closedFlag follows their status, totals of their lines, batches."""

from collections.abc import Mapping
from typing import Final

from aiohttp import web

from sandbox.connectwise.crud import Collection, replace
from sandbox.connectwise.errors import ApiError, FieldError, invalid_field, invalid_object
from sandbox.connectwise.invoice_lines import ZERO
from sandbox.connectwise.purchase_ledger import PurchaseSource, extended_cost
from sandbox.connectwise.purchase_lines import PurchaseLines
from sandbox.connectwise.service import BASE, Service
from sandbox.connectwise.store import Record, now_text
from sandbox.kit import Json, json_response

ENTITY: Final = "PurchaseOrder"
_FREIGHT: Final = ("freightCost", "freightTaxTotal", "freightPackingSlip")


class PurchaseOrders:
    """The purchase orders of the tenant, with their ``lines`` and their ``source`` of accounting documents.

    A record holds, unseen by callers, its ``lineIds`` and the ids of its ``entries``.
    """

    def __init__(self, service: Service) -> None:
        self.service = service
        self.store = service.store
        self.source = PurchaseSource(self.store)
        self.lines = PurchaseLines(service, self.source, self.line_changed)
        self.collection = Collection(
            service,
            "procurement/purchaseorders",
            ENTITY,
            complete=self.complete,
            update=self.update,
            delete=self.delete,
        )
        self.store.computed[ENTITY] = self._totals

    def serve(self) -> None:
        """Registers the routes beyond the collections: unbatch and rebatch."""
        one = f"{BASE}/procurement/purchaseorders/{{id:\\d+}}"
        self.service.route("POST", f"{one}/unbatch", self._unbatch)
        self.service.route("POST", f"{one}/rebatch", self._rebatch)

    def complete(self, values: Record) -> None:
        """Fills what a new order does not name: number, date, currency, location."""
        vendor = self.store.get("Company", values["vendorCompany"]["id"])
        setting = next(iter(self.store.rows("ProcurementSetting")))
        number = setting["startingPurchaseOrderNum"] + self.store.next_id("poNumber") - 1
        values.setdefault("poNumber", f"{setting.get('purchaseOrderPrefix', '')}{number}")
        values.setdefault("poDate", f"{now_text()[:10]}T00:00:00Z")
        if "currency" in vendor:
            values.setdefault("currency", vendor["currency"])
        values.setdefault("locationId", 1)
        values.setdefault("businessUnitId", 1)
        values |= {"lineIds": [], "entries": [], "closedFlag": False}
        if self._status(values)["closedFlag"]:
            raise invalid_field(ENTITY, "status", "a new purchase order is open", "InvalidObject")

    def update(self, order: Record, changed: Record, member: str) -> None:
        """Puts a change into effect; the closed flag follows the status."""
        needed = [name for name in ("poNumber", "poDate") if name not in changed]
        if needed:
            errors = [FieldError("MissingRequiredField", f"{name} is required", name) for name in needed]
            raise invalid_object(ENTITY, errors)
        if any(order.get(name) != changed.get(name) for name in _FREIGHT) and self._freight_is_batched(order):
            raise ApiError(400, "InvalidObject", "the freight is in an accounting batch")
        self._follow_status(changed, member)
        replace(order, changed)
        self.source.sync(order, member)

    def delete(self, order: Record, member: str) -> None:
        """Deletes an order of which nothing was received; raises 409 otherwise."""
        if self.source.order_entries(order):
            raise ApiError(409, "InvalidObject", "the purchase order has receipts")
        for number in order["lineIds"]:
            self.store.remove("PurchaseOrderLineItem", number, member)
        self.store.remove(ENTITY, order["id"], member)

    def set_status(self, order: Record, status_id: int, member: str) -> None:
        """Moves an order to a status."""
        self.collection.change(order, {**order, "status": {"id": status_id}}, member)

    def status_id(self, *, closed: bool) -> int:
        """The default closed status, or the first open one."""
        rows = [row for row in self.store.rows("PurchaseOrderStatus") if row["closedFlag"] is closed]
        return int(next((row for row in rows if row["defaultClosedFlag"]), rows[0])["id"])

    def line_changed(self, order: Record, member: str) -> None:
        """Follows a change of a line: closes the order when nothing is open any more, tells of the order.

        Whether the service tells of the order for a line alone is unproven: a setting decides.
        """
        lines, setting = self.lines.of(order), next(iter(self.store.rows("ProcurementSetting")))
        done = bool(lines) and all(line["closedFlag"] for line in lines)
        if done and setting["autoClosePurchaseOrderFlag"] and not order["closedFlag"]:
            self.set_status(order, self.status_id(closed=True), member)
            return
        self.source.sync(order, member)
        if self.service.settings.receipt_fires_purchaseorder_callback:
            self.store.touch(ENTITY, order, member)

    def _status(self, values: Record) -> Record:
        return self.store.get("PurchaseOrderStatus", values["status"]["id"])

    def _follow_status(self, changed: Record, member: str) -> None:
        closes = self._status(changed)["closedFlag"]
        if closes and not changed["closedFlag"]:
            # the first closing counts: a later one does not move the date
            changed.setdefault("dateClosed", now_text())
            changed["closedBy"] = member
        elif not closes:
            changed.pop("closedBy", None)
        changed["closedFlag"] = closes

    def _freight_is_batched(self, order: Record) -> bool:
        return any(entry["isBatched"] for entry in self.source.order_entries(order) if not entry["lineId"])

    def _totals(self, order: Record) -> Mapping[str, Json]:
        lines = [line for line in self.lines.of(order) if not line["canceledFlag"]]
        subtotal = sum((extended_cost(line) for line in lines), ZERO)
        tax = sum((line.get("tax", 0) for line in lines), ZERO)
        freight = order.get("freightCost", 0) + order.get("freightTaxTotal", 0)
        return {
            "subTotal": subtotal,
            "salesTax": tax,
            "total": subtotal + tax + freight,
            "enteredBy": order["_info"]["enteredBy"],
        }

    async def _unbatch(self, request: web.Request) -> web.Response:
        order = self.store.get(ENTITY, int(request.match_info["id"]))
        self.source.unbatch(order)
        return self._done(order)

    async def _rebatch(self, request: web.Request) -> web.Response:
        order = self.store.get(ENTITY, int(request.match_info["id"]))
        self.source.rebatch(order)
        return self._done(order)

    def _done(self, order: Record) -> web.Response:
        for line in self.lines.of(order):
            self.store.touch("PurchaseOrderLineItem", line, self.service.member)
        self.store.touch(ENTITY, order, self.service.member)
        return json_response({"success": True, "message": ""})
