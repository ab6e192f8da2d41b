"""The setup tables with which every tenant starts."""

from typing import Final

from sandbox.connectwise.members import DEFAULTS
from sandbox.connectwise.service import ADMIN_MEMBER, Service
from sandbox.connectwise.store import Record

_PLACE: Final[Record] = {"location": {"id": 1}, "department": {"id": 1}}
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
    "Location": [
        {"name": "Main", "structureLevel": {"id": 2, "name": "Location"}, "locationFlag": True},
        {"name": "Branch", "structureLevel": {"id": 2, "name": "Location"}, "locationFlag": True},
    ],
    "Department": [
        {"identifier": "SERVICES", "name": "Professional Services"},
        {"identifier": "PRODUCTS", "name": "Products"},
    ],
    "PurchaseOrderStatus": [
        {"name": "New", "defaultFlag": True, "sortOrder": 1},
        {"name": "Sent to vendor", "sortOrder": 2},
        {"name": "Closed", "closedFlag": True, "defaultClosedFlag": True, "sortOrder": 3},
        {"name": "Cancelled", "closedFlag": True, "sortOrder": 4},
    ],
    "ProcurementSetting": [
        {
            "startingPurchaseOrderNum": 1001,
            "purchaseOrderPrefix": "PO",
            "costingMethod": "FIFO",
            "autoClosePurchaseOrderFlag": True,
            "autoClosePurchaseOrderItemFlag": True,
            "numDecimalPlaces": 2,
        }
    ],
    "AdjustmentType": [{"identifier": "Count", "name": "Stock count"}],
    "Warehouse": [
        {"name": "Main warehouse", "locationXref": "MAIN", **_PLACE, "overallDefaultFlag": True},
        {"name": "Branch warehouse", "locationXref": "BRANCH", **_PLACE, "location": {"id": 2}},
    ],
    "WarehouseBin": [
        {"name": "Main bin", "warehouse": {"id": 1}, **_PLACE},
        {"name": "Branch bin", "warehouse": {"id": 2}, **_PLACE, "location": {"id": 2}},
    ],
    "Classification": [
        {"name": "Reimbursable", "multiplier": 1, "employeeFlag": True, "defaultFlag": True},
        {"name": "NonReimbursable", "multiplier": 0, "companyFlag": True},
        {"name": "Personal", "multiplier": -1, "employeeFlag": True},
    ],
    "PaymentType": [
        {"name": "Cash", "classification": {"id": 1}, "defaultFlag": True},
        {"name": "Company card", "classification": {"id": 2}, "companyFlag": True},
    ],
    "ExpenseType": [
        {"name": "Travel", "amountCaption": "Amount", "defaultFlag": True},
        {"name": "Meals", "amountCaption": "Amount", "maxAmount": 100},
        {"name": "Mileage", "amountCaption": "Miles", "mileageFlag": True},
    ],
    "AgreementType": [{"name": "Managed services"}, {"name": "Block time", "prePaymentFlag": True}],
    "ProjectStatus": [
        {"name": "Open", "closedFlag": False},
        {"name": "Closed", "closedFlag": True},
    ],
    "UnitOfMeasure": [{"name": "Each", "defaultFlag": True}, {"name": "Hour"}, {"name": "Box"}],
}
# What all rows of a table share.
_COMMON: Final[dict[str, Record]] = {
    "TaxCode": {
        "invoiceCaption": "Tax",
        "effectiveDate": "2020-01-01T00:00:00Z",
        "levelOneRateType": "Percent",
    },
    "Finance.Currency": {"decimalSeparator": ".", "thousandsSeparator": ",", "numberOfDecimals": 2},
    "ExpenseType": {"billExpenses": "Billable", "invoiceMarkupOption": "Amount"},
    "AgreementType": {
        "employeeCompRate": "Actual",
        "employeeCompNotExceed": "Billing",
        "invoicingCycle": "CalendarYear",
        "billTime": "Billable",
        "billExpenses": "Billable",
        "billProducts": "Billable",
    },
}
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
# The tables that carry the custom field from the start; tests may define more on any table.
_CUSTOMISED: Final = (
    "Company",
    "CatalogItem",
    "Invoice",
    "PurchaseOrder",
    "PurchaseOrderLineItem",
    "ProcurementAdjustment",
    "ExpenseEntry",
    "Agreement",
    "Addition",
    "Agreement.Adjustment",
    "Project",
)


def seed(service: Service) -> None:
    """Fills an empty store: members, statuses, types, terms, currencies, tax codes, accounting package."""
    store = service.store
    for identifier, licence in ((service.member, "A"), (ADMIN_MEMBER, "F")):
        names = {"firstName": identifier.title(), "lastName": "Member", "name": identifier.title()}
        member = {**DEFAULTS, "identifier": identifier, "licenseClass": licence, **names}
        store.insert("Member", member, ADMIN_MEMBER)
    for entity, rows in _SETUP.items():
        for row in rows:
            store.insert(entity, {**_COMMON.get(entity, {}), **row}, ADMIN_MEMBER)
    store.insert("AccountingPackageSetup", _PACKAGE, ADMIN_MEMBER)
    for entity in _CUSTOMISED:
        store.custom_fields[entity].append({**_CUSTOM_FIELD, "numberOfDecimals": 0})
