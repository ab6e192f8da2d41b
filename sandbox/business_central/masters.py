"""Creating, changing and deleting master data and code tables."""

from typing import Final

from sandbox.business_central import dimensions, formulas
from sandbox.business_central.environment import Environment
from sandbox.business_central.errors import bad_request, dialog, field_error, missing_relation, same_key
from sandbox.business_central.fields import BLANK_GUID, SETS
from sandbox.business_central.kinds import BY_LINES, KINDS
from sandbox.business_central.relations import related
from sandbox.business_central.store import Company, Record, Values
from sandbox.business_central.validate import checked
from sandbox.kit import Json

_SERIES: Final = {
    "customers": ("CUST", "C"),
    "vendors": ("VEND", "V"),
    "items": ("ITEM", "I"),
    "employees": ("EMP", "E"),
    "bankAccounts": ("BANK", "B"),
    "projects": ("JOB", "J"),
}
_ITEM_TEMPLATE: Final = {
    "baseUnitOfMeasureCode": "PCS",
    "generalProductPostingGroupCode": "RETAIL",
    "inventoryPostingGroupCode": "RESALE",
}


def create(environment: Environment, company: Company, set_name: str, body: Json) -> Record:
    """Creates a record as ``POST`` does; raises 400 with the product's code when a rule is broken."""
    nested = body.pop("defaultDimensions", []) if isinstance(body, dict) else []
    values = checked(SETS[set_name], body)
    if set_name == "customers" and "displayName" not in values:
        raise dialog('A "displayName" must be provided.')
    if "inventory" in values:
        environment.breach("items.inventory", "inventory was sent in a POST")
        raise dialog("Inventory cannot be changed during on insert.")
    _check_values(set_name, values)
    _number(environment, company, set_name, values)
    templated = environment.settings.templates.get(set_name, False)
    if set_name == "items" and templated:
        values = _item_template(company, values)
    values = related(environment, company, set_name, values)
    if set_name == "items":
        _check_item(values)
    record = environment.store.insert(company, set_name, values, {"postingGroups": templated})
    for item in nested:
        row = checked(SETS["defaultDimensions"], item)
        dimensions.create_default(environment.store, company, record, row)
    return record


def change(environment: Environment, company: Company, record: Record, body: Json) -> None:
    """Changes a record as ``PATCH`` does; sending a number is noted, because it renames the record."""
    values = checked(SETS[record.set_name], body)
    code_field = SETS[record.set_name].code_field
    if record.set_name in _SERIES and "number" in values:
        environment.breach("number in PATCH", f"{record.set_name} {record.values['number']}: a PATCH renames")
    if "inventory" in values:
        environment.breach("items.inventory", f"item {record.values['number']}: a PATCH posts an adjustment")
    if code_field and values.get(code_field, record.values[code_field]) != record.values[code_field]:
        _check_free(company, record.set_name, code_field, values[code_field])
    _check_values(record.set_name, values)
    values = related(environment, company, record.set_name, values)
    if record.set_name == "items":
        _check_item(record.values | values)
    environment.store.update(company, record, values)


def delete(environment: Environment, company: Company, record: Record) -> None:
    """Deletes a record; refused for parties with entries or documents and for items on document lines."""
    number, table = record.values.get("number", ""), SETS[record.set_name].table
    ledgers = {"customers": company.ledger, "vendors": company.vendor_ledger}
    if record.set_name in ledgers:
        kinds = [kind for kind in KINDS.values() if kind.party.set_name == record.set_name]
        names = [(kind.set_name, f"{prefix}Id") for kind in kinds for prefix in kind.party.prefixes]
        named = any(row.values[name] == record.key for sets, name in names for row in company.all(sets))
        if number in ledgers[record.set_name].by_account or named:
            raise dialog(
                f"You cannot delete {table} {number} because there is at least one entry or document."
            )
    if record.set_name == "items":
        rows = (row for set_name in BY_LINES for row in company.all(set_name))
        if any(row.values["itemId"] == record.key for row in rows):
            raise dialog(f"You cannot delete Item {number} because it is on a document line.")
    if record.set_name in ("employees", "bankAccounts"):
        keys = ("accountId", "balancingAccountId")
        if any(row.values[name] == record.key for row in company.all("journalLines") for name in keys):
            raise dialog(f"You cannot delete {table} {number} because it is on a journal line.")
    for row in company.where("defaultDimensions", "parentId", record.key):
        environment.store.delete(company, row)
    environment.store.delete(company, record)


def _number(environment: Environment, company: Company, set_name: str, values: Values) -> None:
    code_field = SETS[set_name].code_field
    if not code_field:
        return
    if set_name in _SERIES:
        code, prefix = _SERIES[set_name]
        if not values.get("number"):
            values["number"] = company.next_number(code, prefix, 10, 10)
            while company.find(set_name, "number", values["number"]):
                values["number"] = company.next_number(code, prefix, 10, 10)
        elif not environment.settings.manual_nos.get(set_name, False):
            raise dialog(
                f"You may not enter numbers manually. If you want to enter numbers manually, please activate Manual Nos. in No. Series {code}."
            )
    _check_free(company, set_name, code_field, values.get(code_field, ""))


def _check_free(company: Company, set_name: str, code_field: str, code: str) -> None:
    caption = "No." if code_field == "number" else "Code"
    if not code:
        raise field_error(caption, SETS[set_name].table, f"{caption}=''")
    if company.find(set_name, code_field, code):
        raise same_key(SETS[set_name].table, f"{caption}='{code}'")


def _check_values(set_name: str, values: Values) -> None:
    if set_name == "customers" and not values.get("displayName", "-").strip():
        raise dialog('The blank "displayName" is not allowed.')
    for name in ("dueDateCalculation", "discountDateCalculation"):
        if name in values and not formulas.is_formula(values[name]):
            text = f"The value '{values[name]}' can't be evaluated into type DateFormula."
            raise bad_request(text, "Application_EvaluateException")


def _item_template(company: Company, values: Values) -> Values:
    result = dict(values)
    for name, code in _ITEM_TEMPLATE.items():
        id_name = name.replace("Code", "Id")
        stock_only = name == "inventoryPostingGroupCode" and values.get("type", "Inventory") != "Inventory"
        if name not in values and id_name not in values and not stock_only:
            target = "unitsOfMeasure" if name.startswith("base") else name.replace("Code", "s")
            if company.find(target, "code", code) is None:
                raise missing_relation(name, "Item", code, SETS[target].table)
            result[name] = code
    return result


def _check_item(values: Values) -> None:
    stocked = values.get("type", "Inventory") == "Inventory"
    group = values.get("inventoryPostingGroupId", BLANK_GUID)
    if group != BLANK_GUID and not stocked:
        raise field_error(
            "Type", "Item", f"No.={values['number']}", wanted="Inventory", current=values["type"]
        )
