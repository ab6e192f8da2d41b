"""The purchase part of the accounting export: one transaction per receipt, quantities and totals positive.

Unit costs are rounded to the cent before export while totals stay exact.
"""

from collections.abc import Sequence
from decimal import Decimal

from sandbox.connectwise.invoice_lines import ZERO, cents
from sandbox.connectwise.ledger import ACCOUNTS, Sections
from sandbox.connectwise.store import Record, Store
from sandbox.kit import Json

type Receipt = tuple[str, Record, list[Record]]


class PurchaseExport:
    """Builds transactions and their vendors from purchase orders and a choice of their ledger entries."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def document_date(self, order: Record, entries: Sequence[Record]) -> str:
        """When the first of these lines was received; for freight alone, when the order was closed."""
        lines = [self.store.find("PurchaseOrderLineItem", entry["lineId"]) for entry in entries]
        received = [line["dateReceived"] for line in lines if line and "dateReceived" in line]
        return str(min(received, default=order.get("dateClosed") or order["poDate"]))

    def sections(self, receipts: Sequence[Receipt]) -> Sections:
        """One transaction per receipt, and the vendors they owe."""
        vendors = dict.fromkeys(order["vendorCompany"]["id"] for _, order, _ in receipts)
        return {
            "vendors": [self._vendor(self.store.get("Company", number)) for number in vendors],
            "purchaseTransactions": [self._transaction(*receipt) for receipt in receipts],
        }

    def _vendor(self, vendor: Record) -> Record:
        terms = self.store.find("BillingTerm", vendor.get("billingTerms", {}).get("id")) or {}
        values = {
            "vendor": {"id": vendor["id"]},
            "vendorNumber": vendor.get("vendorIdentifier"),
            "company": {"id": vendor["id"]},
            "contact": vendor.get("defaultContact"),
            "accountNumber": vendor.get("accountNumber"),
            "billingTerms": vendor.get("billingTerms"),
            "dueDays": terms.get("dueDays"),
            "taxCode": vendor.get("taxCode"),
        }
        return self.store.render("GLExportVendor", values)

    def _transaction(self, key: str, order: Record, entries: list[Record]) -> Record:
        vendor = self.store.get("Company", order["vendorCompany"]["id"])
        terms = self.store.find("BillingTerm", order["terms"]["id"]) or {}
        freight = sum((entry["amount"] for entry in entries if entry["type"] == "PF"), ZERO)
        date = self.document_date(order, entries)
        values = {
            "id": key,
            "documentDate": date,
            "documentNumber": order["poNumber"],
            "description": f"Purchase order {order['poNumber']}",
            "memo": order.get("internalNotes"),
            "apAccountNumber": ACCOUNTS["AP"],
            "purchaseDate": order["poDate"],
            "company": order["vendorCompany"],
            "purchaseClass": "Main",
            "freightAmount": freight or None,
            "freightPackingSlip": order.get("freightPackingSlip"),
            "packingSlip": key.partition("-")[2].removesuffix("-purchase"),
            "dropshipFlag": order["dropShipCustomerFlag"],
            "currency": order.get("currency"),
            "total": sum((entry["amount"] for entry in entries), ZERO),
            "billingTerms": order["terms"],
            "billingTermsXref": terms.get("termsXref"),
            "dueDays": terms.get("dueDays"),
            "vendorNumber": vendor.get("vendorIdentifier"),
            "vendorAccountNumber": vendor.get("accountNumber"),
            "vendorInvoiceDate": order.get("vendorInvoiceDate"),
            "vendorInvoiceNumber": order.get("vendorInvoiceNumber"),
            "shipToCompany": order.get("customerCompany"),
            "taxCode": order.get("taxCode"),
            "useAvalaraTaxFlag": False,
            "purchaseHeaderTaxableFlag": order["taxPoFlag"],
            "purchaseHeaderFreightTaxableFlag": order["taxFreightFlag"],
            "taxLevels": [],
            "purchaseDetail": self._details("GLExportPurchaseTransactionDetail", order, entries, date),
            "purchaseDetailTax": self._details("GLExportPurchaseTransactionDetailTax", order, entries, date),
        }
        return self.store.render("GLExportPurchaseTransaction", values)

    def _details(self, schema: str, order: Record, entries: list[Record], date: str) -> list[Json]:
        types = {"PT", "FT"} if schema.endswith("Tax") else {"P", "PF"}
        chosen = [entry for entry in entries if entry["type"] in types]
        return [self.store.render(schema, self._detail(order, entry, date)) for entry in chosen]

    def _detail(self, order: Record, entry: Record, date: str) -> Record:
        vendor = self.store.get("Company", order["vendorCompany"]["id"])
        values: Record = {
            "id": entry["id"],
            "documentDate": date,
            "glClass": "Main",
            "glTypeId": entry["type"],
            "description": entry["description"],
            "memo": entry["description"],
            "accountNumber": entry["segment1"],
            "vendorNumber": vendor.get("vendorIdentifier"),
            "vendorAccountNumber": vendor.get("accountNumber"),
            "total": entry["amount"],
            "currency": order.get("currency"),
            "taxCode": order.get("taxCode"),
        }
        line = self.store.find("PurchaseOrderLineItem", entry["lineId"])
        return values | (self._product(line, entry) if line else {})

    def _product(self, line: Record, entry: Record) -> Record:
        item = self.store.find("CatalogItem", line["product"]["id"]) or {}
        warehouse = self.store.find("Warehouse", line.get("warehouse", {}).get("id")) or {}
        cost = cents(Decimal(line.get("unitCost", 0)))
        return {
            "item": line["product"],
            "itemDescription": line["description"],
            "itemCost": cost,
            "itemPrice": cost,
            "cost": entry["amount"],
            "costAccountNumber": ACCOUNTS["P"],
            "inventoryAccountNumber": ACCOUNTS["inventory"],
            "unitOfMeasure": line["unitOfMeasure"],
            "quantity": line["quantity"],
            "lineNumber": line["lineNumber"],
            "taxable": bool(line.get("tax")),
            "taxableFlag": bool(line.get("tax")),
            "serializedFlag": item.get("serializedFlag"),
            "serialNumbers": line.get("serialNumbers"),
            "subCategory": item.get("subcategory"),
            "warehouseBin": line.get("warehouseBin"),
            "locationXref": warehouse.get("locationXref"),
            "shipmentMethod": line.get("shipmentMethod"),
        }
