"""Purchase orders in the accounting interface: one document per purchase order and packing slip.

Closed lines bring their cost (P) and tax (PT). Freight (PF) and its tax (FT) come when the whole order is closed,
with the packing slip of the freight, else with that of the line received last.
"""

from collections.abc import Iterable
from decimal import Decimal

from sandbox.connectwise.errors import ApiError
from sandbox.connectwise.invoice_lines import ZERO, cents
from sandbox.connectwise.ledger import ACCOUNTS, Key, Pairs, Sections, Source, new_entry, release, within
from sandbox.connectwise.purchase_export import PurchaseExport
from sandbox.connectwise.store import Record, Store

type Wanted = dict[tuple[str, int], tuple[str, Decimal]]


class PurchaseSource(Source):
    """Receipts of purchase orders; the key is the ``unpostedProductId``, such as ``6001-SLIP1-purchase``."""

    kind = "purchase"
    flag = "exportProductsFlag"

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self.export = PurchaseExport(store)

    def sync(self, order: Record, member: str) -> None:
        """Makes the unposted entries of an order equal to what its lines and freight bring now."""
        wanted = self._wanted(order)
        kept: list[int] = []
        for entry in self.order_entries(order):
            found = wanted.get((entry["type"], entry["lineId"]))
            if entry["isBatched"] or found:
                kept.append(entry["id"])
                wanted.pop((entry["type"], entry["lineId"]), None)
            else:
                self.store.remove("GLEntry", entry["id"], member)
            if found and not entry["isBatched"]:
                entry |= {"documentId": _key(order, found[0]), "amount": found[1]}
        for (gl_type, line_id), (slip, amount) in wanted.items():
            kept.append(self._entry(order, gl_type, line_id, slip, amount, member)["id"])
        order["entries"] = sorted(kept)

    def order_entries(self, order: Record) -> list[Record]:
        """All entries of an order, whatever their packing slip."""
        return [self.store.get("GLEntry", number) for number in order.get("entries", [])]

    def line_entries(self, line: Record) -> list[Record]:
        """The entries of one line."""
        order = self.store.get("PurchaseOrder", line["purchaseOrderId"])
        return [entry for entry in self.order_entries(order) if entry["lineId"] == line["id"]]

    def unbatch(self, order: Record) -> None:
        """Takes all entries of an order out of their batches; raises 400 when there is none."""
        batched = [entry for entry in self.order_entries(order) if entry["isBatched"]]
        if not batched:
            raise ApiError(400, "InvalidObject", "the purchase order is not batched")
        for entry in batched:
            release(entry)

    def rebatch(self, order: Record) -> None:
        """Puts entries back into the batch they left, without export; raises 400 when there is none."""
        left = [entry for entry in self.order_entries(order) if entry.get("unbatchedFrom")]
        left = [entry for entry in left if self.store.find("AccountingBatch", entry["unbatchedFrom"])]
        if not left:
            raise ApiError(400, "InvalidObject", "the purchase order was in no batch that still exists")
        for entry in left:
            entry |= {"isBatched": True, "batchId": entry["unbatchedFrom"], "unbatchedFrom": None}

    def wanted(self, body: Record) -> Iterable[Key]:
        keys = [key for row in self.store.rows("PurchaseOrder") for key in self._keys(row)]
        included, excluded = body.get("includedProductIds"), body.get("excludedProductIds", [])
        for key in keys:
            order = self._order(key)
            if (
                (not included or key in included)
                and key not in excluded
                and within(body, order.get("locationId"), self.export.document_date(order, self.entries(key)))
            ):
                yield key

    def entries(self, key: Key) -> list[Record]:
        return [entry for entry in self.order_entries(self._order(key)) if entry["documentId"] == key]

    def visible(self, key: Key) -> bool:
        vendor = self.store.get("Company", self._order(key)["vendorCompany"]["id"])
        return bool(vendor.get("vendorIdentifier"))

    def behind(self, key: Key) -> Iterable[tuple[str, Record]]:
        numbers = {entry["lineId"] for entry in self.entries(key)} - {0}
        return [("PurchaseOrderLineItem", self.store.get("PurchaseOrderLineItem", at)) for at in numbers]

    def sections(self, pairs: Pairs) -> Sections:
        return self.export.sections([(str(key), self._order(key), entries) for key, entries in pairs])

    def rows(self) -> list[Record]:
        """The unposted rows, one per purchase order and packing slip."""
        keys = [key for row in self.store.rows("PurchaseOrder") for key in self._keys(row)]
        return [self._row(key) for key in keys if self.open_entries(key)]

    def _order(self, key: Key) -> Record:
        return self.store.get("PurchaseOrder", int(str(key).partition("-")[0]))

    def _keys(self, order: Record) -> list[str]:
        return list(dict.fromkeys(entry["documentId"] for entry in self.order_entries(order)))

    def _wanted(self, order: Record) -> Wanted:
        lines = [self.store.get("PurchaseOrderLineItem", number) for number in order["lineIds"]]
        closed = [line for line in lines if line["closedFlag"] and not line["canceledFlag"]]
        wanted: Wanted = {}
        for line in closed:
            slip, tax = line.get("packingSlip", ""), Decimal(line.get("tax", 0))
            wanted["P", line["id"]] = (slip, extended_cost(line))
            if tax:
                wanted["PT", line["id"]] = (slip, tax)
        if order["closedFlag"] and closed:
            last = max(closed, key=lambda line: (line.get("dateReceived", ""), line["id"]))
            slip = order.get("freightPackingSlip") or last.get("packingSlip", "")
            for gl_type, name in (("PF", "freightCost"), ("FT", "freightTaxTotal")):
                if order.get(name, 0) > 0:
                    wanted[gl_type, 0] = (slip, Decimal(order[name]))
        return wanted

    def _entry(
        self, order: Record, gl_type: str, line_id: int, slip: str, amount: Decimal, member: str
    ) -> Record:
        line = self.store.find("PurchaseOrderLineItem", line_id) or {}
        item = self.store.find("CatalogItem", line.get("product", {}).get("id")) or {}
        references = {"purchaseOrder": {"id": order["id"]}} | ({"lineItem": {"id": line_id}} if line else {})
        stocked = gl_type == "P" and item.get("productClass") == "Inventory"
        return new_entry(
            self.store,
            self.kind,
            _key(order, slip),
            gl_type,
            amount,
            line.get("description", f"Freight {order['poNumber']}"),
            references,
            member,
            segment1=ACCOUNTS["inventory" if stocked else gl_type],
            productId=item.get("identifier"),
            cost=amount if gl_type == "P" else None,
            lineId=line_id,
        )

    def _row(self, key: str) -> Record:
        order, entries = self._order(key), self.open_entries(key)
        vendor = self.store.get("Company", order["vendorCompany"]["id"])
        sums = {
            gl_type: sum((entry["amount"] for entry in entries if entry["type"] == gl_type), ZERO)
            for gl_type in ("P", "PT", "PF", "FT")
        }
        numbers = order.setdefault("unpostedIds", {})
        return {
            "id": numbers.get(key) or numbers.setdefault(key, self.store.next_id("UnpostedProcurement")),
            "description": f"Purchase order {order['poNumber']}",
            "unpostedProductId": key,
            "locationId": order.get("locationId"),
            "departmentId": order.get("businessUnitId"),
            "procurementType": "Purchase",
            "purchaseOrder": {"id": order["id"]},
            "purchaseDate": order["poDate"],
            "trackingNumber": order.get("trackingNumber"),
            "billingTerms": order["terms"],
            "currency": order.get("currency"),
            "total": sum(sums.values(), ZERO),
            "taxCode": order.get("taxCode"),
            "avalaraTaxFlag": False,
            "purchaseOrderTaxableFlag": order["taxPoFlag"],
            "taxTotal": sums["PT"],
            "customer": order.get("customerCompany"),
            "vendor": order["vendorCompany"],
            "vendorAccountNumber": vendor.get("vendorIdentifier"),
            "vendorInvoiceNumber": order.get("vendorInvoiceNumber"),
            "vendorInvoiceDate": order.get("vendorInvoiceDate"),
            "taxFreightFlag": order["taxFreightFlag"],
            "freightTaxTotal": sums["FT"],
            "freightCost": sums["PF"],
            "dateClosed": self.export.document_date(order, entries),
            "_info": order["_info"],
        }


def extended_cost(line: Record) -> Decimal:
    """Quantity times unit cost of a line, rounded half up to the cent."""
    return cents(Decimal(line["quantity"]) * Decimal(line.get("unitCost", 0)))


def _key(order: Record, slip: str) -> str:
    return f"{order['id']}-{slip}-purchase"
