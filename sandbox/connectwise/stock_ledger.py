"""Adjustments and transfers in the accounting interface. Batches take the ids of their unposted rows."""

from abc import abstractmethod
from collections.abc import Iterable

from sandbox.connectwise.ledger import ACCOUNTS, Key, Pairs, Sections, Source, within
from sandbox.connectwise.store import Record
from sandbox.kit import Json


class StockSource(Source):
    """Movements of stock; one unposted row per ledger entry, with the id of the entry."""

    flag = "exportProductsFlag"
    table = ""
    procurement_type = ""

    @abstractmethod
    def document_date(self, record: Record) -> str:
        """When the movement took effect."""

    @abstractmethod
    def warehouse_of(self, record: Record, entry: Record) -> Record:
        """The warehouse of one row."""

    def wanted(self, body: Record) -> Iterable[Key]:
        included, excluded = body.get("includedProductIds"), body.get("excludedProductIds", [])
        for record in self.store.rows(self.table):
            key = self._key(record)
            if not record["entries"] or (included and key not in included) or key in excluded:
                continue
            location = self.warehouse_of(record, self.entries(key)[0])["location"]["id"]
            if within(body, location, self.document_date(record)):
                yield key

    def entries(self, key: Key) -> list[Record]:
        return [self.store.get("GLEntry", number) for number in self.record(key)["entries"]]

    def visible(self, key: Key) -> bool:
        return True

    def behind(self, key: Key) -> Iterable[tuple[str, Record]]:
        return [(self.table, self.record(key))]

    def record(self, key: Key) -> Record:
        """The adjustment or transfer of a key such as ``7001-adjustment``."""
        return self.store.get(self.table, int(str(key).partition("-")[0]))

    def rows(self) -> list[Record]:
        """The unposted rows."""
        keys = [self._key(record) for record in self.store.rows(self.table)]
        return [self._row(key, entry) for key in keys for entry in self.open_entries(key)]

    def _key(self, record: Record) -> str:
        return f"{record['id']}-{self.kind}"

    def _row(self, key: str, entry: Record) -> Record:
        record = self.record(key)
        warehouse = self.warehouse_of(record, entry)
        return {
            "id": entry["id"],
            "description": entry["description"],
            "unpostedProductId": key,
            "locationId": warehouse["location"]["id"],
            "departmentId": warehouse["department"]["id"],
            "procurementType": self.procurement_type,
            "total": entry["amount"],
            "dateClosed": self.document_date(record),
            "_info": record["_info"],
        }


class AdjustmentSource(StockSource):
    """Closed inventory adjustments."""

    kind = "adjustment"
    table = "ProcurementAdjustment"
    procurement_type = "Adjustment"

    def document_date(self, record: Record) -> str:
        return str(record["closedDate"])

    def warehouse_of(self, record: Record, entry: Record) -> Record:
        return self.store.get("Warehouse", self._detail_of(entry)["warehouse"]["id"])

    def sections(self, pairs: Pairs) -> Sections:
        return {"adjustmentTransactions": [self._transaction(str(key), entries) for key, entries in pairs]}

    def _detail_of(self, entry: Record) -> Record:
        return self.store.get("AdjustmentDetail", entry["references"]["adjustmentDetail"]["id"])

    def _transaction(self, key: str, entries: list[Record]) -> Json:
        record = self.record(key)
        values = {
            "id": key,
            "documentType": "ADJUSTMENT",
            "documentDate": self.document_date(record),
            "glTypeID": "IA",
            "accountNumber": ACCOUNTS["IA"],
            "memo": record.get("reason"),
            "glClass": "Main",
            "adjustmentDescription": record["identifier"],
            "adjustmentDetail": [self._detail(entry) for entry in entries],
        }
        return self.store.render("GLExportAdjustmentTransaction", values)

    def _detail(self, entry: Record) -> Json:
        detail = self._detail_of(entry)
        values = {
            "glClass": "Main",
            "description": detail["description"],
            "memo": detail["description"],
            "item": detail["catalogItem"],
            "quantity": detail["quantityAdjusted"],
            "total": entry["amount"],
            "cost": detail["unitCost"],
            "costAccountNumber": ACCOUNTS["P"],
            "inventoryAccountNumber": ACCOUNTS["inventory"],
            "accountNumber": entry["segment1"],
        }
        return self.store.render("GLExportAdjustmentTransactionDetail", values)


class TransferSource(StockSource):
    """Completed inventory transfers."""

    kind = "transfer"
    table = "InventoryTransfer"
    procurement_type = "Transfer"

    def document_date(self, record: Record) -> str:
        return str(record["dateCompleted"])

    def warehouse_of(self, record: Record, entry: Record) -> Record:
        return self._warehouse(record["fromBin"])

    def sections(self, pairs: Pairs) -> Sections:
        return {"inventoryTransfers": [self._transfer(str(key), entry) for key, (entry,) in pairs]}

    def _warehouse(self, bin_: Record) -> Record:
        return self.store.get("Warehouse", self.store.get("WarehouseBin", bin_["id"])["warehouse"]["id"])

    def _transfer(self, key: str, entry: Record) -> Json:
        record = self.record(key)
        item = self.store.get("CatalogItem", record["item"]["id"])
        common = {
            "documentType": "TRANSFER",
            "documentDate": self.document_date(record),
            "glClass": "Main",
            "glTypeId": "IT",
            "memo": entry["description"],
            "description": entry["description"],
        }
        offset = {
            "id": entry["id"],
            "accountNumber": ACCOUNTS["inventory"],
            "total": -entry["amount"],
            **common,
        }
        from_warehouse, to_warehouse = self._warehouse(record["fromBin"]), self._warehouse(record["toBin"])
        values = {
            "id": key,
            "accountNumber": entry["segment1"],
            "inventoryAccountNumber": ACCOUNTS["inventory"],
            "transferId": record["id"],
            "item": record["item"],
            "itemDescription": item["description"],
            "quantity": record["quantity"],
            "cost": record["unitCost"],
            "total": entry["amount"],
            "warehouse": {"id": from_warehouse["id"]},
            "bin": record["fromBin"],
            "transferFromBin": record["fromBin"],
            "transferFromLocationXref": from_warehouse.get("locationXref"),
            "transferToBin": record["toBin"],
            "transferToLocationXref": to_warehouse.get("locationXref"),
            "locationXref": from_warehouse.get("locationXref"),
            "offset": self.store.render("GLExportInventoryTransferOffset", offset),
            **common,
        }
        return self.store.render("GLExportInventoryTransfer", values)
