"""Dimensions on documents and default dimensions on master data.

A document header or line keeps its dimensions as ``{dimension code: value code}`` in its hidden values.
"""

from collections.abc import Iterable
from typing import Final

from sandbox.business_central.environment import setup
from sandbox.business_central.errors import ApiError, dialog, missing_relation, not_found, same_key
from sandbox.business_central.fields import BLANK_GUID
from sandbox.business_central.store import Company, Record, Store, Values

PARENT_TYPES: Final = {
    "customers": "Customer",
    "vendors": "Vendor",
    "items": "Item",
    "employees": "Employee",
}
_DOCUMENT_TYPES: Final = {
    "salesInvoices": "Sales_x0020_Invoice",
    "salesInvoiceLines": "Sales_x0020_Invoice_x0020_Line",
    "salesCreditMemos": "Sales_x0020_Credit_x0020_Memo",
    "salesCreditMemoLines": "Sales_x0020_Credit_x0020_Memo_x0020_Line",
    "purchaseOrders": "Purchase_x0020_Order",
    "purchaseOrderLines": "Purchase_x0020_Order_x0020_Line",
    "purchaseInvoices": "Purchase_x0020_Invoice",
    "purchaseInvoiceLines": "Purchase_x0020_Invoice_x0020_Line",
    "purchaseReceipts": "Purchase_x0020_Receipt",
    "purchaseReceiptLines": "Purchase_x0020_Receipt_x0020_Line",
    "journalLines": "Journal_x0020_Line",
    "generalLedgerEntries": "General_x0020_Ledger_x0020_Entry",
}


def value_record(company: Company, dimension: str, code: str) -> Record | None:
    """The dimension value with this code, by dimension code."""
    parent = company.find("dimensions", "code", dimension)
    values = company.where("dimensionValues", "dimensionId", parent.key) if parent else []
    return next((item for item in values if item.values["code"] == code), None)


def of_document(record: Record) -> dict[str, str]:
    """The dimensions of a document header or line: value code by dimension code."""
    return dict(record.hidden.get("dimensions", {}))


def defaults(company: Company, parent: Record | None) -> dict[str, str]:
    """The default dimension values of a customer, vendor, employee or item, without those that only demand a code."""
    if parent is None:
        return {}
    rows = company.where("defaultDimensions", "parentId", parent.key)
    return {
        row.values["dimensionCode"]: row.values["dimensionValueCode"]
        for row in rows
        if row.values["dimensionValueCode"]
    }


def shortcuts(company: Company) -> tuple[str, str]:
    """The codes of the two global dimensions."""
    values = setup(company).values
    return values["shortcutDimension1Code"], values["shortcutDimension2Code"]


def with_shortcuts(
    company: Company, dimensions: dict[str, str], values: Values, table: str
) -> dict[str, str]:
    """The dimensions after ``shortcutDimension1Code`` and ``2Code`` of a header were applied."""
    result = dict(dimensions)
    for position, dimension in enumerate(shortcuts(company), 1):
        name = f"shortcutDimension{position}Code"
        if name not in values:
            continue
        code = values[name]
        if code and value_record(company, dimension, code) is None:
            raise missing_relation(name, table, code, "Dimension Value")
        result.pop(dimension, None)
        if code:
            result[dimension] = code
    return result


def shortcut_values(company: Company, dimensions: dict[str, str]) -> Values:
    """The two shortcut properties of a header with these dimensions."""
    first, second = shortcuts(company)
    return {
        "shortcutDimension1Code": dimensions.get(first, ""),
        "shortcutDimension2Code": dimensions.get(second, ""),
    }


def set_line(company: Company, parent: Record, dimension: str, code: str) -> Values:
    """One dimension set line as the API shows it."""
    head = company.find("dimensions", "code", dimension)
    value = value_record(company, dimension, code)
    return {
        "id": head.key if head else BLANK_GUID,
        "code": dimension,
        "consolidationCode": "",
        "parentId": parent.key,
        "parentType": _DOCUMENT_TYPES[parent.set_name],
        "displayName": head.values["displayName"] if head else "",
        "valueId": value.key if value else BLANK_GUID,
        "valueCode": code,
        "valueConsolidationCode": "",
        "valueDisplayName": value.values["displayName"] if value else "",
    }


def set_lines(company: Company, parent: Record) -> list[Values]:
    """The dimension set lines of a document header or line."""
    return [set_line(company, parent, name, code) for name, code in of_document(parent).items()]


def added(company: Company, dimensions: dict[str, str], values: Values) -> tuple[str, dict[str, str]]:
    """The dimension of a new dimension set line and all dimensions with it; 400 when it is there already."""
    head = _pick(company.all("dimensions"), values.get("id", BLANK_GUID), values.get("code", ""))
    if head is None:
        sent = "id" in values or "code" in values
        text = (
            'The "code" does not match to a Dimension.'
            if sent
            else 'The "id" or "code" field must be filled in.'
        )
        raise dialog(text)
    dimension = str(head.values["code"])
    if dimension in dimensions:
        raise dialog(
            "The dimension set line already exists. Check existing dimension set lines and the default dimension set lines on the parent."
        )
    return dimension, dimensions | {dimension: _value_code(company, head, values)}


def changed(company: Company, dimensions: dict[str, str], dimension: str, values: Values) -> dict[str, str]:
    """All dimensions after one line got another value."""
    head = company.find("dimensions", "code", dimension)
    if head is None or dimension not in dimensions:
        raise not_found("record", "Dimension Set Entry")
    if values.get("id", head.key) != head.key or values.get("code", dimension) != dimension:
        raise dialog('The "id" and "code" fields cannot be modified.')
    return dimensions | {dimension: _value_code(company, head, values)}


def _value_code(company: Company, head: Record, values: Values) -> str:
    if "valueId" not in values and "valueCode" not in values:
        raise dialog('The "valueId" or "valueCode" field must be filled in.')
    rows = company.where("dimensionValues", "dimensionId", head.key)
    value = _pick(rows, values.get("valueId", BLANK_GUID), values.get("valueCode", ""))
    if value is None:
        raise dialog('The "valueCode" does not match to a Dimension Value.')
    if value.hidden.get("blocked"):
        raise dialog(f"Dimension Value {head.values['code']} - {value.values['code']} is blocked.")
    return str(value.values["code"])


def _pick(records: Iterable[Record], key: str, code: str) -> Record | None:
    for record in records:
        by_key = key in (BLANK_GUID, record.key)
        by_code = code.upper() in ("", record.values["code"])
        if by_key and by_code and (key != BLANK_GUID or code):
            return record
    return None


def create_default(store: Store, company: Company, parent: Record, values: Values) -> Record:
    """Adds a default dimension to a customer, vendor, employee or item."""
    row = _default_values(company, values)
    if not row.get("dimensionCode"):
        raise dialog('The "dimensionId" does not match to a Dimension.')
    for other in company.where("defaultDimensions", "parentId", parent.key):
        if other.values["dimensionCode"] == row["dimensionCode"]:
            raise same_key("Default Dimension", f"No.='{parent.key}',Dimension Code='{row['dimensionCode']}'")
    row |= {"parentId": parent.key, "parentType": PARENT_TYPES[parent.set_name]}
    return store.insert(company, "defaultDimensions", row)


def change_default(store: Store, company: Company, record: Record, values: Values) -> None:
    """Changes value or posting rule of a default dimension."""
    names = ("dimensionId", "dimensionValueId", "postingValidation")
    current = {name: record.values[name] for name in names}
    store.update(company, record, _default_values(company, current | values))


def _default_values(company: Company, values: Values) -> Values:
    head = company.get("dimensions", values.get("dimensionId", BLANK_GUID))
    value_id = values.get("dimensionValueId", BLANK_GUID)
    value = company.get("dimensionValues", value_id)
    if value is None and value_id != BLANK_GUID:
        raise dialog('The "dimensionValueId" does not match to a Dimension Value.')
    if value and head and value.values["dimensionId"] != head.key:
        raise dialog('The "dimensionId" and "dimensionValueId" match to different Dimension records.')
    return values | {
        "dimensionCode": head.values["code"] if head else "",
        "dimensionValueCode": value.values["code"] if value else "",
    }


def mandatory_missing(company: Company, parent: Record | None, dimensions: dict[str, str]) -> ApiError | None:
    """The error of posting without a dimension value that a customer or item demands, if there is one."""
    rows = company.where("defaultDimensions", "parentId", parent.key) if parent else []
    for row in rows:
        code, rule = row.values["dimensionCode"], row.values["postingValidation"]
        owner = f"{PARENT_TYPES[parent.set_name]} {parent.values['number']}" if parent else ""
        if rule == "Code_x0020_Mandatory" and code not in dimensions:
            return dialog(f"Select a Dimension Value Code for the Dimension Code {code} for {owner}.")
        wanted = row.values["dimensionValueCode"]
        if rule == "Same_x0020_Code" and dimensions.get(code, "") != wanted:
            return dialog(
                f"The Dimension Value Code must be {wanted} for the Dimension Code {code} for {owner}."
            )
        if rule == "No_x0020_Code" and code in dimensions:
            return dialog(f"Dimension Code {code} must not be mentioned for {owner}.")
    return None
