"""Purchasing and stock together: purchase orders, adjustments, transfers and their setup tables."""

from typing import Final

from sandbox.connectwise.adjustments import Adjustments
from sandbox.connectwise.crud import Collection
from sandbox.connectwise.ledger import Source
from sandbox.connectwise.purchase_orders import PurchaseOrders
from sandbox.connectwise.purchase_screen import PurchaseScreen
from sandbox.connectwise.screens import Screen
from sandbox.connectwise.service import Service
from sandbox.connectwise.stock_ledger import AdjustmentSource, TransferSource
from sandbox.connectwise.store import Record
from sandbox.connectwise.transfers import Transfers

_SETUP: Final = {
    "purchaseOrderStatuses": ("purchaseorderstatuses", "PurchaseOrderStatus"),
    "adjustmentTypes": ("adjustments/types", "AdjustmentType"),
    "warehouses": ("warehouses", "Warehouse"),
    "warehouseBins": ("warehouseBins", "WarehouseBin"),
    "unitsOfMeasure": ("unitOfMeasures", "UnitOfMeasure"),
}


class Procurement:
    """All of procurement but the catalog, with the three sources it brings into the accounting interface."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.orders = PurchaseOrders(service)
        self.adjustments = Adjustments(service)
        self.transfers = Transfers(service)
        self.stock = (AdjustmentSource(service.store), TransferSource(service.store))
        self.sources: tuple[Source, ...] = (self.orders.source, *self.stock)

    def screens(self) -> dict[str, Screen]:
        """The screens by name."""
        setup = {
            name: Screen(Collection(self.service, f"procurement/{path}", entity))
            for name, (path, entity) in _SETUP.items()
        }
        return {**setup, **PurchaseScreen(self.orders).screens(), "adjustments": self.adjustments.screen()}

    def serve(self) -> None:
        """Registers the routes beyond the screens."""
        Collection(self.service, "procurement/settings", "ProcurementSetting", "GET PUT PATCH").serve()
        self.adjustments.details.serve()
        self.orders.serve()

    def unposted(self) -> list[Record]:
        """The rows of the unposted list: purchases, adjustments and transfers."""
        rows = [*self.orders.source.rows(), *(row for source in self.stock for row in source.rows())]
        return sorted(rows, key=lambda row: int(row["id"]))
