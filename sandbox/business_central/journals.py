"""General journal batches and their lines before posting."""

from typing import Final

from sandbox.business_central import dimensions
from sandbox.business_central.environment import Environment, rounded, today
from sandbox.business_central.errors import dialog, field_error, missing_relation, outside_filter, same_key
from sandbox.business_central.fields import BLANK_GUID, SETS
from sandbox.business_central.lines import check_account
from sandbox.business_central.store import Company, Record, Values
from sandbox.business_central.validate import checked
from sandbox.kit import Json

GENERAL_LEDGER: Final = "G_x002F_L_x0020_Account"
BANK: Final = "Bank_x0020_Account"
ACCOUNT_SETS: Final = {
    GENERAL_LEDGER: "accounts",
    "Customer": "customers",
    "Vendor": "vendors",
    BANK: "bankAccounts",
    "Employee": "employees",
}
_SHOWN_TYPES: Final = (GENERAL_LEDGER, "Customer", "Vendor", BANK)
_TEMPLATE: Final = "GENERAL"
_LINE_STEP: Final = 10_000
_SIDES: Final = (
    ("accountType", "accountId", "accountNumber", "Account No."),
    ("balanceAccountType", "balancingAccountId", "balancingAccountNumber", "Bal. Account No."),
)


def create(environment: Environment, company: Company, body: Json) -> Record:
    """Creates a batch of the general template; raises 400 when the code is blank or taken."""
    values = {"templateDisplayName": _TEMPLATE} | checked(SETS["journals"], body)
    _check_batch(company, values, None)
    return environment.store.insert(company, "journals", values | _balancing(company, values))


def change(environment: Environment, company: Company, batch: Record, body: Json) -> None:
    """Changes a batch."""
    values = checked(SETS["journals"], body)
    _check_batch(company, batch.values | values, batch)
    environment.store.update(company, batch, values | _balancing(company, values))


def delete(environment: Environment, company: Company, batch: Record) -> None:
    """Deletes a batch with its lines."""
    for line in lines_of(company, batch):
        environment.store.delete(company, line)
    environment.store.delete(company, batch)


def lines_of(company: Company, batch: Record) -> list[Record]:
    """The lines of a batch by number."""
    rows = company.where("journalLines", "journalId", batch.key)
    return sorted(rows, key=lambda row: row.values["lineNumber"])


def create_line(environment: Environment, company: Company, batch: Record, body: Json) -> Record:
    """Adds a line to a batch; date and document number carry on from the line before. Raises 400."""
    nested = body.pop("dimensionSetLines", []) if isinstance(body, dict) else []
    values = checked(SETS["journalLines"], body)
    if values.get("journalId", batch.key) != batch.key:
        raise dialog("The Journal Batch Id isn't editable.")
    values.pop("journalDisplayName", None)
    others = lines_of(company, batch)
    last = others[-1] if others else None
    number = values.get("lineNumber") or (last.values["lineNumber"] if last else 0) + _LINE_STEP
    if any(row.values["lineNumber"] == number for row in others):
        raise same_key("Gen. Journal Line", line_key(batch, number))
    start: Values = {"journalId": batch.key, "lineNumber": number}
    start["postingDate"] = last.values["postingDate"] if last else today()
    start["documentNumber"] = last.values["documentNumber"] if last else ""
    if not values.get("balancingAccountNumber") and "balancingAccountId" not in values:
        start["balancingAccountId"] = batch.values["balancingAccountId"]
        start["balancingAccountNumber"] = batch.values["balancingAccountNumber"]
    values = _completed(company, start | values)
    values.setdefault("description", _name(company, values))
    chosen: dict[str, str] = {}
    for kind, key, _number, _caption in _SIDES:
        owner = company.get(ACCOUNT_SETS.get(_type(values, kind), ""), values.get(key, BLANK_GUID))
        chosen = dimensions.defaults(company, owner) | chosen
    for item in nested:
        chosen = dimensions.added(company, chosen, checked(SETS["dimensionSetLines"], item))[1]
    return environment.store.insert(company, "journalLines", values, {"dimensions": chosen})


def change_line(environment: Environment, company: Company, line: Record, body: Json) -> None:
    """Changes a line; raises 400."""
    values = checked(SETS["journalLines"], body)
    if values.get("journalId", line.values["journalId"]) != line.values["journalId"]:
        raise dialog("The Journal Batch Id isn't editable.")
    if "journalDisplayName" in values:
        raise dialog("The Journal Batch Display Name isn't editable.")
    merged = line.values | values
    for kind, key, number, _caption in _SIDES:
        if {kind, key, number} & values.keys():
            merged |= {name: values.get(name, _blank(name)) for name in (key, number)}
    completed = _completed(company, merged)
    environment.store.update(company, line, {name: completed[name] for name in line.values})


def line_key(batch: Record, number: int) -> str:
    """The key of a line as error texts show it."""
    name, template = batch.values["code"], batch.values["templateDisplayName"]
    return f"Journal Template Name={template},Journal Batch Name={name},Line No.={number}"


def _completed(company: Company, values: Values) -> Values:
    """The values with both accounts resolved and the amount rounded; raises 400 for what the page does not take."""
    result = dict(values)
    if _type(result, "accountType") not in _SHOWN_TYPES:
        raise outside_filter("Gen. Journal Line", "Account Type: G/L Account..Bank Account")
    for kind, key, number, caption in _SIDES:
        chosen = _type(result, kind)
        record = _account(company, result, (chosen, key, number, caption))
        result |= {kind: chosen, key: record.key if record else BLANK_GUID}
        result[number] = record.values["number"] if record else ""
    is_balanced = bool(result["balancingAccountNumber"])
    types = {result["accountType"], result["balanceAccountType"]} if is_balanced else {GENERAL_LEDGER}
    if not types & {GENERAL_LEDGER, BANK}:
        raise dialog("Account Type or Bal. Account Type must be a G/L Account or Bank Account.")
    if "amount" in result:
        result["amount"] = rounded(result["amount"])
    return result


def _account(company: Company, values: Values, side: tuple[str, str, str, str]) -> Record | None:
    chosen, key_name, number_name, caption = side
    key, number = values.get(key_name, BLANK_GUID), values.get(number_name, "")
    set_name = ACCOUNT_SETS.get(chosen, "")
    by_id = company.get(set_name, key)
    by_number = company.find(set_name, "number", number) if number else None
    if key != BLANK_GUID and by_id is None:
        raise dialog(f'The "{key_name}" does not match to an Account.')
    if number and by_number is None:
        if key_name == "accountId":
            raise dialog('The "accountNumber" does not match to an Account.')
        raise missing_relation(caption, "Gen. Journal Line", number, set_name or chosen)
    if by_id and by_number and by_id is not by_number:
        raise dialog("The account values do not match to a specific Account.")
    record = by_id or by_number
    if record and set_name == "accounts":
        check_account(record)
    return record


def _balancing(company: Company, values: Values) -> Values:
    key = values.get("balancingAccountId", BLANK_GUID)
    if key == BLANK_GUID:
        return {"balancingAccountNumber": ""} if "balancingAccountId" in values else {}
    account = company.get("accounts", key)
    if account is None:
        raise dialog('The "balancingAccountId" does not match to an Account.')
    return {"balancingAccountNumber": account.values["number"]}


def _check_batch(company: Company, values: Values, own: Record | None) -> None:
    code = values.get("code", "")
    if not code:
        raise field_error("Name", SETS["journals"].table, f"Journal Template Name={_TEMPLATE},Name=''")
    if values["templateDisplayName"] != _TEMPLATE:
        raise missing_relation(
            "Journal Template Name",
            SETS["journals"].table,
            values["templateDisplayName"],
            "Gen. Journal Template",
        )
    if any(row is not own for row in company.where("journals", "code", code)):
        raise same_key(SETS["journals"].table, f"Journal Template Name='{_TEMPLATE}',Name='{code}'")


def _type(values: Values, name: str) -> str:
    return str(values.get(name, GENERAL_LEDGER))


def _blank(name: str) -> Json:
    return SETS["journalLines"].fields[name].blank


def _name(company: Company, values: Values) -> str:
    record = company.get(ACCOUNT_SETS[values["accountType"]], values["accountId"])
    return str(record.values["displayName"])[:100] if record else ""
