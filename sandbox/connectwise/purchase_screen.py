"""Purchase orders on the screens: entry with lines, receipts, cancelling, closing, batches."""

from sandbox.connectwise.errors import invalid_field
from sandbox.connectwise.purchase_lines import ENTITY as LINE
from sandbox.connectwise.purchase_orders import ENTITY, PurchaseOrders
from sandbox.connectwise.schema import fields
from sandbox.connectwise.screens import Screen, type_in
from sandbox.connectwise.service import ADMIN_MEMBER
from sandbox.connectwise.store import Record
from sandbox.connectwise.validate import stored

_STATUSES = {
    None: "FullyReceived",
    "clone": "PartiallyReceiveCloneRest",
    "cancel": "PartiallyReceiveCancelRest",
}


class PurchaseScreen:
    """What a person does with purchase orders and their lines."""

    def __init__(self, orders: PurchaseOrders) -> None:
        self.orders = orders
        self.lines = orders.lines
        self.store = orders.store

    def screens(self) -> dict[str, Screen]:
        """The screens of orders and of lines."""
        order_actions = (self.close, self.reopen, self.cancel, self.unbatch, self.rebatch)
        return {
            "purchaseOrders": Screen(self.orders.collection, self.enter, order_actions),
            "purchaseOrderLines": Screen(
                self.lines.collection, self.enter_line, (self.receive, self.cancel_line)
            ),
        }

    def enter(self, values: Record) -> Record:
        """Creates an order: its fields (status and terms have defaults) and ``lines``."""
        given = values.pop("lines", [])
        values.setdefault("status", {"id": self.orders.status_id(closed=False)})
        values.setdefault("terms", {"id": next(row["id"] for row in self.store.rows("BillingTerm"))})
        order = self.orders.collection.create(values, ADMIN_MEMBER)
        for line in given:
            self.enter_line({**line, "purchaseOrderId": order["id"]})
        return order

    def enter_line(self, values: Record) -> Record:
        """Adds a line to the order ``purchaseOrderId``; number, description and unit come from order and item."""
        order = self.store.get(ENTITY, values.get("purchaseOrderId", 0))
        reference = stored(self.store, LINE, fields(LINE)["product"], values.get("product") or {})
        item = self.store.get("CatalogItem", reference["id"])
        values.setdefault("lineNumber", len(order["lineIds"]) + 1)
        values.setdefault("description", item["description"])
        values.setdefault("unitOfMeasure", item.get("unitOfMeasure") or {"id": 1})
        return self.lines.collection.create(values, ADMIN_MEMBER)

    def receive(self, line: Record, body: Record) -> None:
        """Receives a line: ``{quantity?, rest?: clone|cancel, packingSlip?, dateReceived?, serialNumbers?}``."""
        if body.get("rest") not in _STATUSES:
            raise invalid_field(LINE, "rest", "rest is clone or cancel")
        names = {"packingSlip", "dateReceived", "serialNumbers"}
        receipt = {name: value for name, value in body.items() if name in names}
        receipt |= {"receivedStatus": _STATUSES[body.get("rest")]}
        receipt["receivedQuantity"] = body.get("quantity", int(line["quantity"]))
        type_in(self.lines.collection, line, receipt)

    def cancel_line(self, line: Record, body: Record) -> None:
        """Cancels a line: ``{reason?}``."""
        cancelled = {"canceledFlag": True, "canceledReason": body.get("reason", "cancelled")}
        type_in(self.lines.collection, line, cancelled)

    def close(self, order: Record, body: Record) -> None:
        """Moves an order to a closed status: ``{status?: id}``."""
        self.orders.set_status(order, body.get("status") or self.orders.status_id(closed=True), ADMIN_MEMBER)

    def reopen(self, order: Record, body: Record) -> None:
        """Moves an order back to an open status: ``{status?: id}``; received lines stay closed."""
        self.orders.set_status(order, body.get("status") or self.orders.status_id(closed=False), ADMIN_MEMBER)

    def cancel(self, order: Record, body: Record) -> None:
        """Cancels an order with all lines that wait: ``{reason?}``; its status Cancelled is a closed one too."""
        for line in self.orders.lines.of(order):
            if line["receivedStatus"] == "Waiting" and not line["canceledFlag"]:
                self.cancel_line(line, body)
        order["cancelReason"] = body.get("reason", "cancelled")
        names = {row["name"]: row["id"] for row in self.store.rows("PurchaseOrderStatus")}
        self.orders.set_status(order, names["Cancelled"], ADMIN_MEMBER)

    def unbatch(self, order: Record, _body: Record) -> None:
        """Takes the receipts of an order out of their batches."""
        self.orders.source.unbatch(order)
        self.store.touch(ENTITY, order, ADMIN_MEMBER)

    def rebatch(self, order: Record, _body: Record) -> None:
        """Puts the receipts of an order back into the batches they left."""
        self.orders.source.rebatch(order)
        self.store.touch(ENTITY, order, ADMIN_MEMBER)
