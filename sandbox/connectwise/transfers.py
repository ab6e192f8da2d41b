"""Inventory transfers between bins. The API does not serve them: they show in the accounting interface only."""

from decimal import Decimal
from typing import Final

from aiohttp import web

from sandbox.connectwise.crud import read_json
from sandbox.connectwise.errors import invalid_field
from sandbox.connectwise.invoice_lines import cents
from sandbox.connectwise.ledger import new_entry
from sandbox.connectwise.service import ADMIN_MEMBER, Service
from sandbox.connectwise.store import Record, now_text
from sandbox.connectwise.validate import require_object
from sandbox.kit import Json, json_response

ENTITY: Final = "InventoryTransfer"


class Transfers:
    """``POST /admin/transfers`` with ``{item, quantity, fromBin, toBin, unitCost?}`` completes a transfer."""

    def __init__(self, service: Service) -> None:
        self.store = service.store
        service.admin("POST", "/admin/transfers", self._enter)

    def enter(self, values: Record) -> Record:
        """Completes a transfer with its ledger entry; raises 400 for an unknown item or bin."""
        item = self._referred("IvItemReference", "CatalogItem", values, "item")
        source = self._referred("WarehouseBinReference", "WarehouseBin", values, "fromBin")
        target = self._referred("WarehouseBinReference", "WarehouseBin", values, "toBin")
        quantity = Decimal(values.get("quantity", 0))
        if quantity <= 0 or source["id"] == target["id"]:
            raise invalid_field(ENTITY, "quantity", "a transfer moves a quantity from one bin to another")
        cost = Decimal(values.get("unitCost") or item.get("cost") or 0)
        stored = {
            "item": {"id": item["id"]},
            "quantity": quantity,
            "unitCost": cost,
            "fromBin": {"id": source["id"]},
            "toBin": {"id": target["id"]},
            "dateCompleted": now_text(),
        }
        transfer = self.store.insert(ENTITY, stored, ADMIN_MEMBER)
        entry = new_entry(
            self.store,
            "transfer",
            f"{transfer['id']}-transfer",
            "IT",
            cents(quantity * cost),
            item["description"],
            {"transfer": str(transfer["id"])},
            ADMIN_MEMBER,
            productId=item["identifier"],
        )
        transfer["entries"] = [entry["id"]]
        return transfer

    def _referred(self, schema: str, entity: str, values: Record, name: str) -> Record:
        try:
            return self.store.get(entity, self.store.resolve(schema, values[name])["id"])
        except (KeyError, StopIteration):
            raise invalid_field(ENTITY, name, f"{name} does not exist", "NotFound") from None

    async def _enter(self, request: web.Request) -> web.Response:
        values = require_object(ENTITY, await read_json(request))
        shown: Json = {name: part for name, part in self.enter(values).items() if name != "entries"}
        return json_response(shown, 201)
