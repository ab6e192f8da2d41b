"""Lines of documents: what a line may refer to, its defaults, and recalculating the document."""

from decimal import Decimal
from typing import Final

from sandbox.business_central import amounts, dimensions, receiving
from sandbox.business_central.environment import Environment, precision_of, rounded
from sandbox.business_central.errors import dialog, field_error, missing_relation, same_key
from sandbox.business_central.fields import BLANK_GUID, SETS
from sandbox.business_central.kinds import DocumentKind, kind_of
from sandbox.business_central.relations import related
from sandbox.business_central.store import Company, Record, Values
from sandbox.business_central.validate import checked
from sandbox.kit import Json

_LINE_STEP: Final = 10_000


def lines_of(company: Company, header: Record) -> list[Record]:
    """The lines of a document by sequence."""
    rows = company.where(kind_of(header).lines, "documentId", header.key)
    return sorted(rows, key=lambda row: row.values["sequence"])


def create_line(environment: Environment, company: Company, header: Record, body: Json) -> Record:
    """Adds a line to a draft and recalculates the document."""
    record = insert_line(environment, company, header, body)
    recalculate(environment, company, header)
    return record


def insert_line(environment: Environment, company: Company, header: Record, body: Json) -> Record:
    """Adds a line to a draft without recalculating; raises 400 when it refers to something unusable."""
    kind = kind_of(header)
    _check_draft(header)
    nested = body.pop("dimensionSetLines", []) if isinstance(body, dict) else []
    values = checked(SETS[kind.lines], body)
    receiving.check_maintained(environment, values)
    receiving.check_line(header, None, values)
    if values.get("documentId", header.key) != header.key:
        raise dialog('The value for "documentId" cannot be modified.')
    target = _target(company, kind, values)
    values = related(environment, company, kind.lines, _defaults(target, values))
    _check_unit(kind, target, values)
    others = lines_of(company, header)
    last = others[-1].values["sequence"] if others else 0
    values |= {"documentId": header.key, "sequence": values.get("sequence") or last + _LINE_STEP}
    if any(row.values["sequence"] == values["sequence"] for row in others):
        raise same_key(
            kind.line_table, f"Document No.='{header.values['number']}',Line No.='{values['sequence']}'"
        )
    precision = precision_of(company, header.values["currencyCode"])
    start = {kind.price: _list_price(company, header, target)}
    priced = amounts.priced(start, values, precision, kind.price)
    if receiving.is_order(header):
        values |= receiving.quantities(environment, {}, values | priced)
    values |= priced
    _check_comment(kind, values)
    chosen = dimensions.defaults(company, target) | dimensions.of_document(header)
    for item in nested:
        chosen = dimensions.added(company, chosen, checked(SETS["dimensionSetLines"], item))[1]
    return environment.store.insert(company, kind.lines, values, {"dimensions": chosen})


def change_line(environment: Environment, company: Company, header: Record, line: Record, body: Json) -> None:
    """Changes a line of a draft and recalculates the document."""
    kind = kind_of(header)
    _check_draft(header)
    values = checked(SETS[kind.lines], body)
    receiving.check_maintained(environment, values)
    receiving.check_line(header, line, values)
    fixed = {"documentId": "", "sequence": " Delete and insert the line again.", "lineObjectNumber": ""}
    for name, advice in fixed.items():
        if name in values and line.values[name] and values[name] != line.values[name]:
            raise dialog(f'The value for "{name}" cannot be modified.{advice}')
    target = _target(company, kind, line.values | values)
    values = related(environment, company, kind.lines, values)
    _check_unit(kind, target, line.values | values)
    precision = precision_of(company, header.values["currencyCode"])
    priced = amounts.priced(line.values, values, precision, kind.price)
    if receiving.is_order(header):
        values |= receiving.quantities(environment, line.values, values | priced)
    values |= priced
    _check_comment(kind, line.values | values)
    environment.store.update(company, line, values)
    recalculate(environment, company, header)


def delete_line(environment: Environment, company: Company, header: Record, line: Record) -> None:
    """Deletes a line of a draft and recalculates the document."""
    _check_draft(header)
    receiving.check_line(header, None, {})
    environment.store.delete(company, line)
    recalculate(environment, company, header)


def recalculate(environment: Environment, company: Company, header: Record) -> None:
    """Computes the amounts of all lines and the totals of the header."""
    settings = environment.settings
    rows = lines_of(company, header)
    results = amounts.calculated(
        [row.values for row in rows],
        kind_of(header).price,
        header.values["discountAmount"],
        settings.tax_rates if header.hidden["taxed"] else {},
        precision_of(company, header.values["currencyCode"]),
        settings.tax_rounding,
        includes_tax=header.values["pricesIncludeTax"],
    )
    for row, result in zip(rows, results, strict=True):
        environment.store.update(company, row, result)
    total = amounts.totals(results)
    mark = [(row.key, row.version) for row in rows]
    environment.store.update(company, header, total, {"lines": mark})


def check_target(company: Company, line: Record) -> None:
    """Raises 400 when the item or account of a line may not be used; called again at posting."""
    _target(company, kind_of(line), dict(line.values))


def _check_draft(header: Record) -> None:
    if header.hidden.get("posted"):
        raise dialog(kind_of(header).posted_text)


def _target(company: Company, kind: DocumentKind, values: Values) -> Record | None:
    """The item or account of a line; completes type, ids and number in ``values``."""
    item_id, account_id = values.get("itemId", BLANK_GUID), values.get("accountId", BLANK_GUID)
    if BLANK_GUID not in (item_id, account_id):
        raise dialog('Both "itemId" and "accountId" are specified. Specify only one of them.')
    guessed = "Item" if item_id != BLANK_GUID else "Account" if account_id != BLANK_GUID else "Comment"
    line_type = values.setdefault("lineType", guessed)
    number = values.get("lineObjectNumber", "")
    match line_type:
        case "Item":
            record = _referred(company, "items", item_id, number, "Item")
            _check_item(record)
            values |= {"itemId": record.key, "lineObjectNumber": record.values["number"]}
        case "Account":
            record = _referred(company, "accounts", account_id, number, "Account")
            check_account(record)
            values |= {"accountId": record.key, "lineObjectNumber": record.values["number"]}
        case "Comment":
            return None
        case _:
            raise missing_relation("No.", kind.line_table, number, str(line_type))
    return record


def _referred(company: Company, set_name: str, key: str, number: str, title: str) -> Record:
    by_id = company.get(set_name, key)
    by_number = company.find(set_name, "number", number) if number else None
    record = by_id or by_number
    if record is None or (by_id and number and by_id.values["number"] != number):
        raise dialog(f"{title} does not exist.")
    return record


def _check_item(record: Record) -> None:
    key = f"No.={record.values['number']}"
    if record.values["blocked"]:
        raise field_error("Blocked", "Item", key, wanted="No", current="Yes")
    if not record.values["generalProductPostingGroupCode"]:
        raise field_error("Gen. Prod. Posting Group", "Item", key)
    if record.values["type"] == "Inventory" and not record.values["inventoryPostingGroupCode"]:
        raise field_error("Inventory Posting Group", "Item", key)


def check_account(record: Record) -> None:
    """Raises 400 when the account is not for direct posting or blocked."""
    key = f"No.={record.values['number']}"
    if record.values["accountType"] != "Posting":
        current = str(record.values["accountType"])
        raise field_error("Account Type", "G/L Account", key, wanted="Posting", current=current)
    if record.values["blocked"]:
        raise field_error("Blocked", "G/L Account", key, wanted="No", current="Yes")
    if not record.values["directPosting"]:
        raise field_error("Direct Posting", "G/L Account", key, wanted="Yes", current="No")


def _defaults(target: Record | None, values: Values) -> Values:
    """The values with description, unit and tax code taken from the item or account."""
    if target is None:
        return values
    result: Values = {"description": target.values["displayName"][:100]}
    if target.set_name == "items":
        result["taxCode"] = target.values["taxGroupCode"]
        if "unitOfMeasureId" not in values:
            result["unitOfMeasureCode"] = target.values["baseUnitOfMeasureCode"]
    return result | values


def _list_price(company: Company, header: Record, target: Record | None) -> Decimal:
    """Price or cost of one unit of an item in the currency of the document; zero for anything else."""
    if target is None or target.set_name != "items":
        return Decimal(0)
    currency = header.values["currencyCode"]
    price = Decimal(target.values["unitPrice" if kind_of(header).party.side == "Sales" else "unitCost"])
    return rounded(price / header.hidden["rate"], precision_of(company, currency)) if currency else price


def _check_unit(kind: DocumentKind, target: Record | None, values: Values) -> None:
    unit = values.get("unitOfMeasureCode", "")
    if target and target.set_name == "items" and unit not in ("", target.values["baseUnitOfMeasureCode"]):
        raise missing_relation("Unit of Measure Code", kind.line_table, unit, "Item Unit of Measure")


def _check_comment(kind: DocumentKind, values: Values) -> None:
    if values["lineType"] == "Comment" and (values["quantity"] or values[kind.price]):
        raise field_error("Type", kind.line_table, f"Line No.={values['sequence']}")
