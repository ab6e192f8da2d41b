"""The rows of every entity set, stored or derived, as queries see them."""

from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from typing import Final

from sandbox.business_central import applies_to, dimensions, general_ledger, reports
from sandbox.business_central.environment import Environment, lcy_code, today
from sandbox.business_central.fields import BLANK_DATE, BLANK_GUID, SETS, EntitySet
from sandbox.business_central.kinds import BY_LINES, INVOICE, KINDS
from sandbox.business_central.ledger import DetailedEntry, Ledger
from sandbox.business_central.odata import Row
from sandbox.business_central.parties import terms_of
from sandbox.business_central.store import Company, Record, Values
from sandbox.kit import Json

_FILES: Final = ("attachments", "documentAttachments")
NAVIGATION: Final[dict[str, tuple[str, ...]]] = {
    **dict.fromkeys(dimensions.PARENT_TYPES, ("defaultDimensions", "documentAttachments")),
    "projects": ("documentAttachments",),
    "dimensions": ("dimensionValues",),
    **{kind.set_name: (kind.lines, "dimensionSetLines", *_FILES) for kind in KINDS.values()},
    **dict.fromkeys(BY_LINES, ("dimensionSetLines",)),
    "purchaseReceipts": ("purchaseReceiptLines", "dimensionSetLines", *_FILES),
    "purchaseReceiptLines": ("dimensionSetLines",),
    "journals": ("journalLines",),
    "journalLines": ("dimensionSetLines", "attachments"),
    "generalLedgerEntries": ("dimensionSetLines", "attachments"),
}
PARENT_FIELD: Final = {
    "defaultDimensions": "parentId",
    "dimensionValues": "dimensionId",
    "purchaseReceiptLines": "documentId",
    "journalLines": "journalId",
    "attachments": "parentId",
    "documentAttachments": "parentId",
    **dict.fromkeys(BY_LINES, "documentId"),
}


def _currency(company: Company, record: Record) -> str:
    return str(record.values["currencyCode"] or lcy_code(company))


def _remaining(company: Company, record: Record) -> Decimal:
    """The remaining amount: the total of a draft, else the sum of the detailed entries."""
    entry = company.ledger.find("Invoice", record.values["number"]) if record.hidden["posted"] else None
    return company.ledger.remaining(entry.entry_no) if entry else record.values["totalAmountIncludingTax"]


def _balance_due(company: Company, record: Record) -> Decimal:
    return reports.balance(company, record.values["number"], before=today())


def _vendor_balance(company: Company, record: Record) -> Decimal:
    return reports.vendor_balance(company, record.values["number"])


def _employee_name(_company: Company, record: Record) -> str:
    names = (record.values[name] for name in ("givenName", "middleName", "surname"))
    return " ".join(name for name in names if name)


def _journal_name(company: Company, record: Record) -> str:
    batch = company.get("journals", record.values["journalId"])
    return str(batch.values["code"]) if batch else ""


def _tax_area(company: Company, record: Record) -> str:
    area = company.get("taxAreas", record.values["taxAreaId"])
    return str(area.values["displayName"]) if area else ""


_COMPUTED: Final[dict[tuple[str, str], Callable[[Company, Record], Json]]] = {
    **{
        (name, "currencyCode"): _currency
        for name in ("customers", "vendors", "bankAccounts", "purchaseReceipts", *KINDS)
    },
    ("customers", "balanceDue"): _balance_due,
    ("customers", "taxAreaDisplayName"): _tax_area,
    ("vendors", "balance"): _vendor_balance,
    ("employees", "displayName"): _employee_name,
    ("journalLines", "journalDisplayName"): _journal_name,
    ("salesInvoices", "remainingAmount"): _remaining,
    ("salesCreditMemos", "invoiceId"): applies_to.invoice_id,
    ("accounts", "netChange"): lambda company, record: general_ledger.net_change(
        company, record.values["number"]
    ),
    ("companyInformation", "currencyCode"): lambda company, _record: lcy_code(company),
}


def row_of(company: Company, record: Record) -> Row:
    """A stored record as a row; computed properties are worked out when they are read."""

    def read(name: str) -> Json:
        computed = _COMPUTED.get((record.set_name, name))
        return computed(company, record) if computed else record.values[name]

    return Row(read, record.etag, record.sequence, record.key)


def rows_of(
    environment: Environment, company: Company, entity_set: EntitySet, parent: Record | None = None
) -> Iterable[Row]:
    """The rows of a set in the company, or those that belong to a parent record."""
    match entity_set.name:
        case "customerLedgerEntries":
            return _ledger_rows(company)
        case "postedSalesInvoices":
            return _posted_rows(company)
        case "webhookSupportedResources":
            return _resource_rows(company)
        case "dimensionSetLines":
            return _dimension_rows(company, parent) if parent else ()
        case "trialBalances":
            return _report_rows(reports.trial_balances(company))
        case "agedAccountsReceivables":
            return _report_rows(reports.aged_receivables(company))
        case "customerFinancialDetails":
            return _detail_rows(company)
    if parent is None:
        return (row_of(company, record) for record in company.all(entity_set.name))
    records = company.where(entity_set.name, PARENT_FIELD[entity_set.name], parent.key)
    if entity_set.name in BY_LINES:
        records.sort(key=lambda record: record.values["sequence"])
    if entity_set.name == "documentAttachments" and len(records) == 1:
        return [_only_file(environment, company, records[0])]
    return (row_of(company, record) for record in records)


def _only_file(environment: Environment, company: Company, record: Record) -> Row:
    row = row_of(company, record)
    if environment.settings.size_of_one_file:
        return row
    return Row(lambda name: 0 if name == "byteSize" else row.read(name), row.etag, row.sequence, row.key)


def company_rows(environment: Environment) -> Iterator[Row]:
    """The companies of the environment."""
    for position, company in enumerate(environment.store.companies.values(), 1):
        values = _blank("companies") | {
            "id": company.key,
            "name": company.name,
            "displayName": company.name,
            "systemVersion": "29.0.0.0",
        }
        yield _plain_row(values, f'W/"{company.key}"', position, company.key)


def _plain_row(values: Values, etag: str, sequence: int, key: str = "") -> Row:
    return Row(values.__getitem__, etag, sequence, key)


def _blank(set_name: str) -> Values:
    return {name: field.blank for name, field in SETS[set_name].fields.items()}


def _dimension_rows(company: Company, parent: Record) -> Iterator[Row]:
    for position, values in enumerate(dimensions.set_lines(company, parent), 1):
        yield _plain_row(values, parent.etag, position, values["id"])


def _report_rows(rows: Iterable[tuple[str, Values]]) -> Iterator[Row]:
    for position, (key, values) in enumerate(rows, 1):
        yield _plain_row(values, f'W/"{key}"', position, key)


def _detail_rows(company: Company) -> Iterator[Row]:
    for customer, values in reports.customer_details(company):
        yield _plain_row(values, customer.etag, customer.sequence, customer.key)


def _resource_rows(company: Company) -> Iterator[Row]:
    subscribable = (item for item in SETS.values() if item.subscribable)
    for position, item in enumerate(subscribable, 1):
        values = {"resource": f"/api/v2.0/companies({company.key})/{item.name}"}
        yield _plain_row(values, f'W/"{position}"', position)


def _ledger_rows(company: Company) -> Iterator[Row]:
    for detail in company.ledger.details:
        yield Row(_ledger_reader(company, detail), f'W/"{detail.entry_no}"', detail.entry_no)


def _ledger_reader(company: Company, detail: DetailedEntry) -> Callable[[str], Json]:
    values: Values = {}

    def read(name: str) -> Json:
        if name == "dcleEntryNo":
            return detail.entry_no
        if not values:
            values.update(_ledger_values(company.ledger, detail))
        return values[name]

    return read


def _ledger_values(ledger: Ledger, detail: DetailedEntry) -> Values:
    """One row of the query: ledger entry joined with a detailed entry and the posted invoice header."""
    entry = ledger.entries[detail.ledger_entry_no]
    is_invoice = entry.document_type == INVOICE and bool(entry.document)
    return {
        "cleEntryNo": entry.entry_no,
        "cleDueDate": entry.due_date,
        "cleOpen": entry.open,
        "clePostingDate": entry.posting_date,
        "cleDocumentDate": entry.document_date,
        "cleDimensionSetID": 0,
        "cleClosedAtDate": entry.closed_at,
        "cleReasonCode": "",
        "dcleEntryNo": detail.entry_no,
        "dclePostingDate": detail.posting_date,
        "dcleLedgerEntryAmount": detail.entry_type == "Initial_x0020_Entry",
        "dcleEntryType": detail.entry_type,
        "dcleDocumentType": detail.document_type,
        "dcleDocumentNo": detail.document_no,
        "dcleInitialEntryDueDate": entry.due_date,
        "dcleAmountLCY": detail.amount_lcy,
        "dcleCustomerNo": entry.account_no,
        "dcleApplicationNo": detail.application_no,
        "dcleAppliedCustLedgerEntryNo": detail.applied_entry_no,
        "salesInvHeaderDocumentNo": entry.document_no if is_invoice else "",
        "salesInvHeaderPaymentTermsCode": entry.payment_terms_code if is_invoice else "",
        "salesInvHeaderPmtDiscountDate": entry.discount_date if is_invoice else BLANK_DATE,
    }


def _posted_rows(company: Company) -> Iterator[Row]:
    for record in company.all("salesInvoices"):
        if record.hidden["posted"]:
            values = _posted_values(company, record)
            yield _plain_row(values, record.etag, record.sequence, values["id"])


def _posted_values(company: Company, record: Record) -> Values:
    source = record.values
    shared = {name: source[name] for name in SETS["postedSalesInvoices"].fields if name in source}
    terms = terms_of(company, source)
    shipment = company.get("shipmentMethods", source["shipmentMethodId"])
    return (
        _blank("postedSalesInvoices")
        | shared
        | {
            "id": record.hidden.get("postedId", BLANK_GUID),
            "apiId": record.key,
            "paymentTermsCode": terms.values["code"] if terms else "",
            "shipmentMethodCode": shipment.values["code"] if shipment else "",
        }
    )
