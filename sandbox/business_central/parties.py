"""The customer or vendor of a document: finding and checking them, and what a document takes over."""

from typing import Final

from sandbox.business_central import formulas
from sandbox.business_central.errors import dialog, field_error
from sandbox.business_central.fields import BLANK_DATE, BLANK_GUID
from sandbox.business_central.kinds import CREDIT_MEMO, DocumentKind
from sandbox.business_central.store import Company, Record, Values

_ADDRESS: Final = {
    "AddressLine1": "addressLine1",
    "AddressLine2": "addressLine2",
    "City": "city",
    "Country": "country",
    "State": "state",
    "PostCode": "postalCode",
}
_TAKEN_OVER: Final = ("currencyId", "currencyCode", "paymentTermsId", "shipmentMethodId")


def named(company: Company, kind: DocumentKind, values: Values) -> tuple[Record | None, Record | None]:
    """The trading and the settling record that a body names, by id or number; raises 400 when they disagree."""
    trading = _named(company, kind, values, kind.party.trading, kind.title)
    settling = _named(company, kind, values, kind.party.settling, kind.party.settling_title)
    return trading, settling


def _named(company: Company, kind: DocumentKind, values: Values, prefix: str, title: str) -> Record | None:
    key, number = values.get(f"{prefix}Id", BLANK_GUID), values.get(f"{prefix}Number", "")
    if key == BLANK_GUID and not number:
        return None
    by_id = company.get(kind.party.set_name, key) if key != BLANK_GUID else None
    by_number = company.find(kind.party.set_name, "number", number) if number else None
    if by_id and by_number and by_id is not by_number:
        raise dialog(f"The {title} values do not match to a specific {kind.party.table}.")
    if (key != BLANK_GUID and by_id is None) or (number and by_number is None):
        raise dialog(f"The {title} cannot be found.")
    return by_id or by_number


def not_provided(kind: DocumentKind) -> str:
    """Why a document without customer or vendor is refused."""
    prefix = kind.party.trading
    identity = f"{prefix}ID" if kind.set_name == "purchaseInvoices" else f"{prefix}Id"
    return f'A "{prefix}Number" or a "{identity}" must be provided.'


def check(kind: DocumentKind, record: Record, verb: str, *, ships: bool = False) -> None:
    """Raises 400 when the customer or vendor is blocked for the document or lacks its posting group.

    Blocked ``Invoice`` does not hinder credit memos, ``Payment`` no document; ``Ship`` matters only where
    posting an invoice also ships (``ships``).
    """
    table, number, blocked = kind.party.table, record.values["number"], record.values["blocked"]
    is_invoice = kind.document_type != CREDIT_MEMO
    if blocked == "All" or (is_invoice and (blocked == "Invoice" or (blocked == "Ship" and ships))):
        raise dialog(
            f"You cannot {verb} this type of document when {table} {number} is blocked with type {blocked}"
        )
    check_posting_group(record, table)


def check_posting_group(record: Record, table: str) -> None:
    """Raises 400 when the record lacks the posting group without which nothing can be posted to it."""
    if not record.hidden.get("postingGroups", True):
        raise field_error(f"{table} Posting Group", table, f"No.={record.values['number']}")


def identity(kind: DocumentKind, trading: Record, settling: Record) -> Values:
    """The properties that name the trading and the settling record."""
    party = kind.party
    return {
        f"{party.trading}Id": trading.key,
        f"{party.trading}Number": trading.values["number"],
        f"{party.trading}Name": trading.values["displayName"],
        f"{party.settling}Id": settling.key,
        f"{party.settling}Number": settling.values["number"],
        f"{party.settling_address}Name": settling.values["displayName"],
    }


def taken_over(company: Company, kind: DocumentKind, trading: Record, settling: Record) -> Values:
    """Addresses, currency, terms and contact data that a document takes over; goods go to the customer or to us."""
    party = kind.party
    receiver = trading if party.side == "Sales" else company.all("companyInformation")[0]
    values: Values = {
        "shipToName": receiver.values["displayName"],
        "phoneNumber": trading.values["phoneNumber"],
        "email": trading.values["email"],
        "salesperson": settling.values.get("salespersonCode", ""),
    }
    values |= {name: settling.values[name] for name in _TAKEN_OVER if name in settling.values}
    if party.side == "Sales":
        # A setting of the customer that API v2.0 does not show; a person sets it (admin ``edit``, ``hidden``).
        values["pricesIncludeTax"] = bool(settling.hidden.get("pricesIncludeTax"))
    for suffix, name in _ADDRESS.items():
        values[f"shipTo{suffix}"] = receiver.values[name]
        values[f"{party.trading_address}{suffix}"] = trading.values[name]
        values[f"{party.settling_address}{suffix}"] = settling.values[name]
    return values


def settling_of(company: Company, kind: DocumentKind, values: Values) -> Record:
    """The bill-to customer or pay-to vendor of a stored header."""
    return company.tables[kind.party.set_name][values[f"{kind.party.settling}Id"]]


def trading_of(company: Company, kind: DocumentKind, values: Values) -> Record:
    """The sell-to customer or buy-from vendor of a stored header."""
    return company.tables[kind.party.set_name][values[f"{kind.party.trading}Id"]]


def terms_of(company: Company, values: Values) -> Record | None:
    """The payment terms of a header; those of the vendor where the header does not show any."""
    key = values.get("paymentTermsId")
    if key is None:
        vendor = company.get("vendors", values.get("payToVendorId", BLANK_GUID))
        key = vendor.values["paymentTermsId"] if vendor else BLANK_GUID
    return company.get("paymentTerms", key)


def due_date(company: Company, kind: DocumentKind, values: Values) -> str:
    """The due date of a header by its terms; a credit memo follows them only if they say so."""
    terms = terms_of(company, values)
    if terms and kind.document_type == CREDIT_MEMO and not terms.values["calculateDiscountOnCreditMemos"]:
        terms = None
    return formulas.after(values[kind.date], terms.values["dueDateCalculation"] if terms else "")


def discount_date(company: Company, kind: DocumentKind, values: Values) -> str:
    """The last day of the payment discount of a header, or the blank date."""
    terms = terms_of(company, values)
    if terms is None or not terms.values["discountPercent"] or kind.document_type == CREDIT_MEMO:
        return BLANK_DATE
    return formulas.after(values[kind.date], terms.values["discountDateCalculation"])
