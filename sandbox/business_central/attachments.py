"""Files attached to documents and master data: metadata first, the content in a second call."""

from typing import Final

from sandbox.business_central.environment import Environment
from sandbox.business_central.errors import dialog, field_error
from sandbox.business_central.fields import BLANK_GUID, BLANK_OPTION, SETS
from sandbox.business_central.store import Company, Record
from sandbox.business_central.validate import checked, decoded
from sandbox.kit import Json

CONTENT: Final = "attachmentContent"
_PARENTS: Final = {
    "Journal": ("journalLines", "generalLedgerEntries"),
    "Sales_x0020_Invoice": ("salesInvoices",),
    "Sales_x0020_Credit_x0020_Memo": ("salesCreditMemos",),
    "Purchase_x0020_Invoice": ("purchaseInvoices",),
    "Purchase_x0020_Order": ("purchaseOrders",),
    "Purchase_x0020_Receipt": ("purchaseReceipts",),
    "Customer": ("customers",),
    "Vendor": ("vendors",),
    "Item": ("items",),
    "Employee": ("employees",),
    "Job": ("projects",),
}
_ONLY_DOCUMENT_ATTACHMENTS: Final = {"Customer", "Vendor", "Item", "Employee", "Job"}


def create(
    environment: Environment, company: Company, set_name: str, parent: Record | None, body: Json
) -> Record:
    """Creates the metadata of a file; raises 400 when the parent does not exist or cannot have one."""
    values = checked(SETS[set_name], body)
    if parent:
        kind = next(name for name, sets in _PARENTS.items() if parent.set_name in sets)
        values |= {"parentId": parent.key, "parentType": kind}
    kind, key = values.get("parentType", BLANK_OPTION), values.get("parentId", BLANK_GUID)
    if set_name == "attachments" and kind in _ONLY_DOCUMENT_ATTACHMENTS:
        raise dialog(f"Parent type {decoded(kind)} is not supported. Use documentAttachments API instead.")
    if not values.get("fileName"):
        raise field_error("File Name", SETS[set_name].table, f"Document Id={key}")
    if all(company.get(name, key) is None for name in _PARENTS.get(kind, ())):
        raise dialog(f"Parent with ID {key} does not exist.")
    return environment.store.insert(company, set_name, values | {"byteSize": 0}, {"content": b""})


def change(environment: Environment, company: Company, record: Record, body: Json) -> None:
    """Changes the file name; raises 400 for the parent."""
    values = checked(SETS[record.set_name], body)
    for name in ("parentId", "parentType"):
        if values.get(name, record.values[name]) != record.values[name]:
            raise dialog(f"You cannot change the value of the key field {name}.")
    environment.store.update(company, record, values)


def write(environment: Environment, company: Company, record: Record, content: bytes) -> None:
    """Stores the content."""
    environment.store.update(company, record, {"byteSize": len(content)}, {"content": content})


def remove_all(environment: Environment, company: Company, parent: Record) -> None:
    """Deletes the document attachments of a draft that is deleted; what came as an incoming document stays."""
    for record in company.where("documentAttachments", "parentId", parent.key):
        environment.store.delete(company, record)
