"""The two companies that a fresh environment holds, with setup and reference data."""

import uuid
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

from sandbox.business_central.environment import Environment
from sandbox.business_central.fields import SETS
from sandbox.business_central.store import Company, Values

COMPANY_NAMES: Final = ("Northwind Services", "Northwind Devices")
_NAMESPACE: Final = uuid.UUID("2f1d7a5e-6a65-4f0b-9a53-9d0f8c1b7e10")

_CODES: Final[dict[str, dict[str, str]]] = {
    "paymentMethods": {"BANK": "Bank transfer", "CHECK": "Check", "CARD": "Card"},
    "shipmentMethods": {"PICKUP": "Pickup at location", "DEL": "Delivery"},
    "taxAreas": {"FL": "Florida", "GA": "Georgia", "EXEMPT": "Tax exempt"},
    "taxGroups": {
        "NONTAXABLE": "Non-taxable",
        "STANDARD": "Taxable at the full rate",
        "REDUCED": "Reduced rate",
    },
    "unitsOfMeasure": {"PCS": "Piece", "HOUR": "Hour", "EACH": "Each", "BOX": "Box", "MONTH": "Month"},
    "itemCategories": {
        "HARDWARE": "Hardware",
        "SOFTWARE": "Software",
        "SERVICE": "Services",
        "MISC": "Other",
    },
    "generalProductPostingGroups": {"RETAIL": "Goods for resale", "SERVICES": "Services", "MISC": "Other"},
    "inventoryPostingGroups": {"RESALE": "Resale items"},
    "locations": {"MAIN": "Main warehouse", "EAST": "East office"},
    "countriesRegions": {
        "US": "United States",
        "CA": "Canada",
        "MX": "Mexico",
        "GB": "United Kingdom",
        "IE": "Ireland",
        "DE": "Germany",
        "FR": "France",
        "NL": "Netherlands",
        "BE": "Belgium",
        "ES": "Spain",
        "IT": "Italy",
        "DK": "Denmark",
        "SE": "Sweden",
        "NO": "Norway",
        "CH": "Switzerland",
        "AT": "Austria",
        "AU": "Australia",
        "NZ": "New Zealand",
    },
    "salespeoplePurchasers": {"JR": "John Roberts", "LM": "Linda Martin"},
    "dimensions": {"DEPARTMENT": "Department", "LOCATION": "Location", "AGREEMENT": "Agreement"},
}
_DIMENSION_VALUES: Final[dict[str, dict[str, str]]] = {
    "DEPARTMENT": {"SERVICE": "Service", "SALES": "Sales", "ADMIN": "Administration"},
    "LOCATION": {"EAST": "East", "WEST": "West"},
    "AGREEMENT": {"MANAGED": "Managed services", "BLOCK": "Block time"},
}
_TERMS: Final[dict[str, tuple[str, str, str, str]]] = {
    "COD": ("Cash on delivery", "0D", "", "0"),
    "10D": ("Net 10 days", "10D", "", "0"),
    "30D": ("Net 30 days", "30D", "", "0"),
    "1M(8D)": ("1 month, 2% in 8 days", "1M", "8D", "2"),
    "CM": ("Current month", "CM", "", "0"),
}
_POSTING, _NO_DIRECT, _HEADING, _TOTAL = (
    ("Posting", True),
    ("Posting", False),
    ("Heading", False),
    ("Total", False),
)
_ACCOUNTS: Final[dict[str, tuple[str, str, tuple[str, bool]]]] = {
    "10000": ("Assets", "Assets", _HEADING),
    "10100": ("Checking account", "Assets", _POSTING),
    "13100": ("Accounts receivable", "Assets", _NO_DIRECT),
    "14100": ("Inventory", "Assets", _NO_DIRECT),
    "16300": ("Purchase tax", "Assets", _POSTING),
    "20000": ("Liabilities", "Liabilities", _HEADING),
    "20100": ("Accounts payable", "Liabilities", _NO_DIRECT),
    "20200": ("Employees payable", "Liabilities", _NO_DIRECT),
    "22300": ("Sales tax payable", "Liabilities", _POSTING),
    "23000": ("Deferred revenue", "Liabilities", _POSTING),
    "40000": ("Income", "Income", _HEADING),
    "40100": ("Service revenue", "Income", _POSTING),
    "40200": ("Product revenue", "Income", _POSTING),
    "40300": ("Agreement revenue", "Income", _POSTING),
    "40400": ("Rebilled expenses", "Income", _POSTING),
    "40900": ("Sales discounts", "Income", _POSTING),
    "49990": ("Total income", "Income", _TOTAL),
    "50100": ("Cost of goods sold", "Cost_x0020_of_x0020_Goods_x0020_Sold", _POSTING),
    "61000": ("Operating expenses", "Expense", _POSTING),
    "81900": ("Invoice rounding", "Expense", _POSTING),
}


def companies(environment: Environment) -> None:
    """Fills an empty environment with the standard companies, LCY USD."""
    for name in COMPANY_NAMES:
        company(environment, name)


def company(environment: Environment, name: str, key: str = "", local_currency: str = "USD") -> Company:
    """Adds a company with setup and reference data; the ids follow from the name and stay the same."""
    added = Company((key or str(uuid.uuid5(_NAMESPACE, name))).lower(), name)
    environment.store.companies[added.key] = added
    _setup(environment, added, local_currency)
    for set_name, codes in _CODES.items():
        caption = "displayName" if "displayName" in SETS[set_name].fields else "description"
        for code, text in codes.items():
            _add(environment, added, set_name, code, {"code": code, caption: text})
    for code, (text, due, discount, percent) in _TERMS.items():
        values: Values = {"code": code, "displayName": text, "dueDateCalculation": due}
        values |= {"discountDateCalculation": discount, "discountPercent": Decimal(percent)}
        _add(environment, added, "paymentTerms", code, values)
    for code, text in {"USD": "US dollar", "EUR": "Euro", "GBP": "Pound sterling"}.items():
        if code != local_currency:
            values = {"code": code, "displayName": text, "amountDecimalPlaces": "2:2"}
            values["amountRoundingPrecision"] = Decimal("0.01")
            _add(environment, added, "currencies", code, values)
    for number, (text, category, (kind, direct)) in _ACCOUNTS.items():
        values = {"number": number, "displayName": text, "category": category}
        values |= {"accountType": kind, "directPosting": direct}
        _add(environment, added, "accounts", number, values)
    checking: Values = {"number": "CHECKING", "displayName": "Checking account"}
    _add(environment, added, "bankAccounts", "CHECKING", checking)
    for dimension, codes in _DIMENSION_VALUES.items():
        head = added.find("dimensions", "code", dimension)
        for code, text in codes.items() if head else ():
            values = {"code": code, "displayName": text, "dimensionId": head.key if head else ""}
            _add(environment, added, "dimensionValues", f"{dimension}/{code}", values)
    return added


def _setup(environment: Environment, added: Company, local_currency: str) -> None:
    year = datetime.now(UTC).year
    setup = {
        "allowPostingFrom": f"{year - 1}-01-01",
        "allowPostingTo": f"{year + 1}-12-31",
        "localCurrencyCode": local_currency,
        "localCurrencySymbol": "$" if local_currency == "USD" else "",
        "shortcutDimension1Code": "DEPARTMENT",
        "shortcutDimension2Code": "LOCATION",
    }
    _add(environment, added, "generalLedgerSetup", "", setup)
    information = {"displayName": added.name, "country": "US", "experience": "Essential"}
    _add(environment, added, "companyInformation", "", information)
    for start in (f"{y}-{month:02d}-01" for y in range(year - 2, year + 2) for month in range(1, 13)):
        closed = start < f"{year - 1}-01-01"
        period = {"startingDate": start, "name": start[:7], "newFiscalYear": start.endswith("-01-01")}
        _add(
            environment, added, "accountingPeriods", start, period | {"closed": closed, "dateLocked": closed}
        )


def _add(environment: Environment, added: Company, set_name: str, code: str, values: Values) -> None:
    key = uuid.uuid5(uuid.UUID(added.key), f"{set_name}/{code}")
    environment.store.insert(added, set_name, values, key=str(key))
