"""Properties that name records of other sets, by id, by code or by both."""

from dataclasses import dataclass
from typing import Final

from sandbox.business_central.environment import Environment, lcy_code
from sandbox.business_central.errors import ApiError, dialog, missing_relation
from sandbox.business_central.fields import BLANK_GUID, SETS
from sandbox.business_central.store import Company, Record, Values


@dataclass(frozen=True, slots=True)
class Relation:
    """A pair of properties (either may be absent) that points at one record of ``target``."""

    target: str
    label: str
    id_name: str = ""
    code_name: str = ""


_CURRENCY: Final = Relation("currencies", "currency", "currencyId", "currencyCode")
_TERMS: Final = Relation("paymentTerms", "payment terms", "paymentTermsId")
_METHOD: Final = Relation("paymentMethods", "payment method", "paymentMethodId")
_SHIPMENT: Final = Relation("shipmentMethods", "shipment method", "shipmentMethodId")
_COUNTRY: Final = Relation("countriesRegions", "country", code_name="country")
_SHIP_TO: Final = Relation("countriesRegions", "country", code_name="shipToCountry")
_SALES_HEADER: Final = (
    _CURRENCY,
    _TERMS,
    _SHIPMENT,
    Relation("countriesRegions", "country", code_name="sellToCountry"),
    _SHIP_TO,
    Relation("salespeoplePurchasers", "salesperson", code_name="salesperson"),
)
_PURCHASE_HEADER: Final = (
    _CURRENCY,
    _TERMS,
    _SHIPMENT,
    Relation("countriesRegions", "country", code_name="buyFromCountry"),
    _SHIP_TO,
    Relation("salespeoplePurchasers", "purchaser", code_name="purchaser"),
)
_LINE: Final = (
    Relation("unitsOfMeasure", "unit of measure", "unitOfMeasureId", "unitOfMeasureCode"),
    Relation("locations", "location", "locationId"),
    Relation("taxGroups", "tax group", code_name="taxCode"),
)

RELATIONS: Final[dict[str, tuple[Relation, ...]]] = {
    "customers": (
        _CURRENCY,
        _TERMS,
        _METHOD,
        _SHIPMENT,
        _COUNTRY,
        Relation("taxAreas", "tax area", "taxAreaId"),
        Relation("salespeoplePurchasers", "salesperson", code_name="salespersonCode"),
    ),
    "vendors": (_CURRENCY, _TERMS, _METHOD, _COUNTRY),
    "items": (
        Relation("itemCategories", "item categories", "itemCategoryId", "itemCategoryCode"),
        Relation("taxGroups", "tax group", "taxGroupId", "taxGroupCode"),
        Relation("unitsOfMeasure", "unit of measure", "baseUnitOfMeasureId", "baseUnitOfMeasureCode"),
        Relation(
            "generalProductPostingGroups",
            "general product posting group",
            "generalProductPostingGroupId",
            "generalProductPostingGroupCode",
        ),
        Relation(
            "inventoryPostingGroups",
            "inventory posting group",
            "inventoryPostingGroupId",
            "inventoryPostingGroupCode",
        ),
    ),
    "locations": (_COUNTRY,),
    "companyInformation": (_COUNTRY,),
    "employees": (_COUNTRY,),
    "bankAccounts": (_CURRENCY,),
    "salesInvoices": _SALES_HEADER,
    "salesInvoiceLines": _LINE,
    "salesCreditMemos": _SALES_HEADER,
    "salesCreditMemoLines": _LINE,
    "purchaseOrders": _PURCHASE_HEADER,
    "purchaseOrderLines": _LINE,
    "purchaseInvoices": _PURCHASE_HEADER,
    "purchaseInvoiceLines": _LINE,
}


def related(environment: Environment, company: Company, set_name: str, values: Values) -> Values:
    """The values with every pair of id and code completed and checked.

    The LCY code as currency is stored blank. Raises 400 when a value names nothing or the two disagree.
    """
    result = dict(values)
    for relation in RELATIONS.get(set_name, ()):
        sent = {name: values[name] for name in (relation.id_name, relation.code_name) if name in values}
        if not sent:
            continue
        record = _record(environment, company, set_name, relation, sent)
        if relation.id_name:
            result[relation.id_name] = record.key if record else BLANK_GUID
        if relation.code_name:
            result[relation.code_name] = _code(record)
    return result


def _record(
    environment: Environment, company: Company, set_name: str, relation: Relation, sent: Values
) -> Record | None:
    found: list[Record | None] = []
    for name, value in sent.items():
        if name == relation.id_name:
            blank, record = value == BLANK_GUID, company.get(relation.target, value)
        else:
            code = value.upper()
            blank = not code or (relation is _CURRENCY and code == lcy_code(company))
            record = company.find(relation.target, SETS[relation.target].code_field, code)
        if record is None and not blank:
            raise _missing(environment, set_name, relation, name, value)
        found.append(None if blank else record)
    if len(found) == 2 and found[0] is not found[1]:
        raise dialog(f"The {relation.label} values do not match to a specific {_title(relation)}.")
    return found[0]


def _missing(environment: Environment, set_name: str, relation: Relation, name: str, value: str) -> ApiError:
    if environment.settings.relation_errors == "dialog":
        return dialog(f'The "{name}" does not match to a {_title(relation)}.')
    return missing_relation(name, SETS[set_name].table, value, SETS[relation.target].table)


def _title(relation: Relation) -> str:
    return SETS[relation.target].table


def _code(record: Record | None) -> str:
    return str(record.values[SETS[record.set_name].code_field]) if record else ""
