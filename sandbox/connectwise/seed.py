"""The setup tables with which every tenant starts."""

from typing import Final

from sandbox.connectwise.service import ADMIN_MEMBER, Service
from sandbox.connectwise.store import Record

_SETUP: Final[dict[str, list[Record]]] = {
    "CompanyStatus": [{"name": "Active", "defaultFlag": True}, {"name": "Inactive"}],
    "CompanyType": [
        {"name": "Customer", "defaultFlag": True},
        {"name": "Vendor", "vendorFlag": True},
        {"name": "Prospect"},
    ],
    "BillingStatus": [
        {"name": "New", "defaultFlag": True, "sortOrder": 1},
        {"name": "Sent", "sentFlag": True, "sortOrder": 2},
        {"name": "Closed", "closedFlag": True, "sortOrder": 3},
        {"name": "Paid", "closedFlag": True, "sortOrder": 4},
        {"name": "GL Reload", "sortOrder": 5},
    ],
    "BillingTerm": [
        {"name": "Net 30", "dueDays": 30, "termsXref": "30 DAYS", "defaultFlag": True},
        {"name": "Net 14", "dueDays": 14, "termsXref": "14 DAYS"},
        {"name": "Due on receipt", "dueDays": 0, "termsXref": "COD"},
    ],
    "Finance.Currency": [
        {"currencyIdentifier": "USD", "name": "US Dollars", "symbol": "$"},
        {"currencyIdentifier": "CAD", "name": "Canadian Dollars", "symbol": "$"},
        {"currencyIdentifier": "EUR", "name": "Euro", "symbol": "€"},
        {"currencyIdentifier": "GBP", "name": "Pounds Sterling", "symbol": "£"},
    ],
    "TaxCode": [
        {"identifier": "STATE", "description": "State tax", "levelOneTaxCodeXref": "STATE"},
        {"identifier": "EXEMPT", "description": "No tax", "levelOneTaxCodeXref": "EXEMPT"},
    ],
}
_TAX: Final[Record] = {
    "invoiceCaption": "Tax",
    "effectiveDate": "2020-01-01T00:00:00Z",
    "levelOneRateType": "Percent",
}
_CURRENCY: Final[Record] = {"decimalSeparator": ".", "thousandsSeparator": ",", "numberOfDecimals": 2}
_PACKAGE: Final = {
    "accountingPackage": {"id": 6, "identifier": "Other", "name": "Other"},
    "includeInvoicesFlag": True,
    "invoiceFormat": "Detailed",
    "includeExpensesFlag": True,
    "expenseFormat": "Default",
    "includeSalesTaxFlag": True,
    "includeItemsFlag": True,
}
_CUSTOM_FIELD: Final = {"id": 1, "caption": "Integration Status", "type": "Text", "entryMethod": "EntryField"}


def seed(service: Service) -> None:
    """Fills an empty store: members, statuses, types, terms, currencies, tax codes, accounting package."""
    store = service.store
    for identifier in (service.member, ADMIN_MEMBER):
        store.insert("Member", {"identifier": identifier, "name": identifier.title()}, ADMIN_MEMBER)
    for entity, rows in _SETUP.items():
        common = {"TaxCode": _TAX, "Finance.Currency": _CURRENCY}.get(entity, {})
        for row in rows:
            store.insert(entity, {**common, **row}, ADMIN_MEMBER)
    store.insert("AccountingPackageSetup", _PACKAGE, ADMIN_MEMBER)
    for entity in ("Company", "CatalogItem", "Invoice"):
        store.custom_fields[entity].append({**_CUSTOM_FIELD, "numberOfDecimals": 0})
